//! SOCKS 5: the way to authenticate, the question, and the answer (RFC 1928, RFC 1929).

use bytes::{Buf, BufMut, BytesMut};

use super::Command;
use super::address::{self, Endpoint};
use super::failure::{Failure, Refusal};
use crate::address::target::Target;
use crate::syntax::credentials::Credentials;
use crate::wire::dialogue::{Dialogue, Step};

/// Asks a SOCKS 5 proxy for a connection. A target that is a name is sent as a name.
///
/// ```
/// use bytes::BytesMut;
/// use wayfare_proto::address::target::Target;
/// use wayfare_proto::wire::dialogue::Dialogue;
/// use wayfare_proto::wire::socks::{Command, version5::Socks5};
/// let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
/// let mut talk = Socks5::new(Command::Connect, &Target::new("a.test", 80), None)?;
/// talk.advance(&mut input, &mut output)?;
/// assert_eq!(output, "\x05\x01\x00");
/// # Ok::<(), wayfare_proto::wire::socks::failure::Failure>(())
/// ```
#[derive(Debug)]
pub struct Socks5 {
    state: State,
    /// Made beforehand, so that what cannot be said is known before anything is sent.
    greeting: BytesMut,
    login: Option<BytesMut>,
    question: BytesMut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    AwaitLogin,
    AwaitMethod,
    AwaitReply,
    Start,
}

impl Socks5 {
    /// A talk that asks for `command`; with credentials, both "no authentication" and "user name
    /// and password" are offered.
    ///
    /// # Errors
    /// A [`Failure`] where the target or the credentials cannot be said.
    pub fn new(
        command: Command,
        target: &Target,
        credentials: Option<&Credentials>,
    ) -> Result<Self, Failure> {
        let mut question = BytesMut::new();
        question.put_u8(VERSION);
        question.put_u8(match command {
            Command::Connect => 1,
            Command::Bind => 2,
            Command::UdpAssociate => 3,
        });
        question.put_u8(0);
        address::write(&mut question, target)?;
        let login = credentials.map(login).transpose()?;
        let methods: &[u8] = if login.is_some() { &[NOTHING, PASSWORD] } else { &[NOTHING] };
        let mut greeting = BytesMut::new();
        greeting.put_u8(VERSION);
        greeting.put_u8(methods.len() as u8);
        greeting.put_slice(methods);
        Ok(Self { state: State::Start, greeting, login, question })
    }

    fn handle_method(&mut self, method: u8, output: &mut BytesMut) -> Result<(), Failure> {
        match (method, self.login.take()) {
            (NOTHING, _) => self.ask(output),
            (PASSWORD, Some(login)) => {
                output.extend_from_slice(&login);
                self.state = State::AwaitLogin;
            }
            (NONE_FITS, _) => return Err(Failure::CredentialsNeeded),
            (other, _) => return Err(Failure::UnofferedMethod(other)),
        }
        Ok(())
    }

    fn ask(&mut self, output: &mut BytesMut) {
        output.extend_from_slice(&self.question.split());
        self.state = State::AwaitReply;
    }
}

impl Dialogue for Socks5 {
    type Outcome = Endpoint;
    type Failure = Failure;

    fn advance(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<Endpoint>, Failure> {
        loop {
            match self.state {
                State::Start => {
                    output.extend_from_slice(&self.greeting.split());
                    self.state = State::AwaitMethod;
                }
                State::AwaitMethod => match read_pair(input, VERSION)? {
                    Some(method) => self.handle_method(method, output)?,
                    None => return Ok(Step::More),
                },
                State::AwaitLogin => match read_pair(input, LOGIN_VERSION)? {
                    Some(0) => self.ask(output),
                    Some(_) => return Err(Failure::CredentialsRefused),
                    None => return Ok(Step::More),
                },
                State::AwaitReply => return read_reply(input),
            }
        }
    }

    fn handle_end(&self, _input: &BytesMut) -> Failure {
        Failure::Closed
    }
}

/// Takes one answer off the front of `input`.
pub(super) fn read_reply(input: &mut BytesMut) -> Result<Step<Endpoint>, Failure> {
    check_version(input, VERSION)?;
    match input.get(1) {
        None => return Ok(Step::More),
        Some(0) => {}
        // Some proxies close without the rest, which says nothing more.
        Some(&code) => return Err(Failure::Refused(Refusal::of_version5(code))),
    }
    let Some(rest) = input.get(3..) else { return Ok(Step::More) };
    let Some((bound, length)) = address::read(rest)? else { return Ok(Step::More) };
    input.advance(3 + length);
    Ok(Step::Done(bound))
}

/// RFC 1929 §2.
fn login(credentials: &Credentials) -> Result<BytesMut, Failure> {
    let mut login = BytesMut::new();
    login.put_u8(LOGIN_VERSION);
    for part in [credentials.user(), credentials.password()] {
        let length = u8::try_from(part.len()).map_err(|_| Failure::CredentialsUnfit)?;
        login.put_u8(length);
        login.put_slice(part.as_bytes());
    }
    Ok(login)
}

/// Takes an answer of two bytes: the version, and what it says.
fn read_pair(input: &mut BytesMut, version: u8) -> Result<Option<u8>, Failure> {
    check_version(input, version)?;
    let Some(&[_, said]) = input.get(..2) else { return Ok(None) };
    input.advance(2);
    Ok(Some(said))
}

fn check_version(input: &BytesMut, expected: u8) -> Result<(), Failure> {
    match input.first() {
        Some(&got) if got != expected => Err(Failure::BadVersion { expected, got }),
        _ => Ok(()),
    }
}

const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
const NOTHING: u8 = 0;
const PASSWORD: u8 = 2;
const NONE_FITS: u8 = 0xff;
