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
/// costs both sides far more than reading a piece, so a near peer hears once of most of its window.
pub(super) struct Credit {
    /// With so many bytes read it is said.
    share: usize,
    /// Bytes read since it was last said.
    read: usize,
}

impl Credit {
    /// For the peer of `stream`, whose answer came `after` the request.
    pub(super) fn of(stream: &mut RecvStream, after: Duration) -> Self {
        // Less than was asked for until the peer has said that it knows (RFC 9113 §6.5.3).
        let flow = stream.flow_control();
        let free = usize::try_from(flow.available_capacity()).unwrap_or(0);
        Self::new(free + flow.used_capacity(), after)
    }

    fn new(window: usize, after: Duration) -> Self {
        let share = if after < NEAR { window - window / 4 } else { window / 3 };
        Self { share, read: 0 }
    }

    /// Notes that `length` bytes have been read, and gives what is to be said.
    fn note(&mut self, length: usize) -> Option<usize> {
        self.read += length;
        (self.read >= self.share).then(|| std::mem::take(&mut self.read))
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
                if let Some(read) = self.credit.note(data.len()) {
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

/// So soon answers only who is near: with a window of 1 MiB, whose last quarter must last until the
/// word of more arrives, it can still send 4 Gbit/s.
const NEAR: Duration = Duration::from_micros(500);

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
    use super::*;

    #[test]
    fn a_peer_hears_early_that_it_may_go_on_unless_it_is_near() {
        for (window, piece) in [(1 << 20, 16_384), (1 << 20, 1), (65_535, 16_384), (16_384, 9)] {
            for (after, share) in [(NEAR, window / 3), (NEAR / 2, window / 4 * 3)] {
                let mut credit = Credit::new(window, after);
                let mut said = (0..2 * window).filter_map(|_| credit.note(piece));
                let first = said.next().unwrap();
                assert!((share..=share + 3 + piece).contains(&first), "{window}, {piece}: {first}");
                assert_eq!(said.next(), Some(first));
            }
        }
    }
}
