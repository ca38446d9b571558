//! Bytes that came while their reader waited.

use std::io;
use std::ops::Range;

use tokio::io::ReadBuf;

/// Where small reads land first: a reader's buffer would have to be cleared before the system may
/// write to it, which costs more than copying what came.
#[derive(Default)]
pub(super) struct Inbox {
    scratch: Vec<u8>,
    /// What of the scratch nobody has taken yet.
    unread: Range<usize>,
    /// How a read ended that brought no bytes.
    ended: Option<io::Result<()>>,
}

impl Inbox {
    /// Gives what is there, if anything is.
    pub(super) fn give(&mut self, buffer: &mut ReadBuf<'_>) -> Option<io::Result<()>> {
        if self.unread.is_empty() {
            return self.ended.take();
        }
        let length = self.unread.len().min(buffer.remaining());
        let given = self.unread.start..self.unread.start + length;
        buffer.put_slice(&self.scratch[given.clone()]);
        self.unread.start = given.end;
        Some(Ok(()))
    }

    /// True if there is something to give.
    pub(super) fn has_something(&self) -> bool {
        !self.unread.is_empty() || self.ended.is_some()
    }

    /// Reads by `read`, at most `most` bytes.
    pub(super) fn fill(
        &mut self,
        most: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        self.scratch.resize(SCRATCH, 0);
        let length = read(&mut self.scratch[..most.min(SCRATCH)])?;
        self.unread = 0..length;
        if length == 0 {
            self.ended = Some(Ok(()));
        }
        Ok(())
    }

    /// Keeps an error for the reader.
    pub(super) fn fail(&mut self, error: io::Error) {
        self.ended = Some(Err(error));
    }
}

/// Reads up to this size are small.
pub(super) const SCRATCH: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn give(inbox: &mut Inbox, room: usize) -> Option<Result<Vec<u8>, io::ErrorKind>> {
        let mut bytes = vec![0; room];
        let mut buffer = ReadBuf::new(&mut bytes);
        let given = inbox.give(&mut buffer)?;
        Some(given.map(|()| buffer.filled().to_vec()).map_err(|error| error.kind()))
    }

    #[test]
    fn what_came_is_given_in_order_however_small_the_reader_s_buffer_is() {
        let mut inbox = Inbox::default();
        inbox.fill(SCRATCH, |space| space.write_at_front(b"abcde")).unwrap();
        assert_eq!(give(&mut inbox, 2), Some(Ok(b"ab".to_vec())));
        assert_eq!(give(&mut inbox, 9), Some(Ok(b"cde".to_vec())));
        assert_eq!(give(&mut inbox, 9), None);
    }

    #[test]
    fn an_end_is_given_once_and_so_is_an_error() {
        let mut inbox = Inbox::default();
        inbox.fill(SCRATCH, |_| Ok(0)).unwrap();
        assert_eq!(give(&mut inbox, 9), Some(Ok(Vec::new())));
        assert_eq!(give(&mut inbox, 9), None);
        inbox.fail(io::ErrorKind::ConnectionReset.into());
        assert_eq!(give(&mut inbox, 9), Some(Err(io::ErrorKind::ConnectionReset)));
        assert_eq!(give(&mut inbox, 9), None);
    }

    trait WriteAtFront {
        fn write_at_front(&mut self, bytes: &[u8]) -> io::Result<usize>;
    }

    impl WriteAtFront for [u8] {
        fn write_at_front(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self[..bytes.len()].copy_from_slice(bytes);
            Ok(bytes.len())
        }
    }
}
