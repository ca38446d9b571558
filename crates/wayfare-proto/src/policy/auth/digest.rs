//! Digest: a proof that one knows a password, bound to a request (RFC 7616).

use std::fmt::{self, Write};

use http::HeaderValue;
use md5::Md5;
use sha2::digest::Digest as _;
use sha2::{Sha256, Sha512_256};
use zeroize::Zeroizing;

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
        let mut hex = Zeroizing::new(String::with_capacity(64));
        let bytes: &[u8] = match self {
            Self::Md5 => &Md5::digest(text),
            Self::Sha256 => &Sha256::digest(text),
            Self::Sha512256 => &Sha512_256::digest(text),
        };
        for byte in bytes {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
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

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(text: &str) -> Challenge {
        Challenge::read(&challenge::Challenge::parse(text.as_bytes())[0]).unwrap()
    }

    fn prove(text: &str, user: (&str, &str), line: &Line<'_>, cnonce: &str) -> String {
        let mut session = Session::new(challenge(text), Credentials::new(user.0, user.1));
        let value = session.prove(line, cnonce).unwrap();
        assert!(value.is_sensitive());
        String::from_utf8(value.as_bytes().to_vec()).unwrap()
    }

    fn get(target: &str) -> Line<'_> {
        Line { method: "GET", target, body: Some(b"") }
    }

    const MUFASA: (&str, &str) = ("Mufasa", "Circle of Life");
    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    const NONCE: &str = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
        nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
        opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

    #[test]
    fn the_examples_of_rfc_7616_come_out() {
        let proofs = [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ];
        for (name, proof) in proofs {
            let asked = format!("Digest {NONCE}, algorithm={name}");
            let said = prove(&asked, MUFASA, &get("/dir/index.html"), CNONCE);
            assert!(said.contains(&format!("response=\"{proof}\"")), "{said}");
            assert!(said.contains(&format!("algorithm={name}, qop=auth, nc=00000001")), "{said}");
        }
    }

    #[test]
    fn the_example_with_a_hidden_user_comes_out() {
        // RFC 7616 §3.9.2, whose printed hashes are those of another function: erratum 4897.
        let asked = "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
            nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", \
            opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\", charset=UTF-8, userhash=true";
        let user = ("J\u{e4}s\u{f8}n Doe", "Secret, or not?");
        let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v";
        let said = prove(asked, user, &get("/doe.json"), cnonce);
        assert!(said.contains("3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"));
        assert!(said.contains("userhash=true"), "{said}");
        let user = "username=\"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b\"";
        assert!(said.contains(user), "{said}");
    }

    #[test]
    fn the_example_of_rfc_2069_style_has_no_count() {
        // RFC 2617 §3.5 without its qop.
        let asked =
            "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let said = prove(asked, ("Mufasa", "CircleOfLife"), &get("/dir/index.html"), "x");
        assert!(said.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{said}");
        assert!(!said.contains("nc=") && !said.contains("cnonce") && !said.contains("algorithm"));
    }

    #[test]
    fn counts_go_up_and_begin_anew_with_a_new_nonce() {
        let asked = challenge("Digest realm=a, nonce=one, qop=auth");
        let mut session = Session::new(asked, Credentials::new("u", "p"));
        let mut said = |info: &[u8]| {
            session.handle_info(info);
            let value = session.prove(&get("/"), "c").unwrap();
            let text = value.to_str().unwrap().to_owned();
            let part = |name: &str| text.split(name).nth(1).unwrap().split([',', '"']).next();
            format!("{} {}", part("nonce=\"").unwrap(), part("nc=").unwrap())
        };
        assert_eq!(said(b""), "one 00000001");
        assert_eq!(said(b"qop=auth, rspauth=\"x\""), "one 00000002");
        assert_eq!(said(b"nextnonce=\"two\", qop=auth"), "two 00000001");
        assert_eq!(said(b"nextnonce=\"two\""), "two 00000002");
        assert_eq!(said(b"nextnonce=\"\""), "two 00000003");
        assert_eq!(said(b"nextnonce="), "two 00000004");
    }

    #[test]
    fn a_proof_of_the_body_needs_its_bytes() {
        let asked = challenge("Digest realm=a, nonce=n, qop=auth-int");
        assert!(asked.covers_body());
        let mut session = Session::new(asked, Credentials::new("u", "p"));
        let line = |body| Line { method: "PUT", target: "/", body };
        let one = session.prove(&line(Some(b"one")), "c").unwrap();
        assert!(session.prove(&line(None), "c").is_none());
        let mut other = session.clone();
        other.count = 0;
        assert_ne!(one, other.prove(&line(Some(b"two")), "c").unwrap());
    }

    #[test]
    fn odd_names_are_said_as_the_standard_has_it_or_not_at_all() {
        let plain = "Digest realm=\"a \\\"b\\\"\", nonce=n, qop=auth";
        let said = prove(plain, ("o\"h\\m", "p"), &get("/"), "c");
        assert!(said.contains(r#"username="o\"h\\m", realm="a \"b\"""#), "{said}");
        let wide = format!("{plain}, charset=utf-8");
        let said = prove(&wide, ("\u{fc}", "p"), &get("/"), "c");
        assert!(said.starts_with("Digest username*=UTF-8''%C3%BC, "), "{said}");
        let mut broken = Session::new(challenge(plain), Credentials::new("a\r\nb", "p"));
        assert!(broken.prove(&get("/"), "c").is_none());
    }

    #[test]
    fn what_cannot_be_answered_is_not_read() {
        let table = [
            "Digest nonce=n",
            "Digest realm=a",
            "Digest realm=a, nonce=\"\"",
            "Digest realm=a, realm=b, nonce=n",
            "Digest realm=a, nonce=n, nonce=m",
            "Digest realm=a, nonce=n, algorithm=SHA-1",
            "Digest realm=a, nonce=n, qop=future",
            "Digest realm=a, nonce=n, qop=auth, qop=auth-int",
        ];
        for text in table {
            let read = challenge::Challenge::parse(text.as_bytes());
            assert_eq!(Challenge::read(&read[0]), None, "{text}");
        }
        let long = format!("Digest realm=a, nonce={}", "n".repeat(65_536));
        assert_eq!(Challenge::read(&challenge::Challenge::parse(long.as_bytes())[0]), None);
    }

    #[test]
    fn another_program_makes_the_same_proofs() {
        // Its auth-int puts the body itself where RFC 7616 §3.4.3 has the body's hash.
        for name in ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256"] {
            let asked = format!(
                "Digest realm=\"r\", nonce=\"n0nce\", opaque=\"o\", algorithm={name}, qop=\"auth\""
            );
            let mut oracle = http_auth::PasswordClient::try_from(asked.as_str()).unwrap();
            let params = http_auth::PasswordParams {
                username: "ada",
                password: "s3cret",
                uri: "/a?b=c",
                method: "POST",
                body: None,
            };
            let theirs = oracle.respond(&params).unwrap();
            let line = Line { method: "POST", target: "/a?b=c", body: None };
            let ours = prove(&asked, ("ada", "s3cret"), &line, &part(&theirs, "cnonce"));
            assert_eq!(part(&ours, "response"), part(&theirs, "response"), "{name}");
        }
    }

    #[test]
    fn a_proof_of_the_body_has_its_hash_in_it() {
        let asked = "Digest realm=r, nonce=n, qop=auth-int";
        let line = Line { method: "PUT", target: "/x", body: Some(b"body") };
        let said = prove(asked, ("u", "p"), &line, "c");
        let hex = |text: &str| Algorithm::Md5.hex(text.as_bytes()).to_string();
        let covered = hex(&format!("PUT:/x:{}", hex("body")));
        let whole = hex(&format!("{}:n:00000001:c:auth-int:{covered}", hex("u:r:p")));
        assert_eq!(part(&said, "response"), whole);
    }

    fn part(text: &str, name: &str) -> String {
        let found = text.split(&format!("{name}=\"")).nth(1).unwrap_or_default();
        found.split('"').next().unwrap_or_default().to_owned()
    }
}
