//! `wayfare cert`, and the options that say whom to trust.

#![allow(clippy::unwrap_used)]

mod command;

use std::fs;
use std::time::Duration;

use command::{Scratch, run};
use serde_json::Value;
use wayfare_testkit::proxy::Proxy;
use wayfare_testkit::{Authority, FaultServer, Server, ServerIdentity};

const NAMES: &[&str] = &["localhost", "127.0.0.1"];

fn serve(identity: &ServerIdentity) -> Server {
    Server::builder().tls(identity).bind_on_thread("127.0.0.1:0").unwrap()
}

#[test]
fn a_chain_in_order_is_shown_and_said_to_be() {
    let authority = Authority::new();
    let server = serve(&authority.issue(NAMES));
    let scratch = Scratch::new();
    let file = scratch.text("ca.pem");
    authority.write_pem(&file).unwrap();
    let host = format!("localhost:{}", server.address().port());
    let ended = run(&["cert", &host, "--cacert", &file]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    for wanted in ["CN = localhost", "DNS:localhost", "sha256//", "days left", "are in order"] {
        assert!(ended.text().contains(wanted), "{wanted}: {}", ended.text());
    }
    let pem = run(&["cert", &host, "--pem", "--cacert", &file]);
    assert!(pem.text().starts_with("-----BEGIN CERTIFICATE-----"), "{}", pem.text());
    let text = run(&["cert", &server.url("/"), "--text", "--cacert", &file]);
    assert!(text.text().contains("X509v3 Subject Alternative Name"), "{}", text.text());
    assert_eq!(server.request_count(), 0, "only looked at");
}

#[test]
fn all_that_is_wrong_is_told_and_the_exit_code_says_so() {
    let authority = Authority::new();
    let server = serve(&authority.issue_expired(&["elsewhere.test"]));
    let ended = run(&["cert", "--json", &server.url("/")]);
    assert_eq!(ended.code, 60, "{}", ended.err);
    let told: Value = serde_json::from_str(&ended.text()).unwrap();
    let kinds: Vec<_> =
        told["problems"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    for wanted in ["expired", "host-name-mismatch"] {
        assert!(kinds.iter().any(|kind| kind == wanted), "{kinds:?}");
    }
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    let lines = run(&["cert", &server.url("/")]);
    assert!(lines.text().contains("NOT in order: 3 problems"), "{}", lines.text());
    let get = run(&["get", &server.url("/get")]);
    assert_eq!(get.code, 60);
    for wanted in ["expired", "another name", "elsewhere.test"] {
        assert!(get.err.contains(wanted), "{wanted}: {}", get.err);
    }
}

#[test]
fn a_client_certificate_pins_and_exceptions_come_from_files() {
    let authority = Authority::new();
    let identity = authority.issue(NAMES);
    let server = Server::builder()
        .tls_asking_clients(&identity, &authority)
        .bind_on_thread("127.0.0.1:0")
        .unwrap();
    let scratch = Scratch::new();
    let put = |name: &str, text: &str| {
        let path = scratch.text(name);
        fs::write(&path, text).unwrap();
        path
    };
    let client = authority.issue_client("a client");
    let (ca, cert, key) = (
        put("ca.pem", &authority.pem()),
        put("client.pem", client.chain_pem()),
        put("client.key", client.key_pem()),
    );
    let url = server.url("/get");
    let get = ["get", &url, "--cacert", &ca];
    assert_ne!(run(&get).code, 0);
    let shown = [&get[..], &["--cert", &cert, "--key", &key]].concat();
    assert_eq!(run(&shown).code, 0);
    let missing = run(&[&get[..], &["--cert", "/nowhere.pem"]].concat());
    assert_eq!(missing.code, 58, "{}", missing.err);
    let pinned = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let ended = run(&[&shown[..], &["--pinnedpubkey", pinned]].concat());
    assert!(ended.code == 90 && ended.err.contains("pinned"), "{} {}", ended.code, ended.err);
    let unknown = run(&[&shown[..], &["--ciphers", "RC4-MD5"]].concat());
    assert!(unknown.code == 59 && unknown.err.contains("RC4-MD5"), "{}", unknown.err);
    for mode in ["true", "false"] {
        assert_eq!(run(&[&shown[..], &["--ech", mode]].concat()).code, 0, "{mode}");
    }
    let unknown = run(&[&shown[..], &["--ech", "maybe"]].concat());
    assert!(unknown.code == 2 && unknown.err.contains("grease"), "{}", unknown.err);
    let list = put("exceptions", "localhost nonsense expired\n");
    let broken = run(&[&shown[..], &["--exceptions", &list]].concat());
    assert!(broken.code == 26 && broken.err.contains("line 1"), "{}", broken.err);
}

#[test]
fn an_exception_in_a_file_lets_its_certificate_through_and_no_other() {
    let identity = ServerIdentity::self_signed(NAMES);
    let (server, other) = (serve(&identity), serve(&ServerIdentity::self_signed(NAMES)));
    let told = run(&["cert", "--json", &server.url("/")]);
    let told: Value = serde_json::from_str(&told.text()).unwrap();
    let digest = told["chain"][0]["sha256"].as_str().unwrap().replace(':', "").to_lowercase();
    let kinds: Vec<_> = told["problems"].as_array().unwrap().iter().collect();
    let kinds: Vec<_> = kinds.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    let host = server.url("/").split(['/', ':']).nth(3).unwrap().to_owned();
    let scratch = Scratch::new();
    let list = scratch.text("exceptions");
    fs::write(&list, format!("{host} {digest} {}\n", kinds.join(","))).unwrap();
    // To look tells what to ask would do.
    for (options, server, code) in [
        (&["--exceptions", &list][..], &server, 0),
        (&["--exceptions", &list], &other, 60),
        (&["-k"], &other, 0),
        (&[], &server, 60),
    ] {
        let url = server.url("/get");
        assert_eq!(run(&[&["get"], options, &[&url]].concat()).code, code, "{options:?}");
        let look = run(&[&["cert"], options, &[&url]].concat());
        assert_eq!(look.code, code, "{options:?} {}", look.text());
        assert_eq!(look.text().contains("and accepted"), code == 0, "{}", look.text());
        assert!(look.text().contains("NOT in order"), "{}", look.text());
    }
}

#[test]
fn certificates_are_looked_at_through_a_proxy_and_within_a_time() {
    let (authority, scratch) = (Authority::new(), Scratch::new());
    let server = serve(&authority.issue(NAMES));
    let ca = scratch.text("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let gate = Proxy::builder().login("ada", "sesame").bind_on_thread("127.0.0.1:0").unwrap();
    let url = server.url("/");
    let way = gate.url("http");
    let looked = run(&["cert", "-v", "-x", &way, "-U", "ada:sesame", "--cacert", &ca, &url]);
    assert_eq!(looked.code, 0, "{}", looked.err);
    // The proxy asks first, on the same connection.
    assert_eq!((gate.requests().len(), gate.connections_opened()), (2, 1));
    assert!(looked.err.contains(&format!("* by {way} (-x)")), "{}", looked.err);
    assert!(looked.err.contains("* secured by TLSv1.3") && !looked.err.contains("sesame"));
    let refused = run(&["cert", "-x", &way, &url]);
    assert!(refused.code == 97 && refused.err.contains("-U"), "{}", refused.err);
    let silent = FaultServer::named("stall-accept").bind_on_thread("127.0.0.1:0").unwrap();
    let silent = silent.url("/").replace("http://", "https://");
    for line in [["cert", "-m", "0.2", &silent], ["cert", "--connect-timeout", "0.2", &silent]] {
        let late = run(&line);
        assert_eq!(late.code, 28, "{}", late.err);
        assert!(late.took < Duration::from_secs(5), "{:?}", late.took);
    }
}
