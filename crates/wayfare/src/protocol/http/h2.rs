//! One HTTP/2 connection, shared by many exchanges.
//!
//! In a runtime the connection is driven by a task of its own. On the calling thread whoever
//! waits for an exchange drives it: each waiting thread polls the connection under its lock, so
//! the frames of all are moved by whichever thread is awake.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;
use http::uri::Authority;
use tokio::sync::Notify;
use wayfare_net::caller::block_on;
use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, Timer};
use wayfare_net::socket::Stream;
use wayfare_net::tls::facts::TlsFacts;
use wayfare_proto::policy::retry::{Age, Break};

use super::{Connections, Surroundings, unwritable};
use crate::error::{Error, ErrorKind, Stage};
use crate::options::Options;
use crate::pool::Shared;
use crate::protocol::ConnectionFacts;
use crate::queue::{LaneKey, Queue};

mod ahead;
mod driver;
mod exchange;
mod incoming;
mod observed;

pub(super) use ahead::{Ahead, Begun};
use driver::{Driven, Stint, Waiters};
pub(super) use exchange::exchange;
use observed::{Heard, Observed};

/// A shared HTTP/2 connection.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Inner>);

struct Inner {
    /// Only cloned from; every exchange sends with a clone of its own.
    send: Mutex<SendRequest<Bytes>>,
    driven: Driven,
    facts: ConnectionFacts,
    state: Arc<State>,
    news: Arc<Notify>,
    /// The origin's name as a request has it, read once.
    authority: OnceLock<Authority>,
    home: Home,
    /// Alarms of ended exchanges, for the next ones.
    timers: Mutex<Vec<Timer>>,
}

/// What the connection's users and its driver tell each other.
pub(super) struct State {
    active: AtomicUsize,
    /// Exchanges so far, of which a connection has a limited number.
    begun: AtomicU32,
    /// Claims so far, to tell them apart.
    claims: AtomicU32,
    most: AtomicUsize,
    closing: AtomicBool,
    /// An answer has come, so the connection was good for something.
    served: AtomicBool,
    started: Instant,
    /// Milliseconds after `started` at which the last exchange ended.
    idle_since: AtomicU64,
    heard: Arc<Heard>,
}

impl State {
    /// When bytes last came, or else when the connection began.
    fn last_heard(&self) -> Instant {
        self.started + self.heard.last().unwrap_or_default()
    }
}

impl Connection {
    fn timer(&self) -> Timer {
        let kept = self.0.timers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| Timer::new(self.0.home.clone()))
    }

    fn sender(&self) -> SendRequest<Bytes> {
        self.0.send.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `named` as the engine wants it; nearly always the same for all requests of a connection.
    fn authority(&self, named: &str) -> Result<Authority, Error> {
        let known = self.0.authority.get();
        if let Some(known) = known.filter(|known| known.as_str() == named) {
            return Ok(known.clone());
        }
        let read: Authority = named.parse().map_err(unwritable)?;
        if known.is_none() {
            // Lost to another request, it is read again next time.
            let _ = self.0.authority.set(read.clone());
        }
        Ok(read)
    }

    /// How a refusal by good-bye counts: a server that answers some requests of each connection
    /// gets everybody through in the end, one that answers none does not.
    fn refusal(&self) -> Break {
        match self.0.state.served.load(Ordering::Relaxed) {
            true => Break::Overtaken,
            false => Break::Refused,
        }
    }

    fn refuse_more(&self) {
        self.0.state.closing.store(true, Ordering::Release);
        self.0.news.notify_waiters();
    }
}

impl Shared for Connection {
    fn claim(&self) -> bool {
        let state = &self.0.state;
        let most = state.most.load(Ordering::Relaxed).max(1);
        let claimed = state.active.fetch_update(Ordering::AcqRel, Ordering::Acquire, |active| {
            (active < most).then_some(active + 1)
        });
        if claimed.is_ok() && state.begun.fetch_add(1, Ordering::Relaxed) >= MOST_EXCHANGES {
            // This one still has a number; the next goes on another connection.
            state.closing.store(true, Ordering::Release);
        }
        claimed.is_ok()
    }

    fn is_closing(&self) -> bool {
        self.0.state.closing.load(Ordering::Acquire)
    }

    fn is_settling(&self) -> bool {
        // RFC 9113 §3.4: the first thing a server sends is its settings.
        self.0.state.heard.last().is_none() && !self.is_closing()
    }

    fn idle_since(&self) -> Option<Instant> {
        let state = &self.0.state;
        (state.active.load(Ordering::Acquire) == 0).then(|| {
            state.started + Duration::from_millis(state.idle_since.load(Ordering::Relaxed))
        })
    }
}

/// The right to one exchange on a shared connection.
pub(crate) struct Claim {
    connection: Connection,
    age: Age,
    timer: Timer,
    /// Its own among the claims of the connection.
    number: u32,
    /// The request has been sent together with the connection's handshake.
    begun: Option<Box<Begun>>,
}

impl Claim {
    /// A claim on the connection just opened, which the opener has by right.
    pub(super) fn first(connection: Connection) -> Self {
        connection.0.state.active.fetch_add(1, Ordering::AcqRel);
        Self::new(connection, Age::Fresh)
    }

    /// The same for a request that has begun.
    pub(super) fn going_on(mut self, begun: Begun) -> Self {
        self.begun = Some(Box::new(begun));
        self
    }

    pub(super) fn tls(&self) -> Option<Arc<TlsFacts>> {
        self.connection.0.facts.tls.clone()
    }

    /// A claim that the pool made.
    pub(super) fn reused(connection: Connection) -> Self {
        Self::new(connection, Age::Reused)
    }

    fn new(connection: Connection, age: Age) -> Self {
        let timer = connection.timer();
        let number = connection.0.state.claims.fetch_add(1, Ordering::Relaxed);
        Self { connection, age, timer, number, begun: None }
    }

    /// On the calling thread: tells the server now that the exchange was given up, if it was;
    /// nobody else may come by for long.
    fn flush_farewell(&self) {
        if matches!(self.connection.0.driven, Driven::ByWaiters(_)) {
            block_on(std::future::poll_fn(|cx| {
                self.drive(cx);
                Poll::Ready(())
            }));
        }
    }

    /// On the calling thread: moves frames in both directions.
    fn drive(&self, cx: &mut Context<'_>) {
        let Driven::ByWaiters(waiters) = &self.connection.0.driven else { return };
        // The lock is given back before anybody is told.
        let stint = locked(waiters).drive(self.number, cx);
        match stint {
            Stint::Ended(driver) => {
                drop(driver);
                self.connection.refuse_more();
            }
            Stint::HandOn(others) => others.into_iter().for_each(Waker::wake),
            Stint::Rested => {}
        }
    }
}

impl Claim {
    /// Moves frames for an exchange that has nothing to read.
    ///
    /// In a runtime that is the task's to do. But who is alone with the connection has nobody else
    /// to think of, and saves a switch between tasks for every few pieces of a long body.
    fn drive_for_more(&self, cx: &mut Context<'_>) {
        match &self.connection.0.driven {
            Driven::ByTask(helped) => {
                if self.connection.0.state.active.load(Ordering::Relaxed) == 1 {
                    helped.help();
                }
            }
            Driven::ByWaiters(_) => self.drive(cx),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let timer = std::mem::replace(&mut self.timer, Timer::new(Home::Caller));
        let mut timers = self.connection.0.timers.lock().unwrap_or_else(PoisonError::into_inner);
        if timers.len() < KEPT_TIMERS {
            timers.push(timer);
        }
        drop(timers);
        self.begun = None;
        self.flush_farewell();
        if let Driven::ByWaiters(waiters) = &self.connection.0.driven {
            locked(waiters).leave(self.number);
        }
        let state = &self.connection.0.state;
        // Only the last one's end counts. Two that end together may each take the other for the
        // last: the bytes that ended them came just before, so that moment will do, and is known.
        let ended = match state.active.load(Ordering::Acquire) {
            1 => now().saturating_duration_since(state.started),
            _ => state.heard.last().unwrap_or_default(),
        };
        let ended = u64::try_from(ended.as_millis()).unwrap_or(u64::MAX);
        state.idle_since.store(ended, Ordering::Relaxed);
        state.active.fetch_sub(1, Ordering::AcqRel);
        self.connection.0.news.notify_waiters();
    }
}

fn locked(waiters: &Mutex<Waiters>) -> MutexGuard<'_, Waiters> {
    waiters.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("age", &self.age).finish_non_exhaustive()
    }
}

/// A connection that nobody drives yet.
struct Opened {
    send: SendRequest<Bytes>,
    connection: h2::client::Connection<Observed, Bytes>,
    heard: Arc<Heard>,
    started: Instant,
}

/// Begins HTTP/2 on an open pipe.
pub(super) async fn open(
    stream: Box<dyn Stream>,
    tls: Option<Arc<TlsFacts>>,
    news: Arc<Notify>,
    around: &Surroundings<'_>,
) -> Result<Connection, Error> {
    let facts = facts_of(&*stream, tls);
    let started = now();
    let stream = Observed::new(stream, started, around.home.clone());
    let heard = stream.heard();
    let (send, connection) = builder(around.options).handshake(stream).await.map_err(|why| {
        let message = format!("HTTP/2 could not begin: {why}");
        Error::new(ErrorKind::Protocol, Stage::Connect, message).because(why)
    })?;
    Ok(drive(Opened { send, connection, heard, started }, facts, news, around))
}

/// Goes on with HTTP/2 on a pipe whose other end has been given its beginning.
pub(super) fn go_on(
    ahead: Ahead,
    stream: Box<dyn Stream>,
    tls: Option<Arc<TlsFacts>>,
    news: Arc<Notify>,
    around: &Surroundings<'_>,
) -> (Connection, Begun) {
    let facts = facts_of(&*stream, tls);
    let (opened, begun) = ahead.join(stream);
    (drive(opened, facts, news, around), begun)
}

fn facts_of(stream: &dyn Stream, tls: Option<Arc<TlsFacts>>) -> ConnectionFacts {
    let (peer, local) = (stream.peer_address(), stream.local_address());
    ConnectionFacts { age: None, peer, local, tls, proxy_binding: None }
}

fn drive(
    Opened { send, connection, heard, started }: Opened,
    facts: ConnectionFacts,
    news: Arc<Notify>,
    around: &Surroundings<'_>,
) -> Connection {
    let state = Arc::new(State {
        active: AtomicUsize::new(0),
        begun: AtomicU32::new(0),
        claims: AtomicU32::new(0),
        most: AtomicUsize::new(send.current_max_send_streams()),
        closing: AtomicBool::new(false),
        served: AtomicBool::new(false),
        started,
        idle_since: AtomicU64::new(0),
        heard,
    });
    let room = Room {
        queue: around.queue.clone(),
        key: around.key.clone(),
        connections: around.connections.most_shared(),
        pool: Arc::downgrade(around.connections),
        news: news.clone(),
    };
    let driven = driver::start(
        connection,
        state.clone(),
        room,
        around.options.connections.ping,
        around.home,
    );
    let (home, timers) = (around.home.clone(), Mutex::default());
    let send = Mutex::new(send);
    let authority = OnceLock::new();
    Connection(Arc::new(Inner { send, driven, facts, state, news, authority, home, timers }))
}

/// Tells the queue how many exchanges the lane can carry, and those who wait that it changed.
struct Room {
    queue: Arc<Queue>,
    key: Arc<LaneKey>,
    connections: usize,
    pool: Weak<Connections>,
    /// Told to those who wait for an exchange.
    news: Arc<Notify>,
}

impl Room {
    fn set(&self, streams: usize) {
        self.queue.set_room(&self.key, streams.saturating_mul(self.connections));
        self.news.notify_waiters();
    }

    /// When a connection has ended: the lane carries what another one carries, if there is one.
    fn reset(&self) {
        let other = self.pool.upgrade().and_then(|pool| pool.shared_of(&self.key));
        match other {
            Some(other) => self.set(other.0.state.most.load(Ordering::Relaxed)),
            None => {
                self.queue.reset_room(&self.key);
                self.news.notify_waiters();
            }
        }
    }
}

fn builder(options: &Options) -> h2::client::Builder {
    let window = u32::try_from(options.bodies.read_buffer).unwrap_or(LARGEST_WINDOW);
    let head = u32::try_from(options.heads.head_bytes).unwrap_or(u32::MAX);
    let mut builder = h2::client::Builder::new();
    builder
        .initial_window_size(window.clamp(SMALLEST_WINDOW, LARGEST_WINDOW))
        // One slow reader must not hold up the others, so only streams have a real limit.
        .initial_connection_window_size(LARGEST_WINDOW)
        .max_header_list_size(head)
        .max_frame_size(LARGEST_FRAME)
        .max_send_buffer_size(SEND_BUFFER)
        .data_frame_budget(SMALL_FRAMES)
        .enable_push(false);
    builder
}

const SMALLEST_WINDOW: u32 = 16 * 1024;
/// RFC 9113 §5.1.1: stream numbers are odd, below 2^31, and never used again; some are kept for
/// those who have claimed one already.
const MOST_EXCHANGES: u32 = (1 << 30) - 1_000_000;
/// RFC 9113 §6.9.1.
const LARGEST_WINDOW: u32 = (1 << 31) - 1;
/// Frames of up to this size may come; larger ones only delay the others.
const LARGEST_FRAME: u32 = 16 * 1024;
/// What unread frames of less than 256 bytes may cost beyond their bytes, counted as what each lacks
/// to 256: a peer that sends single bytes must not fill the memory that its window is to bound. The
/// engine's own limit follows the connection's window, which has none.
const SMALL_FRAMES: usize = 32 * 1024 * 1024;
/// So many alarms are kept for later exchanges.
const KEPT_TIMERS: usize = 256;
const SEND_BUFFER: usize = 256 * 1024;
