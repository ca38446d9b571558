//! Connections to name servers that are kept for the next question, for a few seconds (RFC 7858
//! §3.4): a handshake with each of them costs more than the question.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::io::ReadBuf;
use wayfare_proto::route::name_server::NameServer;

use super::https::Session;
use super::{Around, Trust};
use crate::clock::now;
use crate::runtime::HomeId;
use crate::socket::{SocketOptions, Stream};

/// The connections to name servers that nobody is using.
#[derive(Default)]
pub(super) struct Lines(Mutex<Vec<Kept>>);

/// An open connection to a name server.
pub(super) enum Line {
    /// HTTP/2.
    Http2(Session),
    /// One question after the other: DNS over TLS, or HTTP/1.1.
    Pipe(Box<dyn Stream>),
}

/// What must not be mixed: who is asked, how it had to prove itself, by which way, from where.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Place {
    home: HomeId,
    server: NameServer,
    sockets: SocketOptions,
    trust: Trust,
}

struct Kept {
    place: Place,
    line: Line,
    since: Instant,
}

impl Place {
    pub(super) fn of(server: &NameServer, around: &Around<'_>) -> Self {
        Self {
            home: around.home.id(),
            server: server.clone(),
            sockets: around.sockets.clone(),
            trust: Trust::of(around),
        }
    }
}

impl Lines {
    /// Takes a connection to use it; whoever does gives it back with [`keep`](Self::keep), or not.
    pub(super) fn take(&self, place: &Place) -> Option<Line> {
        let mut gone = Vec::new();
        loop {
            let found = {
                let mut kept = self.lock();
                gone.extend(kept.extract_if(.., |one| !one.is_fresh(now())));
                let newest = kept.iter().rposition(|one| one.place == *place)?;
                kept.remove(newest)
            };
            // Looked at without the lock, as a system call is made for it.
            let mut line = found.line;
            let is_open = match &mut line {
                Line::Http2(_) => true,
                Line::Pipe(stream) => is_quiet(&mut **stream),
            };
            if is_open {
                return Some(line);
            }
        }
    }

    /// Keeps a connection for the next question.
    pub(super) fn keep(&self, place: Place, line: Line) {
        let mut kept = self.lock();
        let oldest = (kept.len() >= MOST).then(|| kept.remove(0));
        kept.push(Kept { place, line, since: now() });
        drop(kept);
        drop(oldest);
    }

    /// Closes what was unused too long; true if there is something left.
    pub(super) fn sweep(&self) -> bool {
        let mut kept = self.lock();
        let gone: Vec<_> = kept.extract_if(.., |one| !one.is_fresh(now())).collect();
        let is_left = !kept.is_empty();
        drop(kept);
        drop(gone);
        is_left
    }

    /// Closes all of them.
    pub(super) fn clear(&self) {
        let gone = std::mem::take(&mut *self.lock());
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < IDLE
    }
}

impl Trust {
    pub(super) fn of(around: &Around<'_>) -> Self {
        Self { tls: Arc::clone(around.tls), pins: around.pins.to_vec(), way: around.way.clone() }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("kept", &self.lock().len()).finish()
    }
}

/// False if the server has closed it, or said something that nobody asked for.
fn is_quiet(stream: &mut dyn Stream) -> bool {
    let (mut byte, mut cx) = ([0], Context::from_waker(Waker::noop()));
    Pin::new(stream).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_pending()
}

/// Servers keep quiet connections for as long at least.
const IDLE: Duration = Duration::from_secs(10);
/// Of more of them the oldest is closed.
const MOST: usize = 16;
