//! A body on its way in over an HTTP/2 stream.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use wayfare_net::runtime::Timer;

use super::Claim;
use super::exchange::too_large;
use crate::body::incoming::{Piece, Wire};
use crate::error::{Error, ErrorKind, Stage};
use crate::options::HeadLimits;

/// A body on its way in over an HTTP/2 stream.
pub(super) struct Incoming {
    pub(super) stream: RecvStream,
    pub(super) data_ended: bool,
    /// An upload that was stopped: letting go of it would reset the stream, answer and all.
    pub(super) _unfinished: Option<SendStream<Bytes>>,
    pub(super) limits: HeadLimits,
    /// Last, so that the place is given on when the stream has been given up.
    pub(super) claim: Claim,
}

impl Wire for Incoming {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>> {
        self.claim.drive(cx);
        let polled = self.poll_stream(cx);
        if polled.is_ready() {
            // What was read may have opened the window again; the peer should hear of it.
            self.claim.drive(cx);
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
