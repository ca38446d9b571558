//! The bell that ends a `poll` early where there is no eventfd: a datagram socket to itself.
//!
//! Untested: compiled for platforms other than Linux.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::OnceLock;

use rustix::event::{PollFd, PollFlags};

/// A socket that becomes readable when rung.
#[derive(Default)]
pub(super) struct Bell {
    socket: OnceLock<UdpSocket>,
}

impl Bell {
    pub(super) fn ring(&self) {
        if let Some(socket) = self.socket.get() {
            let _ = socket.send(&[1]);
        }
    }

    pub(super) fn silence(&self) {
        if let Some(socket) = self.socket.get() {
            while socket.recv(&mut [0u8; 8]).is_ok() {}
        }
    }

    pub(super) fn poll_fd(&self) -> PollFd<'_> {
        let socket = self.socket.get_or_init(|| {
            let made = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| {
                socket.connect(socket.local_addr()?)?;
                socket.set_nonblocking(true)?;
                Ok(socket)
            });
            // A machine without loopback datagrams cannot run blocking calls at all.
            made.expect("a loopback datagram socket")
        });
        PollFd::new(socket, PollFlags::IN)
    }
}
