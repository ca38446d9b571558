//! Whose a connection is: what was proven on it is one user's, whatever happens on the way there.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;
mod tickets;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use http::Version;
use http::header::{AUTHORIZATION, HeaderValue};
use it::{identity, trust};
use tickets::{Wallet, ticketed};

use wayfare::delegate::{Credentials, Delegate, Login, ProxyQuestion};
use wayfare::options::{
    Ambient, Auth, AuthenticationReuse, Connections, Dns, Proxies, Scheme, Schemes, Versions,
};
use wayfare::{Builder, ErrorKind, Manager, ProxyProblem, Request, Waited};
use wayfare_testkit::proxy::{Asks, Proxy};
use wayfare_testkit::script::{Script, Step};
use wayfare_testkit::{FaultServer, Protocols, Server};

/// Knows who to be for proxies.
struct Clerk;

impl Delegate for Clerk {
    fn proxy_credentials<'a>(&'a self, _: &'a ProxyQuestion) -> Login<'a> {
        Box::pin(async { Some(Credentials::new("ada", "secret")) })
    }
}

fn manager(auth: Auth, proxies: Proxies) -> Manager {
    let builder = Manager::builder().network(ticketed().0).auth(auth).proxies(proxies);
    builder.delegate(Clerk).build()
}

/// Requests that say who they are do so by Negotiate.
fn by_ticket(reuse: AuthenticationReuse) -> Auth {
    Auth { reuse, schemes: Schemes::only(Scheme::Negotiate).with(Scheme::Basic), ..Auth::default() }
}

/// Somebody's request, and nobody's.
const BOTH: [Option<()>; 2] = [Some(()), None];

/// The status and text of a request, of whoever is logged in or of nobody.
fn ask(manager: &Manager, who: Option<()>) -> (u16, String) {
    let request = manager.blocking().get("http://127.0.0.1:1/");
    let request = match who {
        Some(()) => request.credentials(Credentials::ambient()),
        None => request,
    };
    let reply = request.send().unwrap();
    (reply.status().as_u16(), reply.text().unwrap())
}

/// Serves these connections, each of which says its answers one after the other.
fn scripted(connections: &[&[&str]]) -> FaultServer {
    let said = |answer: &&str| {
        let (head, body) = answer.split_once('|').unwrap_or((answer, ""));
        let length = format!("Content-Length: {}\r\n", body.len());
        let length = if head == OPEN { "" } else { &length };
        let head = head.replace('~', "\r\n");
        [Step::head(), Step::send(format!("HTTP/1.1 {head}\r\n{length}\r\n{body}"))]
    };
    let steps = |answers: &&[&str]| answers.iter().flat_map(said).collect();
    let script = Script::once(connections.iter().map(steps).collect());
    FaultServer::script(script).bind_on_thread("127.0.0.1:0").unwrap()
}

fn tunnel(server: &FaultServer) -> String {
    server.url("").replace("http://", "connect://")
}

const OPEN: &str = "200 Open";
const ASKS: &str = "401 Who~WWW-Authenticate: Negotiate~Connection: close";
const PROVES: &str = "200 OK~WWW-Authenticate: Negotiate cHJvb2Y=|for the user";
const STILL: &str = "200 OK|for the user";
const OTHERS: &str = "200 OK|for nobody";

#[test]
fn a_proxy_that_asks_in_the_middle_of_a_talk_leaves_the_connection_the_user_s_own() {
    for reuse in [AuthenticationReuse::Automatic, AuthenticationReuse::Manual] {
        let gate = scripted(&[
            &[OPEN, ASKS],
            &["407 Who~Proxy-Authenticate: Basic realm=gate~Connection: close"],
            &[OPEN, PROVES, STILL],
            &[OPEN, OTHERS],
        ]);
        let proxies = Proxies::through(&tunnel(&gate)).unwrap();
        let manager = manager(by_ticket(reuse), proxies);
        for (who, said) in BOTH.into_iter().zip(["for the user", "for nobody"]) {
            assert_eq!(ask(&manager, who), (200, said.into()), "{reuse:?}");
        }
    }
}

#[test]
fn another_way_in_the_middle_of_a_talk_leaves_the_connection_the_user_s_own() {
    for reuse in [AuthenticationReuse::Automatic, AuthenticationReuse::Manual] {
        let first = scripted(&[&[OPEN, ASKS], &["503 No~Connection: close"]]);
        let next = scripted(&[&[OPEN, PROVES, STILL], &[OPEN, OTHERS]]);
        let ways = [&first, &next].map(|gate| tunnel(gate).parse().unwrap());
        let manager = manager(by_ticket(reuse), Proxies::list(ways.into()));
        for (who, said) in BOTH.into_iter().zip(["for the user", "for nobody"]) {
            assert_eq!(ask(&manager, who), (200, said.into()), "{reuse:?}");
        }
    }
}

/// A server with a place for tickets, over TLS, and what each of its requests said.
fn serve() -> Server {
    let builder = Server::builder().tls(&identity().1).protocols(Protocols::Both);
    builder.bind_on_thread("127.0.0.1:0").unwrap()
}

fn said(server: &Server) -> Vec<String> {
    let requests = server.requests();
    let fields = requests.iter().map(|record| record.headers.get("authorization"));
    let scheme = |field: &HeaderValue| field.to_str().unwrap().split(' ').next().unwrap().into();
    fields.map(|field| field.map_or_else(|| "-".to_owned(), scheme)).collect()
}

/// One that may tell everybody who is logged in.
fn telling(builder: Builder) -> Manager {
    let auth = Auth { ambient: Ambient::All, ..Auth::default() };
    let here = IpAddr::from(Ipv4Addr::LOCALHOST);
    let dns = Dns { pins: vec![("*".to_owned(), here)], ..Dns::default() };
    let builder = builder.network(ticketed().0).tls(trust()).proxies(Proxies::off());
    builder.auth(auth).dns(dns).build()
}

#[test]
fn a_request_that_may_not_say_so_is_not_whom_another_request_said_to_be() {
    let secretive = Auth::default();
    let elsewhere =
        Auth { ambient: Ambient::only(["https://b.test:*"]).unwrap(), ..Auth::default() };
    let once = Auth { reuse: AuthenticationReuse::Manual, ..Auth::default() };
    let basic =
        Auth { ambient: Ambient::All, schemes: Schemes::only(Scheme::Basic), ..once.clone() };
    for auth in [secretive, elsewhere, once, basic] {
        let (server, manager) = (serve(), telling(Manager::builder()));
        let url = server.url_at("a.test", "/auth-negotiate");
        let send = |request: Request<Waited>| request.send().unwrap().status().as_u16();
        assert_eq!(send(manager.blocking().get(&url)), 200);
        assert_eq!(send(manager.blocking().get(&url).auth(auth.clone())), 401, "{auth:?}");
        // Who may is not asked again.
        assert_eq!(send(manager.blocking().get(&url)), 200);
        assert_eq!(said(&server), ["-", "Negotiate", "-", "-"], "{auth:?}");
    }
}

#[test]
fn a_request_that_demands_http_2_has_it_though_tickets_are_known_to_be_taken() {
    let (server, manager) = (serve(), telling(Manager::builder()));
    let url = server.url_at("a.test", "/auth-negotiate");
    assert_eq!(manager.blocking().get(&url).send().unwrap().status(), 200);
    let connections = Connections { versions: Versions::Http2, ..Connections::default() };
    let reply = manager.blocking().get(&url).connections(connections).send().unwrap();
    assert_eq!((reply.status().as_u16(), reply.version()), (401, Version::HTTP_2));
}

#[test]
fn what_the_manager_says_by_hand_is_not_said_on_a_connection_that_is_proven() {
    let (first, other) = (serve(), serve());
    let manager =
        telling(Manager::builder().header(AUTHORIZATION, HeaderValue::from_static("Mine t0ken")));
    let end = other.url_at("b.test", "/auth-negotiate");
    let to: String = url::form_urlencoded::byte_serialize(end.as_bytes()).collect();
    let start = first.url_at("a.test", &format!("/redirect-to?url={to}"));
    // It does not follow a redirect, so that whoever is logged in may be told.
    assert_eq!(manager.blocking().get(&start).send().unwrap().status(), 200);
    let reply = manager.blocking().get(&end).send().unwrap();
    assert_eq!((reply.status().as_u16(), reply.version()), (401, Version::HTTP_2));
    assert_eq!(said(&other), ["-", "Negotiate", "Mine"]);
}

/// A manager of one proxy, which may be told who is logged in.
fn behind(gate: &str, asked: &Arc<Mutex<Vec<Scheme>>>) -> (Manager, Arc<Wallet>) {
    let (network, wallet) = ticketed();
    let auth = Auth { ambient: Ambient::All, ..Auth::default() };
    let builder = Manager::builder().network(network).auth(auth).delegate(Curious(asked.clone()));
    (builder.proxies(Proxies::through(gate).unwrap()).build(), wallet)
}

/// Keeps for what it was asked, and knows nobody.
struct Curious(Arc<Mutex<Vec<Scheme>>>);

impl Delegate for Curious {
    fn proxy_credentials<'a>(&'a self, asked: &'a ProxyQuestion) -> Login<'a> {
        self.0.lock().unwrap().extend(asked.scheme);
        Box::pin(async { None })
    }
}

#[test]
fn a_proxy_without_realms_is_asked_about_though_nobody_who_is_logged_in_has_a_ticket() {
    for way in ["http", "connect"] {
        let asks =
            "407 Who~Proxy-Authenticate: Negotiate~Proxy-Authenticate: NTLM~Connection: close";
        let gate = scripted(&[&[asks], &[asks], &[asks]]);
        let asked = Arc::<Mutex<Vec<Scheme>>>::default();
        let (manager, wallet) = behind(&gate.url("").replace("http:", &format!("{way}:")), &asked);
        wallet.empty();
        manager.blocking().get("http://127.0.0.1:1/").send().unwrap_err();
        assert_eq!(*asked.lock().unwrap(), [Scheme::Ntlm], "{way}");
    }
}

#[test]
fn a_proxy_hears_who_is_logged_in_from_those_requests_only_that_may_tell_it() {
    for way in ["http", "connect"] {
        let gate = Proxy::builder().login("user", "passwd").asks(Asks::Negotiate);
        let (gate, server) = (gate.bind_on_thread("127.0.0.1:0").unwrap(), serve_plainly());
        let (manager, _) = behind(&gate.url(way), &Arc::default());
        let url = server.url("/get");
        assert_eq!(manager.blocking().get(&url).send().unwrap().status(), 200, "{way}");
        let before = gate.requests().len();
        let error = manager.blocking().get(&url).auth(Auth::default()).send().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Proxy(ProxyProblem::Authentication), "{way} {error}");
        let heard = &gate.requests()[before..];
        assert!(heard.iter().all(|one| one.credentials.is_none()), "{way} {heard:?}");
    }
}

fn serve_plainly() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

#[test]
fn nothing_is_proven_through_a_proxy_that_does_not_say_that_it_keeps_connections_apart() {
    for (support, is_told) in [
        ("", false),
        ("~Proxy-Support: Other", false),
        ("~Proxy-Support: other, session-based-AUTHENTICATION", true),
    ] {
        for scheme in ["Negotiate", "NTLM"] {
            let asks = format!("401 Who~WWW-Authenticate: {scheme}{support}");
            let each: &[&str] = &[&asks, &asks];
            let gate = scripted(&[each; 5]);
            let manager = manager(Auth::default(), Proxies::through(&gate.url("")).unwrap());
            let who = match scheme {
                "NTLM" => Credentials::new("user", "passwd"),
                _ => Credentials::ambient(),
            };
            let request = manager.blocking().get("http://127.0.0.1:1/").credentials(who);
            assert_eq!(request.send().unwrap().status(), 401, "{scheme} {support}");
            let heard: Vec<_> = gate.heard().into_iter().flat_map(|heard| heard.bytes).collect();
            let heard = String::from_utf8(heard.to_ascii_lowercase()).unwrap();
            assert_eq!(heard.contains("authorization: "), is_told, "{scheme} {support}");
        }
    }
}

#[test]
fn what_is_known_to_take_tickets_is_told_none_through_such_a_proxy() {
    let (server, gate) = (serve_plainly(), scripted(&[&[ASKS, ASKS]]));
    let url = server.url("/auth-negotiate");
    let direct = telling(Manager::builder());
    let send = || direct.blocking().get(&url);
    assert_eq!(send().send().unwrap().status(), 200);
    let through = Proxies::through(&gate.url("")).unwrap();
    assert_eq!(send().proxies(through).send().unwrap().status(), 401);
    let heard = String::from_utf8(gate.heard()[0].bytes.to_ascii_lowercase()).unwrap();
    assert!(!heard.contains("authorization: "), "{heard}");
}

#[test]
fn a_proxy_that_asks_has_not_let_anybody_in_for_the_server_behind() {
    let asks = "401 Who~Proxy-Support: Session-Based-Authentication~WWW-Authenticate: Negotiate";
    let guarded = "407 Who~Proxy-Authenticate: Basic realm=gate";
    let asked: &[&[&str]] = &[&[asks], &[guarded], &[PROVES, STILL], &[OTHERS]];
    let named: &[&[&str]] = &[&[asks], &[guarded, PROVES, STILL], &[OTHERS]];
    for reuse in [AuthenticationReuse::Automatic, AuthenticationReuse::Manual] {
        for (connections, who_is_named) in [(asked, ""), (named, "ada:secret@")] {
            let gate = scripted(connections);
            let way = gate.url("").replace("://", &format!("://{who_is_named}"));
            let manager = manager(by_ticket(reuse), Proxies::through(&way).unwrap());
            for (who, said) in BOTH.into_iter().zip(["for the user", "for nobody"]) {
                assert_eq!(ask(&manager, who), (200, said.into()), "{reuse:?} {way}");
            }
            // What the server was to hear is said again, since it has not heard it.
            let heard: Vec<_> = gate.heard().into_iter().flat_map(|heard| heard.bytes).collect();
            let heard = String::from_utf8(heard.to_ascii_lowercase()).unwrap();
            let told = heard.matches("\r\nauthorization: negotiate").count();
            assert_eq!(told, 2, "{reuse:?} {way} {heard}");
        }
    }
}

#[test]
fn a_proxy_that_asks_with_each_request_is_told_with_each() {
    let asks = "407 Who~Proxy-Authenticate: Negotiate";
    let gate = scripted(&[&[asks], &[OTHERS, asks, OTHERS, OTHERS, OTHERS]]);
    let asked = Arc::default();
    let (manager, wallet) = behind(&gate.url(""), &asked);
    for _ in 0..4 {
        assert_eq!(ask(&manager, None), (200, "for nobody".into()));
    }
    let heard = String::from_utf8(gate.heard()[1].bytes.to_ascii_lowercase()).unwrap();
    let requests = heard.split("get http://").skip(1);
    let said: Vec<_> = requests.map(|one| one.contains("proxy-authorization: negot")).collect();
    // Asked once more on the connection that was proven; then it is known, and costs no round.
    assert_eq!(said, [true, false, true, true, true]);
    assert_eq!(wallet.begun().len(), 4, "the first tokens are used");
}
