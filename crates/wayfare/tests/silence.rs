//! Tickets that nobody gives: what waits for them ends in time, and little waits at once.
//!
//! All of it counts for the whole process, so one test follows the other.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;
mod tickets;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use it::{Ask, FACES, Face, eventually, fetch};
use tickets::{Wallet, ticketed};
use wayfare::event::What;
use wayfare::options::{Ambient, Auth, Dns, Proxies, Timeouts};
use wayfare::{ErrorKind, Manager, ProxyProblem};
use wayfare_testkit::Server;
use wayfare_testkit::proxy::{Asks, Proxy};

/// A manager that nobody gives tickets, and what it passed over.
struct Scene {
    manager: Manager,
    wallet: Arc<Wallet>,
    passed_over: Arc<Mutex<Vec<String>>>,
    _turn: MutexGuard<'static, ()>,
}

impl Scene {
    fn new(proxies: Proxies) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (network, wallet) = ticketed();
        let passed_over = Arc::<Mutex<Vec<String>>>::default();
        let told = passed_over.clone();
        let pins = vec![("*".to_owned(), IpAddr::from(Ipv4Addr::LOCALHOST))];
        let builder = Manager::builder().network(network).proxies(proxies);
        let builder = builder.auth(Auth { ambient: Ambient::All, ..Auth::default() });
        let builder = builder.dns(Dns { pins, ..Dns::default() }).on_event(move |event| {
            if let What::SchemePassedOver { why, .. } = &event.what {
                told.lock().unwrap().push(why.clone());
            }
        });
        Self { manager: builder.build(), wallet, passed_over, _turn: turn }
    }

    fn passed_over(&self) -> Vec<String> {
        std::mem::take(&mut self.passed_over.lock().unwrap())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.wallet.speak();
        eventually("all calls have ended", || self.wallet.waiting() == 0);
    }
}

fn serve() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

#[test]
fn an_origin_that_wants_a_ticket_is_answered_without_one_in_time() {
    for face in FACES {
        let (scene, server) = (Scene::new(Proxies::off()), serve());
        let url = server.url("/auth-negotiate");
        let ask = || {
            Ask::get(&url).timeouts(Timeouts { first_byte: LIMIT.into(), ..Timeouts::default() })
        };
        scene.wallet.fall_silent();
        let began = Instant::now();
        assert_eq!(fetch(face, &scene.manager, ask()).unwrap().status, 401, "{face:?}");
        assert!(began.elapsed() < LONG, "{face:?} {:?}", began.elapsed());
        assert_eq!(scene.passed_over(), ["there was no ticket within 200ms"], "{face:?}");
        // And where it is known that one is wanted.
        scene.wallet.speak();
        assert_eq!(fetch(face, &scene.manager, ask()).unwrap().status, 200, "{face:?}");
        scene.manager.clear_connections();
        scene.wallet.fall_silent();
        let began = Instant::now();
        assert_eq!(fetch(face, &scene.manager, ask()).unwrap().status, 401, "{face:?}");
        assert!(began.elapsed() < LONG, "{face:?} {:?}", began.elapsed());
        let words = scene.passed_over();
        assert!(words.iter().all(|why| why == "there was no ticket within 200ms"), "{words:?}");
        assert_eq!(words.len(), 2, "{words:?}");
    }
}

#[test]
fn a_proxy_that_wants_a_ticket_is_given_up_in_time() {
    let forwarded_or_tunneled = [serve().url("/get"), "https://a.test/".to_owned()];
    for face in FACES {
        for url in &forwarded_or_tunneled {
            let gate = Proxy::builder().login("user", "passwd").asks(Asks::Negotiate);
            let gate = gate.bind_on_thread("127.0.0.1:0").unwrap();
            let scene = Scene::new(Proxies::through(&gate.url("http")).unwrap());
            scene.wallet.fall_silent();
            let began = Instant::now();
            let ask =
                Ask::get(url).timeouts(Timeouts { proxy: LIMIT.into(), ..Timeouts::default() });
            let error = fetch(face, &scene.manager, ask).unwrap_err();
            assert!(began.elapsed() < LONG, "{face:?} {:?}", began.elapsed());
            let kind = ErrorKind::Proxy(ProxyProblem::Authentication);
            assert_eq!(error.kind(), kind, "{face:?} {error}");
            let words = scene.passed_over();
            assert!(words.iter().all(|why| why.contains("within 200ms")), "{words:?}");
            assert!(!words.is_empty());
        }
    }
}

#[test]
fn only_few_calls_wait_at_once_those_that_were_given_up_included() {
    let (scene, server) = (Scene::new(Proxies::off()), serve());
    scene.wallet.fall_silent();
    let url = server.url("/auth-negotiate");
    let mut most = 0;
    for _ in 0..3 {
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let waits = Timeouts { first_byte: LIMIT.into(), ..Timeouts::default() };
                    let ask = Ask::get(&url).timeouts(waits);
                    assert_eq!(fetch(Face::Waited, &scene.manager, ask).unwrap().status, 401);
                });
            }
        });
        most = most.max(scene.wallet.waiting());
    }
    assert_eq!(most, 8);
}

const LIMIT: Duration = Duration::from_millis(200);
/// Far more than the limit, and far less than what would be waited without it.
const LONG: Duration = Duration::from_secs(15);
