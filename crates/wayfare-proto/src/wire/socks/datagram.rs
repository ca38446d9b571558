//! The header of each datagram that a SOCKS 5 proxy relays (RFC 1928 §7).

use bytes::{BufMut, BytesMut};

use super::address::{self, Endpoint};
use super::failure::Failure;
use crate::address::target::Target;

/// Appends the header of a datagram to `target`; the data follows.
///
/// # Errors
/// [`Failure::NameUnfit`] for a name that cannot be said; nothing is appended then.
pub fn write_header(out: &mut BytesMut, target: &Target) -> Result<(), Failure> {
    let start = out.len();
    out.put_slice(&[0, 0, WHOLE]);
    address::write(out, target).inspect_err(|_| out.truncate(start))
}

/// Reads a datagram as it came from the proxy: who sent it, and the data.
///
/// # Errors
/// [`Failure::Fragment`] for parts of a datagram, which §7 lets a client drop;
/// [`Failure::Closed`] for one that ends inside its header, and what else is wrong with that.
pub fn read(datagram: &[u8]) -> Result<(Endpoint, &[u8]), Failure> {
    let [_, _, fragment, rest @ ..] = datagram else { return Err(Failure::Closed) };
    if *fragment != WHOLE {
        return Err(Failure::Fragment);
    }
    match address::read(rest)? {
        Some((from, length)) => Ok((from, &rest[length..])),
        None => Err(Failure::Closed),
    }
}

/// Not a fragment.
const WHOLE: u8 = 0;
