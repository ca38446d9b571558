//! The pipe below an HTTP/2 connection: it notes when bytes come, and how many at a time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, Later};
use wayfare_net::socket::Stream;

/// What a connection's pipe has seen. Only who reads from the pipe writes it.
pub(super) struct Heard {
    /// Nanoseconds after the start at which bytes last came; 0 before the first.
    last: AtomicU64,
    /// Bytes that came so far.
    bytes: AtomicU64,
    /// With so many bytes a driver's stint is over.
    stint_ends: AtomicU64,
    /// Whether bytes have come in this stint; when, is the same for all of them.
    came: AtomicBool,
}

impl Heard {
    fn new() -> Self {
        Self {
            last: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            // The handshake takes no stints.
            stint_ends: AtomicU64::new(u64::MAX),
            came: AtomicBool::new(false),
        }
    }

    /// How long after the start bytes last came, if any have come.
    pub(super) fn last(&self) -> Option<Duration> {
        let nanos = self.last.load(Ordering::Acquire);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Begins a driver's stint. A peer that always has more to say would keep the engine reading for
    /// ever, while deadlines pass and nobody looks.
    pub(super) fn begin_stint(&self) {
        self.stint_ends.store(self.bytes().saturating_add(STINT), Ordering::Relaxed);
        self.came.store(false, Ordering::Relaxed);
    }

    pub(super) fn is_stint_over(&self) -> bool {
        self.bytes() >= self.stint_ends.load(Ordering::Relaxed)
    }

    fn note(&self, read: u64, started: Instant) {
        self.bytes.store(self.bytes() + read, Ordering::Relaxed);
        if self.came.load(Ordering::Relaxed) {
            return;
        }
        self.came.store(true, Ordering::Relaxed);
        let elapsed = now().saturating_duration_since(started).as_nanos();
        self.last.store(u64::try_from(elapsed).unwrap_or(u64::MAX).max(1), Ordering::Release);
    }
}

/// A stream that notes when bytes came.
pub(super) struct Observed {
    stream: Box<dyn Stream>,
    heard: Arc<Heard>,
    started: Instant,
    home: Home,
    later: Later,
}

impl Observed {
    pub(super) fn new(stream: Box<dyn Stream>, started: Instant, home: Home) -> Self {
        Self { stream, heard: Arc::new(Heard::new()), started, home, later: Later::default() }
    }

    /// What it sees from now on.
    pub(super) fn heard(&self) -> Arc<Heard> {
        self.heard.clone()
    }
}

impl AsyncRead for Observed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.heard.is_stint_over() {
            this.later.ask(&this.home, cx);
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.heard.note((buffer.filled().len() - before) as u64, self.started);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Observed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Bytes that are read before somebody looks at the time, and before readers are woken: what
/// waits for them stays in the processor's caches, and an allocator need not grow for it.
const STINT: u64 = 96 * 1024;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::task::Waker;

    use super::*;

    /// A peer that never stops talking.
    struct Endless;

    impl AsyncRead for Endless {
        fn poll_read(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let room = buffer.remaining();
            buffer.initialize_unfilled().fill(0);
            buffer.advance(room);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Endless {
        fn poll_write(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    impl Stream for Endless {
        fn local_address(&self) -> Option<SocketAddr> {
            None
        }

        fn peer_address(&self) -> Option<SocketAddr> {
            None
        }
    }

    #[test]
    fn a_peer_that_never_stops_talking_is_not_read_for_ever() {
        let mut observed = Observed::new(Box::new(Endless), now(), Home::Caller);
        let heard = observed.heard();
        let mut cx = Context::from_waker(Waker::noop());
        for stint in 1..=3 {
            heard.begin_stint();
            let mut room = vec![0; 16 * 1024];
            while Pin::new(&mut observed)
                .poll_read(&mut cx, &mut ReadBuf::new(&mut room))
                .is_ready()
            {
                assert!(heard.bytes() <= stint * STINT, "stint {stint}");
            }
            assert_eq!(heard.bytes(), stint * STINT);
        }
    }
}
