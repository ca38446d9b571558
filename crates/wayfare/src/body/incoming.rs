//! A body on its way in, as a protocol hands it over.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use wayfare_net::runtime::Timer;

use super::Source;
use crate::error::{Error, ErrorKind, Stage};

/// The next thing a body has to give.
#[derive(Debug)]
pub(crate) enum Piece {
    Data(Bytes),
    End(Option<HeaderMap>),
}

/// What came of reading with a place for the bytes at hand.
pub(crate) enum Given {
    /// So many bytes, at least one, went to the place.
    Filled(usize),
    /// What came is not for the place, or no bytes.
    Piece(Piece),
}

/// A body that comes in over a connection.
pub(crate) trait Wire: Send {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>>;

    /// Reads like `poll_piece`, but bytes that are not here yet may go straight into `place`.
    fn poll_into(&mut self, _place: &mut [u8], cx: &mut Context<'_>) -> Poll<Result<Given, Error>> {
        self.poll_piece(cx).map_ok(Given::Piece)
    }

    /// When its newest bytes came, if that is known without asking the clock.
    fn arrived(&self) -> Option<Instant> {
        None
    }

    /// The connection's alarm, which is cheaper to set again than a new one is to make.
    fn timer(&mut self) -> Option<&mut Timer>;
}

/// Where the bytes of an answer's body come from.
pub(crate) enum Content {
    /// All of it is here, and the connection is free again.
    Memory(Bytes, Option<HeaderMap>),
    /// It comes from a source on this machine.
    Source(Box<dyn Source>),
    /// It comes over a connection.
    Wire(Box<dyn Wire>),
}

impl Content {
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>> {
        match self {
            Self::Memory(bytes, trailers) => Poll::Ready(Ok(if bytes.is_empty() {
                Piece::End(trailers.take())
            } else {
                Piece::Data(std::mem::take(bytes))
            })),
            Self::Source(source) => {
                let piece = ready!(source.poll_piece(cx)).map_err(from_source)?;
                Poll::Ready(Ok(piece.map_or(Piece::End(None), Piece::Data)))
            }
            Self::Wire(wire) => wire.poll_piece(cx),
        }
    }
}

impl Content {
    /// Reads like `poll_piece`; bytes that are not here yet may go straight into `place`.
    pub(crate) fn poll_into(
        &mut self,
        place: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Poll<Result<Given, Error>> {
        match self {
            Self::Wire(wire) => wire.poll_into(place, cx),
            Self::Memory(..) | Self::Source(_) => self.poll_piece(cx).map_ok(Given::Piece),
        }
    }

    /// When its newest bytes came, if that is known without asking the clock.
    pub(crate) fn arrived(&self) -> Option<Instant> {
        match self {
            Self::Wire(wire) => wire.arrived(),
            Self::Memory(..) | Self::Source(_) => None,
        }
    }

    /// The alarm of the connection it comes over, if it has one.
    pub(crate) fn timer(&mut self) -> Option<&mut Timer> {
        match self {
            Self::Wire(wire) => wire.timer(),
            Self::Memory(..) | Self::Source(_) => None,
        }
    }
}

fn from_source(why: io::Error) -> Error {
    let kind = match why.kind() {
        io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
        _ => ErrorKind::FileSystem,
    };
    Error::new(kind, Stage::Body, format!("the content cannot be read: {why}")).because(why)
}
