//! The HTTP/2 faults as the h2 crate's client sees them: a second opinion on the table.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod client;

use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Method, Request};
use tokio::net::TcpStream;
use wayfare_testkit::Authority;
use wayfare_testkit::faults::{GOOD, Outcome};
use wayfare_testkit::h2_faults::{H2_FAULTS, H2FaultServer};

async fn connect(server: &H2FaultServer) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let (sender, connection) =
        h2::client::Builder::new().enable_push(false).handshake(stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn ask(sender: SendRequest<Bytes>, method: &str) -> Result<String, h2::Error> {
    let mut sender = sender.ready().await?;
    let method: Method = method.parse().unwrap();
    let upload = method == Method::POST;
    let request = Request::builder().method(method).uri("http://test/").body(()).unwrap();
    let (response, mut body) = sender.send_request(request, !upload)?;
    if upload {
        body.send_data(vec![b'a'; 1 << 20].into(), true)?;
    }
    let mut stream = response.await?.into_body();
    let mut text = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        let _ = stream.flow_control().release_capacity(data.len());
        text.extend_from_slice(&data);
    }
    stream.trailers().await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn start(name: &str) -> H2FaultServer {
    H2FaultServer::named(name).bind("127.0.0.1:0").unwrap()
}

#[tokio::test]
async fn every_fault_ends_as_the_table_says() {
    let mut wrong = Vec::new();
    // An h2 client by itself has no limit on interim answers.
    for fault in H2_FAULTS.iter().filter(|fault| fault.name != "interim-flood") {
        let server = start(fault.name);
        let sender = connect(&server).await;
        let asked = ask(sender, fault.method);
        let patience = match fault.outcome {
            Outcome::Deliver | Outcome::Error | Outcome::Retry => Duration::from_secs(10),
            Outcome::Choice | Outcome::Deadline => Duration::from_millis(300),
        };
        let answer = tokio::time::timeout(patience, asked).await;
        let name = fault.name;
        let fits = match fault.outcome {
            Outcome::Deliver => matches!(&answer, Ok(Ok(body)) if body == GOOD),
            Outcome::Deadline => answer.is_err(),
            // The client of this test does not send again.
            Outcome::Error | Outcome::Retry => matches!(answer, Ok(Err(_))),
            Outcome::Choice => true,
        };
        if !fits {
            wrong.push(format!("{name} ({:?}): {answer:?}", fault.outcome));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_is_refused_is_answered_when_it_is_sent_again() {
    let server = start("refused-stream");
    let sender = connect(&server).await;
    for _ in 0..2 {
        let error = ask(sender.clone(), "GET").await.unwrap_err();
        assert_eq!(error.reason(), Some(h2::Reason::REFUSED_STREAM));
    }
    assert_eq!(ask(sender, "GET").await.unwrap(), GOOD);
    assert_eq!(server.heard()[0].requests, 3);

    let server = start("goaway-below");
    assert!(ask(connect(&server).await, "GET").await.is_err());
    assert_eq!(ask(connect(&server).await, "GET").await.unwrap(), GOOD);
    assert_eq!(server.connections_opened(), 2);
}

#[tokio::test]
async fn limits_on_streams_are_kept_by_a_client_that_reads_them() {
    for name in ["max-streams-1", "max-streams-raised", "max-streams-lowered"] {
        let server = start(name);
        let sender = connect(&server).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(ask(sender.clone(), "GET").await.unwrap(), GOOD, "{name}");
        let tasks: Vec<_> = (0..3).map(|_| tokio::spawn(ask(sender.clone(), "GET"))).collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), GOOD, "{name}");
        }
        let most = if name == "max-streams-raised" { 10 } else { 1 };
        assert!(server.heard()[0].peak_open <= most, "{name}");
    }
}

#[tokio::test]
async fn a_shut_window_holds_an_upload_back() {
    let server = start("window-never-opened");
    let sender = connect(&server).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let asked = tokio::time::timeout(Duration::from_millis(200), ask(sender, "POST")).await;
    assert!(asked.is_err());
    assert_eq!(server.heard()[0].body_bytes, 1000);
}

#[tokio::test]
async fn http_2_faults_work_inside_tls_too() {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"]);
    let server = H2FaultServer::named("continuation").tls(&identity).bind("127.0.0.1:0").unwrap();
    let stream = client::tls(server.address(), &authority, "h2").await;
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    assert_eq!(ask(sender, "GET").await.unwrap(), GOOD);
}
