//! A body on its way in over an HTTP/2 stream.

use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;
use wayfare_net::runtime::Timer;

use super::Claim;
use crate::body::incoming::{Piece, Wire};
use crate::error::{Error, ErrorKind, Stage};
use crate::options::HeadLimits;

/// A body on its way in over an HTTP/2 stream.
pub(super) struct Incoming {
    pub(super) stream: RecvStream,
    pub(super) data_ended: bool,
    pub(super) credit: Credit,
    /// An upload that was stopped: letting go of it would reset the stream, answer and all.
    pub(super) _unfinished: Option<SendStream<Bytes>>,
    pub(super) limits: HeadLimits,
    /// Last, so that the place is given on when the stream has been given up.
    pub(super) claim: Claim,
}

/// When a peer hears that it may send as much again as was read.
///
/// That is when a third of its window is used up: later, it would stand still on a long way. But it
/// costs both sides far more than reading a piece, so over a way on which a third takes a moment it
/// is said once for nearly all of the window.
pub(super) struct Credit {
    window: usize,
    /// Bytes read since it was last said.
    read: usize,
    said: Instant,
}

impl Credit {
    pub(super) fn new(window: u32, now: Instant) -> Self {
        Self { window: window as usize, read: 0, said: now }
    }

    /// Notes that `length` bytes, which came at `heard`, have been read; gives what is to be said.
    fn note(&mut self, length: usize, heard: Instant) -> Option<usize> {
        self.read += length;
        let third = self.read.saturating_mul(3) >= self.window;
        let nearly_all = self.read >= self.window - self.window / 4;
        let calm = || heard.saturating_duration_since(self.said) >= MOMENT;
        let is_time = nearly_all || (third && calm());
        is_time.then(|| {
            self.said = heard;
            std::mem::take(&mut self.read)
        })
    }
}

impl Wire for Incoming {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>> {
        let mut polled = self.poll_stream(cx);
        if polled.is_pending() {
            self.claim.drive_for_more(cx);
            polled = self.poll_stream(cx);
        }
        match &polled {
            Poll::Ready(Ok(Piece::Data(data))) => {
                let heard = self.claim.connection.0.state.last_heard();
                if let Some(read) = self.credit.note(data.len(), heard) {
                    // The window was made for these bytes; giving them back cannot overflow it.
                    let _ = self.stream.flow_control().release_capacity(read);
                    self.claim.drive(cx);
                }
            }
            Poll::Ready(_) => self.claim.drive(cx),
            Poll::Pending => {}
        }
        polled
    }

    fn arrived(&self) -> Option<Instant> {
        Some(self.claim.connection.0.state.last_heard())
    }

    fn timer(&mut self) -> Option<&mut Timer> {
        Some(&mut self.claim.timer)
    }
}

impl Incoming {
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>> {
        if !self.data_ended {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => return Poll::Ready(Ok(Piece::Data(data))),
                Some(Err(why)) => return Poll::Ready(Err(broken_body(why))),
                None => self.data_ended = true,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx)).map_err(broken_body)?;
        if let Some(message) = trailers.as_ref().and_then(|fields| too_large(fields, &self.limits))
        {
            return Poll::Ready(Err(Error::new(ErrorKind::Protocol, Stage::Body, message)));
        }
        Poll::Ready(Ok(Piece::End(trailers)))
    }
}

/// On a way that takes twice as long to and fro, or longer, a peer never waits because of it.
const MOMENT: Duration = Duration::from_micros(500);

fn broken_body(why: h2::Error) -> Error {
    let lost = why.is_io() || why.is_go_away() || why.is_reset();
    let kind = if lost && why.reason() != Some(Reason::PROTOCOL_ERROR) {
        ErrorKind::Truncated
    } else {
        ErrorKind::Protocol
    };
    Error::new(kind, Stage::Body, format!("the body was cut off: HTTP/2: {why}")).because(why)
}

/// What exceeds the limits of a head; its whole size is the engine's to limit.
pub(super) fn too_large(headers: &HeaderMap, limits: &HeadLimits) -> Option<String> {
    if headers.len() > limits.fields {
        return Some(format!("more than {} fields in a head", limits.fields));
    }
    let longest = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).max();
    (longest.unwrap_or(0) > limits.field_bytes)
        .then(|| format!("a field of more than {} bytes", limits.field_bytes))
}

#[cfg(test)]
mod tests {
    use wayfare_net::clock::now;

    use super::*;

    /// After how many bytes each the peer heard, of a body read in pieces of `piece` bytes that come
    /// `apart` from each other.
    fn said(window: u32, piece: usize, apart: Duration) -> Vec<usize> {
        let start = now();
        let mut credit = Credit::new(window, start);
        let pieces = (1..=1_000).map(|nth| credit.note(piece, start + apart * nth));
        pieces.flatten().collect()
    }

    #[test]
    fn a_peer_hears_early_that_it_may_go_on_unless_there_is_no_time_for_it_to_wait() {
        for (window, piece) in
            [(1 << 20, 16_384), (1 << 20, 3_000), (16_384, 90), (1 << 22, 70_000)]
        {
            let late = |share: f64| (f64::from(window) * share) as usize;
            let on_a_long_way = said(window, piece, Duration::from_millis(1));
            assert!(!on_a_long_way.is_empty());
            for read in on_a_long_way {
                assert!((late(0.33)..=late(0.34) + piece).contains(&read), "{window}: {read}");
            }
            let on_a_short_way = said(window, piece, Duration::ZERO);
            assert!(!on_a_short_way.is_empty());
            for read in on_a_short_way {
                assert!((late(0.75)..=late(0.75) + piece).contains(&read), "{window}: {read}");
            }
        }
        assert_eq!(said(30_000, 10_000, MOMENT / 2), vec![20_000; 500], "each moment at most");
    }
}
