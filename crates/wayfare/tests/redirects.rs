//! Redirects over real connections: what goes along, what stays behind, what is not followed.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderName;
use it::{Ask, FACES, Filler, fetch, identity, manager};
use wayfare::delegate::{Consent, Delegate, RedirectQuestion};
use wayfare::options::{RedirectPolicy, Redirects};
use wayfare::{Body, ErrorKind, Manager};
use wayfare_testkit::script::{Script, Step};
use wayfare_testkit::server::RequestRecord;
use wayfare_testkit::{FaultServer, Server};

fn serve() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

fn serve_tls() -> Server {
    Server::builder().tls(&identity().1).bind_on_thread("127.0.0.1:0").unwrap()
}

/// The URL on `server` that redirects to `to`.
fn hop(server: &Server, code: u16, to: &str) -> String {
    let to: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
    server.url(&format!("/redirect-to?code={code}&url={to}"))
}

/// A server that answers every request with this head and no body.
fn answering(head: &str) -> FaultServer {
    let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n");
    let steps = vec![Step::head(), Step::send(answer)];
    FaultServer::script(Script::always(steps)).bind_on_thread("127.0.0.1:0").unwrap()
}

fn allowing(policy: RedirectPolicy, limit: usize) -> Redirects {
    Redirects { policy, limit, ..Redirects::default() }
}

const SECRETS: [&str; 6] =
    ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-csrf-token", "x-mine"];

/// Those that an origin is told; credentials for a proxy are told to nobody on a direct way.
const TOLD: [&str; 5] = ["authorization", "cookie", "x-api-key", "x-csrf-token", "x-mine"];

/// A request with every kind of secret, to be sent to `url`.
fn with_secrets(url: &str) -> Ask {
    let secret_fields = vec![HeaderName::from_static("x-mine")];
    let redirects = Redirects { secret_fields, ..Redirects::default() };
    SECRETS
        .iter()
        .fold(Ask::get(url), |ask, name| ask.header(name, "secret"))
        .header("X-Harmless", "hello")
        .redirects(redirects)
}

/// The secrets that a request brought.
fn secrets_of(record: &RequestRecord) -> Vec<&'static str> {
    assert_eq!(record.headers["x-harmless"], "hello");
    SECRETS.into_iter().filter(|name| record.headers.contains_key(*name)).collect()
}

#[test]
fn secrets_stay_with_their_origin() {
    for face in FACES {
        let (a, b) = (serve(), serve());
        let manager = manager();
        let got = fetch(face, &manager, with_secrets(&hop(&a, 302, "/get"))).unwrap();
        assert_eq!(got.status, 200);
        assert_eq!(secrets_of(&a.requests()[1]), TOLD, "{face:?}");

        // The same host, but another port, is another origin.
        fetch(face, &manager, with_secrets(&hop(&a, 307, &b.url("/get")))).unwrap();
        assert!(secrets_of(&b.requests()[0]).is_empty(), "{face:?}");
    }
}

#[test]
fn secrets_do_not_come_back_within_a_chain() {
    for face in FACES {
        let (a, b) = (serve(), serve());
        let back = hop(&b, 302, &a.url("/get"));
        let got = fetch(face, &manager(), with_secrets(&hop(&a, 302, &back))).unwrap();
        assert_eq!(got.url.as_str(), a.url("/get"));
        assert_eq!(secrets_of(&a.requests()[0]), TOLD);
        assert!(secrets_of(&b.requests()[0]).is_empty());
        assert!(secrets_of(&a.requests()[1]).is_empty(), "{face:?}");

        let (a, b) = (serve(), serve());
        let on = hop(&b, 302, &b.url("/get"));
        fetch(face, &manager(), with_secrets(&hop(&a, 302, &on))).unwrap();
        assert!(b.requests().iter().all(|record| secrets_of(record).is_empty()), "{face:?}");
        assert_eq!(b.request_count(), 2);
    }
}

#[test]
fn credentials_in_a_url_are_sent_to_its_origin_only() {
    for face in FACES {
        let (a, b) = (serve(), serve());
        let manager = manager();
        let named = |url: String| url.replace("http://", "http://user:pass%77d@");
        let got = fetch(face, &manager, Ask::get(named(a.url("/auth-basic")))).unwrap();
        assert_eq!(got.status, 200);
        let value = &a.requests()[1].headers["authorization"];
        assert_eq!(value, "Basic dXNlcjpwYXNzd2Q=");
        let start = named(hop(&a, 302, &b.url("/auth-basic")));
        let got = fetch(face, &manager, Ask::get(start)).unwrap();
        assert_eq!(got.status, 401);
        assert!(!b.requests()[0].headers.contains_key("authorization"));
        for redirect in &got.redirects {
            assert_eq!((redirect.url.username(), redirect.url.password()), ("", None));
        }
    }
}

#[test]
fn credentials_in_a_location_are_not_taken_from_the_server() {
    for face in FACES {
        let (a, b) = (serve(), serve());
        let evil = b.url("/get").replace("http://", "http://mallory:x@");
        let got = fetch(face, &manager(), Ask::get(hop(&a, 302, &evil))).unwrap();
        assert_eq!(got.url.as_str(), b.url("/get"), "{face:?}");
        assert!(!b.requests()[0].headers.contains_key("authorization"));
    }
}

#[test]
fn a_host_field_of_ones_own_does_not_reach_another_origin() {
    for face in FACES {
        let (a, b) = (serve(), serve());
        let ask = Ask::get(hop(&a, 302, &b.url("/get"))).header("Host", "virtual.test");
        fetch(face, &manager(), ask).unwrap();
        assert_eq!(a.requests()[0].headers["host"], "virtual.test");
        assert_eq!(b.requests()[0].headers["host"], b.address().to_string().as_str());
    }
}

#[test]
fn what_is_less_safe_is_refused() {
    for face in FACES {
        let (secure, plain) = (serve_tls(), serve());
        let ask = Ask::get(hop(&secure, 302, &plain.url("/get")));
        let error = fetch(face, &manager(), ask).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RedirectUnsafe);
        assert_eq!(plain.request_count(), 0);
        // The other way round is fine.
        let got = fetch(face, &manager(), Ask::get(hop(&plain, 302, &secure.url("/get")))).unwrap();
        assert_eq!(got.status, 200);
    }
}

#[test]
fn a_server_sends_nobody_to_local_files_or_unknown_schemes() {
    let server = serve();
    for face in FACES {
        for target in ["file:///etc/hostname", "data:,x", "javascript:alert(1)", "ftp://a.test/"] {
            let error = fetch(face, &manager(), Ask::get(hop(&server, 302, target))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RedirectInvalid, "{target}");
        }
    }
}

#[test]
fn the_limit_is_the_number_of_redirects_followed() {
    let server = serve();
    for face in FACES {
        for (limit, hops, fine) in [(0, 1, false), (20, 20, true), (20, 21, false), (3, 3, true)] {
            let ask = Ask::get(server.url(&format!("/redirect/{hops}")))
                .redirects(allowing(RedirectPolicy::NoLessSafe, limit));
            match fetch(face, &manager(), ask) {
                Ok(got) => {
                    assert!(fine, "{limit} {hops}");
                    assert_eq!(got.redirects.len(), hops);
                }
                Err(error) => {
                    assert!(!fine, "{limit} {hops}: {error}");
                    assert_eq!(error.kind(), ErrorKind::RedirectLimit);
                }
            }
        }
        let itself = answering("302 Found\r\nLocation: /");
        let error = fetch(face, &manager(), Ask::get(itself.url("/"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RedirectLimit);
        assert_eq!(error.qt_code(), 10);
    }
}

#[test]
fn methods_and_bodies_follow_the_table_of_rfc_9110() {
    let table = [
        ("GET", 301, "GET"),
        ("POST", 301, "GET"),
        ("PUT", 301, "PUT"),
        ("POST", 302, "GET"),
        ("PUT", 302, "PUT"),
        ("DELETE", 302, "DELETE"),
        ("POST", 303, "GET"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("POST", 307, "POST"),
        ("PATCH", 307, "PATCH"),
        ("POST", 308, "POST"),
        ("PUT", 308, "PUT"),
    ];
    for face in FACES {
        for (method, code, then) in table {
            let (a, b) = (serve(), serve());
            let mut ask = Ask::new(method, hop(&a, code, &b.url("/upload")));
            let sends = !matches!(method, "GET" | "HEAD" | "DELETE");
            if sends {
                ask = ask.body("payload").header("Content-Type", "text/x");
            }
            fetch(face, &manager(), ask).unwrap();
            let record = &b.requests()[0];
            assert_eq!(record.method.as_str(), then, "{method} {code}");
            let kept = sends && then == method;
            assert_eq!(record.body, if kept { "payload" } else { "" }, "{method} {code}");
            let described = record.headers.contains_key("content-type");
            assert_eq!(described, kept, "{method} {code}: {:?}", record.headers);
            if !kept && then == "GET" {
                assert!(!record.headers.contains_key("content-length"), "{method} {code}");
            }
        }
    }
}

#[test]
fn a_body_that_can_be_read_only_once_is_not_sent_half() {
    for face in FACES {
        for code in [307, 308] {
            let (a, b) = (serve(), serve());
            let once = Body::blocking_reader(Filler { fill: b'x', left: 5 }, Some(5));
            let ask = Ask::post(hop(&a, code, &b.url("/upload")), once);
            let error = fetch(face, &manager(), ask).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BodyNotReplayable);
            assert_eq!(b.request_count(), 0);
        }
        // Where the body is dropped anyway, it does not matter.
        let a = serve();
        let once = Body::blocking_reader(Filler { fill: b'x', left: 5 }, None);
        let got = fetch(face, &manager(), Ask::post(hop(&a, 303, "/get"), once)).unwrap();
        assert_eq!(got.status, 200);
    }
}

#[test]
fn the_fragment_is_inherited_and_never_sent() {
    let server = serve();
    for face in FACES {
        let start = format!("{}#part", hop(&server, 302, "/get?x=1"));
        let got = fetch(face, &manager(), Ask::get(start)).unwrap();
        assert_eq!(got.url.fragment(), Some("part"));
        let start = format!("{}#part", hop(&server, 302, "/get#own"));
        let got = fetch(face, &manager(), Ask::get(start)).unwrap();
        assert_eq!(got.url.fragment(), Some("own"));
    }
    assert!(server.requests().iter().all(|record| !record.target.contains('#')));
}

#[test]
fn odd_locations_are_named_errors_and_missing_ones_are_answers() {
    for face in FACES {
        for head in ["302 Found", "304 Not Modified", "300 Multiple Choices\r\nLocation: /x"] {
            let server = answering(head);
            let got = fetch(face, &manager(), Ask::get(server.url("/"))).unwrap();
            assert_eq!(got.status.to_string(), head[..3], "{head}");
        }
        for location in ["http://", "http://[::1", "//", "http://a b/", "http://a.test:99999/"] {
            let server = answering(&format!("302 Found\r\nLocation: {location}"));
            let error = fetch(face, &manager(), Ask::get(server.url("/"))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RedirectInvalid, "{location}");
        }
        let long = format!("302 Found\r\nLocation: /{}", "x".repeat(70_000));
        let server = answering(&long);
        let error = fetch(face, &manager(), Ask::get(server.url("/"))).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::RedirectInvalid), "{error:?}");
    }
}

#[test]
fn a_relative_location_is_read_against_the_url_that_answered() {
    for (location, target) in
        [("next", "/dir/next"), ("../up", "/up"), ("?q=1", "/dir/page?q=1"), ("", "/dir/page")]
    {
        let first =
            format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let steps = vec![Step::head(), Step::send(first), Step::head(), Step::send(last)];
        let server =
            FaultServer::script(Script::always(steps)).bind_on_thread("127.0.0.1:0").unwrap();
        let got = fetch(it::Face::Waited, &manager(), Ask::get(server.url("/dir/page"))).unwrap();
        assert_eq!(got.url.as_str(), server.url(target), "{location:?}");
        assert_eq!(server.connections_opened(), 1, "the kept connection serves the second hop");
    }
}

#[test]
fn by_hand_the_3xx_itself_is_delivered() {
    let server = serve();
    for face in FACES {
        let ask = Ask::get(hop(&server, 302, "file:///etc/hostname"))
            .redirects(allowing(RedirectPolicy::Manual, 20));
        let got = fetch(face, &manager(), ask).unwrap();
        assert_eq!((got.status, got.header("location")), (302, "file:///etc/hostname"));
        assert!(got.redirects.is_empty());
    }
}

#[test]
fn within_one_origin_no_other_is_gone_to() {
    let (a, b) = (serve(), serve());
    for face in FACES {
        let same = allowing(RedirectPolicy::SameOrigin, 20);
        let ask = Ask::get(hop(&a, 302, "/get")).redirects(same.clone());
        assert_eq!(fetch(face, &manager(), ask).unwrap().status, 200);
        let ask = Ask::get(hop(&a, 302, &b.url("/get"))).redirects(same);
        let error = fetch(face, &manager(), ask).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RedirectUnsafe);
    }
    assert_eq!(b.request_count(), 0);
}

/// Says yes to a number of redirects, then no.
struct Counted {
    yes: usize,
    asked: Arc<AtomicUsize>,
}

impl Delegate for Counted {
    fn redirect<'a>(&'a self, asked: &'a RedirectQuestion) -> Consent<'a> {
        assert_eq!(asked.status, 302);
        assert_ne!(asked.from, asked.to);
        let yes = self.asked.fetch_add(1, Ordering::Relaxed) < self.yes;
        Box::pin(std::future::ready(yes))
    }
}

#[test]
fn the_delegate_is_asked_and_its_no_is_an_answer() {
    let server = serve();
    for face in FACES {
        let asked = Arc::new(AtomicUsize::new(0));
        let manager = Manager::builder()
            .redirects(allowing(RedirectPolicy::Ask, 20))
            .delegate(Counted { yes: 2, asked: asked.clone() })
            .build();
        let got = fetch(face, &manager, Ask::get(server.url("/redirect/5"))).unwrap();
        assert_eq!((got.status, got.redirects.len()), (302, 2));
        assert_eq!(got.header("location"), "/redirect/2?code=302");
        assert_eq!(asked.load(Ordering::Relaxed), 3);
        assert!(it::is_at_rest(&manager));
    }
}

#[test]
fn the_reply_knows_every_hop() {
    let server = serve();
    for face in FACES {
        let got = fetch(face, &manager(), Ask::get(server.url("/redirect/2?code=308"))).unwrap();
        let hops: Vec<_> = got.redirects.iter().map(|hop| (hop.url.path(), hop.status)).collect();
        let code = http::StatusCode::PERMANENT_REDIRECT;
        assert_eq!(hops, [("/redirect/2", code), ("/redirect/1", code)]);
        assert_eq!(got.url.as_str(), server.url("/get"));
    }
}

#[test]
fn a_redirect_with_an_endless_body_does_not_hold_up_the_next_hop() {
    for face in FACES {
        let target = serve();
        let head = format!(
            "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 1000000000\r\n\r\nbegin",
            target.url("/get")
        );
        let steps = vec![Step::head(), Step::send(head), Step::Stall];
        let server =
            FaultServer::script(Script::always(steps)).bind_on_thread("127.0.0.1:0").unwrap();
        let got = fetch(face, &manager(), Ask::get(server.url("/"))).unwrap();
        assert_eq!(got.status, 200);
    }
}

#[test]
fn the_host_field_says_what_the_url_says_in_ascii() {
    let server = serve();
    let pins = vec![("*".into(), [127, 0, 0, 1].into())];
    let dns = wayfare::options::Dns { pins, ..Default::default() };
    let manager = Manager::builder().dns(dns).build();
    for face in FACES {
        server.clear_requests();
        let url = server.url_at("BÜCHER.test", "/get");
        let got = fetch(face, &manager, Ask::get(url)).unwrap();
        assert_eq!(got.url.host_str(), Some("xn--bcher-kva.test"));
        let wanted = format!("xn--bcher-kva.test:{}", server.address().port());
        assert_eq!(server.requests()[0].headers["host"], wanted.as_str());
    }
}
