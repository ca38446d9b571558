//! No secret of a command line reaches a side that it is not for: option × protocol × route × redirect.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod command;

use command::{Ended, Scratch, command, finish};
use wayfare_testkit::proxy::{Asks, Proxy};
use wayfare_testkit::{Authority, Server};

/// How a secret is said, where it opens something, and the field that it is in.
const SECRETS: [(&[&str], &str, &str); 8] = [
    (&["-u", "user:passwd"], "/auth-basic", ""),
    (&["-u", "user:passwd"], "/auth-digest", ""),
    (&["-u", "user:passwd"], "/auth-ntlm", ""),
    (&["--basic", "-u", "user:passwd"], "/auth-basic", "authorization"),
    (&["--oauth2-bearer", "t0ken"], "/get", "authorization"),
    (&["-H", "Authorization: Mine t0ken"], "/get", "authorization"),
    (&["-H", "Cookie: own-cookie=1"], "/get", "cookie"),
    (&["-b", "own-cookie=1"], "/get", "cookie"),
];

/// What is in a request only if it has one of the secrets in it.
const MARKS: [&str; 5] = ["authorization", "passwd", "dXNlcjp", "t0ken", "own-cookie"];

/// Two servers that are spoken to in one way, and a proxy.
struct Scene {
    first: Server,
    other: Server,
    gate: Proxy,
    scheme: &'static str,
    authority: String,
}

impl Scene {
    fn new(scheme: &'static str, scratch: &Scratch) -> Self {
        let authority = Authority::new();
        let identity = authority.issue(&["a.test", "b.test"]);
        let pem = scratch.path("authority.pem");
        authority.write_pem(&pem).unwrap();
        let bind = || {
            let builder = Server::builder();
            let builder = if scheme == "https" { builder.tls(&identity) } else { builder };
            builder.bind_on_thread("127.0.0.1:0").unwrap()
        };
        let gate = Proxy::builder().login("ada", "gate").asks(Asks::DigestOrBasic);
        let gate = gate.bind_on_thread("127.0.0.1:0").unwrap();
        let authority = pem.display().to_string();
        Self { first: bind(), other: bind(), gate, scheme, authority }
    }

    fn get(&self, route: &str, line: &[&str], url: &str) -> Ended {
        let (way, told) = match route {
            "direct" => (String::new(), vec![]),
            scheme => (self.gate.url(scheme), vec!["-U", "ada:gate"]),
        };
        let pins = ["--resolve", "a.test:127.0.0.1", "--resolve", "b.test:127.0.0.1"];
        let trust = ["--cacert", self.authority.as_str()];
        let trust = if self.scheme == "https" { trust.as_slice() } else { &[] };
        let all = [&["get", "-x", &way], &told[..], &pins, trust, line, &[url]].concat();
        finish(&mut command(&all))
    }
}

fn redirect(from: &Server, host: &str, target: &str) -> String {
    let target: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
    from.url_at(host, &format!("/redirect-to?code=307&url={target}"))
}

#[test]
fn no_secret_reaches_a_side_that_it_is_not_for() {
    let scratch = Scratch::new();
    for (scheme, version) in [("http", "--http1.1"), ("https", "--http1.1"), ("https", "--http2")] {
        let scene = Scene::new(scheme, &scratch);
        for route in ["direct", "http", "connect", "socks5h"] {
            for (said, place, field) in SECRETS {
                // NTLM is not spoken over HTTP/2.
                if version == "--http2" && place == "/auth-ntlm" {
                    continue;
                }
                let same = scene.first.url_at("a.test", place);
                let port = scene.other.url_at("a.test", place);
                let host = scene.other.url_at("b.test", place);
                let user = host.replace("://", "://user:passwd@");
                let back = redirect(&scene.other, "b.test", &same);
                for end in [&same, &port, &host, &user, &back] {
                    scene.first.clear_requests();
                    scene.other.clear_requests();
                    let start = redirect(&scene.first, "a.test", end);
                    let ended = scene.get(route, &[said, &[version]].concat(), &start);
                    let told = format!("{version} by {route} {said:?} to {end}: {}", ended.err);
                    let is_let_in = place == "/get" || *end == same;
                    assert_eq!(ended.code, if is_let_in { 0 } else { 22 }, "{told}");
                    let (first, other) = (scene.first.requests(), scene.other.requests());
                    assert!(field.is_empty() || first[0].headers.contains_key(field), "{told}");
                    assert_eq!(*end == same, other.is_empty(), "{told}");
                    for request in &other {
                        let text = format!("{} {:?}", request.target, request.headers);
                        let found = MARKS.into_iter().find(|mark| text.contains(mark));
                        assert!(found.is_none(), "{told}: {text}");
                    }
                    for request in first.iter().chain(&other) {
                        assert!(!request.headers.contains_key("proxy-authorization"), "{told}");
                    }
                }
            }
        }
        assert!(scene.gate.requests().iter().any(|one| one.credentials.is_some()));
    }
}
