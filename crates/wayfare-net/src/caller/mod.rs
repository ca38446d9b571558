//! The calling thread as a place for I/O: `poll(2)` over the sockets one future waits for.
//!
//! A blocking call polls the very same future as an async one. Each leaf that is not ready tells
//! this module what it waits for (a socket, a moment); when the whole future is pending, the
//! thread sleeps in one `poll(2)` until one of those comes true or a waker is called. There is no
//! event loop, no registration that outlives the call, and no other thread.

#[cfg(target_os = "linux")]
#[path = "wake_linux.rs"]
mod platform;
#[cfg(not(target_os = "linux"))]
#[path = "wake_portable.rs"]
mod platform;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering, fence};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd;

use crate::clock::now;
use platform::Bell;

/// What a leaf future waits for on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Bytes, or the end of the stream, which may be read on waking and kept for the reader.
    Bytes,
    /// Bytes, or the end of the stream.
    Read,
    /// Room in the send buffer, or the end of a connection attempt.
    Write,
}

/// Runs `future` to its end on this thread, doing its I/O here.
///
/// Works on any thread, inside and outside of async runtimes (inside one it blocks that runtime's
/// thread, as any blocking call does), and nested.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let (signal, waker, outer) = THREAD.with(|thread| thread.borrow_mut().enter());
    let mut cx = Context::from_waker(&waker);
    let output = loop {
        signal.state.store(RUNNING, Ordering::Release);
        BUDGET.set(CALLS_PER_POLL);
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            break output;
        }
        let wants = THREAD.with(|thread| std::mem::take(&mut thread.borrow_mut().wants));
        wait(&signal, &wants);
        THREAD.with(|thread| thread.borrow_mut().recycle(wants));
    };
    THREAD.with(|thread| thread.borrow_mut().leave(outer));
    // A nested call may have swallowed a wake-up that was meant for the future around it.
    signal.state.store(NOTIFIED, Ordering::Release);
    output
}

/// A socket that `poll(2)` can wait for.
pub(crate) trait Pollable: AsFd + Send + Sync + 'static {
    /// Sleeps until bytes or the end have come and keeps them for the reader, at most `patience`;
    /// false if this socket can only be polled.
    fn take_in(&self, _patience: Option<Duration>) -> bool {
        false
    }
}

impl Pollable for std::net::UdpSocket {}

#[cfg(test)]
impl Pollable for std::net::TcpStream {}

/// Says that the current future waits for `socket`.
pub(crate) fn want_socket<S: Pollable>(socket: &Arc<S>, readiness: Readiness) {
    THREAD.with(|thread| {
        thread.borrow_mut().wants.sockets.push((socket.clone(), readiness));
    });
}

/// True if the current future may make one more system call before it lets others have a look.
///
/// A peer that sends faster than it is read keeps a socket readable for ever; without this limit a
/// future that reads until there is nothing left would never get to look at its deadlines.
pub(crate) fn may_proceed(cx: &Context<'_>) -> bool {
    let left = BUDGET.get();
    if left == 0 {
        cx.waker().wake_by_ref();
        return false;
    }
    BUDGET.set(left - 1);
    true
}

/// Says that the current future waits for `deadline`.
pub(crate) fn want_deadline(deadline: Instant) {
    THREAD.with(|thread| {
        let earliest = &mut thread.borrow_mut().wants.deadline;
        *earliest = Some(earliest.map_or(deadline, |known| known.min(deadline)));
    });
}

/// As many as a tokio task may make.
const CALLS_PER_POLL: u8 = 128;

thread_local! {
    static BUDGET: Cell<u8> = const { Cell::new(CALLS_PER_POLL) };
    static THREAD: RefCell<PerThread> = RefCell::new(PerThread::new());
}

struct PerThread {
    signal: Arc<Signal>,
    waker: Waker,
    wants: Wants,
}

impl PerThread {
    fn new() -> Self {
        let signal = Arc::new(Signal {
            state: AtomicU8::new(RUNNING),
            thread: std::thread::current(),
            bell: Bell::default(),
            calls: AtomicUsize::new(0),
        });
        Self { waker: Waker::from(signal.clone()), signal, wants: Wants::default() }
    }

    /// What a call works with, and what the call around it waits for.
    fn enter(&mut self) -> (Arc<Signal>, Waker, Wants) {
        self.signal.calls.fetch_add(1, Ordering::Relaxed);
        (self.signal.clone(), self.waker.clone(), std::mem::take(&mut self.wants))
    }

    fn leave(&mut self, outer: Wants) {
        self.signal.calls.fetch_sub(1, Ordering::Relaxed);
        self.wants = outer;
    }

    /// Keeps the vector's memory for the next round.
    fn recycle(&mut self, mut used: Wants) {
        if self.wants.sockets.is_empty() && self.wants.deadline.is_none() {
            used.sockets.clear();
            used.deadline = None;
            self.wants = used;
        }
    }
}

/// Everything that would make the pending future worth polling again.
#[derive(Default)]
struct Wants {
    sockets: Vec<Wish>,
    deadline: Option<Instant>,
}

/// A socket, and what is waited for on it.
type Wish = (Arc<dyn Pollable>, Readiness);

/// How other threads wake this one.
struct Signal {
    state: AtomicU8,
    thread: std::thread::Thread,
    bell: Bell,
    /// How many calls, one inside the other, this thread is in; only this thread counts them.
    calls: AtomicUsize,
}

impl Signal {
    /// True if a waker was kept by something that may call it while this thread sleeps.
    fn may_be_heard(self: &Arc<Self>) -> bool {
        // The thread keeps one and a waker of it, and so does each call.
        let own = 2 + 2 * self.calls.load(Ordering::Relaxed);
        if Arc::strong_count(self) > own {
            return true;
        }
        // What was said by those who have gone was said before they went.
        fence(Ordering::Acquire);
        false
    }
}

const RUNNING: u8 = 0;
const NOTIFIED: u8 = 1;
const PARKED: u8 = 2;
const POLLING: u8 = 3;

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match self.state.swap(NOTIFIED, Ordering::AcqRel) {
            PARKED => self.thread.unpark(),
            POLLING => self.bell.ring(),
            _ => {}
        }
    }
}

fn wait(signal: &Arc<Signal>, wants: &Wants) {
    let resting = if wants.sockets.is_empty() { PARKED } else { POLLING };
    // A bell that nobody can ring need not be listened to, which spares the kernel a look at it.
    let is_listening = resting == POLLING && signal.may_be_heard();
    if is_listening {
        // Before anybody may see that it is the bell that wakes this thread.
        signal.bell.prepare();
    }
    if signal.state.compare_exchange(RUNNING, resting, Ordering::AcqRel, Ordering::Acquire).is_err()
    {
        return;
    }
    let patience = wants.deadline.map(|deadline| deadline.saturating_duration_since(now()));
    match (resting, is_listening) {
        (PARKED, _) => park(signal, patience),
        (_, true) => poll_sockets(signal, wants, patience),
        (_, false) => poll_sockets_alone(signal, &wants.sockets, patience),
    }
}

fn park(signal: &Signal, patience: Option<Duration>) {
    match patience {
        Some(patience) => std::thread::park_timeout(patience),
        None => {
            // `park` may return early by itself; the state says whether there is a reason to.
            while signal.state.load(Ordering::Acquire) == PARKED {
                std::thread::park();
            }
        }
    }
}

/// Waits for nothing but sockets.
fn poll_sockets_alone(signal: &Signal, sockets: &[Wish], patience: Option<Duration>) {
    match sockets {
        [(socket, Readiness::Bytes)] if socket.take_in(patience) => {}
        [wish] => poll_for(&mut [poll_fd(wish)], patience),
        wishes => poll_for(&mut wishes.iter().map(poll_fd).collect::<Vec<_>>(), patience),
    }
    signal.state.store(RUNNING, Ordering::Release);
}

fn poll_fd((socket, readiness): &Wish) -> PollFd<'_> {
    let flags = match readiness {
        Readiness::Bytes | Readiness::Read => PollFlags::IN,
        Readiness::Write => PollFlags::OUT,
    };
    PollFd::from_borrowed_fd(socket.as_fd(), flags)
}

fn poll_sockets(signal: &Signal, wants: &Wants, patience: Option<Duration>) {
    let rung = match (signal.bell.poll_fd(), wants.sockets.as_slice()) {
        // One socket is the rule (a blocking call waits for its connection): keep that off the
        // heap.
        (Some(bell), [wish]) => {
            let mut watched = [bell, poll_fd(wish)];
            poll_for(&mut watched, patience);
            watched[0].revents().contains(PollFlags::IN)
        }
        (bell, sockets) => {
            let has_bell = bell.is_some();
            let mut watched: Vec<_> = bell.into_iter().chain(sockets.iter().map(poll_fd)).collect();
            let patience = if has_bell {
                patience
            } else {
                // Nothing tells of a wake-up, so it is looked for.
                Some(patience.unwrap_or(WITHOUT_BELL).min(WITHOUT_BELL))
            };
            poll_for(&mut watched, patience);
            has_bell && watched[0].revents().contains(PollFlags::IN)
        }
    };
    let notified = signal.state.swap(RUNNING, Ordering::AcqRel) == NOTIFIED;
    // Who wakes this thread says so first and rings later, maybe as late as in a later round; a
    // bell left ringing would end every wait from then on.
    if rung || notified {
        signal.bell.silence();
    }
}

fn poll_for(watched: &mut [PollFd<'_>], patience: Option<Duration>) {
    let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
    // An interrupted or failed wait only means that the future is polled again.
    let _ = poll(watched, timeout.as_ref());
}

/// How long a thread sleeps at a time when no descriptor is left for its bell.
const WITHOUT_BELL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;
    use std::sync::mpsc;

    #[test]
    fn a_future_woken_from_another_thread_is_polled_again() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let helper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            sender.send(7).unwrap();
        });
        assert_eq!(block_on(receiver).unwrap(), 7);
        helper.join().unwrap();
    }

    #[test]
    fn a_deadline_ends_a_wait_that_nothing_else_would() {
        let started = now();
        let deadline = started + Duration::from_millis(30);
        block_on(std::future::poll_fn(|_| poll_deadline(deadline)));
        assert!(now() - started >= Duration::from_millis(30));
    }

    /// A signal that somebody else holds, too.
    fn signal() -> [Arc<Signal>; 3] {
        let thread = std::thread::current();
        let (state, calls) = (AtomicU8::new(RUNNING), AtomicUsize::new(0));
        let signal = Arc::new(Signal { state, thread, bell: Bell::default(), calls });
        [signal.clone(), signal.clone(), signal]
    }

    fn poll_deadline(deadline: Instant) -> Poll<()> {
        if now() >= deadline {
            return Poll::Ready(());
        }
        want_deadline(deadline);
        Poll::Pending
    }

    #[test]
    fn a_waker_that_is_kept_ends_a_wait_for_a_silent_socket() {
        let (socket, _other) = silent_pair();
        let mut helper = None;
        let started = now();
        block_on(std::future::poll_fn(|cx| match &helper {
            Some(_) => Poll::Ready(()),
            None => {
                let waker = cx.waker().clone();
                helper = Some(std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(20));
                    waker.wake();
                }));
                THREAD.with(|thread| {
                    let wish = (socket.clone(), Readiness::Read);
                    thread.borrow_mut().wants.sockets.push(wish);
                });
                want_deadline(started + Duration::from_secs(20));
                Poll::Pending
            }
        }));
        assert!(now() - started < Duration::from_secs(10));
        helper.unwrap().join().unwrap();
    }

    #[test]
    fn a_wait_that_nobody_can_end_listens_to_no_bell() {
        let (socket, _other) = silent_pair();
        let [signal, _waker, kept] = signal();
        assert!(signal.may_be_heard());
        drop(kept);
        let sockets = vec![(socket, Readiness::Read)];
        let deadline = now() + Duration::from_millis(20);
        wait(&signal, &Wants { sockets, deadline: Some(deadline) });
        assert!(now() >= deadline && signal.bell.poll_fd().is_none());
    }

    /// A socket that nothing comes from, and its other end.
    fn silent_pair() -> (Arc<dyn Pollable>, TcpStream) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Arc::new(near), listener.accept().unwrap().0)
    }

    #[test]
    fn a_bell_that_rang_late_ends_one_wait_and_no_more() {
        let (socket, _other) = silent_pair();
        let [signal, ..] = &signal();
        signal.bell.prepare();
        signal.bell.ring();
        let patience = Duration::from_millis(50);
        let deadline = now() + patience;
        let sockets = vec![(socket, Readiness::Read)];
        wait(signal, &Wants { sockets: sockets.clone(), deadline: Some(deadline) });
        assert!(now() < deadline);
        wait(signal, &Wants { sockets, deadline: Some(deadline) });
        assert!(now() >= deadline);
    }

    #[test]
    fn without_a_bell_a_wait_is_short() {
        let (socket, _other) = silent_pair();
        let [signal, ..] = &signal();
        let wants = Wants { sockets: vec![(socket, Readiness::Read)], deadline: None };
        signal.state.store(POLLING, Ordering::Release);
        poll_sockets(signal, &wants, None);
        assert_eq!(signal.state.load(Ordering::Acquire), RUNNING);
    }

    #[test]
    fn a_nested_call_does_not_swallow_the_outer_wake_up() {
        let (sender, mut receiver) = tokio::sync::oneshot::channel();
        let (started, start) = mpsc::channel();
        let helper = std::thread::spawn(move || {
            start.recv().unwrap();
            sender.send(1).unwrap();
        });
        let mut nested = false;
        let answer = block_on(std::future::poll_fn(|cx| {
            let polled = std::pin::Pin::new(&mut receiver).poll(cx);
            if polled.is_pending() && !nested {
                nested = true;
                started.send(()).unwrap();
                block_on(std::future::poll_fn({
                    let deadline = now() + Duration::from_millis(30);
                    move |_| poll_deadline(deadline)
                }));
            }
            polled
        }));
        assert_eq!(answer.unwrap(), 1);
        helper.join().unwrap();
    }
}
