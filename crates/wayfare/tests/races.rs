//! Races between the addresses of a host, to the millisecond, in a network without waiting.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use it::{Ask, fetch_awaited, trust};
use tokio::time::Instant;
use wayfare::network::Family;
use wayfare::options::{Connections, Dns, Timeouts};
use wayfare::{ErrorKind, Manager, Phase};
use wayfare_testkit::Server;
use wayfare_testkit::world::World;

const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const OTHER_V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
const OTHER_V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2));

/// Two hosts with an address of each family, 10 ms away, where servers listen.
fn world() -> (World, Vec<Server>) {
    let world = World::new();
    let hosts = [("a.test", V6, V4), ("b.test", OTHER_V6, OTHER_V4)];
    let mut servers = Vec::new();
    for (name, v6, v4) in hosts {
        for address in [v6, v4] {
            world.host(name, address);
            world.link(address).latency_ms(10);
            let place = std::net::SocketAddr::new(address, 80).to_string();
            servers.push(Server::builder().bind_in(&world, &place).unwrap());
        }
    }
    (world, servers)
}

fn manager(world: &World) -> Manager {
    Manager::builder().network(Arc::new(world.clone())).tls(trust()).build()
}

/// Fetches over a new connection; gives the milliseconds it took.
async fn fetch_fresh(manager: &Manager, host: &str) -> u128 {
    let began = Instant::now();
    let ask = Ask::get(format!("http://{host}/get")).header("Connection", "close");
    assert_eq!(fetch_awaited(manager, ask).await.unwrap().status, 200);
    began.elapsed().as_millis()
}

fn tried(world: &World) -> Vec<(u128, IpAddr)> {
    world.attempts().into_iter().map(|(at, to)| (at.as_millis(), to.ip())).collect()
}

/// A connection and an exchange: two round trips, and timers that count whole milliseconds.
const QUICK: std::ops::RangeInclusive<u128> = 40..=45;

#[tokio::test(start_paused = true)]
async fn a_dead_ipv6_costs_a_quarter_of_a_second_once_and_nothing_from_then_on() {
    let (world, _servers) = world();
    world.black_hole(V6);
    world.black_hole(OTHER_V6);
    let manager = manager(&world);
    let first = fetch_fresh(&manager, "a.test").await;
    assert!((290..=295).contains(&first), "{first}");
    for host in ["a.test", "b.test"] {
        let later = fetch_fresh(&manager, host).await;
        assert!(QUICK.contains(&later), "{host}: {later}");
    }
    manager.clear_connections();
    let forgotten = fetch_fresh(&manager, "a.test").await;
    assert!((290..=295).contains(&forgotten), "{forgotten}");
}

#[tokio::test(start_paused = true)]
async fn a_refusing_ipv6_costs_nothing_and_makes_nobody_else_suspect() {
    let (world, _servers) = world();
    world.refuse(V6);
    let manager = manager(&world);
    let took = fetch_fresh(&manager, "a.test").await;
    assert!((60..=65).contains(&took), "{took}");
    fetch_fresh(&manager, "b.test").await;
    assert_eq!(tried(&world).last().unwrap().1, OTHER_V6);
}

#[tokio::test(start_paused = true)]
async fn a_slow_ipv4_does_not_slow_ipv6_down() {
    let (world, _servers) = world();
    world.link(V4).latency_ms(2_000);
    let took = fetch_fresh(&manager(&world), "a.test").await;
    assert!(QUICK.contains(&took), "{took}");
    assert_eq!(tried(&world), [(0, V6)]);
}

#[tokio::test(start_paused = true)]
async fn a_late_aaaa_answer_is_waited_for_fifty_milliseconds_and_then_joins_the_race() {
    let (world, _servers) = world();
    world.family_takes("a.test", Family::V6, Duration::from_millis(30));
    fetch_fresh(&manager(&world), "a.test").await;
    let [(at, address)] = tried(&world)[..] else { panic!("{:?}", tried(&world)) };
    assert!((30..=33).contains(&at) && address == V6, "{at}");

    let (world, _servers) = self::world();
    world.family_takes("a.test", Family::V6, Duration::from_millis(100));
    world.black_hole(V4);
    fetch_fresh(&manager(&world), "a.test").await;
    let tried = tried(&world);
    assert!((50..=53).contains(&tried[0].0) && tried[0].1 == V4, "{tried:?}");
    assert!((300..=305).contains(&tried[1].0) && tried[1].1 == V6, "{tried:?}");
}

#[tokio::test(start_paused = true)]
async fn a_family_whose_question_is_never_answered_does_not_stop_the_other() {
    let (world, _servers) = world();
    world.family_takes("a.test", Family::V6, Duration::from_secs(1_000_000));
    let took = fetch_fresh(&manager(&world), "a.test").await;
    assert!((90..=96).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn the_pace_can_be_changed_for_a_request() {
    let (world, _servers) = world();
    world.black_hole(V6);
    let connections =
        Connections { attempt_delay: Duration::from_millis(100), ..Connections::default() };
    let ask = Ask::get("http://a.test/get").connections(connections);
    fetch_awaited(&manager(&world), ask).await.unwrap();
    let at = tried(&world)[1].0;
    assert!((100..=103).contains(&at), "{at}");
}

#[tokio::test(start_paused = true)]
async fn an_error_names_what_was_tried_how_long_and_what_was_not() {
    let (world, _servers) = world();
    world.refuse(V6);
    world.refuse(V4);
    let error = fetch_awaited(&manager(&world), Ask::get("http://a.test/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let text = error.to_string();
    assert!(text.contains("[2001:db8::1]:80: connection refused after 20 ms"), "{text}");
    assert!(text.contains("10.0.0.1:80: connection refused after 20 ms"), "{text}");

    for number in 3..=5 {
        world.host("many.test", [10, 0, 0, number].into());
        world.black_hole([10, 0, 0, number].into());
    }
    let timeouts = Timeouts { connect: Duration::from_millis(400).into(), ..Timeouts::default() };
    let ask = Ask::get("http://many.test/").timeouts(timeouts);
    let error = fetch_awaited(&manager(&world), ask).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Connect));
    let text = std::error::Error::source(&error).unwrap().to_string();
    assert!(text.contains("10.0.0.3:80: timed out after 40"), "{text}");
    assert!(text.contains("10.0.0.4:80: timed out after 15"), "{text}");
    assert!(text.ends_with("; not tried: 10.0.0.5:80"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_name_is_looked_up_once_a_minute_and_again_when_nobody_answers() {
    let (world, _servers) = world();
    let manager = manager(&world);
    for _ in 0..3 {
        fetch_fresh(&manager, "b.test").await;
    }
    assert_eq!(world.lookups().len(), 1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    fetch_fresh(&manager, "b.test").await;
    assert_eq!(world.lookups().len(), 2);
    // It moves: the kept addresses lead nowhere, so the next request asks.
    world.forget_host("b.test");
    world.host("b.test", V4);
    world.refuse(OTHER_V4);
    world.refuse(OTHER_V6);
    let ask = || Ask::get("http://b.test/get").header("Connection", "close");
    fetch_awaited(&manager, ask()).await.unwrap_err();
    assert_eq!(fetch_awaited(&manager, ask()).await.unwrap().status, 200);
    let never = Dns { keep: Duration::ZERO, ..Dns::default() };
    let manager = Manager::builder().network(Arc::new(world.clone())).dns(never).build();
    let before = world.lookups().len();
    for _ in 0..3 {
        fetch_fresh(&manager, "a.test").await;
    }
    assert_eq!(world.lookups().len(), before + 3);
}
