//! Sources of bytes: memory, readers, and one after another.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};
use wayfare_net::runtime::Home;

use super::Body;

/// Gives bytes, piece by piece.
pub trait Source: Send {
    /// The next piece; nothing at the end. An empty piece is allowed and skipped.
    ///
    /// # Errors
    /// The source's own error; the transfer fails with it and the server never sees a complete
    /// request.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>>;
}

/// Bytes in memory.
pub(super) struct BytesSource(Option<Bytes>);

impl BytesSource {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(Some(bytes))
    }
}

impl Source for BytesSource {
    fn poll_piece(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        Poll::Ready(Ok(self.0.take().filter(|bytes| !bytes.is_empty())))
    }
}

/// An async reader.
pub(super) struct AsyncSource {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    buffer: BytesMut,
}

impl AsyncSource {
    pub(super) fn new(reader: impl AsyncRead + Send + 'static) -> Self {
        Self { reader: Box::pin(reader), buffer: BytesMut::new() }
    }
}

impl Source for AsyncSource {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        self.buffer.resize(PIECE, 0);
        let mut space = ReadBuf::new(&mut self.buffer);
        ready!(self.reader.as_mut().poll_read(cx, &mut space))?;
        let read = space.filled().len();
        Poll::Ready(Ok((read > 0).then(|| self.buffer.split_to(read).freeze())))
    }
}

/// A blocking reader: read in place on the calling thread, or on a thread for blocking work.
pub(super) struct BlockingSource {
    home: Home,
    state: Blocking,
}

enum Blocking {
    Ended,
    Idle(Box<dyn Read + Send>),
    Reading(Reading),
}

type Reading = Pin<Box<dyn Future<Output = io::Result<Read1>> + Send>>;
type Read1 = (Box<dyn Read + Send>, io::Result<Bytes>);

impl BlockingSource {
    pub(super) fn new(reader: Box<dyn Read + Send>, home: Home) -> Self {
        Self { home, state: Blocking::Idle(reader) }
    }

    fn take_in(&mut self, (reader, read): Read1) -> io::Result<Option<Bytes>> {
        let piece = read?;
        if piece.is_empty() {
            return Ok(None);
        }
        self.state = Blocking::Idle(reader);
        Ok(Some(piece))
    }
}

impl Source for BlockingSource {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            match std::mem::replace(&mut self.state, Blocking::Ended) {
                Blocking::Ended => return Poll::Ready(Ok(None)),
                Blocking::Idle(reader) if matches!(self.home, Home::Caller) => {
                    let read = read_piece(reader);
                    return Poll::Ready(self.take_in(read));
                }
                Blocking::Idle(reader) => {
                    let home = self.home.clone();
                    let reading = async move { home.unblock(move || read_piece(reader)).await };
                    self.state = Blocking::Reading(Box::pin(reading));
                }
                Blocking::Reading(mut reading) => match reading.as_mut().poll(cx) {
                    Poll::Pending => {
                        self.state = Blocking::Reading(reading);
                        return Poll::Pending;
                    }
                    Poll::Ready(read) => {
                        return Poll::Ready(read.and_then(|read| self.take_in(read)));
                    }
                },
            }
        }
    }
}

fn read_piece(mut reader: Box<dyn Read + Send>) -> Read1 {
    let mut buffer = BytesMut::zeroed(PIECE);
    let read = loop {
        match reader.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read,
        }
    };
    let piece = read.map(|read| {
        buffer.truncate(read);
        buffer.freeze()
    });
    (reader, piece)
}

/// Several bodies, one after another.
pub(super) struct ChainSource {
    home: Home,
    rest: VecDeque<Body>,
    current: Option<Box<dyn Source>>,
}

impl ChainSource {
    pub(super) fn new(parts: Vec<Body>, home: Home) -> Self {
        Self { home, rest: parts.into(), current: None }
    }
}

impl Source for ChainSource {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            if let Some(current) = &mut self.current
                && let Some(piece) = ready!(current.poll_piece(cx))?
            {
                return Poll::Ready(Ok(Some(piece)));
            }
            match self.rest.pop_front() {
                Some(next) => self.current = Some(next.open(&self.home)?),
                None => return Poll::Ready(Ok(None)),
            }
        }
    }
}

/// Readers are read in pieces of this many bytes.
const PIECE: usize = 64 * 1024;
