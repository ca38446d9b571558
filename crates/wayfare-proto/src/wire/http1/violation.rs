//! What a peer can do wrong in HTTP/1.1, each with a message that is safe to print.

use std::error::Error;
use std::fmt;

/// A breach of RFC 9112 by the peer, after which the connection is of no more use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// The chunked coding is broken at the named place.
    BadChunk(ChunkFault),
    /// A `Content-Length` is no number, too large, or contradicts another one.
    BadContentLength(Excerpt),
    /// The status code is not in 100 to 999.
    BadStatus(Excerpt),
    /// The `Transfer-Encoding` is not exactly `chunked`, or came in HTTP/1.0.
    BadTransferEncoding(Excerpt),
    /// A line ended in LF without CR.
    BareLineFeed,
    /// Both `Transfer-Encoding` and `Content-Length` are there.
    BothFramings,
    /// The connection was closed before the first byte of an answer.
    ClosedBeforeHead,
    /// The connection was closed inside the head, or between a 1xx head and the final one.
    CutInHead,
    /// One field line is longer than the limit.
    FieldTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A field line starts with white space (obs-fold).
    FoldedField,
    /// The head, or the trailer section, is longer than the limit.
    HeadTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The head breaks the grammar in the named part.
    Malformed(Part),
    /// The answer does not start with `HTTP/`.
    NotHttp(Excerpt),
    /// The reason phrase is longer than 1,024 bytes.
    ReasonTooLong,
    /// There are more fields than the limit.
    TooManyFields {
        /// The limit in field lines.
        limit: usize,
    },
    /// There are more 1xx heads than the limit.
    TooManyInterim {
        /// The limit in heads.
        limit: u8,
    },
    /// The connection was closed inside the body.
    Truncated {
        /// The body bytes that arrived.
        received: u64,
        /// The body bytes that were announced, where that is known.
        expected: Option<u64>,
    },
    /// A 101 came though no upgrade was asked for.
    UnaskedUpgrade,
}

/// The part of a head that breaks the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// A field name.
    FieldName,
    /// A field value.
    FieldValue,
    /// A line end.
    LineEnd,
    /// The status line.
    StatusLine,
    /// The protocol version: not HTTP/1.0 or HTTP/1.1.
    Version,
}

/// The place at which the chunked coding is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChunkFault {
    /// A control byte stands in a chunk extension.
    Extension,
    /// The chunk extensions outweigh the data.
    ExtensionTooLarge,
    /// A chunk-size line does not end in CRLF.
    LineEnd,
    /// The chunk size is no hexadecimal number.
    Size,
    /// The chunk size is 2^63 or more, or has more than 16 digits.
    SizeTooLarge,
    /// The data of a chunk is not followed by CRLF.
    Terminator,
}

/// The first bytes of what a peer sent, escaped so that they can be logged and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// Keeps at most the first 64 of the given bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Excerpt(bytes[..bytes.len().min(EXCERPT)].escape_ascii().to_string())
    }

    /// The escaped text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::BadChunk(fault) => write!(f, "the chunked body is broken: {fault}"),
            Violation::BadContentLength(value) => write!(f, "bad Content-Length {value}"),
            Violation::BadStatus(code) => write!(f, "bad status code {code}"),
            Violation::BadTransferEncoding(value) => write!(f, "bad Transfer-Encoding {value}"),
            Violation::BareLineFeed => f.write_str("a line ends in LF without CR"),
            Violation::BothFramings => {
                f.write_str("both Transfer-Encoding and Content-Length are present")
            }
            Violation::ClosedBeforeHead => f.write_str("the connection closed before an answer"),
            Violation::CutInHead => f.write_str("the connection closed inside the head"),
            Violation::FieldTooLarge { limit } => {
                write!(f, "a field is larger than {limit} bytes")
            }
            Violation::FoldedField => f.write_str("a field is folded over two lines"),
            Violation::HeadTooLarge { limit } => {
                write!(f, "the head is larger than {limit} bytes")
            }
            Violation::Malformed(part) => write!(f, "the head is malformed: {part}"),
            Violation::NotHttp(start) => write!(f, "the answer is not HTTP/1: {start}"),
            Violation::ReasonTooLong => f.write_str("the reason phrase is too long"),
            Violation::TooManyFields { limit } => write!(f, "there are more than {limit} fields"),
            Violation::TooManyInterim { limit } => {
                write!(f, "there are more than {limit} interim answers")
            }
            Violation::Truncated { received, expected: Some(expected) } => {
                write!(f, "the body ended after {received} of {expected} bytes")
            }
            Violation::Truncated { received, expected: None } => {
                write!(f, "the body was cut after {received} bytes")
            }
            Violation::UnaskedUpgrade => f.write_str("a 101 answers a request without Upgrade"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::FieldName => "a field name",
            Part::FieldValue => "a field value",
            Part::LineEnd => "a line end",
            Part::StatusLine => "the status line",
            Part::Version => "the version is not HTTP/1.0 or HTTP/1.1",
        })
    }
}

impl fmt::Display for ChunkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChunkFault::Extension => "a control byte in a chunk extension",
            ChunkFault::ExtensionTooLarge => "too many bytes of chunk extensions",
            ChunkFault::LineEnd => "a chunk-size line without CRLF",
            ChunkFault::Size => "a chunk size that is no hexadecimal number",
            ChunkFault::SizeTooLarge => "a chunk size that is too large",
            ChunkFault::Terminator => "chunk data without CRLF after it",
        })
    }
}

impl Error for Violation {}

const EXCERPT: usize = 64;
