//! How a transfer that runs by itself is stopped from outside.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use tokio::sync::oneshot;

/// Stops a transfer when told to, or when dropped.
pub(crate) struct Stopper(Mutex<Option<oneshot::Sender<Wish>>>);

/// What a transfer's holder wants of it.
enum Wish {
    Abort,
    Detach,
}

/// The transfer's end of a [`Stopper`].
pub(crate) struct Stop(Option<oneshot::Receiver<Wish>>);

/// Why a transfer was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    Aborted,
    Dropped,
}

/// Both ends.
pub(crate) fn pair() -> (Stopper, Stop) {
    let (sender, receiver) = oneshot::channel();
    (Stopper(Mutex::new(Some(sender))), Stop(Some(receiver)))
}

impl Stopper {
    pub(crate) fn abort(&self) {
        self.wish(Wish::Abort);
    }

    pub(crate) fn detach(&self) {
        self.wish(Wish::Detach);
    }

    fn wish(&self, wish: Wish) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A transfer that has ended needs no stopping.
            let _ = sender.send(wish);
        }
    }
}

impl Stop {
    /// Does `work` unless it is stopped before its end. Boxed, because there may be very many that
    /// wait, and a future handed on by value is kept twice.
    pub(crate) async fn or<F>(&mut self, mut work: Pin<Box<F>>) -> Result<F::Output, Stopped>
    where
        F: Future,
    {
        std::future::poll_fn(|cx| {
            if let Some(receiver) = &mut self.0 {
                match Pin::new(receiver).poll(cx) {
                    Poll::Pending => {}
                    Poll::Ready(Ok(Wish::Detach)) => self.0 = None,
                    Poll::Ready(Ok(Wish::Abort)) => return Poll::Ready(Err(Stopped::Aborted)),
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Stopped::Dropped)),
                }
            }
            work.as_mut().poll(cx).map(Ok)
        })
        .await
    }
}
