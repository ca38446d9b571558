//! How long the hot paths take: `cargo test --release -- --ignored --nocapture speed`.

use std::hint::black_box;

use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, Method, header};

use super::super::limits::HeadLimits;
use super::super::request::{Opening, Sending, write_head};
use super::super::response::HeadReader;

#[test]
#[ignore = "a measurement"]
fn speed_of_the_hot_paths() {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate, br, zstd"));
    headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en-GB,en;q=0.9"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("wayfare/0.1"));
    let mut out = BytesMut::with_capacity(4096);
    measure("write_head", || {
        out.clear();
        let target = black_box("/index.html?a=b");
        let sending = Sending::Nothing;
        let opening = Opening::new(&Method::GET, target, "www.example.org");
        write_head(&mut out, opening, &headers, sending).unwrap();
        black_box(&out);
    });
    let wire =
        b"HTTP/1.1 200 OK\r\nServer: nginx/1.25.3\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\n\
        Content-Type: text/html; charset=utf-8\r\nContent-Length: 12345\r\n\
        Cache-Control: max-age=3600\r\nETag: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"\r\n\r\n";
    measure("the buffer of HeadReader::read alone", || {
        let mut input = BytesMut::from(&black_box(wire)[..]);
        black_box(input.split_to(wire.len()).freeze());
    });
    measure("HeadReader::read", || {
        // The copy into a fresh buffer stands for the read from the socket.
        let mut input = BytesMut::from(&black_box(wire)[..]);
        let mut reader = HeadReader::new(&Method::GET, HeadLimits::default());
        black_box(reader.read(&mut input).unwrap());
    });
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
fn measure(name: &str, mut run: impl FnMut()) {
    let rounds = 200_000;
    let best = (0..10)
        .map(|_| {
            let start = std::time::Instant::now();
            (0..rounds).for_each(|_| run());
            start.elapsed().as_nanos() / rounds
        })
        .min();
    println!("{name}: {} ns", best.unwrap());
}
