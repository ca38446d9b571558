//! Where a transfer's I/O happens; the only file that names tokio's timers and spawn.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::caller;
use crate::clock::now;

/// The place that drives a transfer's sockets and timers.
///
/// A connection lives and dies with the home it was opened in: a socket registered with one
/// runtime must never be handed to a transfer of another.
#[derive(Clone, Debug)]
pub enum Home {
    /// The calling thread, inside [`caller::block_on`]; nothing is spawned.
    Caller,
    /// A tokio runtime with its I/O and time drivers enabled.
    Runtime(Handle),
}

/// The identity of a [`Home`]; connections are only reused within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HomeId {
    /// Any thread inside [`caller::block_on`].
    Caller,
    /// One tokio runtime.
    Runtime(tokio::runtime::Id),
}

impl Home {
    /// The tokio runtime of the current task, or else Wayfare's own, which is started now if it
    /// was not running.
    ///
    /// # Errors
    /// The operating system's error if the threads of the own runtime cannot be started.
    pub fn current() -> std::io::Result<Self> {
        match Handle::try_current() {
            Ok(handle) => Ok(Self::Runtime(handle)),
            Err(_) => own_runtime().map(Self::Runtime),
        }
    }

    /// Wayfare's own runtime, which is started now if it was not running, whoever asks.
    ///
    /// # Errors
    /// The operating system's error if its threads cannot be started.
    pub fn own() -> std::io::Result<Self> {
        own_runtime().map(Self::Runtime)
    }

    /// True inside a tokio task or runtime context.
    #[must_use]
    pub fn is_inside_runtime() -> bool {
        Handle::try_current().is_ok()
    }

    /// The identity under which connections are kept apart.
    #[must_use]
    pub fn id(&self) -> HomeId {
        match self {
            Self::Caller => HomeId::Caller,
            Self::Runtime(handle) => HomeId::Runtime(handle.id()),
        }
    }

    /// Runs `task` beside the caller, if this home can: the calling thread has nobody to run it,
    /// so there the task is handed back.
    pub fn spawn<F>(&self, task: F) -> Result<(), F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        match self {
            Self::Caller => Err(task),
            Self::Runtime(handle) => {
                drop(handle.spawn(task));
                Ok(())
            }
        }
    }

    /// Runs blocking work on a thread of its own and waits for it without blocking a runtime.
    ///
    /// # Errors
    /// Fails when no thread can be started or the work panicked.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the result; the work itself runs to its end.
    pub async fn unblock<T, F>(&self, work: F) -> std::io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        match self {
            Self::Runtime(handle) => {
                handle.spawn_blocking(work).await.map_err(std::io::Error::other)
            }
            Self::Caller => {
                let (answer, answered) = tokio::sync::oneshot::channel();
                std::thread::Builder::new().name("wayfare-work".into()).spawn(move || {
                    // The caller may have gone; then nobody wants the answer.
                    let _ = answer.send(work());
                })?;
                answered.await.map_err(std::io::Error::other)
            }
        }
    }
}

/// The runtime that serves callers who have none: two worker threads, started on first use and
/// kept until the process ends.
fn own_runtime() -> std::io::Result<Handle> {
    static OWN: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    if let Some(runtime) = OWN.get() {
        return Ok(runtime.handle().clone());
    }
    let started = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("wayfare")
        .enable_all()
        .build()?;
    // Two threads may race here; the loser's runtime must not be dropped inside an async context.
    if let Err(loser) = OWN.set(started) {
        loser.shutdown_background();
    }
    OWN.get()
        .map(|runtime| runtime.handle().clone())
        .ok_or_else(|| std::io::ErrorKind::Other.into())
}

/// Waits for `duration`.
///
/// # Cancel safety
/// Dropping it forgets the wait.
pub async fn sleep(home: &Home, duration: Duration) {
    let mut timer = Timer::new(home.clone());
    let deadline = now() + duration;
    std::future::poll_fn(|cx| timer.poll_until(deadline, cx)).await;
}

/// How a race between work and a deadline ended.
pub enum Within<T> {
    /// The work was done first.
    Done(T),
    /// The deadline passed first.
    TooLate,
}

/// Waits for `work` until the deadline, or for ever.
///
/// # Cancel safety
/// Dropping the future drops the work.
pub async fn within<F: Future>(
    home: &Home,
    deadline: Option<Instant>,
    work: F,
) -> Within<F::Output> {
    let mut work = pin!(work);
    let mut timer = Timer::new(home.clone());
    std::future::poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Within::Done(done));
        }
        match deadline {
            Some(deadline) => timer.poll_until(deadline, cx).map(|()| Within::TooLate),
            None => Poll::Pending,
        }
    })
    .await
}

/// True if the task being polled has used up its share of the runtime's time: whatever it asks of
/// the runtime now is put off, and who was to be told of it is told when the runtime goes on.
#[must_use]
pub fn is_share_used_up() -> bool {
    !tokio::task::coop::has_budget_remaining()
}

/// A wish to be polled again, once others have been looked at.
#[derive(Debug, Default)]
pub struct Later {
    wish: Weak<Wish>,
    /// Who has it; a thread that is busy with something else grants it only then.
    thread: Option<ThreadId>,
}

/// Woken when it is let go of: a runtime that stops running forgets whom it was to wake.
#[derive(Debug)]
struct Wish(Waker);

impl Later {
    /// Has whoever is being polled in `home` polled again.
    pub fn ask(&mut self, home: &Home, cx: &Context<'_>) {
        if matches!(home, Home::Caller) {
            return cx.waker().wake_by_ref();
        }
        let thread = Some(std::thread::current().id());
        if self.wish.strong_count() > 0 && self.thread == thread {
            return;
        }
        let wish = Arc::new(Wish(cx.waker().clone()));
        (self.wish, self.thread) = (Arc::downgrade(&wish), thread);
        let waker = Waker::from(wish);
        // Woken at once, a task may come round many times before whoever runs the runtime.
        let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&waker));
    }
}

impl Wake for Wish {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Wish {
    fn drop(&mut self) {
        self.0.wake_by_ref();
    }
}

/// One alarm that is set again and again at no cost while its deadline only moves later.
///
/// A kept-alive connection asks for a new "first byte" deadline with every request. Registering
/// each with the runtime's timer wheel would cost more than parsing the response, so the alarm
/// stays registered at the earliest deadline it was given and is moved only when it rings.
#[derive(Debug)]
pub struct Timer {
    home: Home,
    alarm: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Timer {
    /// An alarm that is not set.
    #[must_use]
    pub fn new(home: Home) -> Self {
        Self { home, alarm: None }
    }

    /// Ready when `deadline` has passed; otherwise the task is woken at that time.
    pub fn poll_until(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        // Asked first: a task that has used up its share of the runtime's time gets no answer from
        // the alarm, and the alarm rounds up to its next tick.
        if now() >= deadline {
            return Poll::Ready(());
        }
        self.poll_set(deadline, cx)
    }

    /// As [`Timer::poll_until`] for a deadline that was made a moment ago: it is set without
    /// asking the clock whether it has passed already.
    pub fn poll_set(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        match &self.home {
            Home::Caller => {
                caller::want_deadline(deadline);
                Poll::Pending
            }
            Home::Runtime(handle) => {
                let deadline = tokio::time::Instant::from_std(deadline);
                let alarm = match &mut self.alarm {
                    Some(alarm) => alarm,
                    None => {
                        let _context = handle.enter();
                        self.alarm.insert(Box::pin(tokio::time::sleep_until(deadline)))
                    }
                };
                if alarm.deadline() > deadline {
                    alarm.as_mut().reset(deadline);
                }
                while alarm.as_mut().poll(cx).is_ready() {
                    if tokio::time::Instant::now() >= deadline {
                        return Poll::Ready(());
                    }
                    alarm.as_mut().reset(deadline);
                }
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_asks_to_be_polled_later_is_woken_once_even_by_a_runtime_that_stops() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let home = Home::Runtime(runtime.handle().clone());
        let counting = Arc::<Counting>::default();
        let woken = || counting.0.load(Ordering::Relaxed);
        let waker = Waker::from(counting.clone());
        let cx = Context::from_waker(&waker);
        let mut later = Later::default();
        runtime.block_on(async {
            later.ask(&home, &cx);
            later.ask(&home, &cx);
            assert_eq!(woken(), 0, "others go first");
            std::thread::scope(|scope| {
                scope.spawn(|| later.ask(&home, &Context::from_waker(&waker)));
            });
            assert_eq!(woken(), 1, "this thread may be busy for long");
        });
        assert_eq!(woken(), 2);
        runtime.block_on(async {
            later.ask(&home, &cx);
            tokio::task::yield_now().await;
            assert_eq!(woken(), 3);
        });
        later.ask(&home, &cx);
        assert_eq!(woken(), 4, "without a runtime there are no others");
    }
}
