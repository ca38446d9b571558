//! A body on its way in over an HTTP/2 stream.

use std::task::{Context, Poll, ready};

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
    /// How much the peer may send ahead of the reader.
    pub(super) window: usize,
    /// Bytes read since frames were last moved for this stream.
    pub(super) untold: usize,
    /// An upload that was stopped: letting go of it would reset the stream, answer and all.
    pub(super) _unfinished: Option<SendStream<Bytes>>,
    pub(super) limits: HeadLimits,
    /// Last, so that the place is given on when the stream has been given up.
    pub(super) claim: Claim,
}

impl Wire for Incoming {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>> {
        let mut polled = self.poll_stream(cx);
        if polled.is_pending() {
            self.claim.drive(cx);
            polled = self.poll_stream(cx);
        }
        match &polled {
            // What was read may have opened the window again; the peer should hear of it before
            // it runs out, but moving frames for every piece costs system calls that say nothing.
            Poll::Ready(Ok(Piece::Data(data))) => {
                self.untold += data.len();
                if self.untold >= self.window / 4 {
                    self.untold = 0;
                    self.claim.drive(cx);
                }
            }
            Poll::Ready(_) => self.claim.drive(cx),
            Poll::Pending => self.untold = 0,
        }
        polled
    }

    fn timer(&mut self) -> Option<&mut Timer> {
        Some(&mut self.claim.timer)
    }
}

impl Incoming {
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>> {
        if !self.data_ended {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    // The window was made for these bytes; giving them back cannot overflow it.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Ok(Piece::Data(data)));
                }
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
