//! `Range` and `Content-Range` in bytes: read, written and applied to a length (RFC 9110 §14).

use std::fmt;
use std::ops::Range;

use super::field::{list, trim};

/// One range of bytes that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// `a-`: from this byte to the end.
    From(u64),
    /// `a-b`: both ends belong to it, and `first` is not above `last`.
    Inclusive {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: u64,
    },
    /// `-n`: this many bytes at the end.
    Suffix(u64),
}

/// What a `Range` means for a content of known length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// The ranges that exist, each non-empty, in the order in which they were asked for.
    Satisfiable(Vec<Range<u64>>),
    /// None of them exists: the answer is a 416.
    Unsatisfiable,
}

/// What a `Content-Range` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentRange {
    /// The body is this part of the content.
    Bytes {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: u64,
        /// The length of the whole content, where the server knows it.
        length: Option<u64>,
    },
    /// The range asked for does not exist in a content of this length (416).
    Unsatisfied {
        /// The length of the whole content.
        length: u64,
    },
}

/// Reads a `Range` field, or nothing if it is to be ignored (RFC 9110 §14.2).
///
/// That is so for another unit, a broken range, and more than 100 of them.
///
/// ```
/// use wayfare_proto::syntax::range::{RangeSpec, Resolved, parse, resolve};
/// let specs = parse(b"bytes=0-4, -2").unwrap();
/// assert_eq!(specs, [RangeSpec::Inclusive { first: 0, last: 4 }, RangeSpec::Suffix(2)]);
/// assert_eq!(resolve(&specs, 10), Resolved::Satisfiable(vec![0..5, 8..10]));
/// ```
pub fn parse(value: &[u8]) -> Option<Vec<RangeSpec>> {
    let specs = trim(after_unit(value, b'=')?);
    let mut ranges = Vec::new();
    for spec in list(specs) {
        if ranges.len() == MOST {
            return None;
        }
        ranges.push(spec_of(spec)?);
    }
    (!ranges.is_empty()).then_some(ranges)
}

/// Writes a `Range` field.
pub fn format(specs: &[RangeSpec]) -> String {
    let specs: Vec<String> = specs.iter().map(RangeSpec::to_string).collect();
    format!("bytes={}", specs.join(", "))
}

/// Applies ranges to a content of `length` bytes (RFC 9110 §14.1.2).
pub fn resolve(specs: &[RangeSpec], length: u64) -> Resolved {
    let existing = specs.iter().map(|spec| match *spec {
        RangeSpec::From(first) => first..length,
        RangeSpec::Inclusive { first, last } => first..last.saturating_add(1).min(length),
        RangeSpec::Suffix(count) => length.saturating_sub(count)..length,
    });
    let ranges: Vec<_> = existing.filter(|range| !range.is_empty()).collect();
    if ranges.is_empty() { Resolved::Unsatisfiable } else { Resolved::Satisfiable(ranges) }
}

impl ContentRange {
    /// Reads a `Content-Range` field in bytes, or nothing if it is broken (RFC 9110 §14.4).
    ///
    /// A last byte before the first, or not below the length, is broken.
    pub fn parse(value: &[u8]) -> Option<ContentRange> {
        let rest = trim(after_unit(trim(value), b' ')?);
        let (range, length) = split_at(rest, b'/')?;
        if range == b"*" {
            return Some(ContentRange::Unsatisfied { length: decimal(length)? });
        }
        let (first, last) = split_at(range, b'-')?;
        let (first, last) = (decimal(first)?, decimal(last)?);
        let length = if length == b"*" { None } else { Some(decimal(length)?) };
        let is_valid = first <= last && length.is_none_or(|length| last < length);
        is_valid.then_some(ContentRange::Bytes { first, last, length })
    }
}

impl fmt::Display for RangeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RangeSpec::From(first) => write!(f, "{first}-"),
            RangeSpec::Inclusive { first, last } => write!(f, "{first}-{last}"),
            RangeSpec::Suffix(count) => write!(f, "-{count}"),
        }
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContentRange::Bytes { first, last, length: Some(length) } => {
                write!(f, "bytes {first}-{last}/{length}")
            }
            ContentRange::Bytes { first, last, length: None } => {
                write!(f, "bytes {first}-{last}/*")
            }
            ContentRange::Unsatisfied { length } => write!(f, "bytes */{length}"),
        }
    }
}

fn after_unit(value: &[u8], separator: u8) -> Option<&[u8]> {
    let (unit, rest) = split_at(value, separator)?;
    trim(unit).eq_ignore_ascii_case(b"bytes").then_some(rest)
}

fn spec_of(spec: &[u8]) -> Option<RangeSpec> {
    match split_at(spec, b'-')? {
        (b"", count) => decimal(count).map(RangeSpec::Suffix),
        (first, b"") => decimal(first).map(RangeSpec::From),
        (first, last) => {
            let (first, last) = (decimal(first)?, decimal(last)?);
            (first <= last).then_some(RangeSpec::Inclusive { first, last })
        }
    }
}

fn split_at(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(digits).ok()?.parse().ok())?
}

const MOST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_written_back() {
        for (value, written) in [
            ("bytes=0-0", "bytes=0-0"),
            ("Bytes=5-", "bytes=5-"),
            ("bytes=-5", "bytes=-5"),
            ("bytes= 0-1 ,, 3-4 , -1", "bytes=0-1, 3-4, -1"),
            ("bytes=18446744073709551615-", "bytes=18446744073709551615-"),
        ] {
            assert_eq!(format(&parse(value.as_bytes()).unwrap()), written, "{value}");
        }
    }

    #[test]
    fn a_broken_range_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-4",
            "lines=0-1",
            "bytes=0-1;2-3",
            "bytes=+0-1",
            "bytes=0 -1",
            "bytes=--1",
            "bytes=0-1-2",
            "bytes=1",
            "bytes=18446744073709551616-",
            "bytes=0-1, x",
            "bytes 0-1",
        ] {
            assert_eq!(parse(value.as_bytes()), None, "{value}");
        }
        let many = |count| std::format!("bytes={}", vec!["0-0"; count].join(","));
        assert_eq!(parse(many(100).as_bytes()).unwrap().len(), 100);
        assert_eq!(parse(many(101).as_bytes()), None);
    }

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "a list of ranges, not of their items")]
    fn ranges_are_cut_to_the_length() {
        let resolve = |value: &str, length| resolve(&parse(value.as_bytes()).unwrap(), length);
        assert_eq!(resolve("bytes=0-4", 10), Resolved::Satisfiable(vec![0..5]));
        assert_eq!(resolve("bytes=8-100", 10), Resolved::Satisfiable(vec![8..10]));
        assert_eq!(resolve("bytes=9-", 10), Resolved::Satisfiable(vec![9..10]));
        assert_eq!(resolve("bytes=-100", 10), Resolved::Satisfiable(vec![0..10]));
        assert_eq!(resolve("bytes=10-, 0-0", 10), Resolved::Satisfiable(vec![0..1]));
        let all = "bytes=0-18446744073709551615";
        assert_eq!(resolve(all, u64::MAX), Resolved::Satisfiable(vec![0..u64::MAX]));
        for (value, length) in [
            ("bytes=10-", 10),
            ("bytes=10-11", 10),
            ("bytes=-0", 10),
            ("bytes=0-", 0),
            ("bytes=-1", 0),
        ] {
            assert_eq!(resolve(value, length), Resolved::Unsatisfiable, "{value}");
        }
    }

    #[test]
    fn a_content_range_is_read_and_written_back() {
        for value in ["bytes 0-4/10", "bytes 0-0/1", "bytes 5-9/*", "bytes */10", "bytes */0"] {
            assert_eq!(ContentRange::parse(value.as_bytes()).unwrap().to_string(), value);
        }
        assert!(ContentRange::parse(b" Bytes  0-4/10 ").is_some());
        for value in [
            "",
            "bytes",
            "bytes 0-4",
            "bytes=0-4/10",
            "bytes 5-4/10",
            "bytes 0-10/10",
            "bytes */*",
            "bytes 0-/10",
            "bytes -4/10",
            "items 0-4/10",
            "bytes 0-4/+10",
            "bytes 0-4/10/1",
            "bytes 0-4/18446744073709551616",
            "bytes * /10",
        ] {
            assert_eq!(ContentRange::parse(value.as_bytes()), None, "{value}");
        }
    }
}
