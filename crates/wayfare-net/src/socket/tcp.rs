//! TCP connections in either home.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::caller_tcp::CallerTcp;
use super::{Keepalive, SocketOptions, Stream};
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
    options.binding.apply_for_connecting(&socket, address)?;
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
            Ok(Box::new(CallerTcp::connected(socket.into()).await?))
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
