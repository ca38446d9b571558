//! A small client for the tests: one request on one connection, over HTTP/1.1 or HTTP/2.

// Each test file uses its own part of this.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use wayfare_testkit::Authority;

/// A whole response.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: HeaderMap,
}

impl Reply {
    pub fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A GET over HTTP/1.1 with these extra fields.
pub async fn get(address: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Reply {
    send(address, Method::GET, path, fields, "").await
}

/// Any request over HTTP/1.1.
pub async fn send(
    address: SocketAddr,
    method: Method,
    path: &str,
    fields: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Reply {
    let mut request = Request::builder().method(method).uri(path).header("host", "test");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    over(TcpStream::connect(address).await.unwrap(), request).await
}

/// Sends one request over a stream that is there, in HTTP/1.1.
pub async fn over<S>(stream: S, request: Request<Full<Bytes>>) -> Reply
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    whole(sender.send_request(request).await.unwrap()).await
}

/// A GET over HTTP/2 with prior knowledge.
pub async fn get_h2(address: SocketAddr, path: &str) -> Reply {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(format!("http://test{path}")).body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    let (head, mut stream) = response.await.unwrap().into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data.unwrap();
        let _ = stream.flow_control().release_capacity(data.len());
        body.extend_from_slice(&data);
    }
    let trailers = stream.trailers().await.unwrap().unwrap_or_default();
    Reply { status: head.status, headers: head.headers, body: body.into(), trailers }
}

async fn whole(response: Response<hyper::body::Incoming>) -> Reply {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    Reply { status: head.status, headers: head.headers, body: body.to_bytes(), trailers }
}

/// Sends bytes and returns all that comes until the server closes (or resets).
pub async fn raw(address: SocketAddr, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

/// Everything that comes until the end, a reset, or a second of silence.
pub async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    let pause = Duration::from_secs(1);
    while let Ok(Ok(n @ 1..)) = tokio::time::timeout(pause, stream.read(&mut buffer)).await {
        all.extend_from_slice(&buffer[..n]);
    }
    all
}

/// A TLS connection to `localhost` at this address.
pub async fn tls(
    address: SocketAddr,
    authority: &Authority,
    alpn: &str,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    try_tls(address, authority, alpn).await.unwrap()
}

/// As [`tls`], where the handshake may fail.
pub async fn try_tls(
    address: SocketAddr,
    authority: &Authority,
    alpn: &str,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await.unwrap();
    tls_over(stream, authority, "localhost", alpn).await
}

/// TLS over a stream that is there.
pub async fn tls_over<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    authority: &Authority,
    name: &'static str,
    alpn: &str,
) -> std::io::Result<tokio_rustls::client::TlsStream<S>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let name = name.try_into().unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
}
