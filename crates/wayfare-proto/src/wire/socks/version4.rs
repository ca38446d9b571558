//! SOCKS 4 and 4a: one question, one answer of eight bytes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::{Buf, BufMut, BytesMut};

use super::Command;
use super::address::{Endpoint, fit_name};
use super::failure::{Failure, Refusal};
use crate::address::target::Target;
use crate::syntax::credentials::Credentials;
use crate::wire::dialogue::{Dialogue, Step};

/// Asks a SOCKS 4 proxy for a connection.
///
/// ```
/// use bytes::BytesMut;
/// use wayfare_proto::address::target::Target;
/// use wayfare_proto::wire::dialogue::Dialogue;
/// use wayfare_proto::wire::socks::{Command, version4::{Names, Socks4}};
/// let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
/// let mut talk = Socks4::new(Command::Connect, &Target::new("a.test", 80), Names::Sent, None)?;
/// talk.advance(&mut input, &mut output)?;
/// assert_eq!(output, "\x04\x01\x00\x50\0\0\0\x01\0a.test\0");
/// # Ok::<(), wayfare_proto::wire::socks::failure::Failure>(())
/// ```
#[derive(Debug)]
pub struct Socks4 {
    question: BytesMut,
}

/// Whether the proxy is given names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Names were looked up before: SOCKS 4.
    LookedUp,
    /// The proxy looks names up: SOCKS 4a.
    Sent,
}

impl Socks4 {
    /// A talk that asks for `command`. The user name is told; the protocol has no passwords.
    ///
    /// # Errors
    /// A [`Failure`] where the target, the command or the user name cannot be said.
    pub fn new(
        command: Command,
        target: &Target,
        names: Names,
        credentials: Option<&Credentials>,
    ) -> Result<Self, Failure> {
        let mut question = BytesMut::new();
        question.put_u8(VERSION);
        question.put_u8(match command {
            Command::Connect => 1,
            Command::Bind => 2,
            Command::UdpAssociate => return Err(Failure::Refused(Refusal::UnknownCommand)),
        });
        question.put_u16(target.port());
        let (ip, name) = match (target.ip(), names) {
            (Some(IpAddr::V4(ip)), _) => (ip, None),
            // An invalid address says that a name follows the user.
            (None, Names::Sent) => (Ipv4Addr::new(0, 0, 0, 1), Some(fit_name(target.host())?)),
            _ => return Err(Failure::CannotName),
        };
        question.put_slice(&ip.octets());
        let user = credentials.map_or("", Credentials::user);
        if user.len() > 255 || user.contains('\0') {
            return Err(Failure::CredentialsUnfit);
        }
        question.put_slice(user.as_bytes());
        question.put_u8(0);
        if let Some(name) = name {
            question.put_slice(name);
            question.put_u8(0);
        }
        Ok(Self { question })
    }
}

impl Dialogue for Socks4 {
    type Outcome = Endpoint;
    type Failure = Failure;

    fn advance(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<Endpoint>, Failure> {
        output.extend_from_slice(&self.question.split());
        read_reply(input)
    }

    fn handle_end(&self, _input: &BytesMut) -> Failure {
        Failure::Closed
    }
}

/// Takes one answer off the front of `input`.
pub(super) fn read_reply(input: &mut BytesMut) -> Result<Step<Endpoint>, Failure> {
    if let Some(&got) = input.first()
        && got != REPLY_VERSION
    {
        return Err(Failure::BadVersion { expected: REPLY_VERSION, got });
    }
    match input.get(1) {
        None => return Ok(Step::More),
        Some(&GRANTED) => {}
        Some(&code) => return Err(Failure::Refused(Refusal::of_version4(code))),
    }
    if input.len() < REPLY {
        return Ok(Step::More);
    }
    input.advance(2);
    let port = input.get_u16();
    let ip = Ipv4Addr::from_bits(input.get_u32());
    Ok(Step::Done(Endpoint::Address(SocketAddr::new(ip.into(), port))))
}

const VERSION: u8 = 4;
const REPLY_VERSION: u8 = 0;
const GRANTED: u8 = 90;
const REPLY: usize = 8;
