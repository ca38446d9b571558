//! The streams a server talks over, and three wrappers: put back, slowed down, shared.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;

/// The server's end of a connection.
pub(crate) trait ServerStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Makes the coming drop an abrupt reset instead of an orderly end.
    fn break_off(&mut self);
}

/// Any stream, whatever it is made of.
pub(crate) type BoxStream = Box<dyn ServerStream>;

impl ServerStream for TcpStream {
    fn break_off(&mut self) {
        // A connection that has just ended by itself cannot be told; it is broken off anyway.
        let _ = self.set_zero_linger();
    }
}

impl ServerStream for DuplexStream {
    fn break_off(&mut self) {}
}

impl<S: ServerStream> ServerStream for TlsStream<S> {
    fn break_off(&mut self) {
        self.get_mut().0.break_off();
    }
}

impl ServerStream for BoxStream {
    fn break_off(&mut self) {
        (**self).break_off();
    }
}

/// A stream of which some bytes were read already and are read again.
pub(crate) struct Rewound<S> {
    first: Bytes,
    inner: S,
}

impl<S> Rewound<S> {
    pub(crate) fn new(first: Bytes, inner: S) -> Self {
        Self { first, inner }
    }
}

impl<S: ServerStream> ServerStream for Rewound<S> {
    fn break_off(&mut self) {
        self.inner.break_off();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewound<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.has_remaining() {
            let n = self.first.remaining().min(buf.remaining());
            buf.put_slice(&self.first.split_to(n));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewound<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A stream that carries no more than so many bytes a second, each way.
pub(crate) struct Slowed<S> {
    inner: S,
    reading: Pace,
    writing: Pace,
    scratch: Vec<u8>,
}

/// When the next bytes may pass, in one direction.
struct Pace {
    rate: u64,
    free_at: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<S> Slowed<S> {
    pub(crate) fn new(inner: S, rate: u64) -> Self {
        Self { inner, reading: Pace::new(rate), writing: Pace::new(rate), scratch: Vec::new() }
    }
}

impl Pace {
    fn new(rate: u64) -> Self {
        Self { rate: rate.max(1), free_at: Instant::now(), sleep: None }
    }

    /// How many bytes may pass now: about a fiftieth of a second's worth.
    fn poll_allowance(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        Poll::Ready(usize::try_from((self.rate / 50).max(1)).unwrap_or(usize::MAX))
    }

    fn passed(&mut self, n: usize) {
        let took = Duration::from_secs_f64(n as f64 / self.rate as f64);
        self.free_at = self.free_at.max(Instant::now()) + took;
        self.sleep = Some(Box::pin(tokio::time::sleep_until(self.free_at)));
    }
}

impl<S: ServerStream> ServerStream for Slowed<S> {
    fn break_off(&mut self) {
        self.inner.break_off();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Slowed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let most = ready!(this.reading.poll_allowance(cx)).min(buf.remaining()).min(64 * 1024);
        this.scratch.resize(most, 0);
        let mut part = ReadBuf::new(&mut this.scratch);
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        let n = part.filled().len();
        this.reading.passed(n);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Slowed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = ready!(self.writing.poll_allowance(cx)).min(buf.len());
        let n = ready!(Pin::new(&mut self.inner).poll_write(cx, &buf[..most]))?;
        self.writing.passed(n);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A stream with several holders, of which only one reads or writes at a time.
///
/// It lets a connection's owner write around the HTTP engine, or take the stream back from it.
#[derive(Clone)]
pub(crate) struct Shared {
    inner: Arc<Mutex<BoxStream>>,
}

impl Shared {
    pub(crate) fn new(inner: BoxStream) -> Self {
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    fn lock(&self) -> MutexGuard<'_, BoxStream> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerStream for Shared {
    fn break_off(&mut self) {
        self.lock().break_off();
    }
}

impl AsyncRead for Shared {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_read(cx, buf)
    }
}

impl AsyncWrite for Shared {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.lock()).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.lock()).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.lock()).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.lock().is_write_vectored()
    }
}
