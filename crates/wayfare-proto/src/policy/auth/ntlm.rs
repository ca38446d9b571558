//! NTLM version 2: three messages that prove a password and a connection ([MS-NLMP]).
//!
//! Only what HTTP needs: no signing or sealing of what follows, so no key is exchanged. The proof
//! carries a code over all three messages and, over TLS, the server's certificate, where the server
//! can check them; versions before 2 are not spoken.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use md4::Md4;
use md5::Md5;
use sha2::digest::Digest as _;
use zeroize::Zeroizing;

use crate::syntax::credentials::Credentials;
use crate::syntax::stamp::Stamp;

/// The first message: what the client can do.
#[must_use]
pub fn hello() -> Vec<u8> {
    let mut message = Vec::with_capacity(40);
    message.extend_from_slice(SIGNATURE);
    message.extend_from_slice(&1_u32.to_le_bytes());
    message.extend_from_slice(&FLAGS.to_le_bytes());
    // No domain, no workstation and no version are told, but their places are there: some servers
    // refuse a message that ends before ([MS-NLMP] §2.2.1.1).
    message.extend_from_slice(&[0; 24]);
    message
}

/// The second message: what the server asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The message itself, which the proof covers.
    message: Vec<u8>,
    flags: u32,
    challenge: [u8; 8],
    /// Pairs of an identifier and a value, without the end mark.
    target: Vec<(u16, Vec<u8>)>,
}

/// Why a message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection that was to be proven was closed.
    Closed,
    /// The credentials are longer than any server takes.
    Credentials,
    /// It is not base64, or no message of NTLM.
    NoMessage,
    /// A length or a place points outside of it.
    OutOfBounds,
    /// The server offers only what version 2 has replaced.
    TooOld,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection was closed in the middle of an NTLM talk",
            Self::Credentials => "the user name or password is too long for NTLM",
            Self::NoMessage => "the server's NTLM message is none",
            Self::OutOfBounds => "the server's NTLM message points outside of itself",
            Self::TooOld => "the server does not speak NTLM version 2",
        })
    }
}

impl std::error::Error for Fault {}

impl Question {
    /// Reads the token of a `WWW-Authenticate: NTLM` field.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn read_token(token: &str) -> Result<Self, Fault> {
        if token.len() > LONGEST_TOKEN {
            return Err(Fault::OutOfBounds);
        }
        Self::read(STANDARD.decode(token).map_err(|_| Fault::NoMessage)?)
    }

    /// Reads a message.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn read(message: Vec<u8>) -> Result<Self, Fault> {
        if message.len() < 32 || !message.starts_with(SIGNATURE) || message[8..12] != [2, 0, 0, 0] {
            return Err(Fault::NoMessage);
        }
        let flags = u32_at(&message, 20).ok_or(Fault::NoMessage)?;
        if flags & UNICODE == 0 {
            return Err(Fault::TooOld);
        }
        let mut challenge = [0; 8];
        challenge.copy_from_slice(&message[24..32]);
        let target = match flags & TARGET_INFO {
            0 => Vec::new(),
            _ => pairs(part(&message, 40).ok_or(Fault::OutOfBounds)?)?,
        };
        Ok(Self { message, flags, challenge, target })
    }

    fn timestamp(&self) -> Option<[u8; 8]> {
        let (_, value) = self.target.iter().find(|(id, _)| *id == AV_TIMESTAMP)?;
        value.as_slice().try_into().ok()
    }
}

/// What a proof is made of beside the question.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Eight fresh random bytes.
    pub challenge: [u8; 8],
    /// The time, for servers that do not tell theirs.
    pub now: Stamp,
    /// The name of the service, for example `HTTP/www.example.org`.
    pub service: &'a str,
    /// What binds it to a TLS connection: the hash of `tls-server-end-point` (RFC 5929 §4).
    pub binding: Option<&'a [u8]>,
}

/// The third message: the proof.
///
/// `hello` is the first message as it was sent.
///
/// # Errors
/// [`Fault::Credentials`] if they are too long.
pub fn proof(
    hello: &[u8],
    question: &Question,
    credentials: &Credentials,
    around: &Circumstances<'_>,
) -> Result<Vec<u8>, Fault> {
    let (domain, user) = parted(credentials.user());
    let target = answered(question, around);
    let time = question.timestamp().unwrap_or_else(|| file_time(around.now));
    let asked = Asked {
        server: question.challenge,
        client: around.challenge,
        time,
        target: &target,
        has_timestamp: question.timestamp().is_some(),
    };
    let said = responses(domain, user, credentials.password(), &asked)?;
    let (domain, user) = (utf16(domain), utf16(user));
    let parts: [&[u8]; 6] = [&said.lm, &said.nt, &domain, &user, &[], &[]];
    let mut message = Vec::with_capacity(HEAD + said.nt.len() + 256);
    message.extend_from_slice(SIGNATURE);
    message.extend_from_slice(&3_u32.to_le_bytes());
    let mut place = HEAD;
    for part in parts {
        // Their lengths are bounded by what `responses` takes and by the question's own.
        let length = u16::try_from(part.len()).map_err(|_| Fault::Credentials)?;
        message.extend_from_slice(&length.to_le_bytes());
        message.extend_from_slice(&length.to_le_bytes());
        message.extend_from_slice(
            &u32::try_from(place).map_err(|_| Fault::Credentials)?.to_le_bytes(),
        );
        place += part.len();
    }
    message.extend_from_slice(&(FLAGS & question.flags | UNICODE).to_le_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&[0; 16]);
    for part in parts {
        message.extend_from_slice(part);
    }
    if asked.has_timestamp {
        let code = hmac(&*said.key, &[hello, &question.message, &message]);
        message[CODE..CODE + 16].copy_from_slice(&code);
    }
    Ok(message)
}

/// The value of an `Authorization` or `Proxy-Authorization` field, marked as sensitive.
#[must_use]
pub fn field(message: &[u8]) -> HeaderValue {
    let text = Zeroizing::new(format!("NTLM {}", STANDARD.encode(message)));
    // Base64 has no character that a field value forbids.
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("NTLM"));
    value.set_sensitive(true);
    value
}

/// What the two sides put into the computation of version 2 ([MS-NLMP] §3.3.2).
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The server's eight random bytes.
    pub server: [u8; 8],
    /// The client's eight random bytes.
    pub client: [u8; 8],
    /// The time, in units of 100 ns since 1601, little-endian.
    pub time: [u8; 8],
    /// The pairs about the target, with the end mark.
    pub target: &'a [u8],
    /// Whether the server told its time: then the old response is left empty.
    pub has_timestamp: bool,
}

/// True if pairs about a target, with or without their end mark, tell the server's time.
#[must_use]
pub fn has_timestamp(target: &[u8]) -> bool {
    pairs(target).is_ok_and(|pairs| pairs.iter().any(|(id, _)| *id == AV_TIMESTAMP))
}

/// The responses of version 2, and the key that comes with them.
pub struct Responses {
    /// `NTLMv2_RESPONSE`: the proof and what it is about.
    pub nt: Vec<u8>,
    /// `LMv2_RESPONSE`.
    pub lm: Vec<u8>,
    key: Zeroizing<[u8; 16]>,
}

/// Computes the responses.
///
/// # Errors
/// [`Fault::Credentials`] if a name or the password is too long.
pub fn responses(
    domain: &str,
    user: &str,
    password: &str,
    asked: &Asked<'_>,
) -> Result<Responses, Fault> {
    if [domain, user, password].iter().any(|text| text.len() > LONGEST_CREDENTIAL) {
        return Err(Fault::Credentials);
    }
    let secret = Zeroizing::new(<[u8; 16]>::from(Md4::digest(&*Zeroizing::new(utf16(password)))));
    let owner = utf16(&format!("{}{domain}", user.chars().map(upper).collect::<String>()));
    let owner = Zeroizing::new(hmac(&*secret, &[&owner]));
    let mut about = Vec::with_capacity(32 + asked.target.len());
    about.extend_from_slice(&[1, 1, 0, 0, 0, 0, 0, 0]);
    about.extend_from_slice(&asked.time);
    about.extend_from_slice(&asked.client);
    about.extend_from_slice(&[0; 4]);
    about.extend_from_slice(asked.target);
    about.extend_from_slice(&[0; 4]);
    let proof = hmac(&*owner, &[&asked.server, &about]);
    let key = Zeroizing::new(hmac(&*owner, &[&proof]));
    let mut lm = vec![0; 24];
    if !asked.has_timestamp {
        lm[..16].copy_from_slice(&hmac(&*owner, &[&asked.server, &asked.client]));
        lm[16..].copy_from_slice(&asked.client);
    }
    let mut nt = proof.to_vec();
    nt.append(&mut about);
    Ok(Responses { nt, lm, key })
}

/// The pairs about the target as the client gives them back ([MS-NLMP] §3.1.5.1.2).
fn answered(question: &Question, around: &Circumstances<'_>) -> Vec<u8> {
    let mut pairs = question.target.clone();
    let ours = [AV_FLAGS, AV_TARGET_NAME, AV_CHANNEL_BINDINGS];
    let flags = pairs.iter().find(|(id, _)| *id == AV_FLAGS);
    let flags = flags.and_then(|(_, value)| u32_at(value, 0)).unwrap_or(0);
    pairs.retain(|(id, _)| !ours.contains(id));
    // The code needs the server's time; what the proof is for does not.
    match question.timestamp() {
        Some(_) => pairs.push((AV_FLAGS, (flags | AV_HAS_CODE).to_le_bytes().to_vec())),
        None if flags != 0 => pairs.push((AV_FLAGS, flags.to_le_bytes().to_vec())),
        None => {}
    }
    if question.flags & TARGET_INFO != 0 {
        pairs.push((AV_CHANNEL_BINDINGS, channel_binding(around.binding).to_vec()));
        pairs.push((AV_TARGET_NAME, utf16(around.service)));
    }
    let mut bytes = Vec::new();
    for (id, value) in pairs {
        // What came from the server has a length of two bytes; a service's name is short.
        let Ok(length) = u16::try_from(value.len()) else { continue };
        bytes.extend_from_slice(&id.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&value);
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes
}

/// The hash of a `gss_channel_bindings_struct` without addresses (RFC 2744 §3.11), or nothing but
/// zeros for a connection that has none.
fn channel_binding(binding: Option<&[u8]>) -> [u8; 16] {
    let Some(binding) = binding else { return [0; 16] };
    let mut data = b"tls-server-end-point:".to_vec();
    data.extend_from_slice(binding);
    let mut bytes = vec![0; 16];
    bytes.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&data);
    Md5::digest(&bytes).into()
}

/// A letter's capital as Windows has it: one for one, so `ß` stays.
fn upper(letter: char) -> char {
    let mut capital = letter.to_uppercase();
    match (capital.next(), capital.next()) {
        (Some(capital), None) => capital,
        _ => letter,
    }
}

/// `DOMAIN\user` in its two parts; a name with `@` stays whole.
fn parted(user: &str) -> (&str, &str) {
    user.split_once('\\').unwrap_or(("", user))
}

fn pairs(mut bytes: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, Fault> {
    let mut pairs = Vec::new();
    while !bytes.is_empty() {
        let (Some(id), Some(length)) = (u16_at(bytes, 0), u16_at(bytes, 2)) else {
            return Err(Fault::OutOfBounds);
        };
        if id == AV_END {
            break;
        }
        let end = 4 + usize::from(length);
        let value = bytes.get(4..end).ok_or(Fault::OutOfBounds)?;
        pairs.push((id, value.to_vec()));
        bytes = &bytes[end..];
    }
    Ok(pairs)
}

/// The part of a message whose length and place stand at `at`.
fn part(message: &[u8], at: usize) -> Option<&[u8]> {
    let (length, place) = (usize::from(u16_at(message, at)?), u32_at(message, at + 4)?);
    let place = usize::try_from(place).ok()?;
    message.get(place..place.checked_add(length)?)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Units of 100 ns since 1601.
fn file_time(now: Stamp) -> [u8; 8] {
    let seconds = u64::try_from(now.seconds().saturating_add(FROM_1601)).unwrap_or(0);
    seconds.saturating_mul(10_000_000).to_le_bytes()
}

fn hmac(key: &[u8], pieces: &[&[u8]]) -> [u8; 16] {
    // A key of any length will do.
    let mut code = <Hmac<Md5> as KeyInit>::new_from_slice(key).expect("HMAC takes any key");
    for piece in pieces {
        code.update(piece);
    }
    code.finalize().into_bytes().into()
}

const SIGNATURE: &[u8] = b"NTLMSSP\0";
const UNICODE: u32 = 0x0000_0001;
const TARGET_INFO: u32 = 0x0080_0000;
/// Unicode, the target's name and information, NTLM, an always signed dummy, extended session
/// security, keys of 128 and 56 bits: what a client of version 2 says.
const FLAGS: u32 =
    UNICODE | 0x4 | 0x200 | 0x8000 | 0x0008_0000 | TARGET_INFO | 0x2000_0000 | 0x8000_0000;
const AV_END: u16 = 0;
const AV_FLAGS: u16 = 6;
const AV_TIMESTAMP: u16 = 7;
const AV_TARGET_NAME: u16 = 9;
const AV_CHANNEL_BINDINGS: u16 = 10;
/// The proof has a code over all messages.
const AV_HAS_CODE: u32 = 2;
/// The length of a third message without its parts, and where its code stands.
const HEAD: usize = 88;
const CODE: usize = 72;
const FROM_1601: i64 = 11_644_473_600;
const LONGEST_TOKEN: usize = 96 * 1024;
const LONGEST_CREDENTIAL: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    /// [MS-NLMP] §4.2.1 and §4.2.4.
    fn example(has_timestamp: bool) -> Responses {
        let target =
            hex("02000c0044006f006d00610069006e0001000c0053006500720076006500720000000000");
        let asked = Asked {
            server: hex("0123456789abcdef").try_into().unwrap(),
            client: [0xaa; 8],
            time: [0; 8],
            target: &target,
            has_timestamp,
        };
        responses("Domain", "User", "Password", &asked).unwrap()
    }

    #[test]
    fn the_example_of_the_specification_comes_out() {
        let said = example(false);
        assert_eq!(said.nt[..16], hex("68cd0ab851e51c96aabc927bebef6a1c"));
        assert_eq!(said.lm, hex("86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"));
        assert_eq!(said.key[..], hex("8de40ccadbc14a82f15cb0ad0de95ca3"));
        assert_eq!(example(true).lm, [0; 24]);
    }

    /// A second message with these pairs.
    fn question(pairs: &[(u16, &[u8])]) -> Vec<u8> {
        let mut target = Vec::new();
        for (id, value) in pairs {
            target.extend_from_slice(&id.to_le_bytes());
            target.extend_from_slice(&u16::try_from(value.len()).unwrap().to_le_bytes());
            target.extend_from_slice(value);
        }
        target.extend_from_slice(&[0; 4]);
        let mut message = SIGNATURE.to_vec();
        message.extend_from_slice(&2_u32.to_le_bytes());
        message.extend_from_slice(&[0, 0, 0, 0, 48, 0, 0, 0]);
        message.extend_from_slice(&FLAGS.to_le_bytes());
        message.extend_from_slice(&hex("0123456789abcdef"));
        message.extend_from_slice(&[0; 8]);
        let length = u16::try_from(target.len()).unwrap().to_le_bytes();
        message.extend_from_slice(&[length, length].concat());
        message.extend_from_slice(&48_u32.to_le_bytes());
        message.extend_from_slice(&target);
        message
    }

    fn around(binding: Option<&[u8]>) -> Circumstances<'_> {
        let now = Stamp::from_seconds(1_700_000_000);
        Circumstances { challenge: [0xaa; 8], now, service: "HTTP/a.test", binding }
    }

    #[test]
    fn a_server_that_tells_its_time_gets_a_code_over_all_messages() {
        let time = [1, 2, 3, 4, 5, 6, 7, 8];
        let asked = Question::read(question(&[(2, b"D\0"), (AV_TIMESTAMP, &time)])).unwrap();
        let ada = Credentials::new("OFFICE\\ada", "secret");
        let mut message = proof(&hello(), &asked, &ada, &around(Some(b"hash"))).unwrap();
        let code = message[CODE..CODE + 16].to_vec();
        assert_ne!(code, [0; 16]);
        assert_eq!(part(&message, 28).unwrap(), utf16("OFFICE"));
        assert_eq!(part(&message, 36).unwrap(), utf16("ada"));
        let nt = part(&message, 20).unwrap().to_vec();
        assert_eq!(nt[24..32], time);
        let given = pairs(&nt[44..nt.len() - 4]).unwrap();
        let value = |id| given.iter().find(|(known, _)| *known == id).unwrap().1.clone();
        assert_eq!(value(AV_FLAGS), 2_u32.to_le_bytes());
        assert_eq!(value(AV_TARGET_NAME), utf16("HTTP/a.test"));
        assert_eq!(value(AV_CHANNEL_BINDINGS), channel_binding(Some(b"hash")));
        // The code is what a server computes from the proof it checked.
        let secret: [u8; 16] = Md4::digest(utf16("secret")).into();
        let owner = hmac(&secret, &[&utf16("ADAOFFICE")]);
        let key = hmac(&owner, &[&nt[..16]]);
        assert_eq!(hmac(&owner, &[&asked.challenge, &nt[16..]]), nt[..16]);
        message[CODE..CODE + 16].fill(0);
        assert_eq!(hmac(&key, &[&hello(), &asked.message, &message]), code[..]);
    }

    #[test]
    fn a_server_without_a_time_gets_both_responses_and_no_code() {
        let asked = Question::read(question(&[(2, b"D\0")])).unwrap();
        let message =
            proof(&hello(), &asked, &Credentials::new("ada@x", "s"), &around(None)).unwrap();
        assert_eq!(message[CODE..CODE + 16], [0; 16]);
        assert_ne!(part(&message, 12).unwrap(), [0; 24]);
        assert_eq!(part(&message, 36).unwrap(), utf16("ada@x"));
    }

    #[test]
    fn messages_that_point_outside_are_refused_at_every_cut_and_flip() {
        let whole = question(&[(2, b"D\0"), (AV_TIMESTAMP, &[0; 8])]);
        for end in 0..whole.len() {
            assert!(Question::read(whole[..end].to_vec()).is_err(), "{end}");
        }
        for at in 40..48 {
            for value in [0xff, 0xf0, 0x7f] {
                let mut message = whole.clone();
                message[at] = value;
                let _ = Question::read(message);
            }
        }
        let mut far = whole.clone();
        far[44..48].copy_from_slice(&[0xf0, 0xff, 0xff, 0xff]);
        assert_eq!(Question::read(far), Err(Fault::OutOfBounds));
        let mut old = whole;
        old[20] &= !1;
        assert_eq!(Question::read(old), Err(Fault::TooOld));
    }

    #[test]
    fn credentials_of_any_length_are_refused_or_said_whole() {
        let asked = Question::read(question(&[(AV_TIMESTAMP, &[0; 8])])).unwrap();
        let say = |user: &str, password: &str| {
            proof(&hello(), &asked, &Credentials::new(user, password), &around(None))
        };
        assert!(say(&"u".repeat(4096), "p").is_ok());
        assert_eq!(say(&"u".repeat(10_240), "p"), Err(Fault::Credentials));
        assert_eq!(say("u", &"p".repeat(102_400)), Err(Fault::Credentials));
    }

    #[test]
    fn a_greeting_has_a_place_for_a_version() {
        assert_eq!(hello().len(), 40);
    }

    #[test]
    fn a_field_does_not_show_itself() {
        let value = field(&hello());
        assert!(value.is_sensitive() && value.to_str().unwrap().starts_with("NTLM TlRMTVNTUAAB"));
    }
}
