//! TCP connections whose waiting is done by the calling thread.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Stream;
use super::line::{Line, SCRATCH};
use crate::caller::{Readiness, may_proceed, want_socket};

/// A connection whose waiting is done by the calling thread.
pub(super) struct CallerTcp {
    line: Arc<Line>,
    /// Set after a write: the answer cannot be there yet, so the next read waits first instead of
    /// paying for a system call that says "nothing".
    quiet: bool,
}

impl CallerTcp {
    /// Waits for the end of a connection attempt.
    pub(super) async fn connected(socket: TcpStream) -> io::Result<Self> {
        let line = Arc::new(Line::new(socket));
        let mut waited = false;
        std::future::poll_fn(|_| {
            if !waited {
                waited = true;
                want_socket(&line, Readiness::Write);
                return Poll::Pending;
            }
            if let Some(error) = line.socket().take_error()? {
                return Poll::Ready(Err(error));
            }
            match line.socket().peer_addr() {
                Ok(_) => Poll::Ready(line.begin()),
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    want_socket(&line, Readiness::Write);
                    Poll::Pending
                }
                Err(error) => Poll::Ready(Err(error)),
            }
        })
        .await?;
        Ok(Self { line, quiet: false })
    }

    /// Runs one system call; "would block" becomes a wish to be told of `readiness`.
    fn attempt<T>(
        &self,
        cx: &Context<'_>,
        readiness: Readiness,
        mut call: impl FnMut(&Line) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        if !may_proceed(cx) {
            return Poll::Pending;
        }
        loop {
            match call(&self.line) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    want_socket(&self.line, readiness);
                    return Poll::Pending;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

impl Stream for CallerTcp {
    fn local_address(&self) -> Option<SocketAddr> {
        self.line.socket().local_addr().ok()
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.line.socket().peer_addr().ok()
    }
}

impl AsyncRead for CallerTcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(given) = self.line.give(buffer) {
            self.quiet = false;
            return Poll::Ready(given);
        }
        // What is read on waking must fit where it waits for its reader.
        let readiness = match buffer.remaining() {
            ..=SCRATCH => Readiness::Bytes,
            _ => Readiness::Read,
        };
        if std::mem::take(&mut self.quiet) {
            want_socket(&self.line, readiness);
            return Poll::Pending;
        }
        self.attempt(cx, readiness, |line| line.read(buffer))
    }
}

impl AsyncWrite for CallerTcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.attempt(cx, Readiness::Write, |line| line.write(bytes)))?;
        self.quiet = true;
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.attempt(cx, Readiness::Write, |line| line.write_all_of(pieces)))?;
        self.quiet = true;
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.line.socket().shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}
