//! HTTP/2 frames as bytes, right or wrong: what the h2 crate would rightly refuse to send.

use bytes::{BufMut, Bytes, BytesMut};

/// One frame (RFC 9113 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Bytes,
}

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

pub(crate) const ENABLE_PUSH: u16 = 2;
pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 3;
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;
pub(crate) const MAX_FRAME_SIZE: u16 = 5;

/// What every client says first (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl Frame {
    pub(crate) fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Bytes>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    pub(crate) fn settings(values: &[(u16, u32)]) -> Self {
        let mut payload = BytesMut::new();
        for (name, value) in values {
            payload.put_u16(*name);
            payload.put_u32(*value);
        }
        Self::new(SETTINGS, 0, 0, payload)
    }

    pub(crate) fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Self {
        Self::new(HEADERS, flags | END_HEADERS, stream, field_block(fields))
    }

    pub(crate) fn data(stream: u32, flags: u8, data: impl Into<Bytes>) -> Self {
        Self::new(DATA, flags, stream, data)
    }

    pub(crate) fn reset(stream: u32, code: u32) -> Self {
        Self::new(RST_STREAM, 0, stream, code.to_be_bytes().to_vec())
    }

    pub(crate) fn window_update(stream: u32, by: u32) -> Self {
        Self::new(WINDOW_UPDATE, 0, stream, by.to_be_bytes().to_vec())
    }

    pub(crate) fn go_away(last_stream: u32, code: u32) -> Self {
        let payload = [last_stream.to_be_bytes(), code.to_be_bytes()].concat();
        Self::new(GOAWAY, 0, 0, payload)
    }

    pub(crate) fn is(&self, kind: u8, flag: u8) -> bool {
        self.kind == kind && self.flags & flag == flag
    }

    pub(crate) fn write_to(&self, out: &mut BytesMut) {
        // Nothing here sends a payload of 16 MiB or more.
        out.put_uint(self.payload.len() as u64, 3);
        out.put_u8(self.kind);
        out.put_u8(self.flags);
        out.put_u32(self.stream);
        out.extend_from_slice(&self.payload);
    }

    /// Takes a frame off the front, once all of it is there.
    pub(crate) fn read_from(bytes: &mut BytesMut) -> Option<Self> {
        let head: [u8; HEAD] = bytes.get(..HEAD)?.try_into().ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        if bytes.len() < HEAD + length {
            return None;
        }
        let payload = bytes.split_to(HEAD + length).freeze().slice(HEAD..);
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        Some(Self { kind: head[3], flags: head[4], stream, payload })
    }
}

/// Fields in HPACK's simplest form: literal, not indexed, no Huffman code (RFC 7541 §6.2.2).
pub(crate) fn field_block(fields: &[(&str, &str)]) -> Bytes {
    let mut block = BytesMut::new();
    for (name, value) in fields {
        block.put_u8(0);
        put_string(&mut block, name);
        put_string(&mut block, value);
    }
    block.freeze()
}

/// One field that the client's table keeps, then references to it (RFC 7541 §6.1, §6.2.1).
pub(crate) fn field_bomb(value: &str, times: usize) -> Bytes {
    const FIRST_DYNAMIC: u8 = 0x80 | 62;
    let mut block = BytesMut::from(&field_block(&[(":status", "200")])[..]);
    block.put_u8(0x40);
    put_string(&mut block, "x-bomb");
    put_string(&mut block, value);
    block.put_bytes(FIRST_DYNAMIC, times);
    block.freeze()
}

fn put_string(block: &mut BytesMut, text: &str) {
    // An integer with a prefix of 7 bits (RFC 7541 §5.1).
    let mut left = text.len();
    if left < 127 {
        block.put_u8(left as u8);
    } else {
        block.put_u8(127);
        left -= 127;
        while left >= 128 {
            block.put_u8(0x80 | (left & 0x7f) as u8);
            left >>= 7;
        }
        block.put_u8(left as u8);
    }
    block.extend_from_slice(text.as_bytes());
}

const HEAD: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let frame = Frame::data(5, END_STREAM, "hello");
        let mut bytes = BytesMut::new();
        frame.write_to(&mut bytes);
        let mut part = BytesMut::from(&bytes[..bytes.len() - 1]);
        assert_eq!(Frame::read_from(&mut part), None);
        assert_eq!(Frame::read_from(&mut bytes), Some(frame));
        assert!(bytes.is_empty());
    }

    #[test]
    fn long_strings_have_long_lengths() {
        let mut block = BytesMut::new();
        put_string(&mut block, &"a".repeat(127 + 300));
        assert_eq!(block[..3], [127, 0x80 | (300 & 0x7f) as u8, 2]);
    }
}
