//! The gzip coding: any number of members, each with a header, deflate data and a checksum
//! (RFC 1952).

use flate2::{Crc, Decompress};

use super::deflate::inflate;
use super::fault::Fault;
use super::gzip_header::Header;
use super::link::{Coding, Step};

/// A decoder for a sequence of members.
pub(super) struct Gzip {
    state: State,
    engine: Decompress,
    content: Crc,
    members: u64,
}

enum State {
    Body,
    Header(Header),
    Trailer { bytes: [u8; 8], filled: usize },
}

impl Gzip {
    pub(super) fn new() -> Self {
        Gzip {
            state: State::Header(Header::new()),
            engine: Decompress::new(false),
            content: Crc::new(),
            members: 0,
        }
    }

    pub(super) fn run(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let mut step = Step::default();
        loop {
            let rest = &input[step.consumed..];
            if let State::Body = self.state {
                let room = &mut output[step.produced..];
                let (inflated, ended) = inflate(&mut self.engine, rest, room, Coding::Gzip)?;
                self.content.update(&room[..inflated.produced]);
                step.consumed += inflated.consumed;
                step.produced += inflated.produced;
                if !ended {
                    return Ok(step);
                }
                self.state = State::Trailer { bytes: [0; 8], filled: 0 };
            } else if let Some(&byte) = rest.first() {
                step.consumed += 1;
                self.handle_byte(byte)?;
            } else {
                return Ok(step);
            }
        }
    }

    /// Whether no member is open.
    pub(super) fn is_complete(&self) -> bool {
        matches!(&self.state, State::Header(header) if header.is_untouched())
    }

    /// Takes a byte of a header or a trailer.
    fn handle_byte(&mut self, byte: u8) -> Result<(), Fault> {
        match &mut self.state {
            State::Body => {}
            State::Header(header) => {
                let is_junk = self.members > 0 && header.is_in_magic();
                match header.handle_byte(byte) {
                    Ok(true) => self.state = State::Body,
                    Ok(false) => {}
                    Err(_) if is_junk => return Err(Fault::Trailing),
                    Err(fault) => return Err(fault),
                }
            }
            State::Trailer { bytes, filled } => {
                bytes[*filled] = byte;
                *filled += 1;
                if *filled == bytes.len() {
                    let trailer = u64::from_le_bytes(*bytes);
                    self.end_member(trailer)?;
                }
            }
        }
        Ok(())
    }

    /// RFC 1952 §2.3.1: the CRC-32 of the content, and its length modulo 2^32.
    fn end_member(&mut self, trailer: u64) -> Result<(), Fault> {
        let expected = u64::from(self.content.sum()) | u64::from(self.content.amount()) << 32;
        if trailer != expected {
            return Err(Fault::Checksum);
        }
        self.members += 1;
        self.content.reset();
        self.engine.reset(false);
        self.state = State::Header(Header::new());
        Ok(())
    }
}
