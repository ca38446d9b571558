//! Connections kept, shared, waited for and thrown away.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::sync::Arc;
use std::time::{Duration, Instant};

use it::{
    Ask, FACES, Face, eventually, fetch, fetch_awaited, hold, identity, is_at_rest, manager,
    manager_for, runtime, trust,
};
use wayfare::options::{Bodies, Connections, Timeouts, Versions, Wait};
use wayfare::queueing::Priority;
use wayfare::{ErrorKind, Manager};
use wayfare_testkit::content::bytes_of;
use wayfare_testkit::script::{Script, Step};
use wayfare_testkit::{FaultServer, H2FaultServer, Protocols, Server};

fn serve() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

fn serve_tls(protocols: Protocols) -> Server {
    let builder = Server::builder().tls(&identity().1).protocols(protocols);
    builder.bind_on_thread("127.0.0.1:0").unwrap()
}

fn with(connections: Connections) -> Manager {
    Manager::builder().tls(trust()).connections(connections).build()
}

/// Sends many requests at once and gives their results in the order of the requests.
fn fetch_all(
    face: Face,
    manager: &Manager,
    asks: Vec<Ask>,
) -> Vec<Result<it::Got, wayfare::Error>> {
    if face == Face::Awaited {
        return runtime().block_on(async {
            let start = |ask| {
                let manager = manager.clone();
                tokio::spawn(async move { fetch_awaited(&manager, ask).await })
            };
            let tasks: Vec<_> = asks.into_iter().map(start).collect();
            let mut results = Vec::new();
            for task in tasks {
                results.push(task.await.unwrap());
            }
            results
        });
    }
    std::thread::scope(|scope| {
        let start = |ask| scope.spawn(move || fetch(face, manager, ask));
        let threads: Vec<_> = asks.into_iter().map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn one_connection_serves_one_request_after_the_other() {
    for face in FACES {
        for server in [serve(), serve_tls(Protocols::Http1), serve_tls(Protocols::Both)] {
            let manager = manager();
            for number in 0..20 {
                let url = server.url(&format!("/bytes/{}", number * 5_000));
                let got = fetch(face, &manager, Ask::get(url)).unwrap();
                assert_eq!(got.reused, number > 0, "{face:?} {number}");
            }
            assert_eq!(server.connections_opened(), 1);
        }
    }
}

#[test]
fn a_post_is_never_sent_twice_and_a_get_once_more() {
    for face in FACES {
        for name in ["closes-on-second", "resets-on-second"] {
            let heads = |server: &FaultServer, method: &str| -> usize {
                let count = |bytes: &[u8]| {
                    bytes.windows(method.len()).filter(|part| *part == method.as_bytes()).count()
                };
                server.heard().iter().map(|heard| count(&heard.bytes)).sum()
            };
            let server = FaultServer::named(name).bind_on_thread("127.0.0.1:0").unwrap();
            let manager = manager();
            fetch(face, &manager, Ask::get(server.url("/"))).unwrap();
            let error = fetch(face, &manager, Ask::post(server.url("/"), "once")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
            assert_eq!(error.retry(), wayfare::Retry::OnReusedConnection);
            assert_eq!(heads(&server, "POST /"), 1, "{face:?} {name}");

            fetch(face, &manager, Ask::get(server.url("/"))).unwrap();
            fetch(face, &manager, Ask::get(server.url("/"))).unwrap();
            assert_eq!(heads(&server, "GET /"), 4, "{face:?} {name}");
        }
    }
}

#[test]
fn a_get_succeeds_though_all_six_kept_connections_have_gone() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    // Each goes only when it is asked again, so that nobody can notice before.
    let dying =
        vec![Step::head(), Step::wait_ms(200), Step::send(answer), Step::head(), Step::Drop];
    let mut connections = vec![dying; 6];
    connections.push(vec![Step::head(), Step::send(answer)]);
    for face in FACES {
        let script = Script::once(connections.clone());
        let server = FaultServer::script(script).bind_on_thread("127.0.0.1:0").unwrap();
        let manager = manager();
        let asks = (0..6).map(|_| Ask::get(server.url("/"))).collect();
        for result in fetch_all(face, &manager, asks) {
            assert!(!result.unwrap().reused, "{face:?}");
        }
        let got = fetch(face, &manager, Ask::get(server.url("/")));
        let got = got.unwrap_or_else(|why| panic!("{face:?}: {why:?}"));
        assert_eq!((got.text(), got.reused), ("ok", false), "{face:?}");
    }
}

#[test]
fn a_post_uses_no_connection_that_was_closed_while_it_was_idle() {
    for face in FACES {
        for name in ["close-after-one", "reset-after-one", "408-then-close", "late-poison"] {
            let server = FaultServer::named(name).bind_on_thread("127.0.0.1:0").unwrap();
            let manager = manager();
            for _ in 0..3 {
                let got = fetch(face, &manager, Ask::post(server.url("/"), "once")).unwrap();
                assert_eq!(got.text(), "good\n", "{face:?} {name}");
                std::thread::sleep(Duration::from_millis(120));
            }
        }
    }
}

#[test]
fn no_more_than_six_connections_go_to_one_origin() {
    for face in FACES {
        let server = serve();
        let manager = manager();
        let asks = (0..30).map(|_| Ask::get(server.url("/delay/20"))).collect();
        assert!(
            fetch_all(face, &manager, asks).into_iter().all(|result| result.unwrap().status == 200)
        );
        assert_eq!(server.peak_concurrent_connections(), 6, "{face:?}");
        assert_eq!(server.peak_concurrent_requests(), 6, "{face:?}");
        assert!(is_at_rest(&manager));
    }
}

#[test]
fn with_one_connection_the_order_is_priority_then_arrival() {
    for face in FACES {
        let server = serve();
        let manager = with(Connections { per_origin: 1, ..Connections::default() });
        let asked =
            [Priority::Low, Priority::Normal, Priority::High, Priority::Normal, Priority::High];
        let first = manager.clone();
        let url = server.url("/delay/400");
        let threads: Vec<_> = std::iter::once(std::thread::spawn(move || {
            fetch(face, &first, Ask::get(url)).unwrap();
        }))
        .chain(asked.iter().enumerate().map(|(number, priority)| {
            std::thread::sleep(Duration::from_millis(30));
            let manager = manager.clone();
            let ask = Ask::get(server.url(&format!("/get?{number}"))).priority(*priority);
            std::thread::spawn(move || {
                fetch(face, &manager, ask).unwrap();
            })
        }))
        .collect();
        eventually("all wait", || manager.queue().waiting.iter().sum::<usize>() == 5);
        assert_eq!(manager.queue().waiting, [2, 2, 1]);
        for thread in threads {
            thread.join().unwrap();
        }
        let order: Vec<_> = server.requests().iter().skip(1).map(|r| r.target.clone()).collect();
        assert_eq!(order, ["/get?2", "/get?4", "/get?1", "/get?3", "/get?0"], "{face:?}");
    }
}

#[test]
fn a_busy_origin_does_not_starve_another_under_an_overall_limit() {
    let (busy, quiet) = (serve(), serve());
    let manager = with(Connections { overall: Some(2), ..Connections::default() });
    runtime().block_on(async {
        let many: Vec<_> = (0..60)
            .map(|_| manager.get(busy.url("/delay/20")).priority(Priority::High).start().unwrap())
            .collect();
        tokio::time::sleep(Duration::from_millis(30)).await;
        let began = Instant::now();
        manager.get(quiet.url("/get")).priority(Priority::Low).send().await.unwrap();
        assert!(busy.request_count() < 20, "{} in {:?}", busy.request_count(), began.elapsed());
        drop(many);
    });
    eventually("at rest", || is_at_rest(&manager));
}

#[test]
fn other_trust_means_another_connection() {
    for face in FACES {
        for protocols in [Protocols::Http1, Protocols::Both] {
            let server = serve_tls(protocols);
            let manager = manager();
            let everybody = trust().dangerous().trust_everybody();
            let url = || Ask::get(server.url("/get"));
            fetch(face, &manager, url()).unwrap();
            assert!(!fetch(face, &manager, url().tls(everybody.clone())).unwrap().reused);
            assert!(fetch(face, &manager, url()).unwrap().reused);
            assert!(fetch(face, &manager, url().tls(everybody)).unwrap().reused);
            let nobody = wayfare::options::Tls::default();
            assert!(fetch(face, &manager, url().tls(nobody)).is_err());
            eventually("two are left", || {
                server.connections_opened() - server.failed_handshakes() == 2
            });
        }
    }
}

fn preconnect(face: Face, manager: &Manager, url: &str) {
    match face {
        Face::Alone => it::block_on(manager.preconnect(url)).unwrap(),
        Face::Awaited => runtime().block_on(manager.preconnect(url)).unwrap(),
        Face::Waited => manager.blocking().preconnect(url).unwrap(),
    }
}

#[test]
fn a_request_finds_the_connection_opened_for_it() {
    for face in FACES {
        for server in [serve(), serve_tls(Protocols::Http1), serve_tls(Protocols::Both)] {
            let manager = manager();
            preconnect(face, &manager, &server.url("/"));
            eventually("it is open", || server.connections_open() == 1);
            fetch(face, &manager, Ask::get(server.url("/get"))).unwrap();
            assert_eq!(server.connections_opened(), 1, "{face:?}");
        }
    }
}

#[test]
fn opening_a_connection_ahead_waits_for_a_place_as_a_request_does() {
    for face in FACES {
        let server = serve();
        let manager = with(Connections { per_origin: 1, ..Connections::default() });
        let held = hold(face, &manager, Ask::get(server.url("/bytes/5000000"))).unwrap();
        std::thread::scope(|scope| {
            let ahead = scope.spawn(|| preconnect(face, &manager, &server.url("/")));
            std::thread::sleep(Duration::from_millis(100));
            assert!(!ahead.is_finished(), "{face:?}");
            assert_eq!(server.connections_opened(), 1, "{face:?}");
            assert_eq!(held.bytes().unwrap().len(), 5_000_000);
            ahead.join().unwrap();
        });
        assert!(server.connections_opened() <= 2, "{face:?}");
    }
}

#[test]
fn a_request_with_another_read_buffer_gets_a_connection_made_with_it() {
    for face in FACES {
        for (server, versions, opened) in [
            (serve(), Versions::Http2, 2),
            (serve_tls(Protocols::Both), Versions::Any, 2),
            // Over HTTP/1.1 each body has its own.
            (serve(), Versions::Http1, 1),
        ] {
            let manager = with(Connections { versions, ..Connections::default() });
            let small = || Bodies { read_buffer: 64 * 1024, ..Bodies::default() };
            for _ in 0..2 {
                fetch(face, &manager, Ask::get(server.url("/get"))).unwrap();
                fetch(face, &manager, Ask::get(server.url("/get")).bodies(small())).unwrap();
            }
            assert_eq!(server.connections_opened(), opened, "{face:?} {versions:?}");
        }
    }
}

#[test]
fn a_connection_opened_ahead_and_closed_by_the_server_costs_nothing() {
    let closing = vec![Step::wait_ms(20), Step::Drop];
    let good = vec![Step::head(), Step::send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")];
    let dying = vec![Step::head(), Step::Drop];
    for face in FACES {
        for (secure, first) in
            [(false, &closing), (true, &closing), (false, &dying), (true, &dying)]
        {
            let builder = FaultServer::script(Script::once(vec![first.clone(), good.clone()]));
            let builder = if secure { builder.tls(&identity().1) } else { builder };
            let server = builder.bind_on_thread("127.0.0.1:0").unwrap();
            let manager = manager();
            preconnect(face, &manager, &server.url("/"));
            std::thread::sleep(Duration::from_millis(100));
            let got = fetch(face, &manager, Ask::get(server.url("/")));
            let got = got.unwrap_or_else(|why| panic!("{face:?} secure {secure}: {why:?}"));
            assert_eq!(got.text(), "ok");
        }
    }
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    for face in FACES {
        for (server, versions) in [(serve(), Versions::Any), (serve(), Versions::Http2)] {
            let idle = Duration::from_millis(300);
            let manager = with(Connections { idle, versions, ..Connections::default() });
            fetch(face, &manager, Ask::get(server.url("/get"))).unwrap();
            std::thread::sleep(Duration::from_millis(400));
            assert!(
                !fetch(face, &manager, Ask::get(server.url("/get"))).unwrap().reused,
                "{face:?} {versions:?}"
            );
            eventually("all are closed", || server.connections_open() == 0);
        }
    }
}

#[test]
fn a_connection_on_loan_for_long_is_closed_after_its_time_too() {
    let server = serve();
    let idle = Duration::from_millis(300);
    let manager = with(Connections { idle, ..Connections::default() });
    // Longer than whoever looks after idle connections sleeps between two looks.
    let got = fetch(Face::Waited, &manager, Ask::get(server.url("/delay/2500"))).unwrap();
    assert_eq!(got.status, 200);
    assert_eq!(server.connections_open(), 1);
    eventually("it is closed", || server.connections_open() == 0);
}

#[test]
fn a_reply_dropped_half_read_frees_its_turn_and_spoils_nothing() {
    for face in FACES {
        for versions in [Versions::Http1, Versions::Http2] {
            let server = serve();
            let manager = manager_for(versions);
            let ask = Ask::get(server.url("/bytes/20000000"));
            let mut held = hold(face, &manager, ask).unwrap();
            assert!(held.chunk().unwrap().is_some());
            assert_eq!(manager.queue().active, 1);
            drop(held);
            assert!(is_at_rest(&manager));
            let got = fetch(face, &manager, Ask::get(server.url("/bytes/3000?seed=5"))).unwrap();
            assert_eq!(got.body, bytes_of(3000, 5));
            eventually("the server stops", || server.peak_concurrent_requests() <= 2);
        }
    }
}

#[test]
fn requests_cancelled_at_random_never_leave_their_answer_to_another() {
    for versions in [Versions::Http1, Versions::Http2] {
        for secure in [false, true] {
            let server = if secure { serve_tls(Protocols::Both) } else { serve() };
            let manager = Arc::new(manager_for(versions));
            runtime().block_on(async {
                let mut tasks = Vec::new();
                for number in 0..400u64 {
                    let (manager, server) = (manager.clone(), server.url(""));
                    tasks.push(tokio::spawn(async move {
                        let length = number * 97 % 30_000;
                        let ask = Ask::get(format!("{server}/bytes/{length}?seed={number}"));
                        let fetch = fetch_awaited(&manager, ask);
                        let patience = Duration::from_micros(number * 7_919 % 60_000);
                        match tokio::time::timeout(patience, fetch).await {
                            Ok(got) => assert_eq!(got.unwrap().body, bytes_of(length, number)),
                            Err(_) => tokio::task::yield_now().await,
                        }
                    }));
                    if number % 8 == 0 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
                for task in tasks {
                    task.await.unwrap();
                }
            });
            assert!(is_at_rest(&manager), "{versions:?}: {:?}", manager.queue());
            for number in 0..20 {
                let ask = Ask::get(server.url(&format!("/bytes/5000?seed={number}")));
                assert_eq!(
                    fetch(Face::Awaited, &manager, ask).unwrap().body,
                    bytes_of(5000, number)
                );
            }
        }
    }
}

#[test]
fn threads_whose_requests_run_out_of_time_never_leave_their_answer_to_another() {
    for versions in [Versions::Http1, Versions::Http2] {
        let server = serve();
        let manager = manager_for(versions);
        std::thread::scope(|scope| {
            for thread in 0..8u64 {
                let (manager, server) = (&manager, &server);
                scope.spawn(move || {
                    for turn in 0..60u64 {
                        let number = thread * 1_000 + turn;
                        let length = number * 97 % 30_000;
                        let wait = Duration::from_micros(200 + number * 7_919 % 9_000);
                        let timeouts = Timeouts { whole: wait.into(), ..Timeouts::default() };
                        let ask = Ask::get(server.url(&format!("/bytes/{length}?seed={number}")));
                        match fetch(Face::Waited, manager, ask.timeouts(timeouts)) {
                            Ok(got) => assert_eq!(got.body, bytes_of(length, number)),
                            Err(why) => {
                                assert!(matches!(why.kind(), ErrorKind::Timeout(_)), "{why:?}");
                            }
                        }
                    }
                });
            }
        });
        assert!(is_at_rest(&manager), "{versions:?}: {:?}", manager.queue());
    }
}

#[test]
fn many_at_once_share_one_http2_connection() {
    for face in FACES {
        for secure in [false, true] {
            let server = if secure { serve_tls(Protocols::Both) } else { serve() };
            let manager = manager_for(if secure { Versions::Any } else { Versions::Http2 });
            let ask = |seed| Ask::get(server.url(&format!("/bytes/50000?seed={seed}")));
            let results = fetch_all(face, &manager, (0..40).map(ask).collect());
            for (seed, result) in results.into_iter().enumerate() {
                assert_eq!(result.unwrap().body, bytes_of(50_000, seed as u64), "{face:?}");
            }
            assert_eq!(server.connections_opened(), 1, "{face:?} {secure}");
            assert!(is_at_rest(&manager));
        }
    }
}

#[test]
fn a_server_of_few_streams_at_a_time_is_asked_on_further_connections() {
    for face in FACES {
        for name in ["max-streams-1", "max-streams-lowered", "max-streams-raised"] {
            let server = H2FaultServer::named(name).bind_on_thread("127.0.0.1:0").unwrap();
            let manager = manager_for(Versions::Http2);
            let timeouts = Timeouts { whole: Wait::seconds(8), ..Timeouts::default() };
            let ask = |_| Ask::get(server.url("/")).timeouts(timeouts);
            for round in 0..2 {
                for result in fetch_all(face, &manager, (0..12).map(ask).collect()) {
                    result.unwrap_or_else(|why| panic!("{face:?} {name} {round}: {why:?}"));
                }
            }
            assert!(server.heard().len() <= 6, "{face:?} {name}");
            assert!(is_at_rest(&manager));
        }
    }
}

#[test]
fn no_more_streams_are_opened_than_the_server_said_it_takes() {
    for face in FACES {
        let server = H2FaultServer::named("max-streams-1").bind_on_thread("127.0.0.1:0").unwrap();
        let versions = Versions::Http2;
        let manager = with(Connections { per_origin: 1, versions, ..Connections::default() });
        // The first answer brings the server's settings along.
        fetch(face, &manager, Ask::get(server.url("/"))).unwrap();
        let ask = |_| Ask::get(server.url("/"));
        for result in fetch_all(face, &manager, (0..12).map(ask).collect()) {
            result.unwrap();
        }
        let heard = server.heard();
        assert_eq!((heard.len(), heard[0].requests, heard[0].peak_open), (1, 13, 1), "{face:?}");
    }
}

#[test]
fn a_post_uses_no_http2_connection_that_was_closed_while_it_was_idle() {
    for face in FACES {
        for secure in [false, true] {
            let builder = H2FaultServer::named("goaway-above");
            let builder = if secure { builder.tls(&identity().1) } else { builder };
            let server = builder.bind_on_thread("127.0.0.1:0").unwrap();
            let manager = manager_for(Versions::Http2);
            for round in 0..4 {
                let got = fetch(face, &manager, Ask::post(server.url("/"), "once"));
                got.unwrap_or_else(|why| panic!("{face:?} {secure} {round}: {why:?}"));
                std::thread::sleep(Duration::from_millis(150));
            }
        }
    }
}

#[test]
fn a_post_succeeds_after_the_server_was_started_anew() {
    for face in FACES {
        for versions in [Versions::Http1, Versions::Http2] {
            for secure in [false, true] {
                let start = |address: String| {
                    let builder = Server::builder();
                    let builder = if secure { builder.tls(&identity().1) } else { builder };
                    builder.bind_on_thread(address.as_str()).unwrap()
                };
                let mut server = start("127.0.0.1:0".into());
                let manager = manager_for(versions);
                for round in 0..3 {
                    let got = fetch(face, &manager, Ask::post(server.url("/upload"), "once"));
                    got.unwrap_or_else(|why| {
                        panic!("{face:?} {versions:?} {secure} {round}: {why:?}")
                    });
                    fetch(face, &manager, Ask::get(server.url("/bytes/3000000"))).unwrap();
                    let address = server.address().to_string();
                    it::block_on(server.shutdown());
                    server = start(address);
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
        }
    }
}
