//! Transcripts are played as they are written, and tell where the client strayed.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod client;

use std::net::SocketAddr;

use client::rest;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use wayfare_testkit::FaultServer;
use wayfare_testkit::transcript::Transcript;

fn transcript(name: &str) -> Transcript {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts");
    let mut all = Transcript::read_all(directory).unwrap();
    all.retain(|(file, _)| file == name);
    all.remove(0).1
}

async fn say(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    String::from_utf8(rest(&mut stream).await).unwrap()
}

#[tokio::test]
async fn a_conversation_that_goes_as_written_has_no_mismatch() {
    let server = FaultServer::script(transcript("conditional-get").script);
    let server = server.bind("127.0.0.1:0").unwrap();
    let requests = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n\
                    GET /a HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"1\"\r\n\r\n";
    let answers = say(server.address(), requests).await;
    assert!(answers.contains("\r\n\r\noneHTTP/1.1 304 "), "{answers}");
    assert_eq!(server.mismatches(), Vec::<String>::new());
}

#[tokio::test]
async fn a_client_that_strays_is_told_where() {
    let server = FaultServer::script(transcript("conditional-get").script);
    let server = server.bind("127.0.0.1:0").unwrap();
    let requests = "GET /b HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n";
    say(server.address(), requests).await;
    let mismatches = server.mismatches();
    assert_eq!(
        mismatches,
        [
            "connection 1: expected `GET /a HTTP/1.1`, heard `GET /b HTTP/1.1`",
            "connection 1: expected the field `if-none-match: \"1\"` in `GET /a HTTP/1.1`",
        ]
    );
}

#[tokio::test]
async fn a_line_protocol_is_played_line_by_line() {
    let transcript = transcript("greeting");
    let server = FaultServer::script(transcript.script.clone()).bind("127.0.0.1:0").unwrap();
    let mut replies = say(server.address(), "USER anonymous\r\nPASS secret\r\n").await;
    assert_eq!(server.mismatches(), ["connection 2: never opened"]);
    replies += &say(server.address(), "").await;
    assert_eq!(replies.lines().count().to_string(), transcript.expected("replies").unwrap());
    assert!(server.mismatches().is_empty());
    assert!(TcpStream::connect(server.address()).await.is_err());
}
