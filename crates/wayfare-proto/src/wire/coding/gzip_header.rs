//! The header of a gzip member, read byte by byte and thrown away (RFC 1952 §2.3).

use flate2::Crc;

use super::fault::Fault;
use super::link::Coding;

/// A header that is being read.
pub(super) struct Header {
    place: Place,
    /// The bytes seen of the current place.
    at: usize,
    flags: u8,
    /// The length of the extra field, then what is left of it.
    extra: u16,
    checksum: Crc,
    check_low: u8,
}

/// The parts of a header, in the order of the format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Fixed,
    ExtraLength,
    Extra,
    Name,
    Comment,
    Check,
    Ended,
}

impl Header {
    pub(super) fn new() -> Self {
        Header {
            place: Place::Fixed,
            at: 0,
            flags: 0,
            extra: 0,
            checksum: Crc::new(),
            check_low: 0,
        }
    }

    /// Whether not a single byte has come.
    pub(super) fn is_untouched(&self) -> bool {
        self.place == Place::Fixed && self.at == 0
    }

    /// Whether the bytes so far do not even say that this is gzip.
    pub(super) fn is_in_magic(&self) -> bool {
        self.place == Place::Fixed && self.at < 2
    }

    /// Takes one byte; tells whether it was the last one.
    pub(super) fn handle_byte(&mut self, byte: u8) -> Result<bool, Fault> {
        let malformed = Err(Fault::Malformed(Coding::Gzip));
        if self.place != Place::Check {
            self.checksum.update(&[byte]);
        }
        if self.checksum.amount() > LIMIT {
            return malformed;
        }
        match (self.place, self.at) {
            (Place::Fixed, 0) if byte != 0x1f => return malformed,
            (Place::Fixed, 1) if byte != 0x8b => return malformed,
            (Place::Fixed, 2) if byte != DEFLATE => return malformed,
            (Place::Fixed, 3) if byte & RESERVED != 0 => return malformed,
            (Place::Fixed, 3) => self.flags = byte,
            (Place::ExtraLength, 0) => self.extra = byte.into(),
            (Place::ExtraLength, _) => self.extra |= u16::from(byte) << 8,
            (Place::Extra, _) => self.extra -= 1,
            (Place::Check, 0) => self.check_low = byte,
            (Place::Check, _) => self.compare_check(byte)?,
            _ => {}
        }
        self.at += 1;
        if self.is_place_over(byte) {
            self.place = self.next_place();
            self.at = 0;
        }
        Ok(self.place == Place::Ended)
    }

    fn is_place_over(&self, byte: u8) -> bool {
        match self.place {
            Place::Fixed => self.at == FIXED,
            Place::ExtraLength | Place::Check => self.at == 2,
            Place::Extra => self.extra == 0,
            Place::Name | Place::Comment => byte == 0,
            Place::Ended => false,
        }
    }

    fn next_place(&self) -> Place {
        let has = |flag| self.flags & flag != 0;
        match self.place {
            Place::Fixed if has(EXTRA) => Place::ExtraLength,
            Place::ExtraLength if self.extra != 0 => Place::Extra,
            place if place < Place::Name && has(NAME) => Place::Name,
            place if place < Place::Comment && has(COMMENT) => Place::Comment,
            place if place < Place::Check && has(CHECK) => Place::Check,
            _ => Place::Ended,
        }
    }

    fn compare_check(&self, high: u8) -> Result<(), Fault> {
        let [low, second, ..] = self.checksum.sum().to_le_bytes();
        if (self.check_low, high) == (low, second) { Ok(()) } else { Err(Fault::Checksum) }
    }
}

const DEFLATE: u8 = 8;
const FIXED: usize = 10;
const CHECK: u8 = 0x02;
const EXTRA: u8 = 0x04;
const NAME: u8 = 0x08;
const COMMENT: u8 = 0x10;
const RESERVED: u8 = 0xe0;
/// The extra field has a bound of its own; the name and the comment need this one.
const LIMIT: u32 = 192 * 1024;
