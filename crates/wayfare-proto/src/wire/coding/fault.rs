//! What can be wrong with a coded body.

use std::error::Error;
use std::fmt;

use super::link::Coding;

/// A coded body that cannot, or should not, be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The body grows more than the guard allows, as a decompression bomb does.
    Bomb {
        /// The coded bytes so far.
        coded: u64,
        /// The plain bytes so far.
        plain: u64,
    },
    /// The checksum or the length at the end does not fit the content.
    Checksum,
    /// The bytes are not what the coding allows.
    Malformed(Coding),
    /// There is no memory for the decoder's tables.
    OutOfMemory,
    /// The plain body is larger than the guard's absolute limit.
    TooLarge {
        /// The limit in bytes.
        most: u64,
    },
    /// More than five codings are chained.
    TooManyLinks,
    /// Bytes follow the end of the coded body.
    Trailing,
    /// The coded body ends too early.
    Truncated,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Bomb { coded, plain } => {
                write!(f, "{coded} coded bytes grew to {plain}, which looks like an attack")
            }
            Fault::Checksum => f.write_str("the checksum of the coded body is wrong"),
            Fault::Malformed(coding) => write!(f, "the body is not valid {coding}"),
            Fault::OutOfMemory => f.write_str("there is no memory for the decoder"),
            Fault::TooLarge { most } => write!(f, "the decoded body is larger than {most} bytes"),
            Fault::TooManyLinks => f.write_str("more than five content codings are chained"),
            Fault::Trailing => f.write_str("bytes follow the end of the coded body"),
            Fault::Truncated => f.write_str("the coded body ends too early"),
        }
    }
}

impl Error for Fault {}
