//! Who moves an HTTP/2 connection's frames, and how its death is noticed.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::{Ping, PingPong};
use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, Timer};
use wayfare_proto::policy::deadline::Wait;

use super::observed::Observed;
use super::{Room, State};

/// Who drives a connection.
pub(super) enum Driven {
    /// Every thread that waits for one of its exchanges.
    ByWaiters(Mutex<Option<Pin<Box<Driver>>>>),
    /// A task of its own.
    ByTask,
}

/// Gives a connection its driver.
pub(super) fn start(
    connection: h2::client::Connection<Observed, Bytes>,
    state: Arc<State>,
    room: Room,
    ping: Wait,
    home: &Home,
) -> Driven {
    let driver = Box::pin(Driver::new(connection, state, room, ping, home.clone()));
    match home.spawn(driver) {
        Ok(()) => Driven::ByTask,
        Err(driver) => Driven::ByWaiters(Mutex::new(Some(driver))),
    }
}

/// Moves the frames of one connection until it ends.
pub(super) struct Driver {
    connection: h2::client::Connection<Observed, Bytes>,
    state: Arc<State>,
    room: Room,
    health: Health,
    /// The server's first settings have come.
    greeted: bool,
    /// Bytes heard when the last exchange ended.
    idle_from: Option<u64>,
}

impl Driver {
    fn new(
        mut connection: h2::client::Connection<Observed, Bytes>,
        state: Arc<State>,
        room: Room,
        patience: Wait,
        home: Home,
    ) -> Self {
        let ping = connection.ping_pong();
        room.set(state.most.load(Ordering::Relaxed));
        let health = Health { ping, patience, asked: None, timer: Timer::new(home) };
        Self { connection, state, room, health, greeted: false, idle_from: None }
    }

    /// The peer may change how many streams it takes at any time (RFC 9113 §6.5.2).
    fn follow_limit(&mut self) {
        let most = self.connection.max_concurrent_send_streams();
        let changed = self.state.most.swap(most, Ordering::Relaxed) != most;
        let greeted = !self.greeted && self.state.heard.last() > 0;
        self.greeted |= greeted;
        if changed || greeted {
            self.room.set(most);
        }
    }
}

impl Driver {
    /// True if a peer that nobody asks anything keeps on talking.
    fn is_flooded(&mut self) -> bool {
        if self.state.active.load(Ordering::Acquire) > 0 {
            self.idle_from = None;
            return false;
        }
        let bytes = self.state.heard.bytes();
        bytes - *self.idle_from.get_or_insert(bytes) > IDLE_TALK
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.state.heard.begin_turn();
        let ended = Pin::new(&mut this.connection).poll(cx).is_ready();
        this.follow_limit();
        if ended || this.is_flooded() || this.health.poll_dead(&this.state, cx).is_ready() {
            this.state.closing.store(true, Ordering::Release);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.state.closing.store(true, Ordering::Release);
        self.room.reset();
    }
}

/// Asks a silent peer for a sign of life while somebody waits for it (RFC 9113 §6.7).
struct Health {
    ping: Option<PingPong>,
    patience: Wait,
    asked: Option<Instant>,
    timer: Timer,
}

impl Health {
    /// Ready when the peer gave no sign of life although it was asked.
    fn poll_dead(&mut self, state: &State, cx: &mut Context<'_>) -> Poll<()> {
        let Wait::AtMost(patience) = self.patience else { return Poll::Pending };
        let Some(ping) = &mut self.ping else { return Poll::Pending };
        loop {
            if ping.poll_pong(cx).is_ready() {
                self.asked = None;
            }
            let heard = state.started + Duration::from_millis(state.heard.last());
            if self.asked.is_some_and(|asked| heard > asked) {
                self.asked = None;
            }
            let deadline = self.asked.unwrap_or(heard).max(heard) + patience;
            ready!(self.timer.poll_until(deadline.max(heard + patience), cx));
            if self.asked.is_some() {
                return Poll::Ready(());
            }
            if state.active.load(Ordering::Acquire) == 0 {
                // Nobody waits: look again after the same time.
                let later = now() + patience;
                ready!(self.timer.poll_until(later, cx));
            } else if ping.send_ping(Ping::opaque()).is_ok() {
                self.asked = Some(now());
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }
}

/// More than so much is said by no honest peer on a connection that is not in use: settings, pings,
/// the rest of what was reset.
const IDLE_TALK: u64 = 4 * 1024 * 1024;
