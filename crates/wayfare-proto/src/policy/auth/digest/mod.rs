//! Digest: a proof that one knows a password, bound to a request (RFC 7616).

#[cfg(test)]
mod tests;

use std::fmt::{self, Write};

use http::HeaderValue;
use md5::Md5;
use sha2::digest::Digest as _;
use sha2::{Sha256, Sha512_256};
use url::Url;
use zeroize::Zeroizing;

use crate::address::origin::Origin;
use crate::syntax::challenge;
use crate::syntax::credentials::Credentials;
use crate::syntax::field::{list, trim};

/// A hash function, the weaker first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5, which RFC 7616 keeps for old servers.
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-512/256.
    Sha512256,
}

impl Algorithm {
    fn hex(self, text: &[u8]) -> Zeroizing<String> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let bytes: &[u8] = match self {
            Self::Md5 => &Md5::digest(text),
            Self::Sha256 => &Sha256::digest(text),
            Self::Sha512256 => &Sha512_256::digest(text),
        };
        let mut hex = Zeroizing::new(String::with_capacity(2 * bytes.len()));
        for byte in bytes {
            hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
            hex.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        hex
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512256 => "SHA-512-256",
        }
    }
}

/// What a proof covers (`qop`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Covers {
    /// The request line, without a count of the nonce's uses: RFC 2069.
    Line,
    /// The request line (`auth`).
    CountedLine,
    /// The request line and the body (`auth-int`).
    Body,
}

/// A challenge, read and found answerable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// The name as the server wrote it; nothing if it wrote none.
    written: Option<String>,
    /// Whether the key is made with the first nonce of a session (`-sess`).
    is_session: bool,
    covers: Covers,
    stale: bool,
    hides_user: bool,
    is_utf8: bool,
    /// The places it is good for; the whole origin if there are none.
    domain: Vec<String>,
}

impl Challenge {
    /// Reads a challenge; nothing if a part is missing, doubled, too long or unknown.
    #[must_use]
    pub fn read(challenge: &challenge::Challenge) -> Option<Self> {
        let once = |name: &str| {
            let mut named = challenge.parameters.iter().filter(|(known, _)| known == name);
            let value = named.next().map(|(_, value)| value.as_str());
            let is_doubled = named.next().is_some();
            match value {
                Some(value) if is_doubled || value.len() > LONGEST => Err(()),
                value => Ok(value),
            }
        };
        let flag = |name: &str| {
            once(name).map(|value| value.is_some_and(|value| value.eq_ignore_ascii_case("true")))
        };
        let written = once("algorithm").ok()?;
        let (algorithm, is_session) = algorithm_of(written.unwrap_or("MD5"))?;
        Some(Self {
            realm: once("realm").ok()??.to_owned(),
            nonce: once("nonce").ok()?.filter(|nonce| !nonce.is_empty())?.to_owned(),
            opaque: once("opaque").ok()?.map(str::to_owned),
            algorithm,
            written: written.map(str::to_owned),
            is_session,
            covers: covers_of(once("qop").ok()?)?,
            stale: flag("stale").ok()?,
            hides_user: flag("userhash").ok()?,
            is_utf8: once("charset").ok()?.is_some_and(|set| set.eq_ignore_ascii_case("utf-8")),
            domain: places(once("domain").ok()?.unwrap_or("")),
        })
    }

    /// What the server calls the things that it guards.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The hash function.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// True if the last proof was right but for its nonce, so that the password need not be asked
    /// for again.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// True if the proof covers the body, whose bytes must be known beforehand.
    #[must_use]
    pub fn covers_body(&self) -> bool {
        self.covers == Covers::Body
    }

    /// Has the places that are named as URLs of `origin`, which is the server's own, be its paths; those
    /// of other origins stay as they are.
    pub fn settle(&mut self, origin: &Origin) {
        for place in &mut self.domain {
            if let Ok(url) = Url::parse(place)
                && origin.is_of(&url)
            {
                *place = url.path().to_owned();
            }
        }
    }

    /// The places the server names for it, absolute or not; none means its whole origin.
    #[must_use]
    pub fn domain(&self) -> &[String] {
        &self.domain
    }

    /// True if `other` asks for the same, but may have another nonce.
    #[must_use]
    pub fn is_same_space(&self, other: &Self) -> bool {
        self.realm == other.realm && self.algorithm == other.algorithm
    }
}

fn algorithm_of(name: &str) -> Option<(Algorithm, bool)> {
    let (base, is_session) = match name.len().checked_sub(5) {
        Some(end) if name.is_char_boundary(end) && name[end..].eq_ignore_ascii_case("-sess") => {
            (&name[..end], true)
        }
        _ => (name, false),
    };
    let all = [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512256];
    let found = all.into_iter().find(|known| known.name().eq_ignore_ascii_case(base))?;
    Some((found, is_session))
}

/// The line alone, if that is enough: a body that is sent as it is read has no digest beforehand.
fn covers_of(qop: Option<&str>) -> Option<Covers> {
    let Some(qop) = qop else { return Some(Covers::Line) };
    let has =
        |token: &str| list(qop.as_bytes()).any(|one| one.eq_ignore_ascii_case(token.as_bytes()));
    match (has("auth"), has("auth-int")) {
        (true, _) => Some(Covers::CountedLine),
        (false, true) => Some(Covers::Body),
        // An empty list is what old servers say for none.
        (false, false) if trim(qop.as_bytes()).is_empty() => Some(Covers::Line),
        (false, false) => None,
    }
}

fn places(domain: &str) -> Vec<String> {
    domain.split_ascii_whitespace().take(MOST_PLACES).map(str::to_owned).collect()
}

/// What a proof is made for.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The method.
    pub method: &'a str,
    /// The target, as the request line has it.
    pub target: &'a str,
    /// The body, if its bytes are known; the empty one if there is none.
    pub body: Option<&'a [u8]>,
}

/// A talk with one server about one realm: proofs for one request after another.
#[derive(Clone)]
pub struct Session {
    challenge: Challenge,
    credentials: Credentials,
    /// Uses of the nonce so far.
    count: u32,
    /// The client's nonce of the first proof, which makes the key of a session.
    first: Option<String>,
}

impl Session {
    /// Begins with a challenge.
    #[must_use]
    pub fn new(challenge: Challenge, credentials: Credentials) -> Self {
        Self { challenge, credentials, count: 0, first: None }
    }

    /// Goes on where a nonce was used so often already.
    #[must_use]
    pub fn used(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// The challenge it goes by now.
    #[must_use]
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// Who it is.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Goes on with the nonce that `Authentication-Info` names for the next request (RFC 7616
    /// §3.5), if it names one.
    pub fn handle_info(&mut self, info: &[u8]) {
        // The field has parameters only; a scheme before them makes it a challenge's grammar.
        let mut text = b"Digest ".to_vec();
        text.extend_from_slice(info);
        let read = challenge::Challenge::parse(&text);
        let parameters = read.first().map(|challenge| challenge.parameters.as_slice());
        let next = parameters.unwrap_or_default().iter().find(|(name, _)| name == "nextnonce");
        if let Some((_, next)) = next
            && !next.is_empty()
            && next.len() <= LONGEST
            && *next != self.challenge.nonce
        {
            next.clone_into(&mut self.challenge.nonce);
            self.count = 0;
            self.first = None;
        }
    }

    /// The value of `Authorization` or `Proxy-Authorization` for the next request, marked as
    /// sensitive; nothing if it has to cover a body that is not known, or has something that no
    /// field can say. `cnonce` must be fresh and random, of letters and digits.
    pub fn prove(&mut self, line: &Line<'_>, cnonce: &str) -> Option<HeaderValue> {
        self.count = self.count.checked_add(1)?;
        let first = self.first.get_or_insert_with(|| cnonce.to_owned()).clone();
        // A session's key is made with its first nonce (RFC 7616 §3.4.2), which some servers take to
        // be that of the request at hand: one that does not change is right for both.
        let cnonce = if self.challenge.is_session { first.as_str() } else { cnonce };
        let proof = self.proof(line, cnonce)?;
        let text = self.field(line, cnonce, &proof)?;
        let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn proof(&self, line: &Line<'_>, cnonce: &str) -> Option<Zeroizing<String>> {
        let Challenge { realm, nonce, algorithm, .. } = &self.challenge;
        let (user, password) = (self.credentials.user(), self.credentials.password());
        let hex = |text: &str| algorithm.hex(text.as_bytes());
        let mut key = hex(&Zeroizing::new(format!("{user}:{realm}:{password}")));
        if self.challenge.is_session {
            key = hex(&Zeroizing::new(format!("{}:{nonce}:{cnonce}", *key)));
        }
        let mut covered = format!("{}:{}", line.method, line.target);
        if self.challenge.covers == Covers::Body {
            let _ = write!(covered, ":{}", *algorithm.hex(line.body?));
        }
        let covered = hex(&covered);
        Some(match self.qop() {
            None => hex(&format!("{}:{nonce}:{}", *key, *covered)),
            Some(qop) => {
                let count = self.count;
                hex(&format!("{}:{nonce}:{count:08x}:{cnonce}:{qop}:{}", *key, *covered))
            }
        })
    }

    /// The order of RFC 7616 §3.9's examples, which old servers are known to take.
    fn field(&self, line: &Line<'_>, cnonce: &str, proof: &str) -> Option<String> {
        let Challenge { realm, nonce, opaque, written, .. } = &self.challenge;
        let mut text = format!("Digest {}", self.user()?);
        let mut add = |name: &str, value: &str| {
            let _ = write!(text, ", {name}={}", Quoted(value));
        };
        add("realm", realm);
        add("nonce", nonce);
        add("uri", line.target);
        add("response", proof);
        if let Some(opaque) = opaque {
            add("opaque", opaque);
        }
        let count = self.count;
        if let Some(written) = written {
            let _ = write!(text, ", algorithm={written}");
        }
        if let Some(qop) = self.qop() {
            let _ = write!(text, ", qop={qop}, nc={count:08x}, cnonce={}", Quoted(cnonce));
        } else if self.challenge.is_session {
            let _ = write!(text, ", cnonce={}", Quoted(cnonce));
        }
        if self.challenge.hides_user {
            text.push_str(", userhash=true");
        }
        Some(text)
    }

    /// The user name as RFC 7616 §3.4.4 has it: hashed, in an extended form, or as it is.
    fn user(&self) -> Option<String> {
        let (user, challenge) = (self.credentials.user(), &self.challenge);
        if user.chars().any(char::is_control) {
            return None;
        }
        if challenge.hides_user {
            let hidden = challenge.algorithm.hex(format!("{user}:{}", challenge.realm).as_bytes());
            return Some(format!("username=\"{}\"", *hidden));
        }
        if challenge.is_utf8 && !user.is_ascii() {
            let coded =
                percent_encoding::utf8_percent_encode(user, percent_encoding::NON_ALPHANUMERIC);
            return Some(format!("username*=UTF-8''{coded}"));
        }
        Some(format!("username={}", Quoted(user)))
    }

    fn qop(&self) -> Option<&'static str> {
        match self.challenge.covers {
            Covers::Line => None,
            Covers::CountedLine => Some("auth"),
            Covers::Body => Some("auth-int"),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("realm", &self.challenge.realm)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

/// A quoted string (RFC 9110 §5.6.4).
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        f.write_char('"')
    }
}

/// The longest value of a parameter.
const LONGEST: usize = 8 * 1024;
/// The most places of a challenge.
const MOST_PLACES: usize = 32;
