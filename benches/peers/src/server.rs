//! The server that everybody asks: hyper, on one core, plain and with TLS.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Write};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::measure::pin;
use crate::work::Work;

/// Where the server listens, and whom to trust.
#[derive(Clone, Debug)]
pub struct Place {
    pub plain: u16,
    pub tls: u16,
    pub authority: String,
}

/// What a client asks for.
#[derive(Clone)]
pub struct Urls {
    work: Work,
    own: String,
    small: String,
}

impl Urls {
    pub fn of(&self, path: &str) -> &str {
        if path == self.work.path() { &self.own } else { &self.small }
    }
}

impl Place {
    pub fn from_words(words: &[&str]) -> Self {
        let [plain, tls, authority] = words else { panic!("two ports and a file") };
        Self {
            plain: plain.parse().expect("a port"),
            tls: tls.parse().expect("a port"),
            authority: (*authority).to_owned(),
        }
    }

    pub fn to_words(&self) -> [String; 3] {
        [self.plain.to_string(), self.tls.to_string(), self.authority.clone()]
    }

    pub fn url(&self, tls: bool, path: &str) -> String {
        match tls {
            true => format!("https://localhost:{}{path}", self.tls),
            false => format!("http://localhost:{}{path}", self.plain),
        }
    }

    /// The URLs that `work` asks for, made once.
    pub fn urls(&self, work: Work) -> Urls {
        let url = |path| self.url(work.is_tls(), path);
        Urls { work, own: url(work.path()), small: url(Work::SMALL) }
    }

    pub fn pem(&self) -> String {
        std::fs::read_to_string(&self.authority).expect("the authority's file")
    }
}

/// A server process, ended when dropped.
pub struct Running {
    child: Child,
    pub place: Place,
}

impl Running {
    pub fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program's path"))
            .arg("--server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server process");
        let mut line = String::new();
        let output = child.stdout.take().expect("the server's output");
        BufReader::new(output).read_line(&mut line).expect("the server's ports");
        let words: Vec<&str> = line.split_whitespace().collect();
        Self { place: Place::from_words(&words), child }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.place.authority);
    }
}

pub fn run() {
    pin(1);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(serve());
}

async fn serve() {
    let (acceptor, authority) = tls();
    let plain = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let secure = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let file = std::env::temp_dir().join(format!("wayfare-peers-{}.pem", std::process::id()));
    std::fs::write(&file, authority).expect("a file for the authority");
    let port = |listener: &TcpListener| listener.local_addr().expect("an address").port();
    println!("{} {} {}", port(&plain), port(&secure), file.display());
    std::io::stdout().flush().expect("standard output");
    loop {
        tokio::select! {
            accepted = plain.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                tokio::spawn(connection(TokioIo::new(stream)));
            }
            accepted = secure.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        connection(TokioIo::new(stream)).await;
                    }
                });
            }
        }
    }
}

async fn connection<I>(io: I)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(20_000).max_send_buf_size(1 << 20);
    let service = hyper::service::service_fn(answer);
    let _ = builder.serve_connection(io, service).await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Fill>, Infallible> {
    if request.uri().path() == "/hold" {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    }
    let length = if request.uri().path() == "/big" { 1 << 30 } else { 1024 };
    let response = Response::builder().header("content-type", "application/octet-stream");
    Ok(response.body(Fill { left: length }).expect("a response"))
}

/// A body of so many bytes.
struct Fill {
    left: u64,
}

impl Body for Fill {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static BLOCK: [u8; 65_536] = [7; 65_536];
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let length = self.left.min(BLOCK.len() as u64);
        self.left -= length;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&BLOCK[..length as usize])))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn tls() -> (TlsAcceptor, String) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let authority_key = KeyPair::generate().expect("a key");
    let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // OpenSSL takes a chain whose names are all alike for a self-signed certificate.
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "peers authority");
    let authority = parameters.self_signed(&authority_key).expect("an authority");
    let issuer = Issuer::new(parameters, authority_key);
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["localhost".to_owned()])
        .and_then(|parameters| parameters.signed_by(&key, &issuer))
        .expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        )
        .expect("a configuration");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}
