//! The codec against hyper's client: a valid response must mean the same to both.
//!
//! Known differences, in all of which ours is stricter, so that none is generated here: hyper
//! takes a bare LF as a line end, lets Transfer-Encoding win over Content-Length, takes a list of
//! codings that ends in chunked, skips any number of empty lines before a head, sets no bound on
//! the number of interim heads, and passes every trailer on.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use wayfare_proto::fuzzing::http1::{Cuts, read_response};
use wayfare_proto::wire::http1::limits::HeadLimits;
use wayfare_proto::wire::http1::response::HeadReader;

type Answer = (u16, Vec<(String, Vec<u8>)>, Vec<u8>);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_valid_response_means_the_same_to_hyper(wire in response(), seed: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let theirs = runtime.block_on(read_with_hyper(wire.clone()));
        prop_assert_eq!(read_with_ours(&wire, Cuts::None), theirs);
        let cut = read_with_ours(&wire, Cuts::Seeded(seed));
        prop_assert_eq!(cut, read_with_ours(&wire, Cuts::None));
    }
}

fn read_with_ours(wire: &[u8], cuts: Cuts) -> Answer {
    let reader = HeadReader::new(&Method::GET, HeadLimits::default());
    let (seen, result) = read_response(reader, wire, cuts);
    result.unwrap();
    (seen.status.unwrap().0.as_u16(), flat(&seen.headers), seen.body)
}

async fn read_with_hyper(wire: Vec<u8>) -> Answer {
    let (client, mut server) = tokio::io::duplex(1 << 16);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(client)).await.unwrap();
    let served = async move {
        let mut request = [0; 1024];
        let _ = server.read(&mut request).await.unwrap();
        server.write_all(&wire).await.unwrap();
    };
    let received = async move {
        let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        let headers = flat(response.headers());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, headers, body.to_vec())
    };
    let (answer, _, _) = tokio::join!(received, served, connection);
    answer
}

fn flat(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.as_bytes().to_vec())
    };
    headers.iter().map(pair).collect()
}

fn response() -> impl Strategy<Value = Vec<u8>> {
    let status = prop::sample::select(vec![200_u16, 201, 203, 206, 301, 400, 404, 500, 503, 599]);
    let interim = prop::sample::select(vec![
        "",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n",
    ]);
    let name = prop::sample::select(vec!["X-A", "x-b", "Server", "ETag", "Set-Cookie", "Vary"]);
    let field = (name, "[!-~]?([ -~]{0,20}[!-~])?")
        .prop_map(|(name, value)| format!("{name}: {value}\r\n"));
    let fields = prop::collection::vec(field, 0..6).prop_map(|fields| fields.concat());
    let chunks = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..6);
    (interim, status, "[ -~]{0,20}", fields, chunks, 0..4_u8).prop_map(
        |(interim, status, reason, fields, chunks, framing)| {
            let version = if framing == 3 { "1.0" } else { "1.1" };
            let mut wire =
                format!("{interim}HTTP/{version} {status} {reason}\r\n{fields}").into_bytes();
            match framing {
                0 => {
                    wire.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                    for chunk in &chunks {
                        wire.extend_from_slice(format!("{:X};e=1\r\n", chunk.len()).as_bytes());
                        wire.extend_from_slice(chunk);
                        wire.extend_from_slice(b"\r\n");
                    }
                    wire.extend_from_slice(b"0\r\nX-Trailer: t\r\n\r\n");
                }
                1 => {
                    let body = chunks.concat();
                    let length = format!("Content-Length: {}\r\n\r\n", body.len());
                    wire.extend_from_slice(length.as_bytes());
                    wire.extend_from_slice(&body);
                }
                _ => {
                    wire.extend_from_slice(b"\r\n");
                    wire.extend_from_slice(&chunks.concat());
                }
            }
            wire
        },
    )
}
