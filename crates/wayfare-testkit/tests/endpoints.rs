//! Every endpoint answers as its line in the table says.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod client;

use std::io::Read;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client::{get, get_h2, over, raw, send};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use wayfare_testkit::content::{bytes_of, sha256_hex, text_of};
use wayfare_testkit::endpoints::{TEXT, text_in};
use wayfare_testkit::{Protocols, Server};

async fn until(done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(5), "it never came to that");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn server() -> Server {
    Server::builder().bind("127.0.0.1:0").unwrap()
}

#[tokio::test]
async fn the_root_lists_the_endpoints_and_so_does_a_404() {
    let server = server();
    let list = get(server.address(), "/", &[]).await;
    assert_eq!(list.status, 200);
    assert!(String::from_utf8_lossy(&list.body).contains("/status/{code}"));
    let nothing = get(server.address(), "/nothing", &[]).await;
    assert_eq!(nothing.status, 404);
    assert!(String::from_utf8_lossy(&nothing.body).contains("/status/{code}"));
}

#[tokio::test]
async fn plain_answers_are_as_documented() {
    let server = server();
    let at = server.address();
    assert_eq!(get(at, "/get", &[]).await.body, "It works.\n");
    assert_eq!(get(at, "/status/418", &[]).await.status, 418);
    assert_eq!(get(at, "/status/204", &[]).await.body, "");
    assert_eq!(get(at, "/status/100", &[]).await.status, 400);
    assert_eq!(get(at, "/json", &[]).await.json()["answer"], 42);
    assert_eq!(get(at, "/priority", &[("priority", "u=1, i")]).await.body, "u=1, i");
    let headers = get(at, "/headers", &[("x-a", "b")]).await.json();
    assert!(headers.to_string().contains(r#"["x-a","b"]"#));
    let cookies = get(at, "/cookies-set", &[]).await;
    assert_eq!(cookies.headers.get_all("set-cookie").iter().count(), 2);
    let file = get(at, "/file/na%C3%AFve.txt", &[]).await;
    let disposition = "attachment; filename=\"na_ve.txt\"; filename*=UTF-8''na%C3%AFve%2Etxt";
    assert_eq!(file.field("content-disposition"), disposition);
    let added = get(at, "/response-headers?cache-control=max-age%3D60&x-b=c", &[]).await;
    assert_eq!((added.field("cache-control"), added.field("x-b")), ("max-age=60", "c"));
}

#[tokio::test]
async fn basic_authentication_opens_with_the_right_password_only() {
    let server = server();
    let refused = get(server.address(), "/auth-basic", &[]).await;
    assert_eq!(refused.status, 401);
    assert!(refused.field("www-authenticate").starts_with("Basic realm="));
    let right = format!("Basic {}", STANDARD.encode("user:passwd"));
    let open = get(server.address(), "/auth-basic", &[("authorization", &right)]).await;
    assert_eq!(open.status, 200);
}

#[tokio::test]
async fn a_kept_answer_is_confirmed_by_its_tag() {
    let server = server();
    let first = get(server.address(), "/cache/60", &[]).await;
    assert_eq!((first.field("cache-control"), &first.body[..]), ("max-age=60", &b"visit 1\n"[..]));
    let again = [("if-none-match", first.field("etag"))];
    assert_eq!(get(server.address(), "/cache/60", &again).await.status, 304);
    assert_eq!(get(server.address(), "/cache/60", &[]).await.body, "visit 3\n");
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_connection() {
    let server = server();
    for path in ["/delay/60000", "/drip/1000/1000", "/fault/stall-head"] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        until(|| server.connections_open() == 1).await;
        drop(stream);
        until(|| server.connections_open() == 0).await;
    }
}

#[tokio::test]
async fn redirects_count_down_to_get() {
    let server = server();
    let first = get(server.address(), "/redirect/2?code=307", &[]).await;
    assert_eq!((first.status.as_u16(), first.field("location")), (307, "/redirect/1?code=307"));
    let last = get(server.address(), "/redirect/1", &[]).await;
    assert_eq!((last.status.as_u16(), last.field("location")), (302, "/get"));
    let to = get(server.address(), "/redirect-to?url=http%3A%2F%2Fx%2Fy&code=301", &[]).await;
    assert_eq!((to.status.as_u16(), to.field("location")), (301, "http://x/y"));
}

#[tokio::test]
async fn bytes_are_deterministic_and_come_in_ranges() {
    let server = server();
    let at = server.address();
    let whole = get(at, "/bytes/100000?seed=9", &[]).await;
    assert_eq!(whole.body, bytes_of(100_000, 9));
    assert_eq!(whole.field("content-length"), "100000");
    assert_eq!(whole.field("accept-ranges"), "bytes");
    let tag = whole.field("etag");
    let range = [("range", "bytes=10-19"), ("if-range", tag)];
    let part = get(at, "/bytes/100000?seed=9", &range).await;
    assert_eq!(part.status, 206);
    assert_eq!(part.field("content-range"), "bytes 10-19/100000");
    assert_eq!(part.body, bytes_of(100_000, 9).slice(10..20));
    let changed = [("range", "bytes=10-19"), ("if-range", "\"old\"")];
    assert_eq!(get(at, "/bytes/100000?seed=9", &changed).await.status, 200);
    let beyond = get(at, "/bytes/10", &[("range", "bytes=10-")]).await;
    assert_eq!((beyond.status.as_u16(), beyond.field("content-range")), (416, "bytes */10"));
    let same = get(at, "/bytes/100000?seed=9", &[("if-none-match", tag)]).await;
    assert_eq!((same.status.as_u16(), same.body.len()), (304, 0));
    let two = get(at, "/bytes/10", &[("range", "bytes=0-0,9-9")]).await;
    assert!(two.field("content-type").starts_with("multipart/byteranges"));
}

#[tokio::test]
async fn ranges_can_be_answered_wrongly_on_request() {
    let server = server();
    let at = server.address();
    let range = [("range", "bytes=5-9")];
    let wrong = |how: &str| format!("/bytes/20?ranges={how}");
    assert_eq!(get(at, &wrong("ignore"), &range).await.status, 200);
    let start = get(at, &wrong("wrong-start"), &range).await;
    assert_eq!(start.field("content-range"), "bytes 6-10/21");
    let total = get(at, &wrong("wrong-total"), &range).await;
    assert_eq!(total.field("content-range"), "bytes 5-9/30");
    let none = get(at, &wrong("no-content-range"), &range).await;
    assert_eq!((none.status.as_u16(), none.field("content-range")), (206, ""));
    assert_eq!(get(at, &wrong("encoded"), &range).await.field("content-encoding"), "gzip");
    let parts = get(at, &wrong("multipart"), &range).await;
    assert!(parts.field("content-type").starts_with("multipart/"));
}

#[tokio::test]
async fn a_cut_ends_the_first_answer_after_so_many_bytes() {
    let server = server();
    let request = "GET /bytes/1000?cut=600 HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = raw(server.address(), request).await;
    let body = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(answer[body..], bytes_of(600, 1));
    let second = get(server.address(), "/bytes/1000?cut=600", &[]).await;
    assert_eq!(second.body.len(), 1000);
}

#[tokio::test]
async fn a_changing_body_is_another_one_each_time() {
    let server = server();
    let first = get(server.address(), "/changing/50", &[]).await;
    let second = get(server.address(), "/changing/50", &[]).await;
    assert_ne!(first.body, second.body);
    assert_ne!(first.field("etag"), second.field("etag"));
    assert_ne!(first.field("last-modified"), second.field("last-modified"));
}

#[tokio::test]
async fn slow_endpoints_take_their_time_and_deliver_all() {
    let server = server();
    let at = server.address();
    let start = Instant::now();
    assert_eq!(get(at, "/delay/60", &[]).await.status, 200);
    assert_eq!(get(at, "/delay-body/60", &[]).await.body, "Late, but here.\n");
    assert!(start.elapsed() >= Duration::from_millis(120));
    let start = Instant::now();
    assert_eq!(get(at, "/drip/5/20", &[]).await.body, bytes_of(5, 1));
    assert!(start.elapsed() >= Duration::from_millis(80));
    let start = Instant::now();
    assert_eq!(get(at, "/rate/10000/50000", &[]).await.body, bytes_of(10_000, 1));
    assert!(start.elapsed() >= Duration::from_millis(130));
    let stream = get(at, "/stream/1000/300", &[]).await;
    assert_eq!((stream.field("transfer-encoding"), stream.body.len()), ("chunked", 1000));
    assert_eq!(stream.field("content-length"), "");
}

#[tokio::test]
async fn coded_bodies_decode_to_the_text() {
    let server = server();
    let at = server.address();
    let text = text_of(5000);
    let mut plain = String::new();
    let body = get(at, "/gzip/5000", &[]).await;
    assert_eq!(body.field("content-encoding"), "gzip");
    flate2::read::GzDecoder::new(&body.body[..]).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, text);
    plain.clear();
    let body = get(at, "/deflate/5000", &[]).await.body;
    flate2::read::ZlibDecoder::new(&body[..]).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, text);
    plain.clear();
    let body = get(at, "/deflate-raw/5000", &[]).await.body;
    flate2::read::DeflateDecoder::new(&body[..]).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, text);
    plain.clear();
    let body = get(at, "/br/5000", &[]).await.body;
    brotli::Decompressor::new(&body[..], 4096).read_to_string(&mut plain).unwrap();
    assert_eq!(plain, text);
    let body = get(at, "/zstd/5000", &[]).await.body;
    assert_eq!(zstd::stream::decode_all(&body[..]).unwrap(), text.as_bytes());
}

#[tokio::test]
async fn bombs_are_small_and_swell() {
    let server = server();
    for codec in ["gzip", "deflate", "br", "zstd"] {
        let bomb = get(server.address(), &format!("/bomb/{codec}"), &[]).await;
        assert_eq!(bomb.field("content-encoding"), codec);
        assert!(bomb.body.len() < 200_000, "{codec}: {}", bomb.body.len());
    }
}

#[tokio::test]
async fn bodies_come_back_and_are_counted() {
    let server = server();
    let at = server.address();
    let sha256 = sha256_hex(b"hello");
    let echo = send(at, Method::PUT, "/echo?a=b", &[("x-a", "1")], "hello").await.json();
    assert_eq!((&echo["method"], &echo["target"]), (&"PUT".into(), &"/echo?a=b".into()));
    assert_eq!((&echo["body"], &echo["sha256"]), (&"aGVsbG8=".into(), &sha256.clone().into()));
    let kind = [("content-type", "text/x-mine")];
    let back = send(at, Method::POST, "/echo-body", &kind, "hello").await;
    assert_eq!((back.field("content-type"), &back.body[..]), ("text/x-mine", &b"hello"[..]));
    let upload = send(at, Method::POST, "/upload", &[], bytes_of(100_000, 2)).await.json();
    assert_eq!(upload["length"], 100_000);
    let records = server.requests();
    assert_eq!(records.len(), 3);
    assert_eq!(records[0].body_sha256.as_deref(), Some(sha256.as_str()));
    assert_eq!(records[2].body.len(), 64 * 1024);
    assert_eq!((records[2].order, records[2].connection, records[2].body_length), (2, 3, 100_000));
}

#[tokio::test]
async fn a_refused_upload_gets_its_413_and_then_the_end() {
    let server = server();
    let request = "POST /upload-refused HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\nab";
    let answer = raw(server.address(), request).await;
    assert!(answer.starts_with(b"HTTP/1.1 413 "));
}

#[tokio::test]
async fn a_hundred_continue_comes_only_where_the_body_is_wanted() {
    let server = server();
    let head = "HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n";
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(format!("POST /continue {head}").as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    assert!(client::rest(&mut stream).await.starts_with(b"HTTP/1.1 200 OK"));
    let refused = raw(server.address(), &format!("POST /no-continue/417 {head}")).await;
    assert!(refused.starts_with(b"HTTP/1.1 417 "));
}

#[tokio::test]
async fn early_hints_come_before_the_answer_and_the_connection_lives_on() {
    let server = server();
    let request = "GET /early-hints HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    for _ in 0..2 {
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = client::rest(&mut stream).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 103 Early Hints\r\nlink: </style.css>"), "{answer}");
        assert!(answer.contains("\r\n\r\nHTTP/1.1 200 OK\r\n"));
    }
    assert_eq!(server.connections_opened(), 1);
}

#[tokio::test]
async fn trailers_follow_the_body_in_both_versions() {
    let server = server();
    let sha256 = sha256_hex(text_of(200).as_bytes());
    let one = get(server.address(), "/trailers", &[]).await;
    assert_eq!(one.trailers["x-sha256"], sha256.as_str());
    let two = get_h2(server.address(), "/trailers").await;
    assert_eq!(two.body, text_of(200));
    assert_eq!(two.trailers["x-sha256"], sha256.as_str());
}

#[tokio::test]
async fn text_comes_in_the_charset_asked_for() {
    let server = server();
    let latin = get(server.address(), "/text?charset=iso-8859-1", &[]).await;
    assert_eq!(latin.field("content-type"), "text/plain; charset=iso-8859-1");
    assert_eq!(latin.body, text_in("iso-8859-1").unwrap());
    let unsaid = get(server.address(), "/text", &[]).await;
    assert_eq!((unsaid.field("content-type"), &unsaid.body[..]), ("text/plain", TEXT.as_bytes()));
}

#[tokio::test]
async fn a_plain_port_speaks_both_versions_and_counts_connections() {
    let server = server();
    assert_eq!(get_h2(server.address(), "/get").await.body, "It works.\n");
    assert_eq!(get_h2(server.address(), "/bytes/3000000").await.body, bytes_of(3_000_000, 1));
    let count = get(server.address(), "/connections", &[]).await.json();
    assert_eq!((&count["this"], &count["opened"]), (&3.into(), &3.into()));
    assert_eq!(server.connections_opened(), 3);
}

#[tokio::test]
async fn early_hints_come_over_http_2_too() {
    let server = server();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://test/early-hints").body(()).unwrap();
    let (mut response, _) = sender.send_request(request, true).unwrap();
    let interim = std::future::poll_fn(|cx| response.poll_informational(cx)).await;
    assert_eq!(interim.unwrap().unwrap().status(), StatusCode::EARLY_HINTS);
    assert_eq!(response.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_rate_slows_the_connection() {
    let server = Server::builder().rate(50_000).bind("127.0.0.1:0").unwrap();
    let start = Instant::now();
    assert_eq!(get(server.address(), "/bytes/10000", &[]).await.body.len(), 10_000);
    assert!(start.elapsed() >= Duration::from_millis(150), "{:?}", start.elapsed());
}

#[tokio::test]
async fn shutdown_closes_the_port() {
    let server = server();
    let address = server.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    server.shutdown().await;
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[test]
fn a_server_on_its_own_thread_needs_no_runtime() {
    use std::io::Write;
    let server =
        Server::builder().protocols(Protocols::Http1).bind_on_thread("127.0.0.1:0").unwrap();
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"GET /get HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("It works.\n"));
    let address = server.address();
    drop(server);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn concurrent_requests_are_counted() {
    let server = server();
    let at = server.address();
    let tasks: Vec<_> = (0..5)
        .map(|_| tokio::spawn(async move { get(at, "/delay/100", &[]).await.status }))
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
    assert_eq!(server.peak_concurrent_requests(), 5);
    assert_eq!(server.peak_concurrent_connections(), 5);
    assert_eq!(server.request_count(), 5);
}

#[tokio::test]
async fn a_request_in_absolute_form_is_recorded_as_it_was_sent() {
    let server = server();
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let request = Request::get("http://elsewhere.test/get").body(Full::default()).unwrap();
    assert_eq!(over(stream, request).await.status, 200);
    assert_eq!(server.requests()[0].target, "http://elsewhere.test/get");
}
