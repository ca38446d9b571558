//! Who moves an HTTP/2 connection's frames, and how its death is noticed.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use bytes::Bytes;
use h2::{Ping, PingPong};
use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, Timer, is_share_used_up};
use wayfare_proto::policy::deadline::Wait;

use super::observed::Observed;
use super::{Room, State};

/// Who drives a connection.
pub(super) enum Driven {
    /// Every thread that waits for one of its exchanges.
    ByWaiters(Mutex<Waiters>),
    /// A task of its own, helped by whoever is alone with the connection and waits for a body.
    ByTask(Arc<Helped>),
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
    let helped = Arc::new(Helped(Mutex::new(Shift { driver: Some(driver), task: None })));
    match home.spawn(Task(helped.clone())) {
        Ok(()) => Driven::ByTask(helped),
        Err(task) => {
            let driver = task.0.locked().driver.take();
            Driven::ByWaiters(Mutex::new(Waiters { driver, asleep: Vec::new() }))
        }
    }
}

/// A driver with a task, and with helpers.
///
/// Only the task is ever woken for it, so a helper may stop at any time without a word.
pub(super) struct Helped(Mutex<Shift>);

struct Shift {
    /// Until the connection has ended.
    driver: Option<Pin<Box<Driver>>>,
    /// The task's, from its first poll on.
    task: Option<Waker>,
}

impl Helped {
    /// Moves frames now, in place of the task, which would have to be switched to; unless that is
    /// at it anyway.
    pub(super) fn help(&self) {
        let Ok(mut shift) = self.0.try_lock() else { return };
        let Shift { driver: kept @ Some(_), task: Some(task) } = &mut *shift else { return };
        // Taken, so that a panic in the engine ends the connection, as one in the task does.
        let mut driver = kept.take();
        let polled = driver.as_mut().map(|it| it.as_mut().poll(&mut Context::from_waker(task)));
        let ended = polled.is_some_and(|polled| polled.is_ready());
        // What was put off for want of time is forgotten if the helper's runtime stops now.
        if ended || is_share_used_up() {
            task.wake_by_ref();
        }
        if !ended {
            *kept = driver.take();
        }
        // What the end of a connection sets free may come back here.
        drop(shift);
        drop(driver);
    }

    fn locked(&self) -> MutexGuard<'_, Shift> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of a driver. The connection ends with it, and so with its runtime.
struct Task(Arc<Helped>);

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut shift = self.0.locked();
        match &mut shift.task {
            Some(task) => task.clone_from(cx.waker()),
            None => shift.task = Some(cx.waker().clone()),
        }
        let Some(driver) = &mut shift.driver else { return Poll::Ready(()) };
        ready!(driver.as_mut().poll(cx));
        let ended = shift.driver.take();
        drop(shift);
        drop(ended);
        Poll::Ready(())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let ended = self.0.locked().driver.take();
        drop(ended);
    }
}

/// A driver, and the threads that may have to go on with it.
pub(super) struct Waiters {
    /// Until the connection has ended.
    driver: Option<Pin<Box<Driver>>>,
    /// Who has driven last for which exchange, and sleeps or is about to.
    asleep: Vec<(u32, Waker)>,
}

/// What came of a thread's stint with the driver.
#[must_use = "others may have to go on"]
pub(super) enum Stint {
    /// The connection has ended; letting go of this closes the socket and fails every exchange that
    /// still waits.
    Ended(Option<Pin<Box<Driver>>>),
    /// Others must go on: there may be more for them than the socket tells, since it was read already
    /// and whoever read it may not come back.
    HandOn(Vec<Waker>),
    /// All there was has been read.
    Rested,
}

impl Waiters {
    /// Moves frames, for the thread that waits for this exchange.
    pub(super) fn drive(&mut self, exchange: u32, cx: &mut Context<'_>) -> Stint {
        let Some(driver) = &mut self.driver else { return Stint::Rested };
        let ended = driver.as_mut().poll(cx).is_ready();
        let is_stint_over = driver.state.heard.is_stint_over();
        if ended {
            return Stint::Ended(self.driver.take());
        }
        let others = match is_stint_over {
            true => self.others(exchange),
            false => Vec::new(),
        };
        self.note(exchange, cx.waker());
        if is_stint_over { Stint::HandOn(others) } else { Stint::Rested }
    }

    /// The exchange is over: nobody waits for it any more.
    pub(super) fn leave(&mut self, exchange: u32) {
        self.asleep.retain(|(whose, _)| *whose != exchange);
    }

    fn note(&mut self, exchange: u32, waker: &Waker) {
        match self.asleep.iter_mut().find(|(whose, _)| *whose == exchange) {
            Some((_, known)) => known.clone_from(waker),
            None => self.asleep.push((exchange, waker.clone())),
        }
    }

    fn others(&mut self, exchange: u32) -> Vec<Waker> {
        let asleep = std::mem::take(&mut self.asleep).into_iter();
        asleep.filter(|(whose, _)| *whose != exchange).map(|(_, waker)| waker).collect()
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
        let greeted = !self.greeted && self.state.heard.last().is_some();
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
        this.state.heard.begin_stint();
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
            let heard = state.last_heard();
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn whoever_hands_on_a_stint_wakes_all_the_others_and_nobody_who_has_left() {
        let threads: [Arc<Counting>; 4] = Default::default();
        let mut waiters = Waiters { driver: None, asleep: Vec::new() };
        for (exchange, thread) in (0..).zip(&threads) {
            waiters.note(exchange, &Waker::from(thread.clone()));
            waiters.note(exchange, &Waker::from(thread.clone()));
        }
        waiters.leave(3);
        waiters.others(1).into_iter().for_each(Waker::wake);
        let woken = threads.map(|thread| thread.0.load(Ordering::Relaxed));
        assert_eq!(woken, [1, 0, 1, 0]);
        assert!(waiters.others(1).is_empty(), "they say for themselves that they sleep again");
    }
}
