//! Everything at once on one manager, for a while: whatever is answered is answered rightly.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::time::{Duration, Instant};

use it::{Ask, Face, Filler, eventually, fetch, fetch_awaited, identity, is_at_rest, manager};
use wayfare::options::{Connections, Timeouts, Versions};
use wayfare::{Body, ErrorKind, Manager};
use wayfare_testkit::Server;
use wayfare_testkit::content::{bytes_of, sha256_hex, text_of};

/// A sequence without pattern, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Says whether an answer is the right one.
type Check = Box<dyn Fn(&it::Got) -> bool + Send>;

/// A request of some kind, and whether a body is the right answer to it.
fn roll(dice: &mut Dice, bases: &[String]) -> (Ask, Check) {
    let base = &bases[usize::try_from(dice.below(bases.len() as u64)).unwrap()];
    let (n, seed) = (dice.below(200_000), dice.below(1_000_000));
    let versions =
        [Versions::Any, Versions::Http1, Versions::Http2][usize::try_from(dice.below(3)).unwrap()];
    let (ask, right): (Ask, Check) = match dice.below(8) {
        0 => {
            let ask = Ask::post(format!("{base}/echo-body"), bytes_of(n, seed));
            (ask, Box::new(move |got| got.body == bytes_of(n, seed)))
        }
        1 => {
            let body = Body::blocking_reader(Filler { fill: b'x', left: n }, None);
            let right = move |got: &it::Got| {
                got.json()["sha256"] == sha256_hex(&vec![b'x'; usize::try_from(n).unwrap()])
            };
            (Ask::put(format!("{base}/upload"), body), Box::new(right))
        }
        2 => {
            let n = usize::try_from(n).unwrap();
            let codec = ["gzip", "br", "zstd", "deflate"][n % 4];
            (Ask::get(format!("{base}/{codec}/{n}")), Box::new(move |got| got.body == text_of(n)))
        }
        3 => {
            let to = format!("{base}/redirect-to?url=/bytes/{n}?seed={seed}");
            (Ask::get(to), Box::new(move |got| got.body == bytes_of(n, seed)))
        }
        4 => {
            let ask = Ask::post(format!("{base}/upload-refused"), vec![1; 300_000]);
            (ask, Box::new(|got| got.status == 413))
        }
        _ => {
            let ask = Ask::get(format!("{base}/bytes/{n}?seed={seed}"));
            (ask, Box::new(move |got| got.body == bytes_of(n, seed)))
        }
    };
    (ask.connections(Connections { versions, ..Connections::default() }), right)
}

fn soak(manager: &Manager, bases: &[String], until: Instant) {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let mut dice = Dice(thread);
                while Instant::now() < until {
                    let (ask, right) = roll(&mut dice, bases);
                    let (ask, hurried) = match dice.below(4) {
                        0 => {
                            let wait = Duration::from_micros(dice.below(20_000));
                            let timeouts = Timeouts { whole: wait.into(), ..Timeouts::default() };
                            (ask.timeouts(timeouts), true)
                        }
                        _ => (ask, false),
                    };
                    match fetch(Face::Waited, manager, ask) {
                        Ok(got) => assert!(right(&got), "{got:?}"),
                        Err(why) if hurried && matches!(why.kind(), ErrorKind::Timeout(_)) => {}
                        Err(why) => panic!("{why:?}"),
                    }
                }
            });
        }
        for task in 0..12 {
            let (manager, bases) = (manager.clone(), bases.to_vec());
            let running = it::runtime().spawn(async move {
                let mut dice = Dice(1_000 + task);
                while Instant::now() < until {
                    let (ask, right) = roll(&mut dice, &bases);
                    let fetched = fetch_awaited(&manager, ask);
                    let patience = match dice.below(4) {
                        0 => Duration::from_micros(dice.below(20_000)),
                        _ => Duration::from_secs(30),
                    };
                    match tokio::time::timeout(patience, fetched).await {
                        Ok(got) => assert!(right(&got.unwrap())),
                        Err(_) => assert!(patience < Duration::from_secs(30), "it hangs"),
                    }
                }
            });
            scope.spawn(move || it::runtime().block_on(running).unwrap());
        }
    });
}

#[test]
fn everything_at_once_is_answered_rightly() {
    let plain = Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
    let secure = Server::builder().tls(&identity().1).bind_on_thread("127.0.0.1:0").unwrap();
    let manager = manager();
    let seconds = std::env::var("WAYFARE_SOAK").ok().and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(6));
    soak(&manager, &[plain.url(""), secure.url("")], until);
    eventually("at rest", || is_at_rest(&manager));
    drop(manager);
    eventually("all closed", || plain.connections_open() + secure.connections_open() == 0);
}
