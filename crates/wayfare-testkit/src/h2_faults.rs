//! The HTTP/2 server that misbehaves on purpose, frame by frame.

mod catalogue;
mod frames;
mod streams;
mod talk;
mod whole;

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;

use crate::ca::ServerIdentity;
use crate::faults::Outcome;
use crate::listener::{Connections, Handler, Home, Listening, Reception};
use crate::stream::BoxStream;
use talk::{H2Ear, Talk};

pub use catalogue::H2_FAULTS;

/// A way to misbehave in HTTP/2 that has a name.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct H2Fault {
    /// The name.
    pub name: &'static str,
    /// What the server does, in a few words.
    pub what: &'static str,
    /// What a client should make of it. `Retry` means that the first connection (or its first
    /// streams) fails and that the request, sent again, is answered; `Deliver` is a
    /// peculiarity that a client should cope with.
    pub outcome: Outcome,
    /// The method of the request to try it with; `POST` wants a body of at least a megabyte.
    pub method: &'static str,
    settings: &'static [(u16, u32)],
    run: Run,
}

/// What is done on a connection, of this number from 1.
type Run = fn(Talk, u64) -> Play;
type Play = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// What an HTTP/2 fault server heard on one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct H2Heard {
    /// How many requests (HEADERS frames) came.
    pub requests: u64,
    /// How many of them are not answered or reset yet.
    pub open: i64,
    /// The most of them that were open at one moment.
    pub peak_open: i64,
    /// How many bytes of request bodies came.
    pub body_bytes: u64,
    /// How many PINGs came.
    pub pings: u64,
    /// How many streams the client reset.
    pub resets: u64,
    /// The error code of the client's GOAWAY.
    pub go_away: Option<u32>,
}

impl H2Fault {
    /// Finds a fault by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        H2_FAULTS.iter().find(|fault| fault.name == name)
    }
}

impl std::fmt::Debug for H2Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H2Fault")
            .field("name", &self.name)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// A running server with one HTTP/2 fault; dropping it ends it.
///
/// On a plain port it expects HTTP/2 with prior knowledge.
#[derive(Debug)]
pub struct H2FaultServer {
    listening: Listening,
    heard: Arc<Mutex<Vec<H2Ear>>>,
    scheme: &'static str,
}

/// Settings of an [`H2FaultServer`] before it runs.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    fault: &'static H2Fault,
    tls: Option<Arc<ServerConfig>>,
}

impl H2FaultServer {
    /// Begins a server with this fault.
    ///
    /// # Panics
    /// When [`H2_FAULTS`] has no fault of this name.
    pub fn named(name: &str) -> Builder {
        let fault = H2Fault::named(name).unwrap_or_else(|| panic!("there is no fault `{name}`"));
        Builder { fault, tls: None }
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// The URL of a path on this server.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address())
    }

    /// What each connection so far has heard, in the order of arrival.
    #[must_use]
    pub fn heard(&self) -> Vec<H2Heard> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().map(|ear| ear.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections_opened(&self) -> u64 {
        self.listening.connections().opened()
    }

    /// Closes the port and every connection, and returns when that is done.
    pub async fn shutdown(self) {
        self.listening.shutdown().await;
    }
}

impl Builder {
    /// Speaks TLS with this identity and offers h2 by ALPN.
    pub fn tls(mut self, identity: &ServerIdentity) -> Self {
        self.tls = Some(Arc::new(identity.server_config(&["h2"])));
        self
    }

    /// Starts the server as a task of the tokio runtime that the caller is in.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    ///
    /// # Panics
    /// When called outside a tokio runtime.
    pub fn bind(self, address: impl ToSocketAddrs) -> io::Result<H2FaultServer> {
        self.start(address, Home::Here)
    }

    /// Starts the server on a thread of its own, for callers without a runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on or the thread cannot be started.
    pub fn bind_on_thread(self, address: impl ToSocketAddrs) -> io::Result<H2FaultServer> {
        self.start(address, Home::OwnThread)
    }

    fn start(self, address: impl ToSocketAddrs, home: Home) -> io::Result<H2FaultServer> {
        self.begin(|reception, connections| Listening::start(address, reception, connections, home))
    }

    pub(crate) fn begin(
        self,
        listen: impl FnOnce(Reception, Arc<Connections>) -> io::Result<Listening>,
    ) -> io::Result<H2FaultServer> {
        let heard: Arc<Mutex<Vec<H2Ear>>> = Arc::default();
        let ears = Arc::clone(&heard);
        let fault = self.fault;
        let handler: Handler = Arc::new(move |accepted| {
            let ear = H2Ear::default();
            ears.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&ear));
            Box::pin(async move {
                // An error means that the client is gone.
                let _ = talk(fault, accepted.stream, ear, accepted.number).await;
            })
        });
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let reception = Reception { tls: self.tls, rate: None, at_most: None, handler };
        let listening = listen(reception, Arc::new(Connections::default()))?;
        Ok(H2FaultServer { listening, heard, scheme })
    }
}

async fn talk(fault: &H2Fault, stream: BoxStream, ear: H2Ear, number: u64) -> io::Result<()> {
    let talk = Talk::begin(stream, ear, fault.settings).await?;
    (fault.run)(talk, number).await
}
