//! The faults send exactly their bytes, and what should be delivered can be.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod client;

use std::time::Duration;

use bytes::Bytes;
use client::rest;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wayfare_testkit::faults::{FAULTS, Fault, FaultServer, GOOD, Outcome};
use wayfare_testkit::script::{Script, Step, Times};
use wayfare_testkit::{Authority, Server};

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

fn serve(steps: Vec<Step>) -> FaultServer {
    FaultServer::script(Script::always(steps)).bind("127.0.0.1:0").unwrap()
}

/// What a fault sends while it is asked twice, up to what it says forever or slowly.
fn bytes_of(steps: &[Step]) -> Vec<u8> {
    let mut all = Vec::new();
    for step in steps {
        match step {
            Step::Send(bytes) => all.extend_from_slice(bytes),
            Step::RepeatSend { bytes, times: Times::Exactly(1..) | Times::Forever, .. } => {
                all.extend_from_slice(bytes);
                break;
            }
            Step::SendSlowly { .. } => break,
            _ => {}
        }
    }
    all
}

#[tokio::test]
async fn every_fault_sends_exactly_its_bytes() {
    for fault in FAULTS {
        let server = FaultServer::named(fault.name).bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(REQUEST.repeat(2).as_bytes()).await.unwrap();
        let wanted = bytes_of(&fault.steps());
        let mut heard = vec![0; wanted.len()];
        let in_time = Duration::from_secs(10);
        let read = tokio::time::timeout(in_time, stream.read_exact(&mut heard)).await;
        read.unwrap_or_else(|_| panic!("{} is silent", fault.name))
            .unwrap_or_else(|error| panic!("{}: {error}", fault.name));
        assert_eq!(heard, wanted, "{}", fault.name);
    }
}

#[tokio::test]
async fn every_fault_can_be_met_on_the_ordinary_port() {
    let server = Server::builder().bind("127.0.0.1:0").unwrap();
    for fault in FAULTS {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let request = format!("GET /fault/{} HTTP/1.1\r\nhost: a\r\n\r\n", fault.name);
        stream.write_all(request.as_bytes()).await.unwrap();
        let first: Vec<Step> =
            fault.steps().into_iter().skip(1).take_while(|step| *step != Step::head()).collect();
        let wanted = bytes_of(&first);
        let mut heard = vec![0; wanted.len()];
        let in_time = Duration::from_secs(10);
        let read = tokio::time::timeout(in_time, stream.read_exact(&mut heard)).await;
        assert!(matches!(read, Ok(Ok(_))), "{}: {read:?}", fault.name);
        assert_eq!(heard, wanted, "{}", fault.name);
    }
    let list = client::get(server.address(), "/faults", &[]).await.body;
    assert!(String::from_utf8_lossy(&list).contains("/fault/closes-on-second\n    GET: "));
}

/// hyper's client as a second opinion on the table's `Deliver`, `Retry` and `Deadline`.
#[tokio::test]
async fn an_ordinary_client_gets_the_first_answer_where_one_is_promised() {
    for fault in FAULTS.iter().filter(|fault| !fault.name.starts_with("gzip")) {
        let patience = match fault.outcome {
            Outcome::Deliver | Outcome::Retry => Duration::from_secs(10),
            Outcome::Deadline => Duration::from_millis(300),
            Outcome::Choice | Outcome::Error => continue,
        };
        let server = FaultServer::named(fault.name).bind("127.0.0.1:0").unwrap();
        let answer = tokio::time::timeout(patience, ask(&server, fault)).await;
        if fault.outcome == Outcome::Deadline {
            assert!(answer.is_err(), "{}: {answer:?}", fault.name);
        } else {
            assert_eq!(answer.unwrap().unwrap(), fault.body, "{}", fault.name);
        }
    }
}

async fn ask(server: &FaultServer, fault: &Fault) -> Result<Bytes, hyper::Error> {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::builder().method(fault.method).uri("/").header("host", "a");
    let response = sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await?;
    Ok(response.into_body().collect().await?.to_bytes())
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_close_is_a_close() {
    let server = FaultServer::named("reset-before-head").bind("127.0.0.1:0").unwrap();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    let error = stream.read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let server = FaultServer::named("close-before-head").bind("127.0.0.1:0").unwrap();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_script_for_two_connections_refuses_the_third() {
    let answer = |text| vec![Step::head(), Step::send(text)];
    let script = Script::once(vec![answer("one"), answer("two")]);
    let server = FaultServer::script(script).bind("127.0.0.1:0").unwrap();
    for wanted in ["one", "two"] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(REQUEST.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut stream).await, wanted.as_bytes());
    }
    assert!(TcpStream::connect(server.address()).await.is_err());
    let heard = server.heard();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[0].bytes, REQUEST.as_bytes());
    assert_eq!(server.connections_opened(), 2);
}

#[tokio::test]
async fn slow_and_repeated_bytes_arrive_as_often_as_said() {
    let server = serve(vec![
        Step::head(),
        Step::SendSlowly { bytes: "abc".into(), every: Duration::from_millis(10) },
        Step::RepeatSend { bytes: "de".into(), times: Times::Exactly(3), every: Duration::ZERO },
    ]);
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    assert_eq!(rest(&mut stream).await, b"abcdedede");
}

#[tokio::test]
async fn faults_work_inside_tls_too() {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"]);
    let server = FaultServer::named("no-reason").tls(&identity).bind("127.0.0.1:0").unwrap();
    let mut stream = client::tls(server.address(), &authority, "http/1.1").await;
    stream.write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.ends_with(GOOD.as_bytes()));
    assert!(server.url("/").starts_with("https://"));
}

#[test]
fn names_are_given_once() {
    let mut names: Vec<_> = FAULTS.iter().map(|fault| fault.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}
