//! Deadlines, timings and walks through the line, to the millisecond, in a network without waiting.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use it::{Ask, fetch_awaited, identity, is_at_rest, trust};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;
use wayfare::event::{Event, What};
use wayfare::options::{Connections, Dns, Timeouts, Versions, Wait};
use wayfare::{Body, Builder, Error, ErrorKind, Manager, Phase, Stage};
use wayfare_testkit::content::bytes_of;
use wayfare_testkit::script::{Script, Step};
use wayfare_testkit::world::World;
use wayfare_testkit::{FaultServer, H2FaultServer, Server};

const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

/// Two hosts, each 50 ms away.
fn world() -> World {
    let world = World::new();
    for (name, address) in [("a.test", A), ("b.test", B)] {
        world.host(name, address);
        world.link(address).latency_ms(50);
    }
    world
}

fn in_world(world: &World) -> Builder {
    Manager::builder().network(Arc::new(world.clone())).tls(trust())
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Sends a request that must fail, and says after how many milliseconds it did.
async fn failure(manager: &Manager, ask: Ask) -> (u128, Error) {
    let began = Instant::now();
    let error = fetch_awaited(manager, ask).await.expect_err("it fails");
    (began.elapsed().as_millis(), error)
}

/// Timers count whole milliseconds, and a wait never ends early.
fn is_about(took: u128, wanted: u128) -> bool {
    (wanted..=wanted + 3).contains(&took)
}

#[tokio::test(start_paused = true)]
async fn looking_up_a_name_ends_after_its_time() {
    let world = world();
    world.lookup_takes("a.test", Duration::from_secs(1_000));
    let (took, error) = failure(&in_world(&world).build(), Ask::get("http://a.test/")).await;
    assert!(is_about(took, 30_000), "{took}");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Resolve));
    assert_eq!((error.stage(), error.qt_code()), (Stage::Resolve, 4));
}

#[tokio::test(start_paused = true)]
async fn connecting_ends_after_its_time_over_all_addresses() {
    let world = world();
    world.host("a.test", B);
    world.black_hole(A);
    world.black_hole(B);
    let (took, error) = failure(&in_world(&world).build(), Ask::get("http://a.test/")).await;
    assert!(is_about(took, 30_000), "{took}");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Connect));
}

#[tokio::test(start_paused = true)]
async fn an_address_that_refuses_gives_way_to_the_next() {
    let world = world();
    world.host("two.test", A);
    world.host("two.test", B);
    let _server = Server::builder().bind_in(&world, "b.test:80").unwrap();
    let got = fetch_awaited(&in_world(&world).build(), Ask::get("http://two.test/get")).await;
    assert_eq!(got.unwrap().status, 200);
    let (_, error) = failure(&in_world(&world).build(), Ask::get("http://a.test/get")).await;
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let (_, error) = failure(&in_world(&world).build(), Ask::get("http://c.test/get")).await;
    assert_eq!(error.kind(), ErrorKind::NameNotFound);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_silent_costs_a_quarter_of_a_second() {
    let world = world();
    world.host("two.test", A);
    world.host("two.test", B);
    world.black_hole(A);
    let _server = Server::builder().bind_in(&world, "b.test:80").unwrap();
    let began = Instant::now();
    let got = fetch_awaited(&in_world(&world).build(), Ask::get("http://two.test/get")).await;
    assert_eq!(got.unwrap().status, 200);
    let took = began.elapsed().as_millis();
    assert!(is_about(took, 250 + 100 + 100), "{took}");
    let tried: Vec<_> =
        world.attempts().into_iter().map(|(at, to)| (at.as_millis(), to.ip())).collect();
    assert_eq!(tried.len(), 2);
    assert_eq!(tried[0], (0, A));
    assert!(is_about(tried[1].0, 250), "{tried:?}");
}

#[tokio::test(start_paused = true)]
async fn an_address_that_answers_late_still_wins_if_the_next_is_worse() {
    let world = world();
    world.host("two.test", A);
    world.host("two.test", B);
    world.link(A).latency_ms(300);
    world.black_hole(B);
    let _server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    let began = Instant::now();
    let got = fetch_awaited(&in_world(&world).build(), Ask::get("http://two.test/get")).await;
    assert_eq!(got.unwrap().status, 200);
    assert!(is_about(began.elapsed().as_millis(), 1_200), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn every_address_that_refuses_is_tried_and_named() {
    let world = world();
    for number in 1..=10 {
        world.host("ten.test", [10, 0, 1, number].into());
    }
    let (_, error) = failure(&in_world(&world).build(), Ask::get("http://ten.test/")).await;
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(world.attempts().len(), 10);
    assert!(error.message().contains("10.0.1.10:80"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_tls_handshake_ends_after_its_time() {
    let world = world();
    let silent = |mut stream: wayfare_testkit::world::WorldStream| async move {
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard).await;
    };
    let _listener = world.listen("a.test:443", silent).unwrap();
    let (took, error) = failure(&in_world(&world).build(), Ask::get("https://a.test/")).await;
    assert!(is_about(took, 30_100), "{took}");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Tls));
}

#[tokio::test(start_paused = true)]
async fn the_first_byte_is_waited_for_from_the_end_of_the_request() {
    let world = world();
    let _server = FaultServer::named("stall-head").bind_in(&world, "a.test:80").unwrap();
    let (took, error) = failure(&in_world(&world).build(), Ask::get("http://a.test/")).await;
    assert!(is_about(took, 60_100), "{took}");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::FirstByte));
    assert_eq!(error.stage(), Stage::Receive);
}

#[tokio::test(start_paused = true)]
async fn the_next_byte_is_waited_for_from_the_last_one() {
    for (name, secure) in [("stall-body", false), ("stall-body", true)] {
        let world = world();
        let builder = FaultServer::named(name);
        let builder = if secure { builder.tls(&identity().1) } else { builder };
        let address = if secure { "a.test:443" } else { "a.test:80" };
        let server = builder.bind_in(&world, address).unwrap();
        let url = server.url("/").replace("10.0.0.1", "a.test");
        let (took, error) = failure(&in_world(&world).build(), Ask::get(url)).await;
        let round_trips = if secure { 300 } else { 200 };
        assert!(is_about(took, 60_000 + round_trips), "{took}");
        assert_eq!(error.kind(), ErrorKind::Timeout(Phase::BetweenBytes));
        assert_eq!(error.stage(), Stage::Body);
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_not_taken_ends_after_its_time() {
    let world = world();
    let _server = FaultServer::named("stall-accept").bind_in(&world, "a.test:80").unwrap();
    let ask = Ask::post("http://a.test/", vec![1; 50_000_000]);
    let (took, error) = failure(&in_world(&world).build(), ask).await;
    assert!((60_100..60_300).contains(&took), "{took}");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::BetweenBytes));
    assert_eq!(error.stage(), Stage::Send);
}

#[tokio::test(start_paused = true)]
async fn an_upload_source_that_gives_nothing_ends_after_its_time() {
    let world = world();
    let _server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    for versions in [Versions::Http1, Versions::Http2] {
        let connections = Connections { versions, ping: Wait::Forever, ..Connections::default() };
        let manager = in_world(&world).connections(connections).build();
        let (_writer, reader) = tokio::io::duplex(10);
        let ask = Ask::post("http://a.test/upload", Body::reader(reader, None));
        let (took, error) = failure(&manager, ask).await;
        assert!(is_about(took, 60_100), "{took} {error:?}");
        assert_eq!(error.kind(), ErrorKind::Timeout(Phase::BetweenBytes));
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_transfer_ends_after_its_time_whatever_moves() {
    let world = world();
    let _server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    for path in ["/drip/1000/100", "/delay/100000", "/rate/10000000/1000"] {
        let timeouts = Timeouts { whole: Wait::seconds(7), ..Timeouts::default() };
        let ask = Ask::get(format!("http://a.test{path}")).timeouts(timeouts);
        let (took, error) = failure(&in_world(&world).build(), ask).await;
        assert!(is_about(took, 7_000), "{path} {took}");
        assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Whole), "{path}");
        assert!(error.message().contains("7s"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_time_includes_the_wait_for_a_turn() {
    let world = world();
    let _server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    let connections = Connections { per_origin: 1, ..Connections::default() };
    let manager = in_world(&world).connections(connections).build();
    let holder = manager.get("http://a.test/delay/100000").start().unwrap();
    tokio::time::sleep(ms(500)).await;
    let timeouts = Timeouts { whole: Wait::seconds(5), ..Timeouts::default() };
    let (took, error) = failure(&manager, Ask::get("http://a.test/get").timeouts(timeouts)).await;
    assert!(is_about(took, 5_000), "{took}");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Whole));
    assert_eq!((manager.queue().active, manager.queue().waiting), (1, [0; 3]));
    drop(holder);
    tokio::time::sleep(ms(1)).await;
    assert!(is_at_rest(&manager));
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_at_most_every_100_ms_and_at_the_end() {
    let world = world();
    world.link(A).bandwidth(100_000);
    let _server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    let (seen, manager) = watched(&world, Versions::Any);
    let got = fetch_awaited(&manager, Ask::get("http://a.test/bytes/1000000")).await.unwrap();
    assert_eq!(got.body, bytes_of(1_000_000, 1));
    let told: Vec<_> = seen
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| match event.what {
            What::DownloadProgress { received, total } => Some((event.at, received, total)),
            _ => None,
        })
        .collect();
    assert!((50..=102).contains(&told.len()), "{}", told.len());
    let (last, before) = told.split_last().unwrap();
    assert_eq!((last.1, last.2), (1_000_000, Some(1_000_000)));
    for pair in before.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= ms(100), "{pair:?}");
        assert!(pair[1].1 > pair[0].1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_phases_of_a_request_are_told_to_the_millisecond() {
    let world = world();
    world.lookup_takes("a.test", ms(30));
    let _server = Server::builder().tls(&identity().1).bind_in(&world, "a.test:443").unwrap();
    // Each version's name is looked up afresh.
    let dns = Dns { keep: Duration::ZERO, ..Dns::default() };
    let manager = in_world(&world).dns(dns).build();
    for versions in [Versions::Http1, Versions::Http2] {
        let connections = Connections { versions, ..Connections::default() };
        let ask = Ask::get("https://a.test/delay/70").connections(connections);
        let mut reply = ask.awaited(&manager).send().await.unwrap();
        while reply.chunk().await.unwrap().is_some() {}
        let timings = reply.timings();
        let all = [
            (timings.queued, 0),
            (timings.resolve, 30),
            (timings.connect, 100),
            (timings.tls, 100),
            (timings.wait, 170),
            (timings.total, 400),
        ];
        for (took, wanted) in all {
            assert!(is_about(took.as_millis(), wanted), "{versions:?} {timings:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_is_used_for_120_seconds() {
    let world = world();
    let _server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    for versions in [Versions::Http1, Versions::Http2] {
        let connections = Connections { versions, ..Connections::default() };
        let manager = in_world(&world).connections(connections).build();
        let reused =
            async || fetch_awaited(&manager, Ask::get("http://a.test/get")).await.unwrap().reused;
        assert!(!reused().await);
        tokio::time::sleep(ms(119_000)).await;
        assert!(reused().await, "{versions:?}");
        tokio::time::sleep(ms(120_001)).await;
        assert!(!reused().await, "{versions:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_http2_connection_is_asked_for_a_sign_of_life() {
    let patient =
        Timeouts { first_byte: Wait::Forever, between_bytes: Wait::Forever, ..Timeouts::default() };
    // Nobody answers the ping: the connection is given up 30 s after it.
    let world = world();
    let _server = H2FaultServer::named("ping-silent").bind_in(&world, "a.test:80").unwrap();
    let connections = Connections { versions: Versions::Http2, ..Connections::default() };
    let manager = in_world(&world).connections(connections.clone()).timeouts(patient).build();
    let (took, error) = failure(&manager, Ask::get("http://a.test/")).await;
    assert!((60_000..61_000).contains(&took), "{took} {error:?}");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");

    // A server that answers pings may take its time.
    let _server = Server::builder().bind_in(&world, "b.test:80").unwrap();
    let got = fetch_awaited(&manager, Ask::get("http://b.test/delay/400000")).await.unwrap();
    assert_eq!(got.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_died_silently_is_found_and_the_request_sent_again() {
    let world = world();
    let _server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    let connections = Connections { versions: Versions::Http2, ..Connections::default() };
    let timeouts = Timeouts { first_byte: Wait::Forever, ..Timeouts::default() };
    let manager = in_world(&world).connections(connections).timeouts(timeouts).build();
    fetch_awaited(&manager, Ask::get("http://a.test/get")).await.unwrap();
    world.black_hole(A);
    let asking = tokio::spawn({
        let manager = manager.clone();
        async move { fetch_awaited(&manager, Ask::get("http://a.test/get")).await }
    });
    tokio::time::sleep(ms(59_000)).await;
    world.restore(A);
    let got = asking.await.unwrap();
    assert!(got.is_ok(), "{got:?}");
}

/// A manager whose events are kept.
fn watched(world: &World, versions: Versions) -> (Arc<Mutex<Vec<Event>>>, Manager) {
    let seen: Arc<Mutex<Vec<Event>>> = Arc::default();
    let notes = seen.clone();
    let manager = in_world(world)
        .connections(Connections { versions, ..Connections::default() })
        .on_event(move |event| notes.lock().unwrap().push(event.clone()))
        .build();
    (seen, manager)
}

/// The events as `milliseconds name`, those of progress left out.
fn told(seen: &Mutex<Vec<Event>>) -> Vec<String> {
    std::mem::take(&mut *seen.lock().unwrap())
        .into_iter()
        .filter(|event| !matches!(event.what, What::DownloadProgress { .. }))
        .map(|event| {
            let what = format!("{:?}", event.what);
            let end = what.find([' ', '{', '(']).unwrap_or(what.len());
            format!("{} {}", event.at.as_millis(), &what[..end])
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_walk_over_http2_goes_each_step_once() {
    let world = world();
    let _server = Server::builder().tls(&identity().1).bind_in(&world, "a.test:443").unwrap();
    let (seen, manager) = watched(&world, Versions::Any);
    let got = fetch_awaited(&manager, Ask::get("https://a.test/get")).await.unwrap();
    assert_eq!(got.version, http::Version::HTTP_2);
    assert_eq!(
        told(&seen),
        [
            "0 Started",
            "0 Sending",
            "0 Resolving",
            "0 Resolved",
            "0 Connecting",
            "100 Connected",
            "100 Securing",
            "200 Secured",
            "200 Sent",
            "300 Head",
            "300 Finished",
        ]
        .map(str::to_owned)
    );
    fetch_awaited(&manager, Ask::get("https://a.test/get")).await.unwrap();
    let again = ["0 Started", "0 Sending", "0 Reused", "0 Sent", "100 Head", "100 Finished"];
    assert_eq!(told(&seen), again.map(str::to_owned));
}

#[tokio::test(start_paused = true)]
async fn a_walk_along_a_redirect_goes_round_once() {
    let world = world();
    let _a = Server::builder().bind_in(&world, "a.test:80").unwrap();
    let _b = Server::builder().bind_in(&world, "b.test:80").unwrap();
    let (seen, manager) = watched(&world, Versions::Any);
    let ask = Ask::get("http://a.test/redirect-to?url=http://b.test/get");
    assert_eq!(fetch_awaited(&manager, ask).await.unwrap().redirects.len(), 1);
    let names: Vec<_> =
        told(&seen).iter().map(|told| told.split(' ').nth(1).unwrap().to_owned()).collect();
    let once =
        ["Started", "Sending", "Resolving", "Resolved", "Connecting", "Connected", "Sent", "Head"];
    let wanted: Vec<_> = [&once[..], &["Redirected"], &once[..], &["Finished"]].concat();
    assert_eq!(names, wanted);
    assert!(is_at_rest(&manager));
}

#[tokio::test(start_paused = true)]
async fn a_walk_over_a_connection_that_breaks_goes_round_once() {
    let world = world();
    let ok = || Step::send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let first = vec![Step::head(), ok(), Step::head(), Step::Drop];
    let script = Script::once(vec![first, vec![Step::head(), ok()]]);
    let server = FaultServer::script(script).bind_in(&world, "a.test:80").unwrap();
    let (seen, manager) = watched(&world, Versions::Any);
    fetch_awaited(&manager, Ask::get("http://a.test/")).await.unwrap();
    told(&seen);
    let got = fetch_awaited(&manager, Ask::get("http://a.test/")).await.unwrap();
    assert_eq!((got.text(), server.connections_opened()), ("ok", 2));
    let all = told(&seen);
    let names: Vec<_> = all.iter().map(|told| told.split(' ').nth(1).unwrap()).collect();
    let wanted = [
        "Started",
        "Sending",
        "Reused",
        "Sent",
        "Retried",
        "Sending",
        "Resolving",
        "Resolved",
        "Connecting",
        "Connected",
        "Sent",
        "Head",
        "Finished",
    ];
    assert_eq!(names, wanted, "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_for_anothers_connection_do_not_queue_up_behind_its_failure() {
    let world = world();
    world.black_hole(A);
    let manager = in_world(&world).build();
    let began = Instant::now();
    let ask = || {
        let manager = manager.clone();
        tokio::spawn(async move { fetch_awaited(&manager, Ask::get("https://a.test/")).await })
    };
    for task in [ask(), ask(), ask(), ask(), ask(), ask()] {
        let error = task.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Connect));
    }
    // The first tries alone, because its connection may serve all; then the others at once.
    let took = began.elapsed().as_millis();
    assert!(is_about(took, 60_000), "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_lane_of_one_stream_is_usable_again_when_its_connection_has_gone() {
    let world = world();
    let server = H2FaultServer::named("max-streams-1").bind_in(&world, "a.test:80").unwrap();
    let connections =
        Connections { versions: Versions::Http2, per_origin: 2, ..Connections::default() };
    let manager = in_world(&world).connections(connections).build();
    fetch_awaited(&manager, Ask::get("http://a.test/")).await.unwrap();
    world.cut(A);
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let manager = manager.clone();
            tokio::spawn(async move { fetch_awaited(&manager, Ask::get("http://a.test/")).await })
        })
        .collect();
    world.restore(A);
    for task in tasks {
        let patience = Duration::from_secs(100);
        task_in(patience, task).await.unwrap();
    }
    assert!(is_at_rest(&manager));
    drop(server);
}

async fn task_in<T>(patience: Duration, task: tokio::task::JoinHandle<T>) -> T {
    tokio::time::timeout(patience, task).await.expect("it ends").unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_usual_port_is_not_named_in_the_host_field() {
    let world = world();
    let plain = Server::builder().bind_in(&world, "a.test:80").unwrap();
    let secure = Server::builder().tls(&identity().1).bind_in(&world, "a.test:443").unwrap();
    let manager = in_world(&world).build();
    for (url, server) in [("http://A.test:80/get", &plain), ("https://a.test:443/get", &secure)] {
        fetch_awaited(&manager, Ask::get(url)).await.unwrap();
        let record = &server.requests()[0];
        let host = record.headers.get("host").map(|host| host.to_str().unwrap());
        assert!(matches!(host, Some("a.test") | None), "{host:?}");
    }
}
