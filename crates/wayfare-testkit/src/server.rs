//! The server that behaves: one documented site over HTTP/1.1 and HTTP/2, plain and TLS.

mod body;
mod http1;
mod http2;
mod log;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::combinators::UnsyncBoxBody;
use rustls::ServerConfig;
use tokio::io::AsyncReadExt;

use crate::ca::{Authority, ServerIdentity};
use crate::endpoints::Site;
use crate::listener::{Accepted, Connections, Handler, Home, Listening, Reception};
use crate::stream::{BoxStream, Rewound, Shared};

pub(crate) use body::{Guarded, Paced, Source};
pub(crate) use log::{InFlight, Log, WholeBody};
pub use log::{KEPT_RECORDS, RequestRecord};

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, BoxError>;
pub(crate) type ReplyBody = UnsyncBoxBody<Bytes, BoxError>;

/// A running server of the [site](crate::endpoints); dropping it ends it.
#[derive(Debug)]
pub struct Server {
    listening: Listening,
    log: Arc<Log>,
    scheme: &'static str,
}

/// Settings of a [`Server`] before it runs.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    security: Security,
    protocols: Protocols,
    rate: Option<u64>,
}

/// Which versions of HTTP a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocols {
    /// Both: by ALPN under TLS; on a plain port a client that begins with the HTTP/2 preface
    /// is answered in HTTP/2.
    #[default]
    Both,
    /// HTTP/1.1 (and 1.0) only.
    Http1,
    /// HTTP/2 only.
    Http2,
}

#[derive(Clone, Debug)]
enum Security {
    Plain,
    Tls(Arc<ServerConfig>),
}

impl Server {
    /// Begins a server: plain, both protocols, as fast as it can.
    pub fn builder() -> Builder {
        Builder { security: Security::Plain, protocols: Protocols::Both, rate: None }
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// The URL of a path on this server, such as `/get`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address())
    }

    /// As [`url`](Self::url), but with a host name in place of the address.
    #[must_use]
    pub fn url_at(&self, host: &str, path: &str) -> String {
        format!("{}://{host}:{}{path}", self.scheme, self.address().port())
    }

    /// The requests so far, in the order of arrival; the newest [`KEPT_RECORDS`] of them.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.log.snapshot()
    }

    /// Forgets the requests so far (the counts stay).
    pub fn clear_requests(&self) {
        self.log.clear();
    }

    /// How many requests have arrived.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.log.arrived()
    }

    /// The most requests that were being answered at one moment.
    #[must_use]
    pub fn peak_concurrent_requests(&self) -> u64 {
        self.log.peak_in_flight()
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections_opened(&self) -> u64 {
        self.listening.connections().opened()
    }

    /// How many connections are open now.
    #[must_use]
    pub fn connections_open(&self) -> u64 {
        self.listening.connections().open()
    }

    /// The most connections that were open at one moment.
    #[must_use]
    pub fn peak_concurrent_connections(&self) -> u64 {
        self.listening.connections().peak()
    }

    /// How many connections ended in a failed TLS handshake.
    #[must_use]
    pub fn failed_handshakes(&self) -> u64 {
        self.listening.connections().failed_handshakes()
    }

    /// Closes the port and every connection, and returns when that is done.
    pub async fn shutdown(self) {
        self.listening.shutdown().await;
    }
}

impl Builder {
    /// Serves TLS with this identity.
    pub fn tls(mut self, identity: &ServerIdentity) -> Self {
        self.security = Security::Tls(Arc::new(identity.server_config(&[])));
        self
    }

    /// Serves TLS and insists on a client certificate that `clients` issued.
    pub fn tls_asking_clients(mut self, identity: &ServerIdentity, clients: &Authority) -> Self {
        let config = identity.server_config_asking_clients(&[], clients);
        self.security = Security::Tls(Arc::new(config));
        self
    }

    /// Serves TLS in a way of one's own; the protocols offered by ALPN are replaced.
    pub fn tls_config(mut self, config: ServerConfig) -> Self {
        self.security = Security::Tls(Arc::new(config));
        self
    }

    /// Serves without TLS, which is the default.
    pub fn plain(mut self) -> Self {
        self.security = Security::Plain;
        self
    }

    /// Serves these versions of HTTP.
    pub fn protocols(mut self, protocols: Protocols) -> Self {
        self.protocols = protocols;
        self
    }

    /// Lets each connection carry so many bytes a second, each way.
    pub fn rate(mut self, bytes_per_second: u64) -> Self {
        self.rate = Some(bytes_per_second);
        self
    }

    /// Starts the server as a task of the tokio runtime that the caller is in.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    ///
    /// # Panics
    /// When called outside a tokio runtime.
    pub fn bind(self, address: impl ToSocketAddrs) -> io::Result<Server> {
        self.start(address, Home::Here)
    }

    /// Starts the server on a thread of its own, for callers without a runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on or the thread cannot be started.
    pub fn bind_on_thread(self, address: impl ToSocketAddrs) -> io::Result<Server> {
        self.start(address, Home::OwnThread)
    }

    fn start(self, address: impl ToSocketAddrs, home: Home) -> io::Result<Server> {
        self.begin(|reception, connections| Listening::start(address, reception, connections, home))
    }

    pub(crate) fn begin(
        self,
        listen: impl FnOnce(Reception, Arc<Connections>) -> io::Result<Listening>,
    ) -> io::Result<Server> {
        let connections = Arc::new(Connections::default());
        let log = Arc::new(Log::new());
        let site = Arc::new(Site::new(Arc::clone(&log), Arc::clone(&connections)));
        let protocols = self.protocols;
        let handler: Handler =
            Arc::new(move |accepted| Box::pin(serve(accepted, Arc::clone(&site), protocols)));
        let (scheme, tls) = match self.security {
            Security::Plain => ("http", None),
            Security::Tls(config) => {
                let mut config = Arc::unwrap_or_clone(config);
                config.alpn_protocols = protocols.alpn();
                ("https", Some(Arc::new(config)))
            }
        };
        let reception = Reception { tls, rate: self.rate, at_most: None, handler };
        Ok(Server { listening: listen(reception, connections)?, log, scheme })
    }
}

impl Protocols {
    fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Both => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Http1 => vec![b"http/1.1".to_vec()],
            Self::Http2 => vec![b"h2".to_vec()],
        }
    }
}

/// Serves one connection in the version of HTTP that it turns out to speak.
pub(crate) async fn serve(accepted: Accepted, site: Arc<Site>, protocols: Protocols) {
    let Accepted { number, mut stream, alpn } = accepted;
    let mut first = BytesMut::new();
    let two = match (protocols, alpn.as_deref()) {
        (Protocols::Http2, _) | (Protocols::Both, Some(b"h2")) => true,
        (Protocols::Both, None) => begins_with_preface(&mut stream, &mut first).await,
        (Protocols::Http1, _) | (Protocols::Both, Some(_)) => false,
    };
    let stream = Rewound::new(first.freeze(), stream);
    if two {
        http2::serve(stream, site, number).await;
    } else {
        http1::serve(Shared::new(Box::new(stream)), site, number).await;
    }
}

/// Reads until it is clear whether the client speaks HTTP/2 with prior knowledge.
async fn begins_with_preface(stream: &mut BoxStream, first: &mut BytesMut) -> bool {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    while PREFACE.starts_with(first) && first.len() < PREFACE.len() {
        if !matches!(stream.read_buf(first).await, Ok(1..)) {
            return false;
        }
    }
    first.starts_with(PREFACE)
}
