//! Cookies and strict hosts at the command line: -b, -c, `wayfare cookies`, `wayfare hsts`, drive.

#![allow(clippy::unwrap_used)]

mod command;

use std::fs;

use command::{Driver, Scratch, command, finish, run, server};
use serde_json::json;
use wayfare_testkit::{Authority, Server};

fn setting(cookie: &str) -> String {
    respond(200, &[("set-cookie", &format!("{cookie}; Path=/"))])
}

fn respond(status: u16, fields: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    format!("/respond/{status}?{query}")
}

#[test]
fn a_cookie_of_one_hop_goes_with_the_next_unless_none_are_wanted() {
    let server = server();
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let get = |more: &[&str], host: &str, path: &str| {
            let url = server.url_at(host, path);
            let line = [&["get", version, "--resolve", "*:127.0.0.1"], more, &[&url]].concat();
            run(&line).text()
        };
        for code in [301, 302, 303, 307, 308] {
            let set = ("set-cookie", "sid=1; Path=/");
            let login = respond(code, &[("location", "/cookies"), set]);
            assert_eq!(get(&[], "a.test", &login), "sid=1", "{version} {code}");
            assert_eq!(get(&["--no-cookies"], "a.test", &login), "", "{version} {code}");
            // What one host sets is not for another, and is still there on the way back.
            let back = respond(code, &[("location", &server.url_at("a.test", "/cookies"))]);
            let there = respond(code, &[("location", &server.url_at("b.test", &back)), set]);
            assert_eq!(get(&[], "a.test", &there), "sid=1", "{version} {code}");
            let away = respond(code, &[("location", &server.url_at("b.test", "/cookies")), set]);
            assert_eq!(get(&[], "a.test", &away), "", "{version} {code}");
        }
    }
}

#[test]
fn data_goes_as_it_is_and_to_its_origin_only() {
    let (server, other) = (server(), server_of_another_port());
    let url = server.url("/cookies");
    assert_eq!(run(&["get", "-b", "a=1; b=2", &url]).text(), "a=1; b=2");
    assert_eq!(run(&["get", "--cookie", "a=1", "-b", "b=2", &url]).text(), "a=1; b=2");
    let away = respond(302, &[("location", &other.url("/cookies"))]);
    assert_eq!(run(&["get", "-b", "a=1", &server.url(&away)]).text(), "");
    let ended = run(&["get", "-b", "a=1\r\nX: y", &url]);
    assert_eq!(ended.code, 2, "{}", ended.err);
}

fn server_of_another_port() -> Server {
    server()
}

#[test]
fn a_jar_file_carries_cookies_from_one_command_to_the_next() {
    let (server, scratch) = (server(), Scratch::new());
    let jar = scratch.text("jar");
    for cookie in ["session=1", "long=secret; Max-Age=600; HttpOnly"] {
        let ended = run(&["get", "-b", "", "-c", &jar, &server.url(&setting(cookie))]);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""));
        assert_eq!(scratch.names(), ["jar"], "nothing is left beside it");
        if cookie.starts_with("session") {
            assert!(fs::read_to_string(&jar).unwrap().contains("\tsession\t1\n"));
        }
    }
    let text = fs::read_to_string(&jar).unwrap();
    assert!(
        text.contains("#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t")
            && text.contains("\tlong\tsecret\n")
    );
    assert!(!text.contains("session"), "-c alone does not read");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&jar).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(run(&["get", "-b", &jar, &server.url("/cookies")]).text(), "long=secret");
    let shown = run(&["get", "-c", "-", "-b", &jar, "-o", "/dev/null", &server.url("/get")]).text();
    assert_eq!(shown, text);
}

#[test]
fn what_cannot_be_read_or_written_is_an_error_and_leaves_what_was_there() {
    let (server, scratch) = (server(), Scratch::new());
    let url = server.url("/get");
    let ended = run(&["get", "-b", &scratch.text("none"), &url]);
    assert_eq!(ended.code, 26);
    assert!(ended.err.contains("cannot be read") && ended.err.contains("`=`"), "{}", ended.err);
    // A name of 300 letters fits nowhere.
    let long = scratch.text(&"x".repeat(300));
    let ended = run(&["get", "-c", &long, &url]);
    assert_eq!((ended.code, ended.text().as_str()), (23, "It works.\n"), "{}", ended.err);
    assert!(scratch.names().is_empty());
    fs::write(scratch.path("jar"), "nonsense\n127.0.0.1\tFALSE\t/\tFALSE\t0\ta\t1\n").unwrap();
    let ended = run(&["get", "-b", &scratch.text("jar"), &server.url("/cookies")]);
    assert_eq!((ended.code, ended.text().as_str()), (0, "a=1"));
    assert!(ended.err.contains("line 1"), "{}", ended.err);
}

#[test]
fn no_file_is_read_that_was_not_named() {
    let (server, scratch) = (server(), Scratch::new());
    for name in ["none", "cookies.txt", "jar"] {
        fs::write(scratch.path(name), "127.0.0.1\tFALSE\t/\tFALSE\t0\ta\t1\n").unwrap();
    }
    let url = server.url("/cookies");
    for line in [vec!["get", &url], vec!["get", "-b", "", &url], vec!["get", "--no-cookies", &url]]
    {
        assert_eq!(finish(command(&line).current_dir(scratch.dir())).text(), "");
    }
}

#[test]
fn the_subcommand_shows_and_changes_a_file() {
    let scratch = Scratch::new();
    let (jar, other) = (scratch.text("jar"), scratch.text("other"));
    let far = 4_000_000_000_u64;
    let text = format!(
        ".example.org\tTRUE\t/\tTRUE\t{far}\tsid\tsecret\nwww.example.org\tFALSE\t/x\tFALSE\t0\ta\tb\n\
         co.uk\tTRUE\t/\tFALSE\t0\tx\ty\nb.test\tFALSE\t/\tFALSE\t0\tc\td\n"
    );
    fs::write(&other, text).unwrap();
    let cookies = |arguments: &[&str]| run(&[&["cookies", "-c", &jar], arguments].concat());
    assert_eq!(cookies(&[]).code, 26, "there is none yet");
    let imported = cookies(&["import", &other]);
    assert_eq!(imported.text(), "3 kept, 0 expired, 1 refused\n");
    assert!(imported.err.contains("line 3: it is for a domain that many owners share"));
    let listed = cookies(&[]).text();
    assert!(listed.contains("www.example.org/x a until the session ends\n"), "{listed}");
    assert!(listed.contains(".example.org/ sid until ") && !listed.contains("secret"), "{listed}");
    assert_eq!(listed, cookies(&["list"]).text());
    let exported = cookies(&["export", "--json"]).text();
    let parsed: serde_json::Value = serde_json::from_str(&exported).unwrap();
    assert_eq!(parsed.as_array().unwrap().len(), 3);
    assert_eq!(cookies(&["remove", "www.example.org", "b"]).text(), "0 removed\n");
    assert_eq!(cookies(&["remove", "example.org", "a"]).text(), "1 removed\n");
    assert_eq!(cookies(&["remove", "example.org"]).text(), "1 removed\n");
    assert_eq!(cookies(&[]).text(), "b.test/ c until the session ends\n");
    // JSON is taken in again.
    fs::write(&other, exported).unwrap();
    assert_eq!(cookies(&["import", &other]).text(), "3 kept, 0 expired, 0 refused\n");
    assert!(cookies(&["export"]).text().contains("\tsid\tsecret\n"));
}

#[test]
fn events_name_cookies_and_hide_their_values() {
    let server = server();
    let login = respond(302, &[("location", "/cookies"), ("set-cookie", "sid=hush; Path=/")]);
    let ended = run(&["get", "-v", &server.url(&login)]);
    assert!(ended.err.contains("* cookies for it: sid\n"), "{}", ended.err);
    assert!(!ended.err.contains("> cookie: sid") && ended.err.contains("> cookie: [hidden]"));
    let ended = run(&["get", "-v", &server.url(&setting("wide=hush; Domain=org"))]);
    assert!(
        ended.err.contains("* the cookie wide is not kept: it is for a domain"),
        "{}",
        ended.err
    );
}

/// A TLS server for a.test, and its authority's file.
fn strict_server(scratch: &Scratch) -> (Server, String) {
    let authority = Authority::new();
    let identity = authority.issue(&["a.test"]);
    let server = Server::builder().tls(&identity).bind_on_thread("127.0.0.1:0").unwrap();
    let pem = scratch.path("authority.pem");
    authority.write_pem(&pem).unwrap();
    (server, pem.display().to_string())
}

#[test]
fn a_list_of_strict_hosts_is_made_and_obeyed() {
    let scratch = Scratch::new();
    let (text, list) = (scratch.text("names"), scratch.text("list"));
    fs::write(
        &text,
        "// as Chromium has it\n{\"entries\": [{\"name\": \"a.test\", \"mode\": \"force-https\"}]}",
    )
    .unwrap();
    let made = run(&["hsts", "import", &text, "-o", &list]);
    assert_eq!((made.code, made.text()), (0, format!("1 hosts in {list}\n")));
    let (server, pem) = strict_server(&scratch);
    let url = format!("http://a.test:{}/get", server.address().port());
    let ended = run(&[
        "get",
        "-v",
        "--hsts-list",
        &list,
        "--cacert",
        &pem,
        "--resolve",
        "*:127.0.0.1",
        &url,
    ]);
    assert_eq!(ended.text(), "It works.\n", "{}", ended.err);
    assert!(
        ended.err.contains("* the host is reached over TLS only: https://a.test:"),
        "{}",
        ended.err
    );
    let unusable = run(&["get", "--hsts-list", &text, &url]);
    assert_eq!(unusable.code, 26);
    assert!(unusable.err.contains("not a list of strict hosts"), "{}", unusable.err);
    assert_eq!(run(&["hsts", "import", &scratch.text("none"), "-o", &list]).code, 26);
}

#[test]
fn a_driven_session_keeps_cookies_and_strictness_if_it_is_asked_to() {
    let scratch = Scratch::new();
    let plain = server();
    let (tls, pem) = strict_server(&scratch);
    let pem = fs::read_to_string(pem).unwrap();
    let mut driver = Driver::new();
    for on in [true, false] {
        let cfg = json!({"cookies": on, "hsts": on, "ca_pem": pem, "resolve": {"*": "127.0.0.1"}});
        driver.ask(json!({"op": "session", "sid": "s", "cfg": cfg}));
        let mut fetch = |url: String| driver.ask(json!({"op": "fetch", "sid": "s", "url": url}));
        fetch(plain.url(&setting("a=1")));
        let body = fetch(plain.url("/cookies"))["ok"]["body_b64"].clone();
        assert_eq!(body, if on { "YT0x" } else { "" });
        let say = respond(200, &[("strict-transport-security", "max-age=60")]);
        fetch(tls.url_at("a.test", &say));
        let unprotected = tls.url_at("a.test", "/get").replacen("https", "http", 1);
        assert_eq!(fetch(unprotected)["ok"]["status"] == 200, on);
    }
    let ask = json!({"op": "set_cookie", "sid": "s", "url": "https://x.test/", "header": "a=b"});
    assert_eq!(driver.ask(ask)["ok"]["stored"], true);
    let ask = json!({"op": "cookie_header", "sid": "s", "url": "https://x.test/"});
    assert_eq!(driver.ask(ask)["ok"]["cookie"], "a=b");
}
