//! The client's side of SOCKS 4, 4a and 5 (RFC 1928, RFC 1929): `CONNECT`, `BIND` and
//! `UDP ASSOCIATE`.

pub mod address;
pub mod datagram;
pub mod failure;
pub mod version4;
pub mod version5;

use bytes::BytesMut;

use self::address::Endpoint;
use self::failure::Failure;
use super::dialogue::{Dialogue, Step};

/// What is asked of a SOCKS proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Wait for a connection from the target; the first answer says where, and
    /// [`Accepting`] reads the second one.
    Bind,
    /// Connect to the target.
    Connect,
    /// Relay datagrams; only SOCKS 5. The answer says where to send them.
    UdpAssociate,
}

/// The version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// SOCKS 4 and 4a.
    Four,
    /// SOCKS 5.
    Five,
}

/// Waits for the second answer to a [`Command::Bind`], which names the peer that connected.
#[derive(Clone, Copy, Debug)]
pub struct Accepting(pub Version);

impl Dialogue for Accepting {
    type Outcome = Endpoint;
    type Failure = Failure;

    fn advance(
        &mut self,
        input: &mut BytesMut,
        _output: &mut BytesMut,
    ) -> Result<Step<Endpoint>, Failure> {
        match self.0 {
            Version::Four => version4::read_reply(input),
            Version::Five => version5::read_reply(input),
        }
    }

    fn handle_end(&self, _input: &BytesMut) -> Failure {
        Failure::Closed
    }
}

#[cfg(test)]
mod tests;
