//! Reading encrypted bytes in larger pieces than the TLS engine asks for.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::socket::Stream;

/// A pipe read with a buffer of its own.
///
/// rustls begins by asking for 4 KiB at a time, which makes four system calls of every full record;
/// with this in between, one system call fetches several records. It begins small, as handshakes and
/// most answers are, and becomes small again when little comes: most connections wait for the next
/// answer. Once rustls has room for nearly a whole record, another copy would cost more than the
/// system calls that it spares.
pub(super) struct ReadAhead {
    under: Box<dyn Stream>,
    buffer: Vec<u8>,
    /// The part of the buffer that holds unread bytes.
    first: usize,
    last: usize,
}

impl ReadAhead {
    pub(super) fn new(under: Box<dyn Stream>) -> Self {
        Self { under, buffer: Vec::new(), first: 0, last: 0 }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let size = next_size(self.last, self.buffer.len());
        if self.buffer.len() != size {
            self.buffer = vec![0; size];
        }
        let mut space = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(&mut self.under).poll_read(cx, &mut space))?;
        self.first = 0;
        self.last = space.filled().len();
        Poll::Ready(Ok(()))
    }
}

impl Stream for ReadAhead {
    fn local_address(&self) -> Option<SocketAddr> {
        self.under.local_address()
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.under.peer_address()
    }
}

impl AsyncRead for ReadAhead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first == self.last {
            if buffer.remaining() >= ROOM {
                return Pin::new(&mut self.under).poll_read(cx, buffer);
            }
            ready!(self.poll_fill(cx))?;
        }
        let count = buffer.remaining().min(self.last - self.first);
        buffer.put_slice(&self.buffer[self.first..self.first + count]);
        self.first += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ReadAhead {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.under).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.under).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.under.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.under).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.under).poll_shutdown(cx)
    }
}

/// How much is read at a time after `last` bytes came where `size` could.
fn next_size(last: usize, size: usize) -> usize {
    match last {
        0..FIRST => FIRST,
        full if full == size => AHEAD,
        _ => size,
    }
}

/// A server's first flight with its certificates.
const FIRST: usize = 8 * 1024;
/// From so much room on it is read into at once.
const ROOM: usize = 8 * 1024;
/// Four full records and their frames. Linux makes room for what comes by how much was read at a
/// time: a program that reads less than 64 KiB may be left with a fifth of what HTTP/2 lets come
/// (`tcp_rcv_space_adjust`).
const AHEAD: usize = 66 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_much_only_while_much_comes() {
        let reads = [0, 100, FIRST, 50_000, AHEAD, FIRST, 200, 100];
        let sizes = reads.iter().scan(0, |size, &last| {
            *size = next_size(last, *size);
            Some(*size)
        });
        let right = [FIRST, FIRST, AHEAD, AHEAD, AHEAD, AHEAD, FIRST, FIRST];
        assert_eq!(sizes.collect::<Vec<_>>(), right);
    }
}
