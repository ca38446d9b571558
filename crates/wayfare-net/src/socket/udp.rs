//! UDP sockets that talk to one peer, in either home.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use super::SocketOptions;
use crate::caller::{Readiness, may_proceed, want_socket};
use crate::runtime::Home;

/// A UDP socket connected to one peer: the system passes on nothing that comes from elsewhere.
///
/// Its port is a fresh one that the system chose at random.
pub struct Udp(Inner);

enum Inner {
    Caller(Arc<std::net::UdpSocket>),
    Runtime(tokio::net::UdpSocket),
}

impl Udp {
    /// Opens a socket to `peer`.
    ///
    /// # Errors
    /// The operating system's error, or what keeps the binding from being made.
    pub fn open(home: &Home, peer: SocketAddr, options: &SocketOptions) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(peer), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        options.binding.apply(&socket, peer)?;
        socket.connect(&peer.into())?;
        let socket = std::net::UdpSocket::from(socket);
        Ok(Self(match home {
            Home::Caller => Inner::Caller(Arc::new(socket)),
            Home::Runtime(handle) => {
                let _context = handle.enter();
                Inner::Runtime(tokio::net::UdpSocket::from_std(socket)?)
            }
        }))
    }

    /// The address this end has.
    ///
    /// # Errors
    /// The operating system's error.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Inner::Caller(socket) => socket.local_addr(),
            Inner::Runtime(socket) => socket.local_addr(),
        }
    }

    /// Sends one datagram.
    ///
    /// # Errors
    /// The operating system's error, which may be the peer's answer to an earlier datagram.
    ///
    /// # Cancel safety
    /// Dropping the future sends nothing.
    pub async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let sent = match &self.0 {
            Inner::Runtime(socket) => socket.send(bytes).await?,
            Inner::Caller(socket) => {
                attempt(socket, Readiness::Write, |socket| socket.send(bytes)).await?
            }
        };
        if sent != bytes.len() {
            return Err(io::Error::other("the datagram was cut off"));
        }
        Ok(())
    }

    /// Receives one datagram and says how long it is; what does not fit is lost.
    ///
    /// # Errors
    /// The operating system's error, for example that nobody listens there.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Inner::Runtime(socket) => socket.recv(buffer).await,
            Inner::Caller(socket) => {
                attempt(socket, Readiness::Read, |socket| socket.recv(buffer)).await
            }
        }
    }
}

/// Runs one system call; "would block" becomes a wish to be told of `readiness`.
fn attempt<'a, T>(
    socket: &'a Arc<std::net::UdpSocket>,
    readiness: Readiness,
    mut call: impl FnMut(&std::net::UdpSocket) -> io::Result<T> + 'a,
) -> impl Future<Output = io::Result<T>> + 'a {
    std::future::poll_fn(move |cx| {
        if !may_proceed(cx) {
            return std::task::Poll::Pending;
        }
        loop {
            match call(socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    want_socket(socket, readiness);
                    return std::task::Poll::Pending;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return std::task::Poll::Ready(done),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::block_on;

    fn echo() -> SocketAddr {
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = peer.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 100];
            let (length, from) = peer.recv_from(&mut buffer).unwrap();
            // Somebody else's datagram does not arrive.
            let other = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            other.send_to(b"forged", from).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20));
            peer.send_to(&buffer[..length], from).unwrap();
        });
        address
    }

    async fn talk(home: Home) -> Vec<u8> {
        let udp = Udp::open(&home, echo(), &SocketOptions::default()).unwrap();
        udp.send(b"hello").await.unwrap();
        let mut buffer = [0; 100];
        let length = udp.receive(&mut buffer).await.unwrap();
        buffer[..length].to_vec()
    }

    #[test]
    fn datagrams_go_and_come_in_both_homes_and_from_the_peer_only() {
        assert_eq!(block_on(talk(Home::Caller)), b"hello");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let home = Home::Runtime(runtime.handle().clone());
        assert_eq!(runtime.block_on(talk(home.clone())), b"hello");
        // Polled from outside of the runtime, too.
        assert_eq!(block_on(talk(home)), b"hello");
    }
}
