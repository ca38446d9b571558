//! Who asks the HTTP proxy for something.

use std::sync::PoisonError;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Asks, Talk};
use crate::endpoints::identity::{hash, is_ntlm_proof, ntlm_question, parameters};
use crate::endpoints::negotiate::{Judged, Progress, judge};

/// How far a connection has come with NTLM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    Asked,
    Proven,
    #[default]
    Unknown,
}

/// The challenges that a request is refused with, if it is.
pub(super) fn challenges(
    talk: &Talk,
    method: &str,
    target: &str,
    said: Option<&str>,
) -> Vec<String> {
    let Some((user, password)) = &talk.rules.login else { return Vec::new() };
    let who = (user.as_str(), password.as_str());
    let basic = || "Basic realm=\"proxy\"".to_owned();
    let is_basic = || {
        let wanted = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        said == Some(wanted.as_str())
    };
    match talk.rules.asks {
        Asks::Basic if is_basic() => Vec::new(),
        Asks::Basic => vec![basic()],
        Asks::DigestOrBasic if is_basic() => Vec::new(),
        Asks::DigestOrBasic => {
            let digest = digest(talk, (method, target), said, (who, u32::MAX));
            digest.map_or(Vec::new(), |digest| vec![basic(), digest])
        }
        Asks::Digest(uses) => {
            digest(talk, (method, target), said, (who, uses)).into_iter().collect()
        }
        Asks::NegotiateOrBasic if is_basic() => Vec::new(),
        Asks::NegotiateOrBasic => {
            let challenge = negotiate(talk, said);
            challenge.map_or(Vec::new(), |challenge| vec![basic(), challenge])
        }
        Asks::Negotiate => negotiate(talk, said).into_iter().collect(),
        Asks::Ntlm => ntlm(talk, said, who).into_iter().collect(),
    }
}

/// The challenge, unless it was answered.
fn digest(
    talk: &Talk,
    (method, target): (&str, &str),
    said: Option<&str>,
    ((user, password), uses): ((&str, &str), u32),
) -> Option<String> {
    let said = said.and_then(parameters).unwrap_or_default();
    let part = |name: &str| said.get(name).map_or("", String::as_str);
    let hex = |text: &str| hash("SHA-256", text.as_bytes());
    let key = hex(&format!("{user}:proxy:{password}"));
    let covered = hex(&format!("{method}:{target}"));
    let middle = [part("nonce"), part("nc"), part("cnonce"), "auth"].join(":");
    let is_right = part("username") == user
        && part("uri") == target
        && part("response") == hex(&format!("{key}:{middle}:{covered}"));
    let mut nonces = talk.nonces.lock().unwrap_or_else(PoisonError::into_inner);
    let number = part("nonce").strip_prefix("nonce-").and_then(|number| number.parse().ok());
    let used = number.and_then(|number: usize| nonces.get_mut(number));
    let mut stale = "";
    if is_right {
        let count = u32::from_str_radix(part("nc"), 16).unwrap_or(0);
        match used {
            // Each count is good once.
            Some(used) if count == *used + 1 && *used < uses => {
                *used = count;
                return None;
            }
            _ => stale = ", stale=true",
        }
    }
    let number = nonces.len();
    nonces.push(0);
    let nonce = format!("nonce=\"nonce-{number}\"");
    Some(format!("Digest realm=\"proxy\", {nonce}, algorithm=SHA-256, qop=\"auth\"{stale}"))
}

/// The same, of a connection, in one round.
fn negotiate(talk: &Talk, said: Option<&str>) -> Option<String> {
    let mut progress = talk.tickets.lock().unwrap_or_else(PoisonError::into_inner);
    if *progress == Progress::Proven && said.is_none() {
        return None;
    }
    (judge(&mut progress, said, 1) == Judged::Refused).then(|| "Negotiate".to_owned())
}

/// The same, of a connection.
fn ntlm(talk: &Talk, said: Option<&str>, who: (&str, &str)) -> Option<String> {
    let mut standing = talk.standing.lock().unwrap_or_else(PoisonError::into_inner);
    if *standing == Standing::Proven {
        return None;
    }
    let said = said.and_then(|said| said.strip_prefix("NTLM "));
    let message = said.and_then(|said| STANDARD.decode(said).ok()).unwrap_or_default();
    let (next, challenge) = match message.get(8) {
        Some(1) => (Standing::Asked, Some(format!("NTLM {}", STANDARD.encode(ntlm_question())))),
        Some(3) if *standing == Standing::Asked && is_ntlm_proof(&message, who) => {
            (Standing::Proven, None)
        }
        _ => (Standing::Unknown, Some("NTLM".to_owned())),
    };
    *standing = next;
    challenge
}
