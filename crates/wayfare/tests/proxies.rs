//! Requests through proxies: which way they go, what each side is told, and what proxies do wrong.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod it;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use it::{Ask, FACES, Face, Got, fetch, identity, manager, runtime, trust};
use wayfare::delegate::{Delegate, Login, ProxyQuestion};
use wayfare::options::{Connections, Proxies, Timeouts, Versions, Wait};
use wayfare::proxy::{Asking, Chain, Credentials, ProxyFactory, ProxyList, ProxyQuery, Undecided};
use wayfare::{Error, ErrorKind, Manager, ProxyProblem};
use wayfare_testkit::proxy::{Proxy, ProxyFault};
use wayfare_testkit::{FaultServer, Protocols, Server};

fn plain() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

fn secure(protocols: Protocols) -> Server {
    let server = Server::builder().tls(&identity().1).protocols(protocols);
    server.bind_on_thread("127.0.0.1:0").unwrap()
}

fn proxy() -> Proxy {
    Proxy::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

fn guarded() -> Proxy {
    Proxy::builder().login("ada", "secret").bind_on_thread("127.0.0.1:0").unwrap()
}

fn faulty(fault: ProxyFault) -> Proxy {
    Proxy::builder().fault(fault).bind_on_thread("127.0.0.1:0").unwrap()
}

fn through(text: &str) -> Manager {
    Manager::builder().tls(trust()).proxies(Proxies::through(text).unwrap()).build()
}

/// The URL of a proxy, with who is asking.
fn as_ada(proxy: &Proxy, scheme: &str) -> String {
    proxy.url(scheme).replace("://", "://ada:secret@")
}

fn problem(result: Result<Got, Error>) -> ProxyProblem {
    let error = result.unwrap_err();
    assert!(error.proxy().is_some(), "{error}");
    match error.kind() {
        ErrorKind::Proxy(problem) => problem,
        other => panic!("{other:?}: {error}"),
    }
}

#[test]
fn every_protocol_goes_every_way_and_no_side_hears_what_is_for_the_other() {
    let servers = [plain(), secure(Protocols::Http1), secure(Protocols::Http2)];
    for face in FACES {
        for scheme in ["http", "connect", "https", "socks4a", "socks5", "socks5h"] {
            let builder = Proxy::builder().login("ada", "secret");
            let builder = if scheme == "https" { builder.tls(&identity().1) } else { builder };
            let gate = builder.bind_on_thread("127.0.0.1:0").unwrap();
            let manager = through(&as_ada(&gate, scheme));
            for server in &servers {
                let told = format!("{face:?} {scheme} {}", server.url("/"));
                server.clear_requests();
                let ask =
                    Ask::get(server.url("/get?x=1#f")).header("Authorization", "Bearer origin");
                let got = fetch(face, &manager, ask.header("Cookie", "origin=1")).unwrap();
                assert_eq!(got.status, 200, "{told}");
                let [request] = &server.requests()[..] else { panic!("{told}: one request") };
                assert!(!request.headers.contains_key("proxy-authorization"), "{told}");
                assert_eq!(request.headers["authorization"], "Bearer origin", "{told}");
                let heard = gate.requests().pop().unwrap();
                let is_forwarded = heard.target.starts_with("http://");
                let speaks_http = matches!(scheme, "http" | "https");
                assert_eq!(
                    is_forwarded,
                    speaks_http && server.url("").starts_with("http:"),
                    "{told}"
                );
                assert!(heard.credentials.is_some(), "{told}");
                let bytes = String::from_utf8_lossy(&heard.bytes).to_lowercase();
                if is_forwarded {
                    assert!(heard.target.ends_with("/get?x=1"), "{}", heard.target);
                } else {
                    assert!(!bytes.contains("origin"), "{told}: {bytes}");
                    assert!(!bytes.contains("cookie") && !bytes.contains("/get"), "{told}");
                }
            }
        }
    }
}

#[test]
fn a_chain_goes_through_each_of_its_proxies() {
    for face in FACES {
        let (near, middle, far) = (proxy(), guarded(), proxy());
        let server = secure(Protocols::Both);
        let chain =
            format!("{} {} {}", near.url("socks5h"), as_ada(&middle, "http"), far.url("socks4a"));
        let got = fetch(face, &through(&chain), Ask::get(server.url("/get"))).unwrap();
        assert_eq!(got.status, 200);
        assert_eq!(near.requests()[0].target, middle.address().to_string());
        assert_eq!(middle.requests()[0].target, far.address().to_string());
        assert_eq!(far.requests()[0].target, server.address().to_string());
        assert_eq!(near.requests()[0].credentials, None);
        assert_eq!(far.requests()[0].credentials, None);
    }
}

#[test]
fn names_are_looked_up_on_the_side_that_the_scheme_says() {
    let server = plain();
    let gate = proxy();
    let url = server.url_at("localhost", "/get");
    let unknown = server.url_at("only-the-proxy-knows.invalid", "/get");
    for (scheme, said) in
        [("socks4", "127.0.0.1"), ("socks4a", "localhost"), ("socks5h", "localhost")]
    {
        fetch(Face::Waited, &through(&gate.url(scheme)), Ask::get(&url)).unwrap();
        let target = gate.requests().pop().unwrap().target;
        assert_eq!(target, format!("{said}:{}", server.address().port()), "{scheme}");
    }
    for scheme in ["http", "connect", "socks4a", "socks5h"] {
        let got = fetch(Face::Waited, &through(&gate.url(scheme)), Ask::get(&unknown)).unwrap();
        assert_eq!(got.status, 200, "{scheme}");
    }
    let error = fetch(Face::Waited, &through(&gate.url("socks5")), Ask::get(&unknown)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NameNotFound);
}

#[test]
fn connections_through_proxies_are_kept_and_never_mixed() {
    let (one, two, server) = (proxy(), guarded(), plain());
    for scheme in ["http", "socks5h"] {
        let manager = through(&one.url(scheme));
        let before = one.connections_opened();
        for _ in 0..3 {
            fetch(Face::Awaited, &manager, Ask::get(server.url("/get"))).unwrap();
        }
        assert_eq!(one.connections_opened() - before, 1, "{scheme}");
        // Another origin, another way, and other credentials go on connections of their own.
        fetch(Face::Awaited, &manager, Ask::get(plain().url("/get")))
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(one.connections_opened() - before, 2, "{scheme}");
        manager.set_proxies(Proxies::through(&as_ada(&two, scheme)).unwrap());
        fetch(Face::Awaited, &manager, Ask::get(server.url("/get"))).unwrap();
        assert_eq!(one.connections_opened() - before, 2, "{scheme}");
        let wrong = two.url(scheme).replace("://", "://ada:wrong@");
        manager.set_proxies(Proxies::through(&wrong).unwrap());
        let refused = fetch(Face::Awaited, &manager, Ask::get(server.url("/get")));
        assert_eq!(problem(refused), ProxyProblem::Authentication, "{scheme}");
        manager.set_proxies(Proxies::off());
        fetch(Face::Awaited, &manager, Ask::get(server.url("/get"))).unwrap();
        assert_eq!(one.connections_opened() - before, 2, "{scheme}");
    }
}

#[test]
fn a_redirect_between_origins_keeps_each_sides_secrets() {
    for face in FACES {
        let (a, b, gate) = (plain(), secure(Protocols::Both), guarded());
        let url = a.url(&format!("/redirect-to?code=302&url={}", b.url("/get")));
        let ask = Ask::get(url).header("Authorization", "Bearer origin");
        fetch(face, &through(&as_ada(&gate, "http")), ask).unwrap();
        for request in a.requests().iter().chain(&b.requests()) {
            assert!(!request.headers.contains_key("proxy-authorization"), "{face:?}");
        }
        assert!(!b.requests()[0].headers.contains_key("authorization"));
        assert!(gate.requests()[1..].iter().all(|heard| heard.credentials.is_some()));
    }
}

#[test]
fn what_a_proxy_says_in_place_of_a_tunnel_is_never_the_servers() {
    for face in FACES {
        for status in [302, 403, 404, 502] {
            let gate = faulty(ProxyFault::Status(status));
            let server = secure(Protocols::Both);
            let got = fetch(face, &through(&gate.url("http")), Ask::get(server.url("/get")));
            let status = http::StatusCode::from_u16(status).unwrap();
            let error = got.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Proxy(ProxyProblem::Status(status)));
            assert!(!error.to_string().contains("POISON"), "{error}");
            assert_eq!((gate.requests().len(), server.request_count()), (1, 0));
        }
    }
}

#[test]
fn faults_of_proxies_are_errors_of_proxies() {
    let short = Timeouts { proxy: Wait::AtMost(Duration::from_millis(200)), ..Timeouts::default() };
    let server = secure(Protocols::Both);
    let table = [
        ("http", ProxyFault::Cut, ProxyProblem::Closed),
        ("http", ProxyFault::CutAfter(10), ProxyProblem::Closed),
        ("http", ProxyFault::EarlyBytes, ProxyProblem::Protocol),
        ("http", ProxyFault::Garbage, ProxyProblem::Protocol),
        ("http", ProxyFault::HugeHead, ProxyProblem::Protocol),
        ("http", ProxyFault::Silent, ProxyProblem::Timeout),
        ("socks4a", ProxyFault::Cut, ProxyProblem::Closed),
        ("socks4a", ProxyFault::CutAfter(7), ProxyProblem::Closed),
        ("socks4a", ProxyFault::Garbage, ProxyProblem::Protocol),
        ("socks4a", ProxyFault::Status(91), ProxyProblem::Refused),
        ("socks5h", ProxyFault::Cut, ProxyProblem::Closed),
        ("socks5h", ProxyFault::CutAfter(1), ProxyProblem::Closed),
        ("socks5h", ProxyFault::CutAfter(9), ProxyProblem::Closed),
        ("socks5h", ProxyFault::EarlyBytes, ProxyProblem::Protocol),
        ("socks5h", ProxyFault::Garbage, ProxyProblem::Protocol),
        ("socks5h", ProxyFault::Silent, ProxyProblem::Timeout),
        ("socks5h", ProxyFault::Status(2), ProxyProblem::Refused),
        ("socks5h", ProxyFault::Status(255), ProxyProblem::Refused),
    ];
    for face in [Face::Awaited, Face::Waited] {
        for (scheme, fault, expected) in table {
            let gate = faulty(fault);
            let ask = Ask::get(server.url("/get")).timeouts(short);
            let got = fetch(face, &through(&gate.url(scheme)), ask);
            assert_eq!(problem(got), expected, "{face:?} {scheme} {fault:?}");
        }
    }
    assert_eq!(server.request_count(), 0);
    for scheme in ["http", "socks4a", "socks5h"] {
        let gate = faulty(ProxyFault::ByteByByte);
        let got = fetch(Face::Waited, &through(&gate.url(scheme)), Ask::get(server.url("/get")));
        assert_eq!(got.unwrap().status, 200, "{scheme}");
    }
}

#[test]
fn an_https_proxy_must_prove_itself_and_is_never_spoken_to_in_clear_text() {
    let server = plain();
    let clear = proxy();
    let got = fetch(Face::Awaited, &through(&clear.url("https")), Ask::get(server.url("/get")));
    assert!(matches!(problem(got), ProxyProblem::Tls(_)));
    let stranger = wayfare_testkit::Authority::new().issue(&["127.0.0.1"]);
    let gate = Proxy::builder().tls(&stranger).bind_on_thread("127.0.0.1:0").unwrap();
    for url in [server.url("/get"), secure(Protocols::Both).url("/get")] {
        let got = fetch(Face::Awaited, &through(&gate.url("https")), Ask::get(url));
        assert!(matches!(problem(got), ProxyProblem::Tls(_)));
    }
    assert!(gate.requests().is_empty() && clear.requests().is_empty());
}

#[test]
fn a_proxy_is_not_shown_who_the_client_is_nor_taken_for_the_origin() {
    let (authority, _) = identity();
    let own = authority.issue(&["127.0.0.1"]);
    let server = secure(Protocols::Both);
    let through = |gate: &Proxy, tls| {
        let proxies = Proxies::through(&gate.url("https")).unwrap();
        Manager::builder().tls(tls).proxies(proxies).build()
    };
    // The origin must be a.test, which the proxy's certificate does not name.
    let gate = Proxy::builder().tls(&own).bind_on_thread("127.0.0.1:0").unwrap();
    let manager = through(&gate, trust().with_peer_name("a.test"));
    assert_eq!(fetch(Face::Awaited, &manager, Ask::get(server.url("/get"))).unwrap().status, 200);
    let client = authority.issue_client("ada");
    let known =
        trust().with_client_certificate(client.chain_pem(), client.key_pem(), None).unwrap();
    let asking = Proxy::builder().tls_asking_clients(&own, authority);
    let asking = asking.bind_on_thread("127.0.0.1:0").unwrap();
    let got = fetch(Face::Awaited, &through(&asking, known), Ask::get(server.url("/get")));
    assert!(got.unwrap_err().proxy().is_some());
    assert!(asking.requests().is_empty());
}

/// Answers what it is told to, and counts how often it is asked.
struct Asked(Arc<AtomicUsize>, Option<&'static str>);

impl Delegate for Asked {
    fn proxy_credentials<'a>(&'a self, _: &'a ProxyQuestion) -> Login<'a> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let answer = self.1.map(|password| Credentials::new("ada", password));
        Box::pin(async {
            tokio::task::yield_now().await;
            answer
        })
    }
}

fn asking(gate: &Proxy, scheme: &str, answer: Option<&'static str>) -> (Manager, Arc<AtomicUsize>) {
    let count = Arc::<AtomicUsize>::default();
    let delegate = Asked(count.clone(), answer);
    let proxies = Proxies::through(&gate.url(scheme)).unwrap();
    let builder = Manager::builder().tls(trust()).proxies(proxies).delegate(delegate);
    (builder.build(), count)
}

#[test]
fn the_delegate_is_asked_once_for_each_proxy_and_realm() {
    let servers = [plain(), secure(Protocols::Both)];
    for face in FACES {
        for scheme in ["http", "socks5h"] {
            let gate = guarded();
            let (manager, count) = asking(&gate, scheme, Some("secret"));
            for server in &servers {
                for _ in 0..2 {
                    let ask = Ask::post(server.url("/upload"), "body");
                    assert_eq!(fetch(face, &manager, ask).unwrap().status, 200, "{scheme}");
                }
            }
            assert_eq!(count.load(Ordering::SeqCst), 1, "{face:?} {scheme}");
        }
    }
}

#[test]
fn many_at_once_ask_the_delegate_once() {
    let (gate, server) = (guarded(), plain());
    let (manager, count) = asking(&gate, "http", Some("secret"));
    runtime().block_on(async {
        let all = (0..20).map(|_| {
            let (manager, url) = (manager.clone(), server.url("/get"));
            tokio::spawn(async move { manager.get(url).send().await.map(|reply| reply.status()) })
        });
        for one in all.collect::<Vec<_>>() {
            assert_eq!(one.await.unwrap().unwrap(), 200);
        }
    });
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn an_answer_that_is_refused_is_not_asked_for_again() {
    let servers = [plain(), secure(Protocols::Both)];
    for scheme in ["http", "socks5h"] {
        for answer in [None, Some("wrong")] {
            let gate = guarded();
            let (manager, count) = asking(&gate, scheme, answer);
            for server in servers.iter().chain(&servers) {
                let got = fetch(Face::Awaited, &manager, Ask::get(server.url("/get")));
                assert_eq!(problem(got), ProxyProblem::Authentication, "{scheme} {answer:?}");
            }
            assert_eq!(count.load(Ordering::SeqCst), 1, "{scheme} {answer:?}");
        }
    }
    let gate = faulty(ProxyFault::NewRealms);
    let (manager, count) = asking(&gate, "http", Some("secret"));
    let got = fetch(Face::Awaited, &manager, Ask::get(servers[0].url("/get")));
    assert_eq!(problem(got), ProxyProblem::Authentication);
    assert!(count.load(Ordering::SeqCst) <= 3);
}

/// A list that is made anew for every request.
struct Listed(Vec<String>);

impl ProxyFactory for Listed {
    fn ways<'a>(&'a self, query: &'a ProxyQuery) -> Asking<'a, Result<ProxyList, Undecided>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            if query.host == "undecided.test" {
                return Err(Undecided("nobody knows".to_owned()));
            }
            let ways = self.0.iter().map(|text| text.parse::<Chain>().unwrap()).collect();
            Ok(ProxyList::new(ways, "a test"))
        })
    }
}

fn listed(ways: &[&str]) -> Manager {
    let list = Listed(ways.iter().map(|way| (*way).to_owned()).collect());
    Manager::builder().tls(trust()).proxies(Proxies::factory(list)).build()
}

/// A port that nobody listens on.
fn dead() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn the_next_of_the_list_is_tried_and_a_bad_one_is_remembered() {
    for face in FACES {
        for server in [plain(), secure(Protocols::Both)] {
            let (cut, good) = (faulty(ProxyFault::Cut), proxy());
            let manager = listed(&[&dead(), &cut.url("socks5h"), &good.url("http")]);
            for _ in 0..3 {
                let got = fetch(face, &manager, Ask::post(server.url("/upload"), "body")).unwrap();
                assert_eq!(got.status, 200);
            }
            assert_eq!(cut.connections_opened(), 1, "{face:?}");
            let ways = runtime().block_on(manager.ways_to(&server.url("/"))).unwrap().0;
            assert_eq!(ways[0].to_string(), good.url("http"));
            manager.forget_proxies();
            let ways = runtime().block_on(manager.ways_to(&server.url("/"))).unwrap().0;
            assert_eq!(ways[2].to_string(), good.url("http"));
        }
    }
}

#[test]
fn the_direct_way_is_taken_only_if_the_list_says_so() {
    for face in FACES {
        let server = plain();
        let ask = || Ask::get(server.url("/get"));
        let dead = dead();
        assert_eq!(problem(fetch(face, &listed(&[&dead]), ask())), ProxyProblem::Unreachable);
        assert_eq!(problem(fetch(face, &through(&dead), ask())), ProxyProblem::Unreachable);
        assert_eq!(server.request_count(), 0);
        assert_eq!(fetch(face, &listed(&[&dead, "direct"]), ask()).unwrap().status, 200);
        let none = fetch(face, &listed(&[]), ask()).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::Proxy(ProxyProblem::NoneFits));
        let lost = fetch(face, &listed(&["direct"]), Ask::get("http://undecided.test/"));
        assert_eq!(lost.unwrap_err().kind(), ErrorKind::Proxy(ProxyProblem::Settings));
        // A proxy that says no is not gone round.
        let gate = faulty(ProxyFault::Status(403));
        let server = secure(Protocols::Both);
        let got =
            fetch(face, &listed(&[&gate.url("http"), "direct"]), Ask::get(server.url("/get")));
        assert_eq!(problem(got), ProxyProblem::Status(http::StatusCode::FORBIDDEN));
    }
}

#[test]
fn a_bypass_and_a_requests_own_proxies_come_before_the_managers() {
    let (gate, server) = (proxy(), plain());
    let proxies = Proxies::through(&gate.url("http")).unwrap().with_bypass("127.0.0.0/8");
    let manager = Manager::builder().proxies(proxies).build();
    fetch(Face::Waited, &manager, Ask::get(server.url("/get"))).unwrap();
    assert!(gate.requests().is_empty());
    let own = Proxies::through(&gate.url("socks5h")).unwrap();
    let blocking = manager.blocking();
    let reply = blocking.get(server.url("/get")).proxies(own).send().unwrap();
    assert_eq!(reply.way().to_string(), gate.url("socks5h"));
    assert_eq!(gate.requests().len(), 1);
}

#[test]
fn http2_with_prior_knowledge_goes_through_a_tunnel() {
    let (gate, server) = (proxy(), plain());
    let connections = Connections { versions: Versions::Http2, ..Connections::default() };
    for face in FACES {
        let ask = Ask::get(server.url("/get")).connections(connections.clone());
        let got = fetch(face, &through(&gate.url("http")), ask).unwrap();
        assert_eq!(got.version, http::Version::HTTP_2);
        assert_eq!(gate.requests().pop().unwrap().target, server.address().to_string());
    }
}

#[test]
fn a_connection_is_opened_through_the_proxy_before_it_is_needed() {
    let server = secure(Protocols::Both);
    for scheme in ["http", "socks5h"] {
        let gate = guarded();
        let manager = through(&as_ada(&gate, scheme));
        runtime().block_on(manager.preconnect(&server.url("/"))).unwrap();
        // An HTTP proxy asks before it is told who it is.
        let asked = if scheme == "http" { 2 } else { 1 };
        assert_eq!(gate.requests().len(), asked);
        fetch(Face::Awaited, &manager, Ask::get(server.url("/get"))).unwrap();
        assert_eq!(gate.requests().len(), asked, "{scheme}");
    }
}

#[test]
fn an_own_field_for_a_proxy_reaches_neither_origins_nor_tunnels() {
    let (gate, servers) = (proxy(), [plain(), secure(Protocols::Both)]);
    for manager in [manager(), through(&gate.url("connect")), through(&gate.url("socks5h"))] {
        for server in &servers {
            let ask = Ask::get(server.url("/get")).header("Proxy-Authorization", "Basic eDp5");
            fetch(Face::Waited, &manager, ask).unwrap();
            let request = server.requests().pop().unwrap();
            assert!(!request.headers.contains_key("proxy-authorization"));
        }
    }
    assert!(gate.requests().iter().all(|heard| heard.credentials.is_none()));
}

#[test]
fn a_proxy_authorization_of_the_programs_own_is_for_the_first_proxy_only() {
    let server = plain();
    for face in FACES {
        for own in ["request", "manager"] {
            let second = proxy();
            let ways = ["http://127.0.0.1:1".to_owned(), second.url("http")];
            let ways = ways.map(|one| one.parse::<Chain>().unwrap());
            let builder = Manager::builder().proxies(Proxies::list(ways.to_vec()));
            let (name, value) = ("proxy-authorization", "Basic b3duOm93bg==");
            let manager = match own {
                "manager" => builder.header(name.parse().unwrap(), value.parse().unwrap()),
                _ => builder,
            };
            let mut ask = Ask::get(server.url("/get"));
            if own == "request" {
                ask = ask.header(name, value);
            }
            assert_eq!(fetch(face, &manager.build(), ask).unwrap().status, 200, "{face:?} {own}");
            let heard = second.requests();
            assert_eq!(heard.len(), 1);
            assert_eq!(heard[0].credentials, None, "{face:?}: the {own}'s own went on");
            // Alone it does get it.
            let manager = through(&second.url("http"));
            fetch(face, &manager, Ask::get(server.url("/get")).header(name, value)).unwrap();
            assert!(second.requests()[1].credentials.is_some(), "{face:?}");
        }
    }
}

#[test]
fn an_error_of_the_server_names_the_way_to_it() {
    let (gate, far) = (proxy(), proxy());
    let dead = FaultServer::named("close-before-head").bind_on_thread("127.0.0.1:0").unwrap();
    let cut = FaultServer::named("short-length").bind_on_thread("127.0.0.1:0").unwrap();
    let way = format!("{} {}", gate.url("connect"), far.url("socks5h"));
    for face in FACES {
        for server in [&dead, &cut] {
            let error = fetch(face, &through(&way), Ask::get(server.url("/"))).unwrap_err();
            assert_eq!(error.way().to_string(), way, "{error:?}");
            assert!(error.to_string().ends_with(&format!("(through {way})")), "{error}");
            assert!(error.proxy().is_none());
            let direct = fetch(face, &manager(), Ask::get(server.url("/"))).unwrap_err();
            assert!(direct.way().is_direct() && !direct.to_string().contains("through"));
        }
        // A proxy's own error names the proxy, once.
        let refused = faulty(ProxyFault::Status(503));
        let text = refused.url("connect");
        let error = fetch(face, &through(&text), Ask::get(dead.url("/"))).unwrap_err();
        assert_eq!(error.to_string().matches(&refused.address().to_string()).count(), 1, "{error}");
    }
}

#[test]
fn nothing_that_a_peer_says_acts_on_who_reads_an_error() {
    use wayfare_testkit::script::{Expected, Script, Step};
    let bad = "\u{1b}[2J\u{9b}1m\u{202e}\r\n\0";
    let heads = [
        format!("HTTP/1.1 302 Found\r\nLocation: http://[{}\r\n\r\n", "\u{202e}x"),
        "HTTP/1.1 302 Found\r\nLocation: \u{1b}]0;x:y\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 {bad}\r\n\r\n"),
        format!("{bad}\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nContent-Length: \u{202e}5\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Encoding: \u{202e}gzip\r\nContent-Length: 1\r\n\r\nx".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\u{1b}[2J\r\n".to_owned(),
        "HTTP/1.1 407 \u{202e}\r\nProxy-Authenticate: \u{1b}x realm=\"\u{202e}\"\r\nContent-Length: 0\r\n\r\n"
            .to_owned(),
        "HTTP/1.1 503 \u{202e}No\r\nContent-Length: 0\r\n\r\n".to_owned(),
    ];
    let mut errors = 0;
    for head in heads {
        let steps = vec![Step::Expect(Expected::AnyHead), Step::send(head.as_bytes()), Step::Fin];
        let server = FaultServer::script(Script::always(steps));
        let server = server.bind_on_thread("127.0.0.1:0").unwrap();
        let place = server.url("/").replace("http://", "").replace('/', "");
        for face in FACES {
            for scheme in ["direct", "http", "connect", "socks5", "socks4"] {
                let (manager, url) = match scheme {
                    "direct" => (manager(), server.url("/")),
                    _ => (through(&format!("{scheme}://{place}")), "http://a.test/".to_owned()),
                };
                let Err(error) = fetch(face, &manager, Ask::get(url)) else { continue };
                errors += 1;
                let acts = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
                assert!(!error.to_string().chars().any(acts), "{scheme} {head:?}: {error:?}");
            }
        }
    }
    assert!(errors > 60, "only {errors} errors");
}
