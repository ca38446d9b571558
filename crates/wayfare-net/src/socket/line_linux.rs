//! A TCP socket that a thread may sleep in: every call says for itself whether it waits.

use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use tokio::io::ReadBuf;

use super::inbox::Inbox;
pub(super) use super::inbox::SCRATCH;
use crate::caller::Pollable;

/// A TCP socket, and what was read from it while its reader waited.
///
/// To sleep in the read itself spares the `poll` before it, which is a tenth of what a small
/// exchange costs. The socket is a blocking one for that; all other calls ask not to wait.
pub(super) struct Line {
    socket: TcpStream,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    inbox: Inbox,
    /// A thread is asleep in a read: nobody else may read meanwhile, or bytes would change places.
    asleep: bool,
    /// How long a read waits at most, as the socket was told; nothing is for ever.
    patience: Option<Duration>,
}

impl Line {
    /// Takes a socket that is connecting, and does not wait.
    pub(super) fn new(socket: TcpStream) -> Self {
        Self { socket, state: Mutex::default() }
    }

    /// From now on it is connected.
    pub(super) fn begin(&self) -> io::Result<()> {
        self.socket.set_nonblocking(false)
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Gives what was read while the reader waited, if anything was.
    pub(super) fn give(&self, buffer: &mut ReadBuf<'_>) -> Option<io::Result<()>> {
        self.lock().inbox.give(buffer)
    }

    /// Reads what is there now.
    pub(super) fn read(&self, buffer: &mut ReadBuf<'_>) -> io::Result<()> {
        let mut state = self.awake()?;
        if let Some(given) = state.inbox.give(buffer) {
            return given;
        }
        let most = buffer.remaining();
        if most <= SCRATCH {
            state
                .inbox
                .fill(most, |space| Ok(recv(&self.socket, space, RecvFlags::DONTWAIT)?.0))?;
            return state.inbox.give(buffer).unwrap_or(Ok(()));
        }
        let (length, _) = recv(&self.socket, buffer.initialize_unfilled(), RecvFlags::DONTWAIT)?;
        buffer.advance(length);
        Ok(())
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(&self.socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
    }

    /// Writes several pieces by one call, as far as there is room.
    pub(super) fn write_all_of(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        // The system refuses more than so many pieces; the rest goes with the next call.
        let pieces = &pieces[..pieces.len().min(MOST_PIECES)];
        Ok(sendmsg(&self.socket, pieces, &mut SendAncillaryBuffer::default(), flags)?)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, if nobody is asleep in a read.
    fn awake(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.lock();
        if state.asleep {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(state)
    }

    /// Has reads wait about so long, and never noticeably longer.
    fn set_patience(&self, state: &mut State, patience: Option<Duration>) -> io::Result<()> {
        let serves = match (state.patience, patience) {
            (None, None) => true,
            // Waking too early costs a look at the deadlines.
            (Some(set), Some(wanted)) => set <= wanted + wanted / 1024 && set >= wanted / 4,
            _ => false,
        };
        if !serves {
            // Nothing at all would mean "for ever" to the system.
            let set = patience.map(|patience| patience.max(Duration::from_micros(1)));
            self.socket.set_read_timeout(set)?;
            state.patience = set;
        }
        Ok(())
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Pollable for Line {
    fn take_in(&self, patience: Option<Duration>) -> bool {
        let Ok(mut state) = self.awake() else { return false };
        if state.inbox.has_something() {
            return true;
        }
        if self.set_patience(&mut state, patience).is_err() {
            return false;
        }
        state.asleep = true;
        // The lock is not held asleep: others may look whether something has come.
        let mut inbox = std::mem::take(&mut state.inbox);
        drop(state);
        let filled =
            inbox.fill(SCRATCH, |space| Ok(recv(&self.socket, space, RecvFlags::empty())?.0));
        match filled {
            // The time is over, or there was a signal; the future is polled again all the same.
            Err(error) if is_passing(&error) => {}
            Err(error) => inbox.fail(error),
            Ok(()) => {}
        }
        let mut state = self.lock();
        state.asleep = false;
        state.inbox = inbox;
        true
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

/// `IOV_MAX` of Linux.
const MOST_PIECES: usize = 1024;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;

    fn pair() -> (Line, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Line::new(near), listener.accept().unwrap().0)
    }

    fn read(line: &Line, room: usize) -> Result<Vec<u8>, io::ErrorKind> {
        let mut bytes = vec![0; room];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = line.read(&mut buffer);
        read.map(|()| buffer.filled().to_vec()).map_err(|error| error.kind())
    }

    #[test]
    fn what_a_sleeper_read_is_given_before_what_came_later_to_small_and_large_readers() {
        for room in [SCRATCH, 4 * SCRATCH] {
            let (line, mut far) = pair();
            far.write_all(b"first").unwrap();
            assert!(line.take_in(None));
            far.write_all(b"second").unwrap();
            assert_eq!(read(&line, room), Ok(b"first".to_vec()));
            assert_eq!(read(&line, room), Ok(b"second".to_vec()));
            assert_eq!(read(&line, room), Err(io::ErrorKind::WouldBlock));
        }
    }

    #[test]
    fn a_sleep_ends_when_its_time_is_over_and_a_longer_one_is_not_cut_short_for_good() {
        let (line, mut far) = pair();
        let began = Instant::now();
        assert!(line.take_in(Some(Duration::from_millis(20))));
        assert!(began.elapsed() >= Duration::from_millis(19));
        assert_eq!(read(&line, 9), Err(io::ErrorKind::WouldBlock));
        let late = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            far.write_all(b"late").unwrap();
            far
        });
        assert!(line.take_in(None));
        assert_eq!(read(&line, 9), Ok(b"late".to_vec()));
        drop(late.join().unwrap());
        assert!(line.take_in(Some(Duration::from_secs(60))));
        assert_eq!(read(&line, 9), Ok(Vec::new()));
    }

    #[test]
    fn nobody_reads_past_a_sleeper() {
        let (line, mut far) = pair();
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| line.take_in(Some(Duration::from_secs(30))));
            while !line.lock().asleep {
                std::thread::yield_now();
            }
            assert_eq!(read(&line, 9), Err(io::ErrorKind::WouldBlock));
            assert!(!line.take_in(None));
            far.write_all(b"for the sleeper").unwrap();
            assert!(sleeper.join().unwrap());
        });
        assert_eq!(read(&line, 99), Ok(b"for the sleeper".to_vec()));
    }
}
