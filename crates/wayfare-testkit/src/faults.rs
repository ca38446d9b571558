//! The server that misbehaves on purpose: bytes, cuts, resets and silence by script.

mod catalogue;
mod framing;
mod heads;
mod reuse;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;

use crate::ca::ServerIdentity;
use crate::listener::{Connections, Handler, Home, Listening, Reception};
use crate::script::{Afterwards, Ear, Ended, Heard, Script, Step, hang_up, play};

pub use catalogue::FAULTS;

/// The body of every answer that a client should deliver.
pub const GOOD: &str = "good\n";

/// The body of answers that no request asked for: a client that delivers it mixes answers up.
pub const POISON: &str = "POISON";

/// A way to misbehave that has a name.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Fault {
    /// The name, as in `/fault/{name}`.
    pub name: &'static str,
    /// What the server does, in a few words.
    pub what: &'static str,
    /// What a client should make of it.
    pub outcome: Outcome,
    /// The method of the request to try it with.
    pub method: &'static str,
    /// The decoded body to be delivered where something is delivered.
    pub body: &'static str,
    steps: fn() -> Vec<Step>,
}

/// What a client should make of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Both an error and an answer with [`Fault::body`] are right; the connection is not reused.
    Choice,
    /// Only a deadline of the client's ends it, and that is an error.
    Deadline,
    /// The answer is delivered whole, with [`Fault::body`].
    Deliver,
    /// The request ends with an error, without waiting for a deadline.
    Error,
    /// Two requests in a row are both answered with [`Fault::body`]: the connection dies or is
    /// poisoned after the first, and the second goes on a new one, sent again if need be.
    Retry,
}

impl Fault {
    /// Finds a fault by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        FAULTS.iter().find(|fault| fault.name == name)
    }

    /// What the server does on each connection.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        (self.steps)()
    }

    /// What the server does once it has read the request's head.
    pub(crate) fn steps_after_head(&self) -> Vec<Step> {
        let mut steps = self.steps();
        if steps.first() == Some(&Step::head()) {
            steps.remove(0);
        }
        steps
    }
}

/// A running server that plays a [`Script`]; dropping it ends it.
#[derive(Debug)]
pub struct FaultServer {
    listening: Listening,
    heard: Arc<Mutex<Vec<Ear>>>,
    wanted: usize,
    scheme: &'static str,
}

/// Settings of a [`FaultServer`] before it runs.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    script: Script,
    tls: Option<Arc<ServerConfig>>,
}

impl FaultServer {
    /// Begins a server that plays this script.
    pub fn script(script: Script) -> Builder {
        Builder { script, tls: None }
    }

    /// Begins a server on which every connection meets this fault.
    ///
    /// # Panics
    /// When [`FAULTS`] has no fault of this name.
    pub fn named(name: &str) -> Builder {
        let fault = Fault::named(name).unwrap_or_else(|| panic!("there is no fault `{name}`"));
        Self::script(Script::always(fault.steps()))
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
    pub fn heard(&self) -> Vec<Heard> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().map(|ear| ear.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }

    /// Where the client did not do what the script expects, in words; connections of the script
    /// that were never opened are among them.
    #[must_use]
    pub fn mismatches(&self) -> Vec<String> {
        let heard = self.heard();
        let missing = heard.len() + 1..=self.wanted;
        let said = heard.into_iter().enumerate().flat_map(|(index, heard)| {
            let tell = move |mismatch| format!("connection {}: {mismatch}", index + 1);
            heard.mismatches.into_iter().map(tell)
        });
        said.chain(missing.map(|number| format!("connection {number}: never opened"))).collect()
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
    /// Plays the script inside TLS with this identity, offering HTTP/1.1 by ALPN.
    pub fn tls(self, identity: &ServerIdentity) -> Self {
        self.tls_config(identity.server_config(&["http/1.1"]))
    }

    /// Plays the script inside TLS in a way of one's own.
    pub fn tls_config(mut self, config: ServerConfig) -> Self {
        self.tls = Some(Arc::new(config));
        self
    }

    /// Starts the server as a task of the tokio runtime that the caller is in.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    ///
    /// # Panics
    /// When called outside a tokio runtime.
    pub fn bind(self, address: impl ToSocketAddrs) -> io::Result<FaultServer> {
        self.start(address, Home::Here)
    }

    /// Starts the server on a thread of its own, for callers without a runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on or the thread cannot be started.
    pub fn bind_on_thread(self, address: impl ToSocketAddrs) -> io::Result<FaultServer> {
        self.start(address, Home::OwnThread)
    }

    fn start(self, address: impl ToSocketAddrs, home: Home) -> io::Result<FaultServer> {
        self.begin(|reception, connections| Listening::start(address, reception, connections, home))
    }

    pub(crate) fn begin(
        self,
        listen: impl FnOnce(Reception, Arc<Connections>) -> io::Result<Listening>,
    ) -> io::Result<FaultServer> {
        let heard: Arc<Mutex<Vec<Ear>>> = Arc::default();
        let ears = Arc::clone(&heard);
        let at_most = match self.script.afterwards {
            Afterwards::Refuse => Some(self.script.connections.len() as u64),
            Afterwards::RepeatLast => None,
        };
        let wanted = self.script.connections.len();
        let script = Arc::new(self.script);
        let handler: Handler = Arc::new(move |mut accepted| {
            let ear = Ear::default();
            ears.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&ear));
            let script = Arc::clone(&script);
            Box::pin(async move {
                let steps = script.steps(accepted.number);
                if play(steps, &mut accepted.stream, &ear).await == Ended::Open {
                    hang_up(&mut accepted.stream, &ear).await;
                }
            })
        });
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let reception = Reception { tls: self.tls, rate: None, at_most, handler };
        let listening = listen(reception, Arc::new(Connections::default()))?;
        Ok(FaultServer { listening, heard, wanted, scheme })
    }
}

/// An answer that is as it should be, on a connection that may be kept.
fn good() -> Step {
    Step::send(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{GOOD}",
        GOOD.len()
    ))
}

/// An answer that nobody asked for.
fn poison() -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{POISON}", POISON.len())
}
