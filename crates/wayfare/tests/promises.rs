//! Promises that only a hostile or an unusual server puts to the test.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use http::StatusCode;
use wayfare::options::{Timeouts, Wait};
use wayfare::{ErrorKind, Manager, Phase};
use wayfare_testkit::server::Server;

/// Answers every connection with `head`, then with `piece` again and again until it breaks.
fn endless(head: &'static str, piece: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, piece) = (stream.expect("a connection"), piece.clone());
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(head.as_bytes());
                while stream.write_all(&piece).is_ok() {}
            });
        }
    });
    url
}

fn within(limit: Duration) -> Manager {
    let timeouts = Timeouts { whole: Wait::AtMost(limit), ..Timeouts::default() };
    Manager::builder().timeouts(timeouts).build()
}

const LIMIT: Duration = Duration::from_millis(600);

#[test]
fn the_overall_deadline_holds_against_a_server_that_never_stops_sending() {
    let big = "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n";
    let url = endless(big, vec![7; 1 << 20]);
    let manager = within(LIMIT);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let began = Instant::now();
    let awaited = runtime.block_on(async {
        let mut reply = manager.get(&url).send().await.unwrap();
        loop {
            if let Err(error) = reply.chunk().await {
                break error;
            }
        }
    });
    let mut reply = manager.blocking().get(&url).send().unwrap();
    let waited = loop {
        if let Err(error) = reply.chunk() {
            break error;
        }
    };
    let paced = runtime.block_on(async {
        let mut reply = manager.get(&url).send().await.unwrap().paced(1000);
        loop {
            if let Err(error) = reply.chunk().await {
                break error;
            }
        }
    });
    for error in [awaited, waited, paced] {
        assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Whole));
    }
    assert!(began.elapsed() < LIMIT * 3 + Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn the_overall_deadline_holds_against_a_coding_that_goes_on_without_giving_a_byte() {
    let gzip = "HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nConnection: close\r\n\r\n";
    // Skippable frames (RFC 8878 §3.1.2), which hold nothing.
    let skip: Vec<u8> = [0x50, 0x2a, 0x4d, 0x18, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8].repeat(4096);
    let url = endless(gzip, skip);
    let began = Instant::now();
    let error = within(LIMIT).blocking().get(&url).send().unwrap().bytes().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Whole));
    assert!(began.elapsed() < LIMIT + Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_part_that_nobody_asked_for_is_an_error() {
    let part = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 50-53/100\r\n\
                Content-Length: 4\r\nConnection: close\r\n\r\n";
    let url = endless(part, b"abcd".to_vec());
    let manager = Manager::new();
    let error = manager.get(&url).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let error = manager.get(&url).header("Range", "bytes=0-3").send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    let reply = manager.get(&url).header("Range", "bytes=50-53").send().await.unwrap();
    assert_eq!(reply.status(), StatusCode::PARTIAL_CONTENT);
}

#[tokio::test]
async fn a_session_is_resumed_by_the_next_connection() {
    let authority = wayfare_testkit::ca::Authority::new();
    let identity = authority.issue(&["localhost"]);
    let server = Server::builder().tls(&identity).bind("127.0.0.1:0").unwrap();
    let tls = wayfare::options::Tls::default().with_only_authority_pem(authority.pem()).unwrap();
    let manager = Manager::builder().tls(tls).build();
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let reply = manager.get(server.url_at("localhost", "/get")).send().await.unwrap();
        let facts = reply.tls().unwrap().clone();
        assert_eq!(facts.key_exchange, "X25519MLKEM768");
        sessions.push(facts.session);
        reply.bytes().await.unwrap();
        manager.clear_connections();
    }
    assert_eq!(sessions, [wayfare::tls::Session::Full, wayfare::tls::Session::Resumed]);
}

#[tokio::test]
async fn a_deadline_that_ends_a_wait_for_a_turn_says_so() {
    let server = Server::builder().plain().bind("127.0.0.1:0").unwrap();
    let connections =
        wayfare::options::Connections { per_origin: 1, ..wayfare::options::Connections::default() };
    let timeouts = Timeouts { whole: Wait::AtMost(LIMIT), ..Timeouts::default() };
    let manager = Manager::builder().connections(connections).timeouts(timeouts).build();
    let held = manager.get(server.url("/stream/1000000/10000")).send().await.unwrap();
    let error = manager.get(server.url("/get")).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Whole));
    assert_eq!(error.stage(), wayfare::Stage::Queue);
    drop(held);
}

#[tokio::test]
async fn nobody_reads_the_events_of_a_long_transfer_and_they_do_not_pile_up() {
    let server = Server::builder().plain().bind("127.0.0.1:0").unwrap();
    let bodies = wayfare::options::Bodies {
        progress: wayfare::options::Progress::Every,
        ..wayfare::options::Bodies::default()
    };
    let manager = Manager::builder().bodies(bodies).build();
    let mut handle =
        manager.get(server.url("/stream/3000000/1000")).on_finished(|_| {}).start().unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    while !manager.queue().active.eq(&0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut count = 0;
    while handle.event().await.is_some() {
        count += 1;
    }
    assert!(count < 20, "{count} events");
}
