//! A bare hyper connection: the floor.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{AHEAD, repeat};
use crate::measure::Measured;
use crate::server::Place;
use crate::work::Work;

type Sender1 = http1::SendRequest<Empty<Bytes>>;

pub async fn run(work: Work, place: &Place) -> Measured {
    if work.is_http2() { run2(work, place).await } else { run1(work, place).await }
}

async fn run1(work: Work, place: &Place) -> Measured {
    let free: Rc<RefCell<Vec<Sender1>>> = Rc::default();
    for _ in 0..work.at_a_time() {
        let sender = if work.is_tls() {
            sender1(TokioIo::new(tls(place, b"http/1.1").await)).await
        } else {
            let stream =
                TcpStream::connect(("127.0.0.1", place.plain)).await.expect("a connection");
            stream.set_nodelay(true).expect("an option");
            sender1(TokioIo::new(stream)).await
        };
        free.borrow_mut().push(sender);
    }
    repeat(work, move |path| {
        let free = free.clone();
        async move {
            let mut sender = free.borrow_mut().pop().expect("a free connection");
            let request = Request::get(path).header("host", "localhost").body(Empty::new());
            let mut response =
                sender.send_request(request.expect("a request")).await.expect("a response");
            let mut length = 0;
            while let Some(frame) = response.body_mut().frame().await {
                length += frame.expect("a frame").data_ref().map_or(0, Bytes::len) as u64;
            }
            sender.ready().await.expect("a free connection");
            free.borrow_mut().push(sender);
            length
        }
    })
    .await
}

async fn sender1<I>(io: I) -> Sender1
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(io).await.expect("a handshake");
    tokio::spawn(connection);
    sender
}

async fn run2(work: Work, place: &Place) -> Measured {
    let io = TokioIo::new(tls(place, b"h2").await);
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(AHEAD)
        .initial_connection_window_size(16 << 20)
        .handshake(io)
        .await
        .expect("a handshake");
    tokio::spawn(connection);
    let urls = place.urls(work);
    repeat(work, move |path| {
        let (mut sender, url) = (sender.clone(), urls.of(path).to_owned());
        async move {
            let request = Request::get(url).body(Empty::<Bytes>::new()).expect("a request");
            let mut response = sender.send_request(request).await.expect("a response");
            let mut length = 0;
            while let Some(frame) = response.body_mut().frame().await {
                length += frame.expect("a frame").data_ref().map_or(0, Bytes::len) as u64;
            }
            length
        }
    })
    .await
}

async fn tls(place: &Place, protocol: &[u8]) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(place.pem().as_bytes()).expect("an authority");
    roots.add(authority).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", place.tls)).await.expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let name = "localhost".try_into().expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake")
}
