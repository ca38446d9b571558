//! TCP connections in either home.

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Keepalive, SocketOptions, Stream};
use crate::caller::{Readiness, may_proceed, want_socket};
use crate::runtime::Home;

/// Opens a TCP connection to `address`.
///
/// # Errors
/// The operating system's error of the attempt.
///
/// # Cancel safety
/// Dropping the future closes the socket.
pub async fn connect(
    home: &Home,
    address: SocketAddr,
    options: &SocketOptions,
) -> io::Result<Box<dyn Stream>> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    set_keepalive(&socket, options.keepalive)?;
    options.binding.apply(&socket, address)?;
    match home {
        Home::Runtime(handle) => {
            let socket = tokio::net::TcpSocket::from_std_stream(socket.into());
            let mut connecting = std::pin::pin!(socket.connect(address));
            // Whoever polls may be in another runtime than the one the socket is for, or in none.
            let connected = std::future::poll_fn(|cx| {
                let _context = handle.enter();
                connecting.as_mut().poll(cx)
            });
            Ok(Box::new(RuntimeTcp(connected.await?)))
        }
        Home::Caller => {
            start_connecting(&socket, address)?;
            let stream =
                CallerTcp { socket: Arc::new(socket.into()), quiet: false, scratch: Vec::new() };
            stream.connected().await?;
            Ok(Box::new(stream))
        }
    }
}

fn start_connecting(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    match socket.connect(&address.into()) {
        Err(error) if !is_in_progress(&error) => Err(error),
        _ => Ok(()),
    }
}

fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
        || error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

fn set_keepalive(socket: &Socket, keepalive: Keepalive) -> io::Result<()> {
    match keepalive {
        Keepalive::Off => Ok(()),
        Keepalive::Probe { idle, interval, count } => SockRef::from(socket).set_tcp_keepalive(
            &TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(count),
        ),
    }
}

/// A connection registered with a tokio runtime.
struct RuntimeTcp(tokio::net::TcpStream);

impl Stream for RuntimeTcp {
    fn local_address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.0.peer_addr().ok()
    }
}

impl AsyncRead for RuntimeTcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for RuntimeTcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A connection whose waiting is done by the calling thread.
struct CallerTcp {
    socket: Arc<std::net::TcpStream>,
    /// Set after a write: the answer cannot be there yet, so the next read waits first instead of
    /// paying for a system call that says "nothing".
    quiet: bool,
    /// Where small reads land first: the reader's buffer would have to be cleared before the
    /// system may write to it, which costs more than copying what came.
    scratch: Vec<u8>,
}

impl CallerTcp {
    /// Waits for the end of a connection attempt.
    async fn connected(&self) -> io::Result<()> {
        let mut waited = false;
        std::future::poll_fn(|_| {
            if !waited {
                waited = true;
                want_socket(&self.socket, Readiness::Write);
                return Poll::Pending;
            }
            if let Some(error) = self.socket.take_error()? {
                return Poll::Ready(Err(error));
            }
            match self.socket.peer_addr() {
                Ok(_) => Poll::Ready(Ok(())),
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    want_socket(&self.socket, Readiness::Write);
                    Poll::Pending
                }
                Err(error) => Poll::Ready(Err(error)),
            }
        })
        .await
    }

    /// Runs one system call; "would block" becomes a wish to be told of `readiness`.
    fn attempt<T>(
        &self,
        cx: &Context<'_>,
        readiness: Readiness,
        mut call: impl FnMut(&std::net::TcpStream) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        if !may_proceed(cx) {
            return Poll::Pending;
        }
        loop {
            match call(&self.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    want_socket(&self.socket, readiness);
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
        self.socket.local_addr().ok()
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.socket.peer_addr().ok()
    }
}

impl AsyncRead for CallerTcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.quiet) {
            want_socket(&self.socket, Readiness::Read);
            return Poll::Pending;
        }
        if buffer.remaining() > SCRATCH {
            let space = buffer.initialize_unfilled();
            let read = ready!(self.attempt(cx, Readiness::Read, |mut socket| socket.read(space)))?;
            buffer.advance(read);
            return Poll::Ready(Ok(()));
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.resize(SCRATCH, 0);
        let space = &mut scratch[..buffer.remaining()];
        let read = self.attempt(cx, Readiness::Read, |mut socket| socket.read(space));
        if let Poll::Ready(Ok(read)) = read {
            buffer.put_slice(&scratch[..read]);
        }
        self.scratch = scratch;
        read.map_ok(|_| ())
    }
}

impl AsyncWrite for CallerTcp {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(self.attempt(cx, Readiness::Write, |mut socket| socket.write(bytes)))?;
        self.quiet = true;
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written =
            ready!(self.attempt(cx, Readiness::Write, |mut socket| socket.write_vectored(pieces)))?;
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
        match self.socket.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}

/// Reads up to this size are small.
const SCRATCH: usize = 16 * 1024;
