//! The addresses inside SOCKS 5 messages (RFC 1928 §5).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut, BytesMut};

use super::failure::Failure;
use crate::address::target::Target;

/// Where a proxy says something is: an address, or a name with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// An address.
    Address(SocketAddr),
    /// A name, which is looked up by whoever uses it.
    Name(Target),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(target) => target.fmt(f),
        }
    }
}

/// Appends a target: its kind, its address or name, and its port.
pub(super) fn write(out: &mut BytesMut, target: &Target) -> Result<(), Failure> {
    match target.ip() {
        Some(IpAddr::V4(ip)) => {
            out.put_u8(IPV4);
            out.put_slice(&ip.octets());
        }
        Some(IpAddr::V6(ip)) => {
            out.put_u8(IPV6);
            out.put_slice(&ip.octets());
        }
        None => {
            let name = fit_name(target.host())?;
            out.put_u8(NAME);
            // At most 255, so the cast keeps it.
            out.put_u8(name.len() as u8);
            out.put_slice(name);
        }
    }
    out.put_u16(target.port());
    Ok(())
}

/// The address at the front of `bytes` and its length; nothing if it is not all there yet.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Endpoint, usize)>, Failure> {
    let Some((&kind, rest)) = bytes.split_first() else { return Ok(None) };
    let (start, length) = match kind {
        IPV4 => (0, 4),
        IPV6 => (0, 16),
        NAME => match rest.first() {
            None => return Ok(None),
            Some(0) => return Err(Failure::BadAddress(NAME)),
            Some(&length) => (1, usize::from(length)),
        },
        other => return Err(Failure::BadAddress(other)),
    };
    let Some(text) = rest.get(start..start + length) else { return Ok(None) };
    let Some(&[high, low]) = rest.get(start + length..start + length + 2) else {
        return Ok(None);
    };
    let port = u16::from_be_bytes([high, low]);
    let endpoint = if kind == NAME {
        // A name that could not stand in a URL would only confuse who shows it.
        let name = std::str::from_utf8(text).ok().filter(|name| name.bytes().all(is_name_byte));
        Endpoint::Name(Target::new(name.ok_or(Failure::BadAddress(NAME))?, port))
    } else if let Ok(octets) = <[u8; 4]>::try_from(text) {
        Endpoint::Address(SocketAddr::new(octets.into(), port))
    } else if let Ok(octets) = <[u8; 16]>::try_from(text) {
        Endpoint::Address(SocketAddr::new(octets.into(), port))
    } else {
        return Err(Failure::BadAddress(kind));
    };
    Ok(Some((endpoint, 1 + start + length + 2)))
}

/// A host name that can be said: 1 to 255 bytes without NUL.
pub(super) fn fit_name(name: &str) -> Result<&[u8], Failure> {
    if name.is_empty() || name.len() > 255 || name.contains('\0') {
        return Err(Failure::NameUnfit { length: name.len() });
    }
    Ok(name.as_bytes())
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
