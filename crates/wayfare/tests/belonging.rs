//! Whose a connection is: what was proven on it is one user's, whatever happens on the way there.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod tickets;

use tickets::ticketed;
use wayfare::Manager;
use wayfare::delegate::{Credentials, Delegate, Login, ProxyQuestion};
use wayfare::options::{Auth, AuthenticationReuse, Proxies, Scheme, Schemes};
use wayfare_testkit::FaultServer;
use wayfare_testkit::script::{Script, Step};

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
