//! A proxy that does what it is asked for, or fails at it on purpose: HTTP, SOCKS 4, 4a and 5.

mod http;
mod login;
mod socks;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ca::{Authority, ServerIdentity};
use crate::listener::{Connections, Handler, Home, Listening, Reception};
use crate::stream::{BoxStream, ServerStream};

/// A running proxy; dropping it ends it.
///
/// It tells HTTP from SOCKS by the first byte. Every name it is given is at 127.0.0.1.
///
/// ```
/// use wayfare_testkit::proxy::Proxy;
/// let proxy = Proxy::builder().bind_on_thread("127.0.0.1:0")?;
/// assert!(proxy.requests().is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Proxy {
    listening: Listening,
    heard: Arc<Mutex<Vec<ProxyRecord>>>,
}

/// One thing that a proxy was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyRecord {
    /// Counts the connections from 1.
    pub connection: u64,
    /// The target as it was said: `host:port`, or the whole URL.
    pub target: String,
    /// Who asked, if that was said: `user:password`, or what came after `Basic`.
    pub credentials: Option<String>,
    /// The bytes of the question, without a body.
    pub bytes: Vec<u8>,
}

/// Settings of a [`Proxy`] before it runs.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    tls: Option<Arc<ServerConfig>>,
    rules: Rules,
}

/// How a proxy behaves.
#[derive(Clone, Debug, Default)]
struct Rules {
    login: Option<(String, String)>,
    asks: Asks,
    manners: Manners,
    fault: Option<ProxyFault>,
}

/// How a proxy has to be told who is asking; SOCKS has one way only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asks {
    /// Basic.
    #[default]
    Basic,
    /// Digest, each nonce being good so many times.
    Digest(u32),
    /// Digest, and Basic for those who know no better.
    DigestOrBasic,
    /// Negotiate with tickets of the tests' own kind, of each connection.
    Negotiate,
    /// The same, or Basic.
    NegotiateOrBasic,
    /// NTLM, of each connection.
    Ntlm,
}

/// What becomes of the connection that a proxy asks on who is asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Manners {
    Closes,
    #[default]
    Keeps,
}

/// A way for a proxy to fail, once it has heard the first bytes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyFault {
    /// Answers well, byte by byte.
    ByteByByte,
    /// Closes at once.
    Cut,
    /// Answers well, but so many bytes of its answer only, and closes.
    CutAfter(usize),
    /// Answers well, with bytes behind the answer that nobody asked for.
    EarlyBytes,
    /// Says something that is no answer.
    Garbage,
    /// HTTP: a head without end.
    HugeHead,
    /// HTTP: 407 whatever is said, with another realm each time.
    NewRealms,
    /// Never answers.
    Silent,
    /// HTTP: this status, with a cookie, a place to go and a body. SOCKS: this code.
    Status(u16),
}

impl Proxy {
    /// Begins a proxy that asks nobody who is asking.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Its URL with this scheme.
    #[must_use]
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address())
    }

    /// What it was asked for so far.
    #[must_use]
    pub fn requests(&self) -> Vec<ProxyRecord> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections are open now.
    #[must_use]
    pub fn connections_open(&self) -> u64 {
        self.listening.connections().open()
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections_opened(&self) -> u64 {
        self.listening.connections().opened()
    }
}

impl Builder {
    /// Has it ask who is asking, and accept these only.
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.rules.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// How it asks who is asking, and wants to be told.
    pub fn asks(mut self, asks: Asks) -> Self {
        self.rules.asks = asks;
        self
    }

    /// Has it close the connection when it asks who is asking.
    pub fn closing_to_ask(mut self) -> Self {
        self.rules.manners = Manners::Closes;
        self
    }

    /// Has it fail.
    pub fn fault(mut self, fault: ProxyFault) -> Self {
        self.rules.fault = Some(fault);
        self
    }

    /// Has it speak TLS.
    pub fn tls(mut self, identity: &ServerIdentity) -> Self {
        self.tls = Some(Arc::new(identity.server_config(&["http/1.1"])));
        self
    }

    /// Has it speak TLS and insist on a client certificate issued by `clients`.
    pub fn tls_asking_clients(mut self, identity: &ServerIdentity, clients: &Authority) -> Self {
        self.tls = Some(Arc::new(identity.server_config_asking_clients(&["http/1.1"], clients)));
        self
    }

    /// Starts it on a thread of its own.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn bind_on_thread(self, address: impl ToSocketAddrs) -> io::Result<Proxy> {
        let heard = Arc::<Mutex<Vec<ProxyRecord>>>::default();
        let (notes, rules) = (heard.clone(), Arc::new(self.rules));
        let nonces = Arc::<Mutex<Vec<u32>>>::default();
        let handler: Handler = Arc::new(move |accepted| {
            let talk = Talk {
                connection: accepted.number,
                rules: rules.clone(),
                heard: notes.clone(),
                nonces: nonces.clone(),
                standing: Mutex::default(),
                tickets: Mutex::default(),
            };
            Box::pin(async move {
                // A client that goes away ends its own connection only.
                let _ = serve(accepted.stream, talk).await;
            })
        });
        let reception = Reception { tls: self.tls, rate: None, at_most: None, handler };
        let counts = Arc::<Connections>::default();
        let listening = Listening::start(address, reception, counts, Home::OwnThread)?;
        Ok(Proxy { listening, heard })
    }
}

/// What one connection of a proxy needs to know.
struct Talk {
    connection: u64,
    rules: Arc<Rules>,
    heard: Arc<Mutex<Vec<ProxyRecord>>>,
    /// How often each nonce was used.
    nonces: Arc<Mutex<Vec<u32>>>,
    standing: Mutex<login::Standing>,
    tickets: Mutex<crate::endpoints::negotiate::Progress>,
}

impl Talk {
    fn note(&self, target: &str, credentials: Option<String>, bytes: &[u8]) {
        let record = ProxyRecord {
            connection: self.connection,
            target: target.to_owned(),
            credentials,
            bytes: bytes.to_vec(),
        };
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    /// Writes an answer as the fault has it; false if that was the end.
    async fn answer(&self, stream: &mut BoxStream, answer: &[u8]) -> io::Result<bool> {
        match self.rules.fault {
            Some(ProxyFault::ByteByByte) => {
                for byte in answer {
                    stream.write_all(&[*byte]).await?;
                    stream.flush().await?;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            Some(ProxyFault::CutAfter(count)) if count < answer.len() => {
                stream.write_all(&answer[..count]).await?;
                stream.shutdown().await?;
                return Ok(false);
            }
            Some(ProxyFault::EarlyBytes) => {
                stream.write_all(&[answer, b"HTTP/1.1 200 OK\r\n\r\nPOISON"].concat()).await?;
            }
            _ => stream.write_all(answer).await?,
        }
        stream.flush().await?;
        Ok(true)
    }
}

async fn serve(mut stream: BoxStream, talk: Talk) -> io::Result<()> {
    let first = stream.read_u8().await?;
    match talk.rules.fault {
        Some(ProxyFault::Cut) => {
            stream.break_off();
            return Ok(());
        }
        Some(ProxyFault::Garbage) => return stream.write_all(b"what?\r\n\r\n").await,
        Some(ProxyFault::Silent) => return std::future::pending().await,
        _ => {}
    }
    match first {
        4 => socks::four(stream, &talk).await,
        5 => socks::five(stream, &talk).await,
        other if !other.is_ascii_uppercase() => {
            stream.write_all(b"HTTP/1.1 400 That is no HTTP\r\nContent-Length: 0\r\n\r\n").await
        }
        other => http::serve(other, stream, &talk).await,
    }
}

/// Opens the way to a target, whose names are all at 127.0.0.1.
async fn reach(target: &str) -> io::Result<TcpStream> {
    let port = target.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    match (target.parse::<SocketAddr>(), port) {
        (Ok(address), _) => TcpStream::connect(address).await,
        (Err(_), Some(port)) => TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await,
        (Err(_), None) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

async fn relay(mut near: BoxStream, mut far: TcpStream) -> io::Result<()> {
    tokio::io::copy_bidirectional(&mut near, &mut far).await.map(drop)
}
