//! --profile: what one command learns, the next one knows.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod command;

use std::fs;

use command::{Scratch, run, server, tls_server};

/// The line of a command with a profile.
fn with<'a>(profile: &'a str, line: &[&'a str]) -> Vec<&'a str> {
    [line, &["--profile", profile]].concat()
}

#[test]
fn cookies_of_one_command_go_with_the_next() {
    let (server, scratch) = (server(), Scratch::new());
    let profile = scratch.text("profile");
    let set = server.url("/respond/200?set-cookie=sid%3D1%3B+Path%3D%2F%3B+Max-Age%3D60");
    let get = |line: &[&str]| run(&with(&profile, line)).text();
    assert_eq!(run(&with(&profile, &["get", &set])).code, 0);
    let show = server.url("/cookies");
    assert_eq!(get(&["get", &show]), "sid=1");
    assert_eq!(run(&["--profile", &profile, "get", &show]).text(), "sid=1");
    assert_eq!(run(&["get", &show]).text(), "");
    assert_eq!(get(&["get", "--private", &show]), "sid=1");

    assert!(get(&["cookies"]).starts_with("127.0.0.1/ sid until "));
    let json = get(&["cookies", "export", "--json"]);
    let file = scratch.text("cookies.json");
    fs::write(&file, &json).unwrap();
    assert_eq!(get(&["cookies", "remove", "127.0.0.1"]), "1 removed\n");
    assert_eq!(get(&["get", &show]), "");
    assert_eq!(get(&["cookies", "import", &file]), "1 kept, 0 expired, 0 refused\n");
    assert_eq!(get(&["get", &show]), "sid=1");
    let url = server.url("/");
    assert_eq!(
        get(&["forget", &url]),
        "127.0.0.1: 1 cookies, 0 strict hosts, 0 exceptions forgotten\n"
    );
    assert_eq!(run(&with(&profile, &["forget", "--private", &url])).code, 2);
    assert_eq!(run(&with(&scratch.text("typo"), &["forget", &url])).code, 26);
    assert_eq!(run(&with(&profile, &["forget", "a b"])).code, 2);
    assert_eq!(get(&["get", &show]), "");
    let nowhere = run(&["cookies"]);
    assert!(nowhere.code == 2 && nowhere.err.contains("--profile DIR"), "{}", nowhere.err);
}

#[test]
fn a_host_that_wants_tls_only_is_obeyed_by_the_next_command() {
    let scratch = Scratch::new();
    let (secure, authority) = tls_server(&scratch);
    let profile = scratch.text("profile");
    let port = secure.url("/").rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    let fields = "strict-transport-security=max-age%3D60%3B+includeSubDomains";
    let common = ["--cacert", &authority, "--resolve", "localhost:127.0.0.1"];
    let learn = format!("https://localhost:{port}/respond/200?{fields}");
    let line = [&["get", &learn][..], &common].concat();
    assert_eq!(run(&with(&profile, &line)).code, 0);
    let plain = format!("http://localhost:{port}/get");
    let line = [&["get", "-v", &plain][..], &common].concat();
    // Without what was learnt this would be HTTP spoken to a TLS server.
    assert_ne!(run(&line).code, 0);
    for round in 0..10 {
        let ended = run(&with(&profile, &line));
        assert_eq!(ended.text(), "It works.\n", "{round}: {}", ended.err);
    }
    let listed = run(&with(&profile, &["hsts", "list"])).text();
    assert!(listed.starts_with("localhost and every name below it until "), "{listed}");
    let add = ["hsts", "add", "a.test", "--max-age", "60"];
    assert_eq!(run(&with(&profile, &add)).code, 0);
    assert!(run(&with(&profile, &["hsts", "list"])).text().contains("a.test until "));
    assert_eq!(run(&with(&profile, &["hsts", "remove", "localhost"])).code, 0);
    assert_ne!(run(&with(&profile, &line)).code, 0);
    let gone = run(&with(&profile, &["hsts", "remove", "localhost"]));
    assert_eq!(gone.text(), "nothing was known of it\n");
    let bad = run(&with(&profile, &["hsts", "add", "127.0.0.1"]));
    assert_ne!(bad.code, 0, "an address has no name to be strict by");
}

#[test]
fn many_commands_at_a_time_lose_nothing_that_one_of_them_learnt() {
    let (server, scratch) = (server(), Scratch::new());
    let profile = scratch.text("profile");
    std::thread::scope(|scope| {
        for number in 0..12 {
            let (server, profile) = (&server, &profile);
            scope.spawn(move || {
                let field = format!("c{number}%3D1%3B+Path%3D%2F%3B+Max-Age%3D60");
                let url = server.url(&format!("/respond/200?set-cookie={field}"));
                assert_eq!(run(&["get", "--profile", profile, &url]).code, 0);
            });
        }
    });
    let sent = run(&["get", "--profile", &profile, &server.url("/cookies")]).text();
    assert_eq!(sent.split("; ").count(), 12, "{sent}");
}

#[cfg(unix)]
#[test]
fn a_profile_that_cannot_be_kept_is_told_and_costs_nothing_else() {
    use std::os::unix::fs::PermissionsExt;
    let (server, scratch) = (server(), Scratch::new());
    let open = scratch.text("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let ended = run(&["get", "--profile", &open, &server.url("/get")]);
    assert_eq!((ended.code, ended.text()), (0, "It works.\n".to_owned()), "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert!(ended.err.contains("the profile in"), "{}", ended.err);
    assert!(ended.err.contains(&format!("chmod go-w {open}")), "{}", ended.err);
    assert_eq!(run(&["get", "-s", "--profile", &open, &server.url("/get")]).err, "");
}

#[test]
fn a_profile_that_cannot_be_one_is_told_before_anything_is_sent_without_it() {
    let (server, scratch) = (server(), Scratch::new());
    let file = scratch.text("file");
    fs::write(&file, "").unwrap();
    let ended = run(&["get", "--profile", &file, &server.url("/get")]);
    assert_eq!(ended.code, 26, "{}", ended.err);
    assert!(ended.err.contains("is not a directory"), "{}", ended.err);
    assert_eq!(server.request_count(), 0);
}
