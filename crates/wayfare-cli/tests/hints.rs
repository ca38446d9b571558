//! What the command advises when something went wrong.

#![allow(clippy::unwrap_used)]

mod command;

use command::{Ended, Scratch, command, finish, run, server, tls_server};
use wayfare_testkit::{Authority, Server};

/// Runs the command and checks its code and words of its message.
fn advises(arguments: &[&str], code: i32, words: &[&str]) -> Ended {
    let ended = run(arguments);
    assert_eq!(ended.code, code, "{arguments:?}: {}", ended.err);
    for word in words {
        assert!(ended.err.contains(word), "{arguments:?}: {word} is missing: {}", ended.err);
    }
    ended
}

#[test]
fn a_url_without_a_subcommand_or_a_scheme_gets_them() {
    advises(&["http://a.test/"], 2, &["did you mean `wayfare get http://a.test/`?"]);
    advises(&["example.org"], 2, &["did you mean `wayfare get https://example.org`?"]);
    advises(&["-O", "http://a.test/"], 2, &["`wayfare get -O URL`"]);
    advises(&["get", "example.org"], 3, &["needs a scheme", "https://example.org?"]);
    advises(&["get", "/etc/hostname"], 3, &["file:///etc/hostname?"]);
    advises(&["get", "localhost:1/x"], 1, &["did you mean http://localhost:1/x?"]);
    let ended = advises(&["get", "ada:sesame@127.0.0.1"], 1, &["…@127.0.0.1"]);
    assert!(!ended.err.contains("sesame"), "{}", ended.err);
}

#[test]
fn what_cannot_be_bound_to_or_read_is_told_once() {
    let (server, scratch) = (server(), Scratch::new());
    let url = server.url("/get");
    advises(&["get", "--interface", "nosuch0", &url], 45, &["\"nosuch0\"", "wayfare interfaces"]);
    advises(
        &["get", "--interface", "192.0.2.99", &url],
        45,
        &["is not an address of this machine"],
    );
    let missing = scratch.text("missing");
    let ended = advises(&["put", "-T", &missing, &url], 26, &["No such file"]);
    assert_eq!(ended.err.matches(&missing).count(), 1, "{}", ended.err);
    assert_eq!(server.request_count(), 0);
}

#[test]
fn options_of_curl_that_are_not_here_are_told_as_such() {
    let url = "http://a.test/";
    advises(&["get", "-X", "PUT", url], 2, &["`wayfare request -X METHOD` sends other methods"]);
    advises(&["get", "-F", "a=b", url], 2, &["`wayfare post -F`"]);
    advises(&["get", "--socks5", "a.test:1", url], 2, &["-x socks5://HOST:PORT"]);
    advises(&["get", "--preproxy", "http://a.test:1", url], 2, &["-x \"FIRST SECOND\""]);
    for option in ["-C", "-w", "-j", "-D", "--retry", "--continue-at"] {
        for subcommand in ["get", "post"] {
            let ended = advises(&[subcommand, url, option, "-"], 2, &["not supported (yet)"]);
            assert!(ended.err.contains(option), "{}", ended.err);
            assert!(!ended.err.contains("-- -"), "{}", ended.err);
        }
    }
}

#[test]
fn ranges_that_make_no_sense_are_refused_and_one_that_is_ignored_is_told() {
    let server = server();
    for range in ["abc", "5-2", "7"] {
        advises(&["get", "-r", range, &server.url("/bytes/10")], 2, &["FIRST-LAST"]);
    }
    assert_eq!(server.request_count(), 0);
    let url = server.url("/bytes/10?ranges=ignore");
    let ended = advises(&["get", "-r", "0-4", &url], 0, &["the server ignored the range"]);
    assert_eq!((ended.err.lines().count(), ended.out.len()), (1, 10));
    assert_eq!(run(&["get", "-s", "-r", "0-4", &url]).err, "");
    assert_eq!(run(&["get", "-r", "0-4", &server.url("/bytes/10")]).err, "");
}

#[test]
fn the_wrong_scheme_is_found_out() {
    let scratch = Scratch::new();
    let (tls, _) = tls_server(&scratch);
    let plain = tls.url("/").replace("https://", "http://");
    advises(&["get", &plain], 8, &["is this an https:// server?"]);
}

#[test]
fn a_password_that_was_not_accepted_is_not_asked_for_again() {
    let server = server();
    let url = server.url("/auth-basic");
    advises(&["get", &url], 22, &["-u USER:PASSWORD may help"]);
    let ended = advises(&["get", "-u", "ada:wrong", &url], 22, &["did not accept the name"]);
    assert!(!ended.err.contains("-u") && !ended.err.contains("wrong"), "{}", ended.err);
    let inside = url.replace("http://", "http://ada:wrong@");
    advises(&["get", &inside], 22, &["did not accept the name"]);
    let other = command::server();
    let away = other.url(&format!("/redirect-to?url={url}"));
    advises(&["get", "-u", "ada:wrong", &away], 22, &["not sent to where a redirect leads"]);
}

#[test]
fn certificates_are_spoken_of_in_words() {
    let scratch = Scratch::new();
    let (tls, pem) = tls_server(&scratch);
    let untrusted = advises(&["get", &tls.url("/")], 60, &["--cacert FILE names its authority"]);
    let authority = Authority::new();
    let other = scratch.text("other.pem");
    authority.write_pem(scratch.path("other.pem")).unwrap();
    let words = format!("{other} does not hold its authority");
    let wrong = advises(&["get", "--cacert", &other, &tls.url("/")], 60, &[&words]);
    assert!(!wrong.err.contains("--cacert"), "{}", wrong.err);
    let elsewhere = tls.url_at("b.test", "/");
    let line = ["get", "--cacert", &pem, "--resolve", "b.test:127.0.0.1", &elsewhere];
    let misnamed = advises(&line, 60, &["for another name: it is for localhost, 127.0.0.1"]);
    let over = authority.issue_expired(&["127.0.0.1"]);
    let over = Server::builder().tls(&over).bind_on_thread("127.0.0.1:0").unwrap();
    let expired = advises(&["get", "--cacert", &other, &over.url("/")], 60, &["has expired"]);
    for ended in [untrusted, wrong, misnamed, expired] {
        for word in ["UnknownIssuer", "DnsName", "IpAddress", "invalid peer", "UNIX"] {
            assert!(!ended.err.contains(word), "{word}: {}", ended.err);
        }
    }
}

#[test]
fn each_of_several_failures_begins_with_its_url() {
    let server = server();
    let scratch = Scratch::new();
    let (good, lost) = (server.url("/file/a"), server.url("/status/404"));
    let refused = "http://127.0.0.1:1/x";
    std::fs::write(scratch.path("a"), "").unwrap();
    let mut get = command(&["get", "-J", &good, &lost, refused]);
    let ended = finish(get.current_dir(scratch.dir()));
    let lines: Vec<_> = ended.err.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ended.err);
    for url in [good.as_str(), &lost, refused] {
        let start = format!("wayfare: {url}: ");
        assert!(lines.iter().any(|line| line.starts_with(&start)), "{url}: {}", ended.err);
    }
}
