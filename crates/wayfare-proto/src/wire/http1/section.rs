//! Finds the end of a head or a trailer section, in time linear in its length.

use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, MaxSizeReached,
    TRANSFER_ENCODING,
};
use httparse::Header;

use bytes::Bytes;

use super::limits::HeadLimits;
use super::violation::{Part, Violation};

/// How far the search for the empty line got, so that no byte is looked at twice.
#[derive(Debug, Default)]
pub(super) struct Scan {
    seen: usize,
    line_start: usize,
    lines: usize,
}

/// The extent of a whole section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// Its length with the empty line.
    pub(super) length: usize,
    /// Its lines without the empty one.
    pub(super) lines: usize,
}

impl Scan {
    /// Goes on with the search in the same section, whose first `preface` lines are no fields.
    ///
    /// Every limit is judged at the byte that crosses it, so that the outcome does not depend on
    /// how the bytes were cut into reads.
    pub(super) fn find_end(
        &mut self,
        section: &[u8],
        preface: usize,
        limits: &HeadLimits,
    ) -> Result<Option<Extent>, Violation> {
        let window = &section[..section.len().min(limits.head_bytes)];
        while let Some(offset) = find_line_feed(&window[self.seen..]) {
            let end = self.seen + offset;
            let line = &window[self.line_start..end];
            let is_field = self.lines >= preface;
            if is_field && line.len() > limits.field_bytes.saturating_add(1) {
                return Err(Violation::FieldTooLarge { limit: limits.field_bytes });
            }
            // RFC 9112 §2.2 lets a recipient take a bare LF as a line end; §11 tells what
            // happens when two recipients differ in that.
            let Some((b'\r', text)) = line.split_last() else {
                return Err(Violation::BareLineFeed);
            };
            self.seen = end + 1;
            self.line_start = end + 1;
            if text.is_empty() {
                return Ok(Some(Extent { length: self.seen, lines: self.lines }));
            }
            if is_field {
                self.check_field_line(text, preface, limits)?;
            }
            self.lines += 1;
        }
        self.seen = window.len();
        self.check_unfinished(section, preface, limits)?;
        Ok(None)
    }

    fn check_field_line(
        &self,
        text: &[u8],
        preface: usize,
        limits: &HeadLimits,
    ) -> Result<(), Violation> {
        if self.lines - preface >= limits.fields {
            return Err(Violation::TooManyFields { limit: limits.fields });
        }
        if matches!(text.first(), Some(b' ' | b'\t')) {
            return Err(Violation::FoldedField);
        }
        Ok(())
    }

    fn check_unfinished(
        &self,
        section: &[u8],
        preface: usize,
        limits: &HeadLimits,
    ) -> Result<(), Violation> {
        let unfinished = self.seen - self.line_start;
        // One byte of grace: the last one may be the CR of the line end.
        if self.lines >= preface && unfinished > limits.field_bytes.saturating_add(1) {
            return Err(Violation::FieldTooLarge { limit: limits.field_bytes });
        }
        if section.len() > limits.head_bytes {
            return Err(Violation::HeadTooLarge { limit: limits.head_bytes });
        }
        Ok(())
    }
}

/// The fields of a section, and which of those that steer the connection are among them: that is
/// asked of every head, and most have one of the three.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) map: HeaderMap,
    has_connection: bool,
    has_content_length: bool,
    has_transfer_encoding: bool,
}

impl Fields {
    /// All values of `Connection`.
    pub(super) fn connection(&self) -> impl Iterator<Item = &HeaderValue> {
        self.all(self.has_connection, CONNECTION)
    }

    /// All values of `Content-Length`.
    pub(super) fn content_length(&self) -> impl Iterator<Item = &HeaderValue> {
        self.all(self.has_content_length, CONTENT_LENGTH)
    }

    /// All values of `Transfer-Encoding`.
    pub(super) fn transfer_encoding(&self) -> impl Iterator<Item = &HeaderValue> {
        self.all(self.has_transfer_encoding, TRANSFER_ENCODING)
    }

    fn all(&self, is_there: bool, name: HeaderName) -> impl Iterator<Item = &HeaderValue> {
        is_there.then(|| self.map.get_all(name)).into_iter().flatten()
    }

    fn note(&mut self, name: &HeaderName) {
        match name.as_str().len() {
            10 => self.has_connection |= name == CONNECTION,
            14 => self.has_content_length |= name == CONTENT_LENGTH,
            17 => self.has_transfer_encoding |= name == TRANSFER_ENCODING,
            _ => {}
        }
    }
}

/// Collects parsed fields, the values as views into `section`.
pub(super) fn collect(
    section: &Bytes,
    fields: &[Header<'_>],
    limits: &HeadLimits,
) -> Result<Fields, Violation> {
    let too_many = |_: MaxSizeReached| Violation::TooManyFields { limit: limits.fields };
    let map = HeaderMap::try_with_capacity(fields.len()).map_err(too_many)?;
    let (has_connection, has_content_length, has_transfer_encoding) = (false, false, false);
    let mut all = Fields { map, has_connection, has_content_length, has_transfer_encoding };
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| Violation::Malformed(Part::FieldName))?;
        let value = HeaderValue::from_maybe_shared(section.slice_ref(field.value))
            .map_err(|_| Violation::Malformed(Part::FieldValue))?;
        all.note(&name);
        all.map.try_append(name, value).map_err(too_many)?;
    }
    Ok(all)
}

/// Says in our words what the grammar engine found.
pub(super) fn violation_of(error: httparse::Error, limits: &HeadLimits) -> Violation {
    match error {
        httparse::Error::HeaderName => Violation::Malformed(Part::FieldName),
        httparse::Error::HeaderValue => Violation::Malformed(Part::FieldValue),
        httparse::Error::NewLine => Violation::Malformed(Part::LineEnd),
        httparse::Error::TooManyHeaders => Violation::TooManyFields { limit: limits.fields },
        httparse::Error::Version => Violation::Malformed(Part::Version),
        httparse::Error::Status | httparse::Error::Token => Violation::Malformed(Part::StatusLine),
    }
}

fn find_line_feed(bytes: &[u8]) -> Option<usize> {
    let mut base = 0;
    // Blocks of a fixed size without an early exit compile to vector compares.
    for block in bytes.chunks_exact(BLOCK) {
        if block.iter().fold(false, |found, &byte| found | (byte == b'\n')) {
            break;
        }
        base += BLOCK;
    }
    bytes[base..].iter().position(|&byte| byte == b'\n').map(|at| base + at)
}

const BLOCK: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_feed_is_found_at_every_place() {
        for length in 0..70 {
            assert_eq!(find_line_feed(&vec![b'a'; length]), None);
            for at in 0..length {
                let mut bytes = vec![b'a'; length];
                bytes[at] = b'\n';
                assert_eq!(find_line_feed(&bytes), Some(at));
            }
        }
    }
}
