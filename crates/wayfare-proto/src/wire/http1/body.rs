//! Reads response bodies: sized, chunked, or up to the end of the connection (RFC 9112 §6, §7.1).

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;

use super::limits::HeadLimits;
use super::response::Framing;
use super::section::{Scan, collect, violation_of};
use super::trailer::is_forbidden;
use super::violation::{ChunkFault, Part, Violation};

/// Reads one body.
///
/// ```
/// use bytes::BytesMut;
/// use wayfare_proto::wire::http1::{body::{BodyReader, Piece}, limits::HeadLimits};
/// use wayfare_proto::wire::http1::response::Framing;
///
/// let mut reader = BodyReader::new(Framing::Chunked, HeadLimits::default());
/// let mut input = BytesMut::from("5\r\nhello\r\n0\r\n\r\n");
/// assert_eq!(reader.read(&mut input)?, Piece::Data("hello".into()));
/// assert_eq!(reader.read(&mut input)?, Piece::End(None));
/// # Ok::<(), wayfare_proto::wire::http1::violation::Violation>(())
/// ```
#[derive(Debug)]
pub struct BodyReader {
    state: State,
    limits: HeadLimits,
    received: u64,
    extension_excess: u64,
}

/// What one step of reading gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of the body, never empty.
    Data(Bytes),
    /// The end of the body, with the trailer fields if a trailer section held any.
    End(Option<HeaderMap>),
    /// More bytes from the peer are needed.
    NeedMore,
}

impl BodyReader {
    /// Starts to read a body that ends as `framing` tells.
    ///
    /// A body behind [`Framing::Upgraded`] is empty: what follows belongs to another protocol.
    pub fn new(framing: Framing, limits: HeadLimits) -> Self {
        let state = match framing {
            Framing::Chunked => State::Size(Size::default()),
            Framing::Empty | Framing::Sized(0) | Framing::Upgraded => State::Ended,
            Framing::Sized(left) => State::Sized { left },
            Framing::UntilClose => State::UntilClose,
        };
        BodyReader { state, limits, received: 0, extension_excess: 0 }
    }

    /// Takes the next piece of the body from the front of `input`.
    ///
    /// A piece is as long as `input` and the framing allow, and shares its memory. Bytes behind
    /// the body stay in `input`. After the end, every call gives an end without trailers. The
    /// caller must not take bytes off the front of `input` between two calls.
    ///
    /// # Errors
    ///
    /// A broken chunked coding, or trailers above the limits. The reader is then of no more use.
    pub fn read(&mut self, input: &mut BytesMut) -> Result<Piece, Violation> {
        loop {
            let next = match &mut self.state {
                State::Ended => return Ok(Piece::End(None)),
                State::UntilClose => return Ok(self.take(input, u64::MAX)),
                State::Sized { left } | State::Data { left } => {
                    let left = *left;
                    return Ok(self.take(input, left));
                }
                State::Size(size) => match size.read(input, &mut self.extension_excess)? {
                    Some(0) => State::Trailers(Scan::default()),
                    Some(left) => State::Data { left },
                    None => return Ok(Piece::NeedMore),
                },
                State::DataEnd => {
                    if !skip_line_end(input)? {
                        return Ok(Piece::NeedMore);
                    }
                    State::Size(Size::default())
                }
                State::Trailers(scan) => {
                    let Some(extent) = scan.find_end(input, 0, &self.limits)? else {
                        return Ok(Piece::NeedMore);
                    };
                    let section = input.split_to(extent.length).freeze();
                    self.state = State::Ended;
                    return trailers(&section, extent.lines, &self.limits).map(Piece::End);
                }
            };
            self.state = next;
        }
    }

    /// How many of the next bytes from the peer are bytes of the body just as they come, so that
    /// they need not pass through here.
    pub fn direct(&self) -> u64 {
        match self.state {
            State::Data { left } | State::Sized { left } => left,
            State::UntilClose => u64::MAX,
            _ => 0,
        }
    }

    /// Takes note of `length` bytes, not more than [`direct`](Self::direct) allows, that went to
    /// the reader of the body by a shorter way.
    pub fn handle_direct(&mut self, length: u64) {
        self.advance(length.min(self.direct()));
    }

    /// Takes note that the peer closed the stream, all its bytes having been read.
    ///
    /// # Errors
    ///
    /// [`Violation::Truncated`] unless the body had ended, or ends just so (RFC 9112 §8).
    pub fn handle_end(&mut self) -> Result<(), Violation> {
        let expected = match self.state {
            State::Ended | State::UntilClose => {
                self.state = State::Ended;
                return Ok(());
            }
            State::Sized { left } => Some(self.received.saturating_add(left)),
            _ => None,
        };
        Err(Violation::Truncated { received: self.received, expected })
    }

    /// Whether the last byte of the body has been read.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// How many bytes are still to come, where that is known.
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Ended => Some(0),
            State::Sized { left } => Some(left),
            _ => None,
        }
    }

    /// How many bytes of the body have been given out.
    pub fn received(&self) -> u64 {
        self.received
    }

    fn take(&mut self, input: &mut BytesMut, left: u64) -> Piece {
        if input.is_empty() {
            return Piece::NeedMore;
        }
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let piece = input.split_to(length).freeze();
        self.advance(length as u64);
        Piece::Data(piece)
    }

    /// Goes on by `length` bytes of the body, which are not more than are left.
    fn advance(&mut self, length: u64) {
        self.received = self.received.saturating_add(length);
        match &mut self.state {
            State::Sized { left } if *left == length => self.state = State::Ended,
            State::Data { left } if *left == length => self.state = State::DataEnd,
            State::Sized { left } | State::Data { left } => *left -= length,
            _ => {}
        }
    }
}

#[derive(Debug)]
enum State {
    Data { left: u64 },
    DataEnd,
    Ended,
    Size(Size),
    Sized { left: u64 },
    Trailers(Scan),
    UntilClose,
}

/// A chunk-size line that is being read, byte by byte, so that nothing is looked at twice.
#[derive(Debug, Default)]
struct Size {
    value: u64,
    digits: u8,
    place: Place,
    extension: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Digits,
    Extension,
    LineFeed,
    Space,
}

impl Size {
    /// Takes the line off `input` as far as it is there; gives the size at its end.
    fn read(&mut self, input: &mut BytesMut, excess: &mut u64) -> Result<Option<u64>, Violation> {
        for (at, &byte) in input.iter().enumerate() {
            if self.place == Place::LineFeed {
                if byte != b'\n' {
                    return Err(Violation::BadChunk(ChunkFault::LineEnd));
                }
                input.advance(at + 1);
                *excess = (*excess + self.extension).saturating_sub(self.allowance());
                return Ok(Some(self.value));
            }
            self.handle_byte(byte).map_err(Violation::BadChunk)?;
            if *excess + self.extension > EXTENSION_SLACK {
                return Err(Violation::BadChunk(ChunkFault::ExtensionTooLarge));
            }
        }
        input.clear();
        Ok(None)
    }

    fn handle_byte(&mut self, byte: u8) -> Result<(), ChunkFault> {
        match (self.place, byte) {
            (Place::Digits, _) if byte.is_ascii_hexdigit() => return self.handle_digit(byte),
            _ if self.digits == 0 => return Err(ChunkFault::Size),
            (_, b'\r') => {
                self.place = Place::LineFeed;
                return Ok(());
            }
            (_, b'\n') => return Err(ChunkFault::LineEnd),
            // RFC 9112 §7.1.1: bad white space may precede the semicolon, and some servers pad.
            (Place::Digits | Place::Space, b' ' | b'\t') => self.place = Place::Space,
            (Place::Digits | Place::Space, b';') => self.place = Place::Extension,
            (Place::Digits | Place::Space, _) => return Err(ChunkFault::Size),
            (_, b'\t' | b' '..=b'~' | 0x80..) => {}
            _ => return Err(ChunkFault::Extension),
        }
        self.extension += 1;
        Ok(())
    }

    fn handle_digit(&mut self, byte: u8) -> Result<(), ChunkFault> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            _ => byte.to_ascii_lowercase() - b'a' + 10,
        };
        self.digits += 1;
        // 2^59 is the first value whose next digit reaches 2^63.
        if self.digits > 16 || self.value >> 59 != 0 {
            return Err(ChunkFault::SizeTooLarge);
        }
        self.value = (self.value << 4) | u64::from(digit);
        Ok(())
    }

    /// The extension bytes that this chunk pays for: a few, and twice its data.
    fn allowance(&self) -> u64 {
        self.value.saturating_mul(2).saturating_add(16)
    }
}

fn skip_line_end(input: &mut BytesMut) -> Result<bool, Violation> {
    let shown = input.len().min(2);
    if input[..shown] != b"\r\n"[..shown] {
        return Err(Violation::BadChunk(ChunkFault::Terminator));
    }
    if shown == 2 {
        input.advance(2);
    }
    Ok(shown == 2)
}

fn trailers(
    section: &Bytes,
    lines: usize,
    limits: &HeadLimits,
) -> Result<Option<HeaderMap>, Violation> {
    if lines == 0 {
        return Ok(None);
    }
    let mut room = vec![httparse::EMPTY_HEADER; lines];
    let fields = match httparse::parse_headers(section, &mut room) {
        Ok(httparse::Status::Complete((_, fields))) => fields,
        Ok(httparse::Status::Partial) => return Err(Violation::Malformed(Part::LineEnd)),
        Err(error) => return Err(violation_of(error, limits)),
    };
    let mut trailers = HeaderMap::new();
    let mut name = None;
    for (next, value) in collect(section, fields, limits)?.map {
        // A map gives the name with the first of its values only.
        name = next.or(name);
        if let Some(name) = name.as_ref().filter(|name| !is_forbidden(name)) {
            trailers.append(name, value);
        }
    }
    Ok(Some(trailers))
}

/// How many bytes of chunk extensions are read beyond what the data pays for.
const EXTENSION_SLACK: u64 = 16 * 1024;
