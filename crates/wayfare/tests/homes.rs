//! One manager used from many places: runtimes that come and go, threads, and both mixed.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use it::{
    Ask, Face, block_on, eventually, fetch, fetch_awaited, identity, is_at_rest, manager_for,
};
use tokio::runtime::{Builder, Runtime};
use wayfare::options::{Timeouts, Versions, Wait};
use wayfare_testkit::content::bytes_of;
use wayfare_testkit::{Protocols, Server};

fn serve(secure: bool) -> Server {
    let builder = Server::builder().protocols(Protocols::Both);
    let builder = if secure { builder.tls(&identity().1) } else { builder };
    builder.bind_on_thread("127.0.0.1:0").unwrap()
}

fn small_runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

const SHORT: Duration = Duration::from_secs(3);

const WAYS: [(bool, Versions); 4] = [
    (false, Versions::Http1),
    (true, Versions::Http1),
    (false, Versions::Http2),
    (true, Versions::Http2),
];

#[test]
fn a_manager_outlives_the_runtimes_it_is_used_in() {
    for (secure, versions) in WAYS {
        let server = serve(secure);
        let manager = manager_for(versions);
        for round in 0..10u64 {
            let runtime = small_runtime();
            runtime.block_on(async {
                for seed in 0..3 {
                    let url = server.url(&format!("/bytes/5000?seed={}", round * 10 + seed));
                    let got = fetch_awaited(&manager, Ask::get(url)).await.unwrap();
                    assert_eq!(got.body, bytes_of(5_000, round * 10 + seed));
                }
                // These are under way when the runtime ends.
                for _ in 0..3 {
                    let (manager, url) = (manager.clone(), server.url("/delay/10000"));
                    tokio::spawn(async move { fetch_awaited(&manager, Ask::get(url)).await });
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            });
            drop(runtime);
            assert!(is_at_rest(&manager), "{versions:?} {round}: {:?}", manager.queue());
        }
        eventually("what was left of the runtimes is closed", || server.connections_open() == 0);
    }
}

#[test]
fn a_reply_whose_runtime_has_ended_is_an_error_and_not_for_ever() {
    for (secure, versions) in WAYS {
        let server = serve(secure);
        let manager = manager_for(versions);
        let runtime = small_runtime();
        let url = server.url("/drip/1000/50");
        let reply = runtime.block_on(async { manager.get(&url).send().await.unwrap() });
        drop(runtime);
        let began = Instant::now();
        assert!(block_on(reply.bytes()).is_err(), "{versions:?}");
        assert!(began.elapsed() < Duration::from_secs(5));
        assert!(is_at_rest(&manager));
    }
}

#[test]
fn a_reply_can_be_read_in_another_runtime_than_it_was_asked_in() {
    for (secure, versions) in WAYS {
        let server = serve(secure);
        let manager = manager_for(versions);
        let url = server.url("/bytes/3000000");
        let reply = it::runtime().block_on(async { manager.get(&url).send().await.unwrap() });
        let body = small_runtime().block_on(reply.bytes()).unwrap();
        assert_eq!(body, bytes_of(3_000_000, 1));
    }
}

#[test]
fn replies_can_be_read_piece_by_piece_in_a_runtime_that_runs_only_meanwhile() {
    for (secure, versions) in WAYS {
        for at_once in [1, 2] {
            let server = serve(secure);
            let manager = manager_for(versions);
            let runtime = small_runtime();
            let timeouts = Timeouts { between_bytes: Wait::AtMost(SHORT), ..Timeouts::default() };
            let url = server.url("/bytes/3000000");
            let ask = || manager.get(&url).timeouts(timeouts).send();
            let mut replies: Vec<_> =
                (0..at_once).map(|_| runtime.block_on(async { ask().await.unwrap() })).collect();
            let mut bodies = vec![Vec::new(); at_once];
            let mut reading: VecDeque<usize> = (0..at_once).collect();
            while let Some(place) = reading.pop_front() {
                match runtime.block_on(replies[place].chunk()) {
                    Ok(Some(chunk)) => {
                        bodies[place].extend_from_slice(&chunk);
                        reading.push_back(place);
                    }
                    Ok(None) => {}
                    Err(error) => panic!("{versions:?}, {at_once}: {error}"),
                }
            }
            let right = bodies.iter().all(|body| *body == bytes_of(3_000_000, 1));
            assert!(right, "{versions:?}, {at_once}");
        }
    }
}

#[test]
fn a_thread_of_a_runtime_may_wait() {
    for (secure, versions) in WAYS {
        let server = serve(secure);
        let manager = manager_for(versions);
        small_runtime().block_on(async {
            for _ in 0..3 {
                let url = server.url("/delay-body/10");
                let got = fetch(Face::Waited, &manager, Ask::get(url)).unwrap();
                assert_eq!(got.status, 200);
                let url = server.url("/get");
                assert_eq!(fetch_awaited(&manager, Ask::get(url)).await.unwrap().status, 200);
            }
        });
        assert!(is_at_rest(&manager));
    }
}

#[test]
fn a_reply_can_be_handed_to_another_thread() {
    for (secure, versions) in WAYS {
        let server = serve(secure);
        let manager = manager_for(versions).blocking();
        let mut reply = manager.get(server.url("/bytes/5000000")).send().unwrap();
        let first = reply.chunk().unwrap().unwrap();
        let rest = std::thread::spawn(move || reply.bytes().unwrap()).join().unwrap();
        assert_eq!([first, rest].concat(), bytes_of(5_000_000, 1));
    }
}

#[test]
fn a_thread_that_does_not_read_its_reply_does_not_hold_up_the_others() {
    for (secure, versions) in WAYS {
        let server = serve(secure);
        let manager = manager_for(versions);
        let lazy = manager.blocking().get(server.url("/bytes/50000000")).send().unwrap();
        let began = Instant::now();
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let (manager, server) = (&manager, &server);
                scope.spawn(move || {
                    for _ in 0..20 {
                        let url = server.url(&format!("/bytes/100000?seed={thread}"));
                        let got = fetch(Face::Waited, manager, Ask::get(url)).unwrap();
                        assert_eq!(got.body, bytes_of(100_000, thread));
                    }
                });
            }
        });
        assert!(began.elapsed() < Duration::from_secs(8), "{versions:?} {:?}", began.elapsed());
        assert_eq!(lazy.bytes().unwrap(), bytes_of(50_000_000, 1));
    }
}

#[test]
fn what_a_slow_reader_takes_in_for_others_reaches_them_at_once() {
    let server = serve(true);
    let manager = manager_for(Versions::Http2).blocking();
    let mut slow = manager.get(server.url("/bytes/50000000")).send().unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Takes in what comes for everybody, then does something else for a while.
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                if slow.chunk().unwrap().is_none() {
                    slow = manager.get(server.url("/bytes/50000000")).send().unwrap();
                }
                std::thread::sleep(Duration::from_micros(300));
            }
        });
        let mut longest = Duration::ZERO;
        for _ in 0..400 {
            let began = Instant::now();
            manager.get(server.url("/delay/2")).send().unwrap().bytes().unwrap();
            longest = longest.max(began.elapsed());
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(longest < Duration::from_secs(3), "one answer took {longest:?}");
    });
}
