//! Who is asking, as the command says it.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod command;

use command::{Scratch, run, server};

fn told(server: &wayfare_testkit::Server) -> Vec<String> {
    let requests = server.requests();
    let fields = requests.iter().map(|seen| seen.headers.get("authorization"));
    let scheme =
        |value: &http::HeaderValue| value.to_str().unwrap().split(' ').next().unwrap().to_owned();
    fields.map(|field| field.map_or("-".to_owned(), scheme)).collect()
}

#[test]
fn a_name_and_password_are_said_in_the_strongest_way_that_is_taken() {
    for (path, scheme) in [
        ("/auth-basic", "Basic"),
        ("/auth-digest", "Digest"),
        ("/auth-digest?algorithm=SHA-512-256", "Digest"),
        ("/auth-ntlm", "NTLM"),
    ] {
        let server = server();
        let url = server.url(path);
        assert_eq!(run(&["get", "-u", "user:passwd", &url]).out, b"You are in.\n", "{path}");
        assert_eq!(told(&server)[..2], ["-", scheme], "{path}");
        let named = url.replacen("http://", "http://user:passwd@", 1);
        assert_eq!(run(&["get", &named]).code, 0, "{path}");
        let only = ["--auth", &scheme.to_ascii_lowercase(), "-u", "user:passwd"];
        assert_eq!(run(&[&["get"], &only[..], &[&url]].concat()).code, 0, "{path}");
        assert_eq!(run(&["get", "-u", "user:wrong", &url]).code, 22, "{path}");
    }
    let server = server();
    assert_eq!(run(&["get", "--digest", "-u", "user:passwd", &server.url("/auth-basic")]).code, 22);
    assert_eq!(told(&server), ["-"], "a weaker way is not taken");
}

#[test]
fn only_basic_and_a_token_are_sent_unasked() {
    let server = server();
    assert_eq!(run(&["get", "--basic", "-u", "user:passwd", &server.url("/auth-basic")]).code, 0);
    assert_eq!(run(&["get", "--oauth2-bearer", "abc", &server.url("/get")]).code, 0);
    assert_eq!(told(&server), ["Basic", "Bearer"]);
}

#[test]
fn a_netrc_is_looked_into_when_that_is_asked_for() {
    let (server, scratch) = (server(), Scratch::new());
    let file = scratch.text("netrc");
    std::fs::write(&file, "machine 127.0.0.1 login user password passwd\n").unwrap();
    let url = server.url("/auth-digest");
    assert_eq!(run(&["get", "--netrc-file", &file, &url]).code, 0);
    assert_eq!(run(&["get", &url]).code, 22);
    std::fs::write(&file, "machine 127.0.0.1 login user pasword passwd\n").unwrap();
    let ended = run(&["get", "--netrc-file", &file, &url]);
    assert!(ended.code != 0 && ended.err.contains("line 1"), "{}", ended.err);
    assert!(!ended.err.contains("passwd"), "{}", ended.err);
    let missing = run(&["get", "--netrc-file", &scratch.text("nothing"), &url]);
    assert!(missing.code != 0 && missing.err.contains("nothing"), "{}", missing.err);
}

#[test]
fn a_redirect_takes_nothing_along_to_a_server_that_asks() {
    for code in ["301", "302", "303", "307", "308"] {
        for basic in [["-u", "user:passwd"].as_slice(), &["--basic", "-u", "user:passwd"]] {
            let (first, second) = (server(), server());
            let path = format!("/redirect-to?code={code}&url={}", second.url("/auth-basic"));
            let ended = run(&[&["get"], basic, &[&first.url(&path)]].concat());
            assert_eq!(ended.code, 22, "{code} {basic:?}");
            assert_eq!(told(&second), ["-"], "{code} {basic:?}");
        }
    }
}

#[test]
fn a_scheme_that_is_none_is_named_and_nobody_is_asked_without_a_terminal() {
    let ended = run(&["get", "--auth", "basic,hoba", "http://127.0.0.1:1/"]);
    assert!(ended.code == 2 && ended.err.contains("\"hoba\" is none of basic"), "{}", ended.err);
}
