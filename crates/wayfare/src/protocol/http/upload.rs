//! The request's body on its way out, the same for every HTTP version.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, header};
use wayfare_net::runtime::Home;

use crate::body::{Body, Source};
use crate::error::{Error, ErrorKind, Stage};

/// Gives the pieces of a body and checks them against the announced length.
pub(super) struct Upload {
    state: State,
    total: Option<u64>,
    sent: u64,
}

enum State {
    /// Nothing has been read yet; the body can be handed back.
    Untouched(Body),
    Bytes(Bytes),
    Open(Box<dyn Source>),
    Done,
}

impl Upload {
    pub(super) fn new(body: Body) -> Self {
        let total = body.length();
        Self { state: State::Untouched(body), total, sent: 0 }
    }

    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// True if every announced byte has been given; the source may not have said its end yet.
    pub(super) fn has_given_all(&self) -> bool {
        self.total == Some(self.sent)
    }

    /// The body, if nothing was read from it.
    pub(super) fn into_untouched(self) -> Option<Body> {
        match self.state {
            State::Untouched(body) => Some(body),
            _ => None,
        }
    }

    /// The next piece, never empty; nothing at the end.
    pub(super) fn poll_piece(
        &mut self,
        home: &Home,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        loop {
            let piece = match &mut self.state {
                State::Untouched(_) => {
                    self.open(home).map_err(|why| failed(&why))?;
                    continue;
                }
                State::Bytes(bytes) => {
                    let piece = bytes.split_to(bytes.len().min(PIECE));
                    Some(piece).filter(|piece| !piece.is_empty())
                }
                State::Open(source) => ready!(source.poll_piece(cx)).map_err(|why| failed(&why))?,
                State::Done => None,
            };
            match piece {
                Some(piece) if piece.is_empty() => {}
                piece => return Poll::Ready(self.count(piece)),
            }
        }
    }

    fn open(&mut self, home: &Home) -> io::Result<()> {
        if let State::Untouched(body) = std::mem::replace(&mut self.state, State::Done) {
            self.state = match body.at_hand() {
                Some(bytes) => State::Bytes(bytes.clone()),
                None => State::Open(body.open(home)?),
            };
        }
        Ok(())
    }

    fn count(&mut self, piece: Option<Bytes>) -> Result<Option<Bytes>, Error> {
        match &piece {
            Some(piece) => {
                self.sent += piece.len() as u64;
                if self.total.is_some_and(|total| self.sent > total) {
                    return Err(self.wrong_length("more"));
                }
            }
            None => {
                self.state = State::Done;
                if self.total.is_some_and(|total| self.sent < total) {
                    return Err(self.wrong_length("fewer"));
                }
            }
        }
        Ok(piece)
    }

    fn wrong_length(&self, how: &str) -> Error {
        let total = self.total.unwrap_or_default();
        let message = format!("the request's body gave {how} bytes than the {total} announced");
        Error::new(ErrorKind::BodySource, Stage::Send, message)
    }
}

/// True if the request waits for the server's word before its body (RFC 9110 §10.1.1).
pub(super) fn expects_continue(headers: &HeaderMap) -> bool {
    headers
        .get(header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

fn failed(why: &io::Error) -> Error {
    let message = format!("the request's body could not be read: {why}");
    Error::new(ErrorKind::BodySource, Stage::Send, message)
        .because(io::Error::new(why.kind(), why.to_string()))
}

/// Bytes in memory are sent in pieces of this size, so that progress can be told.
const PIECE: usize = 64 * 1024;
/// How long `100 Continue` is waited for; curl waits as long.
pub(super) const CONTINUE_PATIENCE: Duration = Duration::from_secs(1);
