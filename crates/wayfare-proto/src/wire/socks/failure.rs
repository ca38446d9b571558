//! Why a SOCKS proxy did not do what it was asked for, in words.

use std::error::Error;
use std::fmt;

/// Why a talk with a SOCKS proxy failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// An address of a kind that does not exist, or a name without a letter.
    BadAddress(u8),
    /// An answer of another version of the protocol, or of none.
    BadVersion {
        /// The byte that must stand there.
        expected: u8,
        /// The byte that came.
        got: u8,
    },
    /// The proxy closed the connection in the middle.
    Closed,
    /// The proxy wants a user name and a password, or another way to authenticate, that were not
    /// offered.
    CredentialsNeeded,
    /// The user name and the password were refused.
    CredentialsRefused,
    /// The user name or the password cannot be said in this protocol.
    CredentialsUnfit,
    /// SOCKS 4 knows no IPv6 addresses, and SOCKS 4 without "a" no names.
    CannotName,
    /// A datagram that is a part of a larger one; those are not put together.
    Fragment,
    /// The host name has more than 255 bytes, none at all, or a NUL.
    NameUnfit {
        /// Its length in bytes.
        length: usize,
    },
    /// The proxy said no.
    Refused(Refusal),
    /// The proxy chose a way to authenticate that was not offered.
    UnofferedMethod(u8),
}

/// What a SOCKS proxy says no with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// 5: the target refused the connection.
    ConnectionRefused,
    /// 1: it failed, and the proxy does not say how.
    General,
    /// 4: the host cannot be reached.
    HostUnreachable,
    /// SOCKS 4, 92: the proxy could not ask this machine who the user is (identd).
    IdentUnreachable,
    /// SOCKS 4, 93: this machine says that the user is somebody else (identd).
    IdentMismatch,
    /// 3: the network cannot be reached.
    NetworkUnreachable,
    /// 2: the proxy's rules forbid it.
    NotAllowed,
    /// Another number.
    Other(u8),
    /// SOCKS 4, 91: refused or failed.
    Rejected,
    /// 6: the time to live was over on the way.
    TimeToLive,
    /// 8: the proxy does not know this kind of address.
    UnknownAddressKind,
    /// 7: the proxy does not know this command.
    UnknownCommand,
}

impl Refusal {
    /// The meaning of SOCKS 4's number, which is not 90.
    pub(super) fn of_version4(code: u8) -> Self {
        match code {
            91 => Self::Rejected,
            92 => Self::IdentUnreachable,
            93 => Self::IdentMismatch,
            other => Self::Other(other),
        }
    }

    /// The meaning of SOCKS 5's number, which is not 0 (RFC 1928 §6).
    pub(super) fn of_version5(code: u8) -> Self {
        match code {
            1 => Self::General,
            2 => Self::NotAllowed,
            3 => Self::NetworkUnreachable,
            4 => Self::HostUnreachable,
            5 => Self::ConnectionRefused,
            6 => Self::TimeToLive,
            7 => Self::UnknownCommand,
            8 => Self::UnknownAddressKind,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadAddress(kind) => write!(f, "its answer has a bad address (kind {kind})"),
            Self::BadVersion { expected, got } => {
                write!(f, "it does not speak this SOCKS version ({got} came instead of {expected})")
            }
            Self::Closed => f.write_str("it closed the connection before its answer was complete"),
            Self::CredentialsNeeded => {
                f.write_str("it wants to know who is asking, and takes none of the ways offered")
            }
            Self::CredentialsRefused => f.write_str("it refused the user name and password"),
            Self::CredentialsUnfit => f.write_str(
                "the user name or password is longer than 255 bytes or has a NUL, which SOCKS \
                 cannot say",
            ),
            Self::CannotName => f.write_str(
                "SOCKS 4 can only name IPv4 addresses; use socks4a or socks5h for names and IPv6",
            ),
            Self::Fragment => f.write_str("it sent a part of a datagram"),
            Self::NameUnfit { length } => {
                write!(f, "a host name of {length} bytes cannot be said; 1 to 255 can, without NUL")
            }
            Self::Refused(refusal) => refusal.fmt(f),
            Self::UnofferedMethod(method) => {
                write!(f, "it chose a way to authenticate that was not offered ({method})")
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectionRefused => "the server refused its connection",
            Self::General => "it failed and does not say why",
            Self::HostUnreachable => "it cannot reach the host",
            Self::IdentUnreachable => "it cannot ask this machine who the user is (identd)",
            Self::IdentMismatch => "the user is not who this machine says (identd)",
            Self::NetworkUnreachable => "it cannot reach the network",
            Self::NotAllowed => "its rules forbid the connection",
            Self::Other(code) => return write!(f, "it failed with the unknown code {code}"),
            Self::Rejected => "it refused or failed, and SOCKS 4 does not say why",
            Self::TimeToLive => "the time to live was over on its way to the server",
            Self::UnknownAddressKind => "it does not know this kind of address",
            Self::UnknownCommand => "it does not know this command",
        })
    }
}

impl Error for Failure {}
