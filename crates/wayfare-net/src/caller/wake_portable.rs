//! The bell that ends a `poll` early where there is no eventfd: a datagram socket to itself.
//!
//! Untested: compiled for platforms other than Linux.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::OnceLock;

use rustix::event::{PollFd, PollFlags};

/// A socket that becomes readable when rung.
#[derive(Default)]
pub(super) struct Bell {
    socket: OnceLock<UdpSocket>,
}

impl Bell {
    /// Makes the socket, unless there is one or none can be had. Only the thread that is to be
    /// woken does this.
    pub(super) fn prepare(&self) {
        if self.socket.get().is_some() {
            return;
        }
        // A process that has no descriptor left may have one the next time.
        if let Ok(made) = to_itself() {
            self.socket.get_or_init(|| made);
        }
    }

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

    /// What to watch for; nothing if there is no socket.
    pub(super) fn poll_fd(&self) -> Option<PollFd<'_>> {
        self.socket.get().map(|socket| PollFd::new(socket, PollFlags::IN))
    }
}

fn to_itself() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(socket.local_addr()?)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
