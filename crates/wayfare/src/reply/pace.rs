//! Reading a body no faster than told.

use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, Timer};

use super::pipe::Pipe;
use crate::error::Error;

/// Gives the bytes of a pipe at a rate, in portions of an eighth of a second.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: u64,
    /// When the next portion may be given.
    due: Option<Instant>,
    /// What was taken from the pipe and is not due yet.
    held: Bytes,
    timer: Timer,
}

impl Pace {
    pub(super) fn new(bytes_per_second: u64, home: Home) -> Self {
        let bytes_per_second = bytes_per_second.max(1);
        Self { bytes_per_second, due: None, held: Bytes::new(), timer: Timer::new(home) }
    }

    pub(super) fn poll_chunk(
        &mut self,
        pipe: &mut Pipe,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        if let Some(due) = self.due.filter(|due| *due > now()) {
            let until = pipe.deadline().map_or(due, |deadline| deadline.min(due));
            ready!(self.timer.poll_until(until, cx));
        }
        if pipe.deadline().is_some_and(|deadline| now() >= deadline) {
            // The pipe says what has happened.
            self.held = Bytes::new();
        }
        if self.held.is_empty() {
            match ready!(pipe.poll_chunk(cx))? {
                Some(chunk) => self.held = chunk,
                None => return Poll::Ready(Ok(None)),
            }
        }
        let most = usize::try_from(self.bytes_per_second / 8).unwrap_or(usize::MAX).max(1);
        let portion = self.held.split_to(most.min(self.held.len()));
        // What was not used of the past is not made up for: a slow server earns no burst.
        let from = self.due.map_or_else(now, |due| due.max(now()));
        self.due = Some(from + share(portion.len() as u64, self.bytes_per_second));
        Poll::Ready(Ok(Some(portion)))
    }
}

fn share(bytes: u64, bytes_per_second: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_second);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
