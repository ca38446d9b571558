//! Passwords and Negotiate: they are tried only where nothing else is meant, and wrong ones once.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod tickets;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tickets::{Wallet, ticketed};
use wayfare::delegate::{Credentials, CredentialsQuestion, Delegate, Login, ProxyQuestion};
use wayfare::options::{Auth, Proxies, Scheme, Schemes};
use wayfare::{ErrorKind, Manager, ProxyProblem};
use wayfare_testkit::Server;
use wayfare_testkit::proxy::{Asks, Proxy};

/// Says this, and counts how often it is asked.
struct Clerk(Credentials, Arc<AtomicUsize>);

impl Delegate for Clerk {
    fn credentials<'a>(&'a self, _: &'a CredentialsQuestion) -> Login<'a> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Some(self.0.clone()) })
    }

    fn proxy_credentials<'a>(&'a self, _: &'a ProxyQuestion) -> Login<'a> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Some(self.0.clone()) })
    }
}

/// A manager, what it does with tickets, and how often somebody was asked.
struct Scene {
    manager: Manager,
    wallet: Arc<Wallet>,
    asked: Arc<AtomicUsize>,
}

impl Scene {
    fn new(schemes: Schemes, proxies: Proxies, says: Credentials) -> Self {
        let ((network, wallet), asked) = (ticketed(), Arc::<AtomicUsize>::default());
        let auth = Auth { schemes, ..Auth::default() };
        let builder = Manager::builder().network(network).auth(auth).proxies(proxies);
        let manager = builder.delegate(Clerk(says, asked.clone())).build();
        Self { manager, wallet, asked }
    }

    fn status(&self, url: &str) -> u16 {
        self.manager.blocking().get(url).send().unwrap().status().as_u16()
    }
}

fn right() -> Credentials {
    Credentials::new("user", "passwd")
}

fn wrong() -> Credentials {
    Credentials::new("user", "wrong")
}

fn only() -> Schemes {
    Schemes::only(Scheme::Negotiate)
}

fn serve() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

fn gate(asks: Asks) -> Proxy {
    Proxy::builder().login("user", "passwd").asks(asks).bind_on_thread("127.0.0.1:0").unwrap()
}

#[test]
fn a_wrong_password_is_tried_once_whoever_knew_it() {
    let server = serve();
    let url = server.url("/auth-negotiate");
    let scene = Scene::new(only(), Proxies::off(), wrong());
    for expected in [1, 0, 0] {
        assert_eq!(scene.status(&url), 401);
        assert_eq!(scene.wallet.tried().len(), expected, "that of the delegate");
    }
    let scene = Scene::new(only(), Proxies::off(), Credentials::new("", ""));
    scene.manager.set_credentials(&url, None, Some(wrong())).unwrap();
    for expected in [1, 0, 0] {
        assert_eq!(scene.status(&url), 401);
        assert_eq!(scene.wallet.tried().len(), expected, "that of the manager");
    }
    scene.manager.set_credentials(&url, None, Some(right())).unwrap();
    assert_eq!(scene.status(&url), 200);
}

#[test]
fn where_no_ticket_is_issued_for_a_password_the_next_source_is_asked() {
    let server = serve();
    let url = server.url("/auth-negotiate");
    let scene = Scene::new(only(), Proxies::off(), right());
    scene.manager.set_credentials(&url, None, Some(wrong())).unwrap();
    for (tried, asked) in [(2, 1), (0, 1)] {
        assert_eq!(scene.status(&url), 200);
        assert_eq!(scene.wallet.tried().len(), tried);
        assert_eq!(scene.asked.load(Ordering::SeqCst), asked);
    }
}

#[test]
fn a_password_that_may_be_said_otherwise_is_not_tried_for_a_ticket() {
    let server = serve();
    let url = server.url("/auth-negotiate?also=Basic%20realm=r");
    let scene = Scene::new(Schemes::all(), Proxies::off(), right());
    scene.manager.set_credentials(&url, None, Some(right())).unwrap();
    assert_eq!(scene.status(&url), 401);
    let own = scene.manager.blocking().get(&url).credentials(right());
    assert_eq!(own.send().unwrap().status(), 401);
    let last = server.requests().pop().unwrap();
    assert!(last.headers["authorization"].to_str().unwrap().starts_with("Basic "));
    assert!(scene.wallet.tried().is_empty());
}

#[test]
fn a_proxy_has_a_wrong_password_tried_once_and_a_right_one_said_otherwise() {
    for way in ["http", "connect"] {
        let server = serve();
        let (strict, easy) = (gate(Asks::Negotiate), gate(Asks::NegotiateOrBasic));
        let through = |gate: &Proxy| Proxies::through(&gate.url(way)).unwrap();
        let scene = Scene::new(only(), through(&strict), wrong());
        for expected in [1, 0, 0] {
            let error = scene.manager.blocking().get(server.url("/get")).send().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Proxy(ProxyProblem::Authentication), "{error}");
            assert_eq!(scene.wallet.tried().len(), expected, "{way}");
        }
        let scene = Scene::new(Schemes::all(), through(&easy), right());
        for _ in 0..2 {
            assert_eq!(scene.status(&server.url("/get")), 200, "{way}");
        }
        assert!(scene.wallet.tried().is_empty(), "{way}");
        assert_eq!(scene.asked.load(Ordering::SeqCst), 1, "{way}");
        assert_eq!(easy.requests()[1].credentials.as_deref(), Some("Basic dXNlcjpwYXNzd2Q="));
    }
}
