//! The way to one host of a world: its latency, its rate, and whether anything gets through.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::pipe::time_on_link;

/// The way between the client and one address.
#[derive(Debug, Default)]
pub(super) struct Link {
    state: Mutex<LinkState>,
}

#[derive(Debug, Default)]
struct LinkState {
    latency: Duration,
    bandwidth: Option<u64>,
    reach: Reach,
    free_up: Option<Instant>,
    free_down: Option<Instant>,
    waiting: Vec<Waker>,
}

/// Whether anything gets through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reach {
    /// Connections break, and new ones fail at once.
    Cut,
    /// All is well.
    #[default]
    Open,
    /// New connections are refused.
    Refusing,
    /// Nothing gets through, and nobody says so.
    Silent,
}

/// From the client to the server, or back.
#[derive(Clone, Copy, Debug)]
pub(super) enum Direction {
    Down,
    Up,
}

impl Link {
    pub(super) fn set_latency(&self, latency: Duration) {
        self.lock().latency = latency;
    }

    pub(super) fn set_bandwidth(&self, bytes_per_second: u64) {
        self.lock().bandwidth = Some(bytes_per_second);
    }

    pub(super) fn set_reach(&self, reach: Reach) {
        let mut state = self.lock();
        state.reach = reach;
        for waker in state.waiting.drain(..) {
            waker.wake();
        }
    }

    pub(super) fn reach(&self) -> Reach {
        self.lock().reach
    }

    pub(super) fn round_trip(&self) -> Duration {
        self.lock().latency * 2
    }

    /// Tells how things stand; the task is woken when that changes.
    pub(super) fn poll_reach(&self, cx: &Context<'_>) -> Reach {
        let mut state = self.lock();
        if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            // Tasks that are long over would pile up; waking the others once too often is cheap.
            if state.waiting.len() == MOST_WAITING {
                state.waiting.drain(..).for_each(Waker::wake);
            }
            state.waiting.push(cx.waker().clone());
        }
        state.reach
    }

    /// When a segment of this length that is sent now will be there.
    pub(super) fn arrival_of(&self, direction: Direction, length: usize) -> Instant {
        let mut state = self.lock();
        let (latency, bandwidth) = (state.latency, state.bandwidth);
        let free = match direction {
            Direction::Down => &mut state.free_down,
            Direction::Up => &mut state.free_up,
        };
        let now = Instant::now();
        let begin = free.map_or(now, |free| free.max(now));
        let sent = begin + time_on_link(length, bandwidth);
        *free = Some(sent);
        sent + latency
    }

    fn lock(&self) -> MutexGuard<'_, LinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MOST_WAITING: usize = 1024;
