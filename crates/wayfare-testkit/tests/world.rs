//! The network in virtual time: what takes long takes no time, and comes out the same each run.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod client;

use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use client::{Reply, over};
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use wayfare_net::network::Network;
use wayfare_net::runtime::Home;
use wayfare_net::socket::SocketOptions;
use wayfare_testkit::content::bytes_of;
use wayfare_testkit::faults::FaultServer;
use wayfare_testkit::world::{World, WorldStream};
use wayfare_testkit::{Authority, Server};

const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

fn world() -> World {
    let world = World::new();
    world.host("a.test", HOST);
    world.link(HOST).latency_ms(50);
    world
}

async fn get(stream: WorldStream, path: &str) -> Reply {
    let request = Request::get(path).header("host", "a.test");
    over(stream, request.body(Full::<Bytes>::default()).unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn a_request_takes_two_round_trips_of_virtual_time() {
    let world = world();
    let server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    let (begin, real) = (Instant::now(), std::time::Instant::now());
    let stream = world.dial(server.address()).await.unwrap();
    assert_eq!(get(stream, "/get").await.body, "It works.\n");
    let took = begin.elapsed();
    assert!((200..205).contains(&took.as_millis()), "{took:?}");
    assert!(real.elapsed() < Duration::from_secs(5));
    assert_eq!(server.requests()[0].target, "/get");
}

#[tokio::test(start_paused = true)]
async fn a_link_has_a_rate() {
    let world = world();
    world.link(HOST).bandwidth(100_000);
    let server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    let begin = Instant::now();
    let stream = world.dial(server.address()).await.unwrap();
    assert_eq!(get(stream, "/bytes/1000000").await.body, bytes_of(1_000_000, 1));
    let took = begin.elapsed();
    assert!((10_000..10_500).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn names_are_looked_up_and_connections_counted_through_the_seam() {
    let world = world();
    world.lookup_takes("a.test", Duration::from_millis(300));
    let home = Home::current().unwrap();
    let begin = Instant::now();
    assert_eq!(world.resolve(&home, "A.test").await.unwrap(), [HOST]);
    assert_eq!(begin.elapsed(), Duration::from_millis(300));
    assert_eq!(world.resolve(&home, "b.test").await.unwrap_err().kind(), ErrorKind::NotFound);
    let server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    let options = SocketOptions::default();
    let stream = world.connect(&home, server.address(), &options).await.unwrap();
    assert_eq!(stream.peer_address(), Some(server.address()));
    assert_eq!(world.lookups().len(), 2);
    assert_eq!(world.attempts(), [(Duration::from_millis(300), server.address())]);
}

#[tokio::test(start_paused = true)]
async fn a_port_without_a_server_refuses() {
    let world = world();
    let address = (HOST, 80).into();
    assert_eq!(world.dial(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    assert!(world.dial(address).await.is_ok());
    world.refuse(HOST);
    assert_eq!(world.dial(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    world.restore(HOST);
    drop(server);
    assert_eq!(world.dial(address).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test(start_paused = true)]
async fn a_cut_breaks_what_is_open_and_what_is_new() {
    let world = world();
    let server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    let mut stream = world.dial(server.address()).await.unwrap();
    let cut = world.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cut.cut(HOST);
    });
    let error = stream.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let error = world.dial(server.address()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_says_nothing_and_gives_back_what_it_held() {
    let world = world();
    let server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    let mut stream = world.dial(server.address()).await.unwrap();
    stream.write_all(b"GET /get HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    world.black_hole(HOST);
    let mut byte = [0; 1];
    let minute = Duration::from_secs(60);
    assert!(timeout(minute, stream.read(&mut byte)).await.is_err());
    assert!(timeout(minute, world.dial(server.address())).await.is_err());
    world.restore(HOST);
    stream.read_exact(&mut byte).await.unwrap();
    assert_eq!(&byte, b"H");
}

#[tokio::test(start_paused = true)]
async fn faults_and_handlers_live_in_a_world_too() {
    let world = world();
    let server = FaultServer::named("reset-in-body").bind_in(&world, "a.test:80").unwrap();
    let mut stream = world.dial(server.address()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut all = Vec::new();
    let error = stream.read_to_end(&mut all).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let _listener = world
        .listen("a.test:81", |mut stream| async move {
            let _ = stream.write_all(b"hello").await;
        })
        .unwrap();
    let mut stream = world.dial((HOST, 81).into()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "hello");
}

#[tokio::test(start_paused = true)]
async fn tls_is_spoken_over_a_world() {
    let world = world();
    let authority = Authority::new();
    let identity = authority.issue(&["a.test"]);
    let server = Server::builder().tls(&identity).bind_in(&world, "a.test:443").unwrap();
    let stream = world.dial(server.address()).await.unwrap();
    let stream = client::tls_over(stream, &authority, "a.test", "http/1.1").await.unwrap();
    let request = Request::get("/get").header("host", "a.test");
    let reply = over(stream, request.body(Full::<Bytes>::default()).unwrap()).await;
    assert_eq!(reply.body, "It works.\n");
}
