//! Which address answers first: a dead one costs a quarter of a second, not the whole wait.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::{Attempt, DialFailure, DialStage, DialStep, Dialer, Listener};
use crate::clock::now;
use crate::network::Asking;
use crate::runtime::Timer;
use crate::socket::Stream;

/// Connects to the first of `addresses` that answers (RFC 8305 §5): they are tried in order, each
/// as soon as the one before has failed, or has not answered for a while and stays in the race.
///
/// # Errors
/// [`DialFailure`] with every address that was tried.
///
/// # Cancel safety
/// Dropping the future closes every socket of the race.
pub(super) async fn first_to_answer(
    addresses: Vec<IpAddr>,
    port: u16,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Box<dyn Stream>, DialFailure> {
    let started = now();
    let mut race = Race {
        waiting: alternated(addresses).into_iter(),
        port,
        running: Vec::new(),
        failed: Vec::new(),
        started,
        next_start: started,
        deadline: dialer.waits.connect.deadline(started),
        patience: Timer::new(dialer.home.clone()),
        stagger: Timer::new(dialer.home.clone()),
    };
    std::future::poll_fn(|cx| race.poll(dialer, listener, cx)).await
}

struct Race<'a> {
    waiting: std::vec::IntoIter<IpAddr>,
    port: u16,
    running: Vec<Runner<'a>>,
    failed: Vec<Attempt>,
    started: Instant,
    next_start: Instant,
    deadline: Option<Instant>,
    patience: Timer,
    stagger: Timer,
}

struct Runner<'a> {
    address: SocketAddr,
    began: Instant,
    connecting: Asking<'a, io::Result<Box<dyn Stream>>>,
}

impl<'a> Race<'a> {
    fn poll(
        &mut self,
        dialer: &Dialer<'a>,
        listener: Listener<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Box<dyn Stream>, DialFailure>> {
        loop {
            if let Some((address, stream)) = self.poll_running(cx) {
                listener(DialStep::Connected { address });
                return Poll::Ready(Ok(stream));
            }
            if self.running.is_empty() && self.waiting.len() == 0 {
                return Poll::Ready(Err(DialFailure::unreachable(std::mem::take(
                    &mut self.failed,
                ))));
            }
            if let Some(deadline) = self.deadline
                && self.patience.poll_until(deadline, cx).is_ready()
            {
                return Poll::Ready(Err(self.give_up()));
            }
            if self.waiting.len() == 0 || self.stagger.poll_until(self.next_start, cx).is_pending()
            {
                return Poll::Pending;
            }
            self.start_next(dialer, listener);
        }
    }

    /// The first runner that has arrived; those that fell are noted.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Option<(SocketAddr, Box<dyn Stream>)> {
        let mut index = 0;
        while let Some(runner) = self.running.get_mut(index) {
            match runner.connecting.as_mut().poll(cx) {
                Poll::Pending => index += 1,
                Poll::Ready(Ok(stream)) => return Some((runner.address, stream)),
                Poll::Ready(Err(error)) => {
                    let Runner { address, began, .. } = self.running.remove(index);
                    self.failed.push(Attempt { address, error, took: now() - began });
                    self.next_start = now();
                }
            }
        }
        None
    }

    fn start_next(&mut self, dialer: &Dialer<'a>, listener: Listener<'_>) {
        let Some(ip) = self.waiting.next() else { return };
        let (address, began) = (SocketAddr::new(ip, self.port), now());
        listener(DialStep::Connecting { address });
        let connecting = dialer.network.connect(dialer.home, address, dialer.sockets);
        self.running.push(Runner { address, began, connecting });
        self.next_start = began + HEAD_START;
    }

    fn give_up(&mut self) -> DialFailure {
        let mut attempts = std::mem::take(&mut self.failed);
        attempts.extend(self.running.drain(..).map(|runner| Attempt {
            address: runner.address,
            error: io::ErrorKind::TimedOut.into(),
            took: now() - runner.began,
        }));
        DialFailure::timed_out(DialStage::Connect, now() - self.started, attempts)
    }
}

/// The same addresses, the families taking turns from the first one's on (RFC 8305 §4): where one
/// family does not work at all, the other is tried second.
fn alternated(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let Some(first) = addresses.first().map(IpAddr::is_ipv4) else { return addresses };
    let length = addresses.len();
    let (mut one, mut other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first);
    let (mut one, mut other) = (one.drain(..), other.drain(..));
    let mut mixed = Vec::with_capacity(length);
    while mixed.len() < length {
        mixed.extend(one.next());
        mixed.extend(other.next());
    }
    mixed
}

/// RFC 8305 §5: the recommended Connection Attempt Delay.
const HEAD_START: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_keep_their_order() {
        let all = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let mixed = alternated(all(&["::1", "::2", "::3", "1.1.1.1", "1.1.1.2"]));
        let wanted: Vec<IpAddr> = all(&["::1", "1.1.1.1", "::2", "1.1.1.2", "::3"]);
        assert_eq!(mixed, wanted);
        assert_eq!(alternated(Vec::new()), Vec::<IpAddr>::new());
    }
}
