//! A body on its way in over an HTTP/1.1 connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};
use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, Timer};
use wayfare_proto::policy::retry::Age;
use wayfare_proto::wire::http1::body::{BodyReader, Piece as Part};
use wayfare_proto::wire::http1::response::Framing;

use super::{Connection, FIRST_READ};
use crate::body::incoming::{Content, Given, Piece, Wire};
use crate::error::{Error, ErrorKind, Stage};
use crate::protocol::http::Connections;
use crate::protocol::http::proving::Proving;
use crate::queue::LaneKey;

/// A body on its way in over an HTTP/1.1 connection.
pub(super) struct Incoming {
    pub(super) connection: Option<Box<Connection>>,
    pub(super) reader: BodyReader,
    pub(super) giving_back: Option<GivingBack>,
    /// How much to ask the socket for.
    pub(super) piece: usize,
}

/// Where a connection goes when its exchange is over.
pub(super) struct GivingBack {
    pub(super) connections: Arc<Connections>,
    pub(super) key: Arc<LaneKey>,
    pub(super) home: Home,
    /// The talk that goes on over it, if one does.
    pub(super) proving: Option<Arc<Proving>>,
}

impl Incoming {
    /// A small body that came with the head needs no connection any more.
    pub(super) fn into_content(mut self, framing: Framing, moment: Instant) -> Content {
        let all_here = match (framing, &self.connection) {
            (Framing::Empty, _) => true,
            (Framing::Sized(length), Some(connection)) => length <= connection.input.len() as u64,
            _ => false,
        };
        if !all_here {
            return Content::Wire(Box::new(self));
        }
        let mut bytes = Bytes::new();
        loop {
            match self.next_buffered(|| moment) {
                Ok(Some(Piece::Data(data))) => bytes = data,
                Ok(Some(Piece::End(trailers))) => return Content::Memory(bytes, trailers),
                Ok(None) | Err(_) => return Content::Wire(Box::new(self)),
            }
        }
    }

    /// What the bytes that are here already give.
    fn next_buffered(&mut self, now: impl Fn() -> Instant) -> Result<Option<Piece>, Error> {
        let Some(connection) = &mut self.connection else { return Ok(Some(Piece::End(None))) };
        let part = self.reader.read(&mut connection.input);
        match part.map_err(|violation| Error::violation(&violation, Stage::Body))? {
            Part::Data(data) => Ok(Some(Piece::Data(data))),
            Part::NeedMore => Ok(None),
            Part::End(trailers) => {
                self.give_back(now());
                Ok(Some(Piece::End(trailers)))
            }
        }
    }

    /// The peer has closed its side.
    fn handle_end(&mut self) -> Result<Piece, Error> {
        let ended = self.reader.handle_end();
        self.connection = None;
        ended.map_err(|violation| Error::violation(&violation, Stage::Body))?;
        Ok(Piece::End(None))
    }

    fn handle_break(&mut self, why: io::Error) -> Error {
        self.connection = None;
        cut_off(why, &self.reader)
    }

    /// Returns the connection to the pool, unless it must not be used again.
    fn give_back(&mut self, now: Instant) {
        let Some(mut connection) = self.connection.take() else { return };
        let Some(back) = self.giving_back.take() else { return };
        // Bytes after the end of the body were asked for by nobody.
        if connection.input.is_empty() {
            connection.age = Age::Reused;
            if connection.input.capacity() > KEPT_BUFFER {
                connection.input = BytesMut::new();
            }
            match back.proving {
                Some(proving) => proving.keep(connection),
                None => back.connections.keep(&back.key, back.home.id(), connection, now),
            }
        }
    }
}

impl Wire for Incoming {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>> {
        loop {
            if let Some(piece) = self.next_buffered(now)? {
                return Poll::Ready(Ok(piece));
            }
            let room = match self.reader.remaining() {
                Some(rest) => self.piece.min(usize::try_from(rest).unwrap_or(usize::MAX)),
                None => self.piece,
            };
            let Some(connection) = &mut self.connection else {
                return Poll::Ready(Ok(Piece::End(None)));
            };
            match ready!(connection.poll_fill(room.max(1), cx)) {
                Ok(0) => return Poll::Ready(self.handle_end()),
                Ok(read) => {
                    // A full read says that there is more where it came from.
                    if read >= self.piece {
                        self.piece = (self.piece * 2).min(LARGEST_READ);
                    }
                }
                Err(why) => return Poll::Ready(Err(self.handle_break(why))),
            }
        }
    }

    fn poll_into(&mut self, place: &mut [u8], cx: &mut Context<'_>) -> Poll<Result<Given, Error>> {
        let most = usize::try_from(self.reader.direct()).unwrap_or(usize::MAX);
        let Some(connection) = self.connection.as_mut().filter(|one| one.input.is_empty()) else {
            return self.poll_piece(cx).map_ok(Given::Piece);
        };
        // A small place, or a small piece, would cost a system call of its own.
        if place.len() < DIRECT || most < DIRECT {
            return self.poll_piece(cx).map_ok(Given::Piece);
        }
        let most = most.min(place.len());
        let mut room = ReadBuf::new(&mut place[..most]);
        let read = ready!(Pin::new(&mut connection.stream).poll_read(cx, &mut room));
        Poll::Ready(match read.map(|()| room.filled().len()) {
            Ok(0) => self.handle_end().map(Given::Piece),
            Ok(read) => {
                self.reader.handle_direct(read as u64);
                Ok(Given::Filled(read))
            }
            Err(why) => Err(self.handle_break(why)),
        })
    }

    fn timer(&mut self) -> Option<&mut Timer> {
        self.connection.as_mut().map(|connection| &mut connection.timer)
    }
}

impl Drop for Incoming {
    /// A body that nobody reads to its end: what is here already may be the whole of it, and then
    /// the connection is worth keeping.
    fn drop(&mut self) {
        while let Ok(Some(Piece::Data(_))) = self.next_buffered(now) {}
    }
}

pub(super) fn first_piece(framing: Framing, limit: usize) -> usize {
    let wanted = match framing {
        Framing::Sized(length) => usize::try_from(length).unwrap_or(usize::MAX).min(LARGEST_READ),
        _ => FIRST_READ,
    };
    wanted.clamp(FIRST_READ, limit.max(FIRST_READ))
}

fn cut_off(why: io::Error, reader: &BodyReader) -> Error {
    let received = reader.received();
    let message = match reader.remaining() {
        Some(rest) => {
            format!("the body was cut off after {received} of {} bytes: {why}", received + rest)
        }
        None => format!("the body was cut off after {received} bytes: {why}"),
    };
    Error::new(ErrorKind::Truncated, Stage::Body, message).because(why)
}

/// The largest read: what the kernel copies is still in the cache when the reader looks at it.
const LARGEST_READ: usize = 64 * 1024;
/// Bytes go straight to the reader if there is room for so many.
const DIRECT: usize = 8 * 1024;
/// An unused connection keeps no larger buffer than this.
const KEPT_BUFFER: usize = 32 * 1024;
