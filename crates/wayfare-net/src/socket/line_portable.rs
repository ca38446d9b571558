//! A TCP socket whose calls never wait.
//!
//! Untested: compiled for platforms other than Linux.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};

use rustix::fd::{AsFd, BorrowedFd};
use tokio::io::ReadBuf;

use super::inbox::Inbox;
pub(super) use super::inbox::SCRATCH;
use crate::caller::Pollable;

/// A TCP socket, and the room for its small reads.
pub(super) struct Line {
    socket: TcpStream,
    inbox: Mutex<Inbox>,
}

impl Line {
    /// Takes a socket that is connecting, and does not wait.
    pub(super) fn new(socket: TcpStream) -> Self {
        Self { socket, inbox: Mutex::default() }
    }

    /// From now on it is connected.
    #[allow(clippy::unnecessary_wraps)]
    pub(super) fn begin(&self) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Gives what an earlier read has left over, if anything.
    pub(super) fn give(&self, buffer: &mut ReadBuf<'_>) -> Option<io::Result<()>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).give(buffer)
    }

    /// Reads what is there now.
    pub(super) fn read(&self, buffer: &mut ReadBuf<'_>) -> io::Result<()> {
        let most = buffer.remaining();
        if most <= SCRATCH {
            let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            inbox.fill(most, |space| (&self.socket).read(space))?;
            return inbox.give(buffer).unwrap_or(Ok(()));
        }
        let length = (&self.socket).read(buffer.initialize_unfilled())?;
        buffer.advance(length);
        Ok(())
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.socket).write(bytes)
    }

    /// Writes several pieces by one call, as far as there is room.
    pub(super) fn write_all_of(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.socket).write_vectored(pieces)
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Pollable for Line {}
