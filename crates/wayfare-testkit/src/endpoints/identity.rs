//! Endpoints that want to know who is asking, and check the answer themselves.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{self, HeaderName};
use http::{Response, StatusCode};
use md4::Md4;
use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

use super::plain::{PASSWORD, USER};
use super::{Answer, Call, Refusal, set, text_response};
use crate::server::ReplyBody;

type Reply = Result<Answer, Refusal>;

/// What these endpoints remember.
#[derive(Default)]
pub(super) struct Doorkeeper {
    /// How often each nonce was used.
    nonces: Mutex<HashMap<String, u32>>,
    /// How far each connection has come with NTLM: true once it is proven.
    connections: Mutex<HashMap<u64, bool>>,
    /// How far each connection has come with Negotiate.
    pub(super) tickets: Mutex<HashMap<u64, super::negotiate::Progress>>,
}

pub(super) fn auth_digest(call: &Call) -> Reply {
    let algorithm = call.asked("algorithm").unwrap_or("MD5");
    let uses = call.asked_number("uses", u32::MAX)?;
    let mut stale = "";
    if let Some(said) = call.header(header::AUTHORIZATION).and_then(parameters) {
        match check(call, &said, algorithm, uses) {
            Checked::Right => {
                let mut response = text_response(StatusCode::OK, "You are in.\n");
                if call.asked("next").is_some() {
                    let info = format!("nextnonce=\"{}\", qop=auth", new_nonce(call));
                    let name = HeaderName::from_static("authentication-info");
                    set(&mut response, name, &info);
                }
                return Ok(Answer::Respond(response));
            }
            Checked::Stale => stale = ", stale=true",
            Checked::Wrong => {}
        }
    }
    let (qop, nonce) = (call.asked("qop").unwrap_or("auth"), new_nonce(call));
    let mut challenge =
        format!("Digest realm=\"wayfare\", nonce=\"{nonce}\", algorithm={algorithm}, opaque=\"o\"");
    if !qop.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(challenge, ", qop=\"{qop}\"");
    }
    if call.asked("userhash").is_some() {
        challenge.push_str(", userhash=true, charset=UTF-8");
    }
    Ok(Answer::Respond(unauthorized(&(challenge + stale))))
}

enum Checked {
    Right,
    Stale,
    Wrong,
}

fn check(call: &Call, said: &HashMap<String, String>, algorithm: &str, uses: u32) -> Checked {
    let part = |name: &str| said.get(name).map_or("", String::as_str);
    let hex = |text: &str| hash(algorithm, text.as_bytes());
    let user = match part("userhash") {
        "true" if part("username") == hex(&format!("{USER}:wayfare")) => USER,
        _ => part("username"),
    };
    let mut key = hex(&format!("{user}:wayfare:{PASSWORD}"));
    if algorithm.to_ascii_lowercase().ends_with("-sess") {
        key = hex(&format!("{key}:{}:{}", part("nonce"), part("cnonce")));
    }
    let mut covered = format!("{}:{}", call.method, call.target);
    if part("qop") == "auth-int" {
        let _ = write!(covered, ":{}", hex(""));
    }
    let covered = hex(&covered);
    let middle = match part("qop") {
        "" => part("nonce").to_owned(),
        qop => format!("{}:{}:{}:{qop}", part("nonce"), part("nc"), part("cnonce")),
    };
    let is_right = user == USER
        && part("realm") == "wayfare"
        && part("opaque") == "o"
        && part("uri") == call.target
        && part("response") == hex(&format!("{key}:{middle}:{covered}"));
    if !is_right {
        return Checked::Wrong;
    }
    let count = u32::from_str_radix(part("nc"), 16).unwrap_or(1);
    let mut nonces = call.site.doorkeeper.nonces.lock().unwrap_or_else(PoisonError::into_inner);
    match nonces.get_mut(part("nonce")) {
        Some(_) if part("qop").is_empty() => Checked::Right,
        // Each count is good once.
        Some(used) if count == *used + 1 && *used < uses => {
            *used = count;
            Checked::Right
        }
        _ => Checked::Stale,
    }
}

fn new_nonce(call: &Call) -> String {
    let mut nonces = call.site.doorkeeper.nonces.lock().unwrap_or_else(PoisonError::into_inner);
    let nonce = format!("nonce-{}", nonces.len());
    nonces.insert(nonce.clone(), 0);
    nonce
}

/// The parameters of an `Authorization: Digest` field; values here have no escapes and no commas.
pub(crate) fn parameters(field: &str) -> Option<HashMap<String, String>> {
    let rest = field.strip_prefix("Digest ")?;
    let pairs = rest.split(", ").filter_map(|pair| pair.split_once('='));
    Some(pairs.map(|(name, value)| (name.into(), value.trim_matches('"').into())).collect())
}

pub(crate) fn hash(algorithm: &str, text: &[u8]) -> String {
    let name = algorithm.to_ascii_uppercase();
    let bytes: Vec<u8> = match name.trim_end_matches("-SESS") {
        "SHA-256" => Sha256::digest(text).to_vec(),
        "SHA-512-256" => Sha512_256::digest(text).to_vec(),
        _ => Md5::digest(text).to_vec(),
    };
    crate::content::hex(&bytes)
}

pub(super) fn auth_ntlm(call: &Call) -> Reply {
    let keeper = &call.site.doorkeeper;
    let mut connections = keeper.connections.lock().unwrap_or_else(PoisonError::into_inner);
    if connections.get(&call.connection) == Some(&true) {
        return Ok(Answer::Respond(text_response(StatusCode::OK, "You are in.\n")));
    }
    let said = call.header(header::AUTHORIZATION).and_then(|said| said.strip_prefix("NTLM "));
    let message = said.and_then(|said| STANDARD.decode(said).ok()).unwrap_or_default();
    match message.get(8) {
        Some(1) => {
            connections.insert(call.connection, false);
            let question = STANDARD.encode(ntlm_question());
            Ok(Answer::Respond(unauthorized(&format!("NTLM {question}"))))
        }
        Some(3)
            if connections.contains_key(&call.connection)
                && is_ntlm_proof(&message, (USER, PASSWORD)) =>
        {
            connections.insert(call.connection, true);
            Ok(Answer::Respond(text_response(StatusCode::OK, "You are in.\n")))
        }
        _ => Ok(Answer::Respond(unauthorized("NTLM"))),
    }
}

const SERVER_CHALLENGE: [u8; 8] = *b"wayfare!";

/// A message of the second kind that tells the time, so that the proof has to have a code.
pub(crate) fn ntlm_question() -> Vec<u8> {
    let mut message = b"NTLMSSP\0\x02\0\0\0\0\0\0\0\x30\0\0\0".to_vec();
    message.extend_from_slice(&0xa088_8205_u32.to_le_bytes());
    message.extend_from_slice(&SERVER_CHALLENGE);
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&[24, 0, 24, 0, 48, 0, 0, 0]);
    message.extend_from_slice(b"\x02\0\x08\0H\0O\0M\0E\0\x07\0\x08\0\0\0\0\0\0\0\0\x01");
    // The pairs above have 12 + 12 bytes; the end mark follows.
    message.extend_from_slice(&[0; 4]);
    message[40] = 28;
    message[42] = 28;
    message
}

/// True for a message of the third kind that knows this password.
pub(crate) fn is_ntlm_proof(message: &[u8], (name, password): (&str, &str)) -> bool {
    let part = |at: usize| -> Option<&[u8]> {
        let number = |at: usize| Some(usize::from(*message.get(at)?));
        let length = number(at)? + 256 * number(at + 1)?;
        let place = number(at + 4)? + 256 * number(at + 5)?;
        message.get(place..place + length)
    };
    let (Some(response), Some(domain), Some(user)) = (part(20), part(28), part(36)) else {
        return false;
    };
    if response.len() < 16 {
        return false;
    }
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let owner = [utf16(&name.to_uppercase()).as_slice(), domain].concat();
    let owner = keyed(&Md4::digest(utf16(password)), &[&owner]);
    user == utf16(name) && keyed(&owner, &[&SERVER_CHALLENGE, &response[16..]]) == response[..16]
}

fn keyed(key: &[u8], pieces: &[&[u8]]) -> [u8; 16] {
    let mut code = <Hmac<Md5> as KeyInit>::new_from_slice(key).expect("HMAC takes any key");
    for piece in pieces {
        code.update(piece);
    }
    code.finalize().into_bytes().into()
}

pub(super) fn unauthorized(challenge: &str) -> Response<ReplyBody> {
    let mut response = text_response(StatusCode::UNAUTHORIZED, "Who are you?\n");
    set(&mut response, header::WWW_AUTHENTICATE, challenge);
    response
}
