//! One HTTP/1.1 connection and the exchanges on it, driven by whoever waits for the answer.
//!
//! Nothing is spawned: the task (or thread) that wants the answer polls the socket itself, so an
//! exchange costs one write, one read, and no hand-over between tasks.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite};
use wayfare_net::runtime::{Home, Timer};
use wayfare_net::socket::Stream;
use wayfare_net::tls::facts::TlsFacts;
use wayfare_proto::policy::auth::Asker;
use wayfare_proto::policy::retry::Age;

use crate::pool::{Exclusive, Generation};
use crate::protocol::ConnectionFacts;
use crate::protocol::http::proving::Standing;

mod exchange;
mod incoming;
mod output;

pub(super) use exchange::exchange;
use output::Output;

/// An open HTTP/1.1 connection.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    input: BytesMut,
    output: Output,
    timer: Timer,
    facts: ConnectionFacts,
    age: Age,
    generation: Generation,
    /// How much of the first request was sent with the handshake.
    ahead: usize,
    pub(super) standing: Standing,
}

impl Connection {
    pub(crate) fn new(
        stream: Box<dyn Stream>,
        (tls, proxy_binding): (Option<Arc<TlsFacts>>, Option<Vec<u8>>),
        home: Home,
        generation: Generation,
    ) -> Self {
        // Asked once: each of these is a system call.
        let (peer, local) = (stream.peer_address(), stream.local_address());
        Self {
            stream,
            input: BytesMut::new(),
            output: Output::default(),
            timer: Timer::new(home),
            facts: ConnectionFacts {
                age: None,
                peer,
                local,
                tls,
                proxy_binding: proxy_binding.map(Arc::from),
            },
            age: Age::Fresh,
            generation,
            ahead: 0,
            standing: Standing::Unproven,
        }
    }

    /// From now on the server may close it at any time, as one that waits for its next request.
    pub(super) fn will_wait(&mut self) {
        self.age = Age::Reused;
    }

    /// The first request has been sent together with the handshake: so much of it.
    pub(super) fn has_sent(&mut self, ahead: usize) {
        self.ahead = ahead;
    }

    pub(super) fn tls(&self) -> Option<Arc<TlsFacts>> {
        self.facts.tls.clone()
    }

    /// What binds a proof for this peer to the connection, if it is secured.
    pub(super) fn binding(&self, asker: Asker) -> Option<Vec<u8>> {
        self.facts.binding(asker)
    }

    fn facts(&self) -> ConnectionFacts {
        ConnectionFacts { age: Some(self.age), ..self.facts.clone() }
    }

    /// Reads at most about `room` bytes; 0 is the end.
    fn poll_fill(&mut self, room: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.reserve(room);
        pin!(self.stream.read_buf(&mut self.input)).poll(cx)
    }

    /// Writes what is in `output`.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let written =
                ready!(Pin::new(&mut self.stream).poll_write(cx, self.output.as_slice()))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(written);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

impl Exclusive for Box<Connection> {
    fn is_quiet(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.input.is_empty() && self.poll_fill(FIRST_READ, &mut cx).is_pending()
    }

    fn generation(&self) -> Generation {
        self.generation
    }
}

/// The first read, which most heads and many bodies fit in.
const FIRST_READ: usize = 8 * 1024;
