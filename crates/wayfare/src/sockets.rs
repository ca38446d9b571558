//! Sockets of an application's own at a SOCKS proxy: one that is waited at, and one for datagrams.

mod opening;

use std::fmt;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use wayfare_net::caller::block_on;
use wayfare_net::clock::now;
use wayfare_net::dial::socks::{self, Association, Sender};
use wayfare_net::runtime::{Home, Within, within};
use wayfare_net::socket::Stream;
pub use wayfare_proto::address::target::Target;
use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::route::proxy::Chain;
pub use wayfare_proto::wire::socks::address::Endpoint;

use crate::blocking::Blocking;
use crate::error::Error;
use crate::manager::Manager;

/// A proxy that waits for a connection; dropping this has it wait no more.
pub struct Bound(socks::Bound);

impl Bound {
    /// Where it waits, to be told to the peer.
    #[must_use]
    pub fn address(&self) -> &Endpoint {
        self.0.address()
    }

    /// Waits for the peer's connection; also tells who it is, as far as the proxy says.
    ///
    /// # Errors
    /// [`ErrorKind::Proxy`](crate::ErrorKind::Proxy): nobody came in time, somebody else did, or the
    /// proxy gave up.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection to the proxy.
    pub async fn accept(self, wait: Wait) -> Result<(Connection, Endpoint), Error> {
        let (stream, from) = self.0.accept(wait).await?;
        Ok((Connection(stream), from))
    }
}

/// A connection that a peer has made at a proxy.
///
/// It is read and written by the home it was made in: one made by the blocking face is a
/// [`Blocking<Connection>`], which has [`Read`] and [`Write`] instead.
pub struct Connection(Box<dyn Stream>);

impl Connection {
    /// The proxy's address, through which it comes.
    #[must_use]
    pub fn proxy_address(&self) -> Option<SocketAddr> {
        self.0.peer_address()
    }

    /// This end's address towards the proxy.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.0.local_address()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Datagrams that a proxy relays, as long as the connection to it is open: dropping this ends it.
pub struct Relay {
    association: Association,
    home: Home,
}

/// The sending half of a [`Relay`], which many tasks may have.
#[derive(Clone)]
pub struct RelaySender(Sender);

impl Relay {
    /// Where the proxy takes datagrams.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.association.relay()
    }

    /// The sending half, for others.
    #[must_use]
    pub fn sender(&self) -> RelaySender {
        RelaySender(self.association.sender())
    }

    /// Sends a datagram to `target`; see [`RelaySender::send_to`].
    ///
    /// # Errors
    /// As [`RelaySender::send_to`].
    ///
    /// # Cancel safety
    /// Dropping the future sends nothing.
    pub async fn send_to(&self, data: &[u8], target: &Target) -> io::Result<()> {
        self.association.send_to(data, target).await
    }

    /// Receives a datagram, and who sent it, as the proxy says.
    ///
    /// Parts of datagrams and damaged ones are passed over.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] if none came in time, [`io::ErrorKind::ConnectionAborted`] once
    /// the proxy has closed its connection, otherwise the operating system's error.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn receive(&mut self, wait: Wait) -> io::Result<(Endpoint, &[u8])> {
        let deadline = wait.deadline(now());
        match within(&self.home, deadline, self.association.recv_from()).await {
            Within::Done(received) => received,
            Within::TooLate => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "no datagram came in time"))
            }
        }
    }
}

impl RelaySender {
    /// Sends a datagram to `target`, of which the proxy is told the name if it has one.
    ///
    /// That it was sent does not mean that it arrives, nor that the proxy took it.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a name that cannot be said,
    /// [`io::ErrorKind::ConnectionAborted`] once the receiving half has seen the proxy close its
    /// connection, otherwise the operating system's error.
    ///
    /// # Cancel safety
    /// Dropping the future sends nothing.
    pub async fn send_to(&self, data: &[u8], target: &Target) -> io::Result<()> {
        self.0.send_to(data, target).await
    }
}

impl Blocking<Manager> {
    /// Has a SOCKS proxy wait for one connection; see [`Manager::bind_at`].
    ///
    /// # Errors
    /// As [`Manager::bind_at`].
    pub fn bind_at(&self, way: &Chain, peer: &Target) -> Result<Blocking<Bound>, Error> {
        block_on(self.0.bind_in(Home::Caller, way, peer)).map(Blocking)
    }

    /// Has a proxy of the manager's wait for one connection; see [`Manager::bind_for`].
    ///
    /// # Errors
    /// As [`Manager::bind_for`].
    pub fn bind_for(&self, peer: &Target) -> Result<Blocking<Bound>, Error> {
        block_on(self.0.bind_for_in(Home::Caller, peer)).map(Blocking)
    }

    /// Has a SOCKS 5 proxy relay datagrams; see [`Manager::relay_at`].
    ///
    /// # Errors
    /// As [`Manager::relay_at`].
    pub fn relay_at(&self, way: &Chain) -> Result<Blocking<Relay>, Error> {
        block_on(self.0.relay_in(Home::Caller, way)).map(Blocking)
    }

    /// Has a proxy of the manager's relay datagrams; see [`Manager::relay_for`].
    ///
    /// # Errors
    /// As [`Manager::relay_for`].
    pub fn relay_for(&self, peer: &Target) -> Result<Blocking<Relay>, Error> {
        block_on(self.0.relay_for_in(Home::Caller, peer)).map(Blocking)
    }
}

impl Blocking<Bound> {
    /// Waits for the peer's connection; see [`Bound::accept`].
    ///
    /// # Errors
    /// As [`Bound::accept`].
    pub fn accept(self, wait: Wait) -> Result<(Blocking<Connection>, Endpoint), Error> {
        let (connection, from) = block_on(self.0.accept(wait))?;
        Ok((Blocking(connection), from))
    }
}

impl Blocking<Relay> {
    /// Sends a datagram to `target`; see [`RelaySender::send_to`].
    ///
    /// # Errors
    /// As [`RelaySender::send_to`].
    pub fn send_to(&self, data: &[u8], target: &Target) -> io::Result<()> {
        block_on(self.0.send_to(data, target))
    }

    /// The sending half, for other threads.
    #[must_use]
    pub fn sender(&self) -> Blocking<RelaySender> {
        Blocking(self.0.sender())
    }

    /// Receives a datagram, and who sent it; see [`Relay::receive`].
    ///
    /// # Errors
    /// As [`Relay::receive`].
    pub fn receive(&mut self, wait: Wait) -> io::Result<(Endpoint, &[u8])> {
        block_on(self.0.receive(wait))
    }
}

impl Blocking<RelaySender> {
    /// Sends a datagram to `target`; see [`RelaySender::send_to`].
    ///
    /// # Errors
    /// As [`RelaySender::send_to`].
    pub fn send_to(&self, data: &[u8], target: &Target) -> io::Result<()> {
        block_on(self.0.send_to(data, target))
    }
}

impl Blocking<Connection> {
    /// Ends this direction: the peer reads to the end of what was written.
    ///
    /// # Errors
    /// The operating system's error.
    pub fn shutdown(&mut self) -> io::Result<()> {
        block_on(self.0.0.shutdown())
    }
}

impl Read for Blocking<Connection> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut space = ReadBuf::new(buffer);
        block_on(std::future::poll_fn(|cx| Pin::new(&mut self.0.0).poll_read(cx, &mut space)))?;
        Ok(space.filled().len())
    }
}

impl Write for Blocking<Connection> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        block_on(self.0.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        block_on(self.0.0.flush())
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bound").field(self.address()).finish()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("through", &self.proxy_address()).finish()
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl fmt::Debug for RelaySender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelaySender")
    }
}
