//! Negotiate: when tickets are said, to whom, on which connections, and what they must prove.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;
mod tickets;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use it::{Ask, FACES, Face, fetch, identity, trust};
use tickets::{Wallet, ticketed};
use wayfare::delegate::{Credentials, CredentialsQuestion, Delegate, Login, ProxyQuestion};
use wayfare::event::What;
use wayfare::options::{
    Ambient, Auth, AuthenticationReuse, Connections, Dns, Proxies, Scheme, Schemes, Versions,
};
use wayfare::{ErrorKind, Manager, ProxyProblem};
use wayfare_testkit::proxy::{Asks, Proxy};
use wayfare_testkit::script::{Script, Step};
use wayfare_testkit::{FaultServer, Protocols, Server};

/// A manager with tickets, and what it does.
struct Scene {
    manager: Manager,
    wallet: Arc<Wallet>,
    passed_over: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn new(auth: Auth, proxies: Proxies) -> Self {
        Self::with_delegate(auth, proxies, Nobody)
    }

    fn with_delegate(auth: Auth, proxies: Proxies, delegate: impl Delegate + 'static) -> Self {
        let (network, wallet) = ticketed();
        let passed_over = Arc::<Mutex<Vec<String>>>::default();
        let told = passed_over.clone();
        let here = IpAddr::from(Ipv4Addr::LOCALHOST);
        let dns = Dns { pins: vec![("*".to_owned(), here)], ..Dns::default() };
        let builder = Manager::builder().network(network).auth(auth).proxies(proxies).dns(dns);
        let builder = builder.tls(trust()).delegate(delegate).on_event(move |event| {
            if let What::SchemePassedOver { scheme, why } = &event.what {
                told.lock().unwrap().push(format!("{scheme}: {why}"));
            }
        });
        Self { manager: builder.build(), wallet, passed_over }
    }

    fn status(&self, face: Face, url: &str) -> u16 {
        fetch(face, &self.manager, Ask::get(url)).unwrap().status
    }
}

struct Nobody;
impl Delegate for Nobody {}

fn ambient() -> Auth {
    Auth { ambient: Ambient::All, ..Auth::default() }
}

/// So that passwords are used for tickets, too.
fn by_tickets() -> Auth {
    Auth { schemes: Schemes::only(Scheme::Negotiate), ..Auth::default() }
}

fn direct() -> Scene {
    Scene::new(ambient(), Proxies::off())
}

fn serve() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

fn serve_secure() -> Server {
    let builder = Server::builder().tls(&identity().1).protocols(Protocols::Both);
    builder.bind_on_thread("127.0.0.1:0").unwrap()
}

/// What each request said, in order: its scheme, or what a ticket says; `-` for nothing.
fn said(server: &Server) -> Vec<String> {
    let requests = server.requests();
    let fields = requests.iter().map(|record| record.headers.get("authorization"));
    fields.map(|field| in_words(field.map(|value| value.to_str().unwrap()))).collect()
}

fn in_words(field: Option<&str>) -> String {
    let Some(field) = field else { return "-".into() };
    match field.strip_prefix("Negotiate ") {
        Some(token) => String::from_utf8(STANDARD.decode(token).unwrap()).unwrap(),
        None => field.split(' ').next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn a_ticket_is_said_when_asked_and_the_connection_is_then_the_user_s() {
    for face in FACES {
        for server in [serve(), serve_secure()] {
            let scene = direct();
            let url = server.url_at("a.test", "/auth-negotiate");
            for _ in 0..3 {
                let got = fetch(face, &scene.manager, Ask::get(&url)).unwrap();
                assert_eq!((got.status, got.version), (200, http::Version::HTTP_11), "{face:?}");
            }
            let bound = if url.starts_with("https") { " bound" } else { "" };
            let ticket = format!("ticket me for a.test{bound}");
            assert_eq!(said(&server), ["-", &ticket, "-", "-"], "{face:?}");
            assert_eq!(scene.wallet.begun().len(), 1, "the first token is used");
        }
    }
}

#[test]
fn nobody_is_told_who_is_logged_in_unless_the_application_said_so() {
    let only = |places: &[&str]| Ambient::only(places).unwrap();
    let table = [
        (Ambient::Off, None, "-"),
        (only(&["http://b.test:*"]), None, "-"),
        (only(&["http://.test:*"]), None, "me"),
        // Over `http` anybody on the way could be it, and another port may be another's.
        (only(&["a.test", ".test", "https://a.test:*", "http://a.test"]), None, "-"),
        (Ambient::Off, Some(Credentials::ambient()), "me"),
        (Ambient::Off, Some(Credentials::new("user", "passwd")), "user"),
        // A request that says who it is is nobody else.
        (Ambient::All, Some(Credentials::new("user", "wrong")), "-"),
        (Ambient::All, Some(Credentials::new("HOME\\user", "passwd")), "-"),
    ];
    for (ambient, own, expected) in table {
        let told = format!("{ambient:?} {}", own.is_some());
        let server = serve();
        let scene = Scene::new(Auth { ambient, ..by_tickets() }, Proxies::off());
        let url = server.url_at("a.test", "/auth-negotiate");
        let request = scene.manager.blocking().get(&url);
        let request = match own {
            Some(own) => request.credentials(own),
            None => request,
        };
        let status = request.send().unwrap().status().as_u16();
        assert_eq!(status, if expected == "-" { 401 } else { 200 }, "{told}");
        let begun = scene.wallet.begun();
        let who = begun.first().map_or("-", |begun| begun.split(' ').next().unwrap());
        assert_eq!(who, expected, "{told}");
    }
}

#[test]
fn without_reuse_only_the_request_itself_has_tickets() {
    let server = serve();
    let auth = Auth { reuse: AuthenticationReuse::Manual, ..ambient() };
    let scene = Scene::new(auth, Proxies::off());
    let url = server.url("/auth-negotiate");
    assert_eq!(scene.status(Face::Waited, &url), 401);
    for _ in 0..2 {
        let request = scene.manager.blocking().get(&url).credentials(Credentials::ambient());
        assert_eq!(request.send().unwrap().status(), 200);
    }
}

#[test]
fn where_there_is_no_ticket_the_next_offer_is_taken() {
    for face in FACES {
        let server = serve();
        let scene = Scene::with_delegate(ambient(), Proxies::off(), Clerk::default());
        scene.wallet.empty();
        let url = server.url("/auth-negotiate?also=Basic%20realm=r");
        assert_eq!(scene.status(face, &url), 401, "{face:?}");
        // Basic is tried, which this place does not take.
        assert_eq!(said(&server), ["-", "Basic"], "{face:?}");
        let why = "Negotiate: there is no proof for Negotiate: nobody is logged in";
        assert_eq!(*scene.passed_over.lock().unwrap(), [why], "{face:?}");
    }
}

#[test]
fn whoever_is_logged_in_has_no_password_that_could_be_told() {
    for others in ["Basic%20realm=r", "NTLM", "Digest%20realm=r,nonce=n,qop=auth"] {
        let server = serve();
        let scene = direct();
        scene.wallet.empty();
        let url = server.url(&format!("/auth-negotiate?also={others}"));
        let request = scene.manager.blocking().get(&url).credentials(Credentials::ambient());
        assert_eq!(request.send().unwrap().status(), 401, "{others}");
        assert_eq!(said(&server), ["-"], "{others}");
    }
}

#[test]
fn an_answer_has_to_prove_itself_unless_tls_has() {
    for face in FACES {
        for (proof, plain, secure) in
            [("no", false, true), ("wrong", false, false), ("noise", false, false)]
        {
            for (server, is_believed) in [(serve(), plain), (serve_secure(), secure)] {
                let scene = direct();
                let url = server.url_at("a.test", &format!("/auth-negotiate?proof={proof}"));
                let told = format!("{face:?} {url}");
                let got = fetch(face, &scene.manager, Ask::get(&url));
                assert_eq!(got.is_ok(), is_believed, "{told}");
                if let Err(error) = got {
                    assert_eq!(error.kind(), ErrorKind::Protocol, "{told} {error}");
                    let status = "(status 200)";
                    assert!(error.to_string().contains(status), "{told} {error}");
                }
                // What did not prove itself is not used again: the talk begins anew.
                let before = said(&server).len();
                let _ = fetch(face, &scene.manager, Ask::get(&url));
                assert_eq!(said(&server)[before].starts_with("ticket "), !is_believed, "{told}");
            }
        }
    }
}

#[test]
fn a_talk_of_many_rounds_stays_on_its_connection_and_ends() {
    for face in FACES {
        for (legs, status) in [(2, Some(200)), (4, Some(200)), (9, None)] {
            let server = serve();
            let scene = direct();
            let url = server.url(&format!("/auth-negotiate?legs={legs}"));
            let got = fetch(face, &scene.manager, Ask::get(&url));
            match status {
                Some(status) => assert_eq!(got.unwrap().status, status, "{face:?} {legs}"),
                None => {
                    let error = got.unwrap_err();
                    assert!(error.to_string().contains("does not come to an end"), "{error}");
                }
            }
            let heard = said(&server);
            assert!(heard[2..].iter().all(|one| one == "more"), "{heard:?}");
            assert_eq!(scene.wallet.begun().len(), 1);
        }
    }
}

#[test]
fn a_server_that_asks_with_each_request_is_told_with_each() {
    for face in FACES {
        let server = serve();
        let scene = direct();
        let url = server.url_at("a.test", "/auth-negotiate?each");
        for _ in 0..4 {
            assert_eq!(scene.status(face, &url), 200, "{face:?}");
        }
        let ticket = "ticket me for a.test";
        // Asked once more on the connection that was proven; then it is known, and costs no round.
        assert_eq!(said(&server), ["-", ticket, "-", ticket, ticket, ticket], "{face:?}");
    }
}

#[test]
fn a_ticket_that_is_refused_is_said_once() {
    let refuses = "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n";
    let steps = vec![Step::head(), Step::send(refuses), Step::head(), Step::send(refuses)];
    for face in FACES {
        let server = FaultServer::script(Script::always(steps.clone()));
        let server = server.bind_on_thread("127.0.0.1:0").unwrap();
        let scene = direct();
        for _ in 0..2 {
            assert_eq!(scene.status(face, &server.url("/")), 401);
            assert_eq!(scene.wallet.begun().len(), 1, "a ticket is another tomorrow");
        }
        let heard: usize = server.heard().iter().map(|heard| count(&heard.bytes, b"GET /")).sum();
        assert_eq!(heard, 4, "{face:?}");
    }
}

fn count(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).filter(|bytes| *bytes == what).count()
}

#[test]
fn a_connection_lost_in_the_middle_of_a_talk_is_replaced_and_not_for_ever() {
    let asks = "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n";
    let more = "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate bW9yZQ==\r\nConnection: close\r\n\
                Content-Length: 0\r\n\r\n";
    let fine =
        "HTTP/1.1 200 OK\r\nWWW-Authenticate: Negotiate cHJvb2Y=\r\nContent-Length: 0\r\n\r\n";
    let on = |answer: &str| vec![Step::head(), Step::send(answer)];
    let table = [
        (Script::once(vec![on(asks), on(more), on(fine)]), 200, 2),
        (Script::once(vec![on(asks), on(more), on(more), on(more), on(more), on(more)]), 401, 3),
    ];
    for (script, status, most) in table {
        for face in FACES {
            let server = FaultServer::script(script.clone()).bind_on_thread("127.0.0.1:0").unwrap();
            let scene = direct();
            assert_eq!(scene.status(face, &server.url("/")), status, "{face:?}");
            let begun = scene.wallet.begun().len();
            assert!((2..=most).contains(&begun), "{face:?} {begun}");
        }
    }
}

#[test]
fn what_is_no_base64_is_an_error_that_says_so() {
    let asks = "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n";
    let noise = "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate abc\r\nContent-Length: 0\r\n\r\n";
    let on = |answer: &str| vec![Step::head(), Step::send(answer)];
    for face in FACES {
        let script = Script::once(vec![on(asks), on(noise)]);
        let server = FaultServer::script(script).bind_on_thread("127.0.0.1:0").unwrap();
        let error = fetch(face, &direct().manager, Ask::get(server.url("/"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.to_string().contains("is not base64"), "{error}");
    }
}

#[test]
fn a_proven_connection_is_shared_with_nobody_else() {
    for server in [serve(), serve_secure()] {
        let scene = Scene::new(by_tickets(), Proxies::off());
        let url = |host: &str| server.url_at(host, "/auth-negotiate");
        let user = || Credentials::new("user", "passwd");
        let send = |host: &str, who: Option<Credentials>| {
            let request = scene.manager.blocking().get(url(host));
            let request = match who {
                Some(who) => request.credentials(who),
                None => request,
            };
            request.send().unwrap().status().as_u16()
        };
        let tell = |host: &str, who: Option<Credentials>, status, begun: &[&str]| {
            assert_eq!(send(host, who), status);
            let told = scene.wallet.begun();
            let told: Vec<_> = told.iter().map(|one| one.trim_end_matches(" bound")).collect();
            assert_eq!(told, begun, "{host}");
        };
        tell("a.test", Some(user()), 200, &["user for a.test"]);
        tell("a.test", Some(user()), 200, &[]);
        // Another user, another service, nobody at all, and another way to say it.
        tell("a.test", Some(Credentials::ambient()), 200, &["me for a.test"]);
        tell("b.test", Some(user()), 200, &["user for b.test"]);
        tell("a.test", None, 401, &[]);
        let basic = Auth { schemes: Schemes::only(Scheme::Basic), ..Auth::default() };
        let request = scene.manager.blocking().get(url("a.test")).auth(basic).credentials(user());
        assert_eq!(request.send().unwrap().status(), 401);
        tell("a.test", Some(Credentials::ambient()), 200, &[]);
    }
}

#[test]
fn a_ticket_does_not_follow_a_redirect_unless_its_end_may_have_it() {
    for face in FACES {
        let (first, other) = (serve(), serve());
        let to = other.url_at("b.test", "/auth-negotiate");
        let to: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
        let start = first.url_at("a.test", &format!("/redirect-to?url={to}"));
        let only_first =
            Auth { ambient: Ambient::only(["http://a.test:*"]).unwrap(), ..Auth::default() };
        let scene = Scene::new(only_first, Proxies::off());
        assert_eq!(scene.status(face, &first.url_at("a.test", "/auth-negotiate")), 200);
        assert_eq!(scene.status(face, &start), 401, "{face:?}");
        let request = scene.manager.blocking().get(&start).credentials(Credentials::ambient());
        assert_eq!(request.send().unwrap().status(), 401);
        assert!(said(&other).iter().all(|one| one == "-"), "{face:?}");
    }
}

#[test]
fn a_request_that_demands_http_2_takes_no_ticket() {
    let server = serve_secure();
    let scene = direct();
    let connections = Connections { versions: Versions::Http2, ..Connections::default() };
    let ask = Ask::get(server.url("/auth-negotiate")).connections(connections);
    assert_eq!(fetch(Face::Waited, &scene.manager, ask).unwrap().status, 401);
    assert!(scene.wallet.begun().is_empty());
}

/// Knows the password, and counts for what it was asked.
#[derive(Default)]
struct Clerk(Arc<Mutex<Vec<Scheme>>>);

impl Delegate for Clerk {
    fn credentials<'a>(&'a self, asked: &'a CredentialsQuestion) -> Login<'a> {
        self.0.lock().unwrap().push(asked.scheme);
        Box::pin(async { Some(Credentials::new("user", "passwd")) })
    }

    fn proxy_credentials<'a>(&'a self, asked: &'a ProxyQuestion) -> Login<'a> {
        self.0.lock().unwrap().extend(asked.scheme);
        Box::pin(async { Some(Credentials::new("user", "passwd")) })
    }
}

#[test]
fn a_person_is_asked_for_what_is_sure_to_be_of_use() {
    for (query, auth, expected) in [
        ("", by_tickets(), &[Scheme::Negotiate][..]),
        ("", Auth::default(), &[]),
        ("?also=Basic%20realm=r", Auth::default(), &[Scheme::Basic]),
    ] {
        let (server, asked) = (serve(), Arc::<Mutex<Vec<Scheme>>>::default());
        let scene = Scene::with_delegate(auth, Proxies::off(), Clerk(asked.clone()));
        scene.status(Face::Waited, &server.url(&format!("/auth-negotiate{query}")));
        assert_eq!(*asked.lock().unwrap(), expected, "{query}");
    }
}

/// One that is forwarded to, and one behind a tunnel.
fn servers() -> [Server; 2] {
    [serve(), serve_secure()]
}

fn gate(asks: Asks) -> Proxy {
    Proxy::builder().login("user", "passwd").asks(asks).bind_on_thread("127.0.0.1:0").unwrap()
}

/// What the proxy heard each time it was asked for something.
fn told(gate: &Proxy) -> Vec<String> {
    gate.requests().iter().map(|heard| in_words(heard.credentials.as_deref())).collect()
}

#[test]
fn a_proxy_is_told_its_own_ticket_and_then_at_once() {
    for face in FACES {
        for server in servers() {
            let gate = gate(Asks::Negotiate);
            let scene = Scene::new(ambient(), Proxies::through(&gate.url("http")).unwrap());
            for _ in 0..2 {
                assert_eq!(scene.status(face, &server.url_at("a.test", "/get")), 200, "{face:?}");
            }
            let ticket = "ticket me for 127.0.0.1";
            let forwards = server.url("").starts_with("http:");
            let rest: &[&str] = if forwards { &["-"] } else { &[] };
            assert_eq!(told(&gate), [&["-", ticket], rest].concat(), "{face:?}");
            // A new connection is told at once.
            let [other, _] = servers();
            assert_eq!(scene.status(face, &other.url("/get")), 200, "{face:?}");
            assert_eq!(told(&gate).last().unwrap(), ticket, "{face:?}");
            assert_eq!(told(&gate).len(), 3 + rest.len());
            let requests = server.requests();
            assert!(requests.iter().all(|one| !one.headers.contains_key("proxy-authorization")));
        }
    }
}

#[test]
fn a_proxy_that_may_not_be_told_hears_nothing_and_one_with_a_user_hears_of_that() {
    for server in servers() {
        let gate = gate(Asks::Negotiate);
        let scene = Scene::new(Auth::default(), Proxies::through(&gate.url("http")).unwrap());
        let error = fetch(Face::Waited, &scene.manager, Ask::get(server.url("/get"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Proxy(ProxyProblem::Authentication), "{error}");
        assert_eq!(told(&gate), ["-"]);
        // It is named as its URL names it.
        for (place, status) in [("127.0.0.1", None), ("http://127.0.0.1:*", Some(200))] {
            let auth = Auth { ambient: Ambient::only([place]).unwrap(), ..Auth::default() };
            let scene = Scene::new(auth, Proxies::through(&gate.url("http")).unwrap());
            let got = fetch(Face::Waited, &scene.manager, Ask::get(server.url("/get")));
            assert_eq!(got.ok().map(|got| got.status), status, "{place}");
        }
        let before = told(&gate).len();
        let way = gate.url("http").replace("://", "://user:passwd@");
        let auth = Auth { ambient: Ambient::All, ..by_tickets() };
        let scene = Scene::new(auth, Proxies::through(&way).unwrap());
        assert_eq!(scene.status(Face::Waited, &server.url("/get")), 200);
        assert_eq!(told(&gate)[before..], ["-", "ticket user for 127.0.0.1"]);
    }
}

#[test]
fn without_a_ticket_a_proxy_is_told_what_else_it_takes() {
    for face in FACES {
        for server in servers() {
            let gate = gate(Asks::NegotiateOrBasic);
            let asked = Arc::<Mutex<Vec<Scheme>>>::default();
            let proxies = Proxies::through(&gate.url("http")).unwrap();
            let scene = Scene::with_delegate(ambient(), proxies, Clerk(asked.clone()));
            scene.wallet.empty();
            for _ in 0..2 {
                assert_eq!(scene.status(face, &server.url("/get")), 200, "{face:?}");
            }
            assert_eq!(*asked.lock().unwrap(), [Scheme::Basic], "{face:?}");
            let heard = told(&gate);
            assert!(heard.iter().all(|one| ["-", "Basic"].contains(&one.as_str())), "{heard:?}");
            assert!(!scene.passed_over.lock().unwrap().is_empty());
        }
    }
}

#[test]
fn an_origin_and_a_proxy_each_hear_their_own() {
    for face in FACES {
        let (server, gate) = (serve_secure(), gate(Asks::Negotiate));
        let scene = Scene::new(ambient(), Proxies::through(&gate.url("http")).unwrap());
        let url = server.url_at("a.test", "/auth-negotiate");
        for _ in 0..2 {
            assert_eq!(scene.status(face, &url), 200, "{face:?}");
        }
        assert_eq!(said(&server), ["-", "ticket me for a.test bound", "-"], "{face:?}");
        assert!(told(&gate).iter().all(|one| one == "-" || one == "ticket me for 127.0.0.1"));
    }
}
