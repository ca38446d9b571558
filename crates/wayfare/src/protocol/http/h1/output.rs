//! Bytes on their way out, which are overwritten once they are gone if they say who is asking.

use bytes::{Buf, BytesMut};
use zeroize::Zeroize;

/// Bytes on their way out.
#[derive(Default)]
pub(super) struct Output {
    bytes: BytesMut,
    /// So many at the front must not outlive their sending.
    secret: usize,
}

impl Output {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Where to write `more` bytes, and no more than these.
    pub(super) fn room_for(&mut self, more: usize) -> &mut BytesMut {
        if self.secret > 0 && self.bytes.capacity() - self.bytes.len() < more {
            // To grow in place would leave a copy behind.
            let mut grown = BytesMut::with_capacity(2 * (self.bytes.len() + more));
            grown.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            self.bytes = grown;
        }
        &mut self.bytes
    }

    /// What is there now is a secret.
    pub(super) fn mark_secret(&mut self) {
        self.secret = self.bytes.len();
    }

    /// So many bytes at the front are gone.
    pub(super) fn advance(&mut self, count: usize) {
        self.wipe(count);
        self.bytes.advance(count);
        self.secret -= count.min(self.secret);
    }

    pub(super) fn clear(&mut self) {
        self.advance(self.bytes.len());
        self.bytes.clear();
    }

    fn wipe(&mut self, count: usize) {
        self.bytes[..count.min(self.secret)].zeroize();
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.wipe(self.secret);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_who_is_asking_is_overwritten_when_it_is_gone_and_nothing_else() {
        let mut output = Output::default();
        output.room_for(6).extend_from_slice(b"secret");
        output.mark_secret();
        output.room_for(4).extend_from_slice(b"body");
        output.wipe(3);
        assert_eq!(output.as_slice(), b"\0\0\0retbody");
        output.advance(3);
        assert_eq!((output.as_slice(), output.secret), (&b"retbody"[..], 3));
        output.wipe(7);
        assert_eq!(output.as_slice(), b"\0\0\0body");
        output.clear();
        assert!(output.is_empty() && output.secret == 0);
        output.room_for(4).extend_from_slice(b"open");
        output.wipe(4);
        assert_eq!(output.as_slice(), b"open");
    }

    #[test]
    fn a_secret_that_has_to_move_is_whole_in_its_new_place() {
        let mut output = Output::default();
        output.room_for(6).extend_from_slice(b"secret");
        output.mark_secret();
        output.room_for(100_000).extend_from_slice(&[7; 100_000]);
        assert!(output.as_slice().starts_with(b"secret") && output.len() == 100_006);
        assert_eq!(output.secret, 6);
    }
}
