//! HTTP `CONNECT`: asks a proxy for a tunnel (RFC 9110 §9.3.6).

use std::error::Error;
use std::fmt;

use bytes::BytesMut;
use http::header::{PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use zeroize::Zeroize;

use super::dialogue::{Dialogue, Step};
use super::http1::body::{BodyReader, Piece};
use super::http1::limits::HeadLimits;
use super::http1::request::{Opening, Refusal, Sending, write_head};
use super::http1::response::{Head, HeadReader};
use super::http1::violation::Violation;
use crate::address::target::Target;
use crate::syntax::challenge::Challenge;

/// Asks an HTTP proxy for a tunnel to a target.
///
/// The request has a `Host` field, and those of [`Greeting`]; nothing that is meant for the server
/// behind. Of the answer only the status counts, the challenges of a 407, and what is said about the
/// next proof: a body, cookies or a redirect of the proxy's are not the server's, and are never given
/// to anybody. After a 407 that leaves the connection open, the same can be asked once more on it.
///
/// ```
/// use bytes::BytesMut;
/// use wayfare_proto::address::target::Target;
/// use wayfare_proto::wire::dialogue::{Dialogue, Step};
/// use wayfare_proto::wire::tunnel::{Answer, Greeting, News, Tunnel};
/// let mut talk = Tunnel::new(&Target::new("a.test", 443), Greeting::default())?;
/// let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
/// talk.advance(&mut input, &mut output)?;
/// assert_eq!(output, "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n");
/// input.extend_from_slice(b"HTTP/1.1 200 OK\r\n\r\n");
/// assert_eq!(talk.advance(&mut input, &mut output)?, Step::Done(Answer::Open(News::default())));
/// # Ok::<(), wayfare_proto::wire::tunnel::Failure>(())
/// ```
#[derive(Debug)]
pub struct Tunnel {
    question: BytesMut,
    reader: HeadReader,
    limits: HeadLimits,
    refusal: Option<(Vec<Challenge>, BodyReader)>,
}

/// What a proxy says to the question for a tunnel, if it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It wants to know who is asking (407), and can be asked again: nothing of its answer is left.
    Asked(Vec<Challenge>),
    /// The tunnel is open.
    Open(News),
}

/// What a proxy says of who is asking with the tunnel that it opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// What is for the next proof (`Proxy-Authentication-Info`).
    pub info: Option<HeaderValue>,
    /// The challenges, of which one may have the proxy's own proof.
    pub challenges: Vec<Challenge>,
}

/// What the proxy is told besides the target.
#[derive(Clone, Debug, Default)]
pub struct Greeting {
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<HeaderValue>,
    /// The value of `User-Agent`.
    pub user_agent: Option<HeaderValue>,
    /// The limits on the head of the answer.
    pub limits: HeadLimits,
}

/// Why there is no tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The proxy wants to know who is asking (407), and closes; it takes one of these.
    Challenged(Vec<Challenge>),
    /// The target cannot be named in a request.
    Refused(Refusal),
    /// The proxy answered with a status that is not 2xx.
    Status(StatusCode),
    /// The proxy broke the protocol, or closed the connection.
    Violation(Violation),
}

impl Tunnel {
    /// A talk that asks for a tunnel to `target`.
    ///
    /// # Errors
    /// [`Failure::Refused`] where the target cannot be named.
    pub fn new(target: &Target, greeting: Greeting) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(value) = greeting.authorization {
            headers.insert(PROXY_AUTHORIZATION, value);
        }
        if let Some(value) = greeting.user_agent {
            headers.insert(USER_AGENT, value);
        }
        let (authority, mut question) = (target.to_string(), BytesMut::new());
        if target.host().is_empty() || target.host().contains(['/', '?', '#', '@']) {
            return Err(Failure::Refused(Refusal::BadTarget));
        }
        let method = Method::CONNECT;
        let opening = Opening::new(&method, &authority, &authority);
        write_head(&mut question, opening, &headers, Sending::Nothing).map_err(Failure::Refused)?;
        let (reader, limits) = (HeadReader::new(&method, greeting.limits), greeting.limits);
        Ok(Self { question, reader, limits, refusal: None })
    }

    /// Passes over the body of a 407, as far as that is worth it.
    fn pass_over(&mut self, input: &mut BytesMut) -> Result<Step<Answer>, Failure> {
        let Some((challenges, mut body)) = self.refusal.take() else { return Ok(Step::More) };
        loop {
            match body.read(input) {
                Ok(Piece::Data(_)) if body.received() <= LONGEST_REFUSAL => {}
                Ok(Piece::End(_)) => return Ok(Step::Done(Answer::Asked(challenges))),
                Ok(Piece::NeedMore) => {
                    self.refusal = Some((challenges, body));
                    return Ok(Step::More);
                }
                // What is too long, or broken, costs the connection only.
                Ok(Piece::Data(_)) | Err(_) => return Err(Failure::Challenged(challenges)),
            }
        }
    }
}

impl Dialogue for Tunnel {
    type Outcome = Answer;
    type Failure = Failure;

    fn advance(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<Answer>, Failure> {
        output.extend_from_slice(&self.question);
        // It may say who is asking.
        self.question.zeroize();
        self.question.clear();
        if self.refusal.is_some() {
            return self.pass_over(input);
        }
        loop {
            match self.reader.read(input).map_err(Failure::Violation)? {
                None => return Ok(Step::More),
                Some(Head::Interim { .. }) => {}
                // The codec leaves out of account what a 2xx says of a body.
                Some(Head::Final(head)) if head.status.is_success() => {
                    let info = head.headers.get(INFO).cloned();
                    let challenges = challenges(&head.headers);
                    return Ok(Step::Done(Answer::Open(News { info, challenges })));
                }
                Some(Head::Final(head))
                    if head.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED =>
                {
                    let challenges = challenges(&head.headers);
                    if !head.keep_alive {
                        return Err(Failure::Challenged(challenges));
                    }
                    let body = BodyReader::new(head.framing, self.limits);
                    self.refusal = Some((challenges, body));
                    return self.pass_over(input);
                }
                Some(Head::Final(head)) => return Err(Failure::Status(head.status)),
            }
        }
    }

    fn handle_end(&self, input: &BytesMut) -> Failure {
        match &self.refusal {
            Some((challenges, _)) => Failure::Challenged(challenges.clone()),
            None => Failure::Violation(self.reader.handle_end(input)),
        }
    }
}

/// The challenges in the `Proxy-Authenticate` fields of an answer.
#[must_use]
pub fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all(PROXY_AUTHENTICATE).iter();
    values.flat_map(|value| Challenge::parse(value.as_bytes())).collect()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Challenged(_) => f.write_str("it wants a user name and a password (407)"),
            Self::Refused(refusal) => write!(f, "it cannot be asked: {refusal}"),
            Self::Status(status) => write!(f, "it refused the tunnel with status {status}"),
            Self::Violation(violation) => violation.fmt(f),
        }
    }
}

impl Error for Failure {}

/// News for the next proof (RFC 7615 §4).
const INFO: HeaderName = HeaderName::from_static("proxy-authentication-info");
/// A longer refusal costs the connection: another is cheaper than reading it.
const LONGEST_REFUSAL: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    type Ended = Result<Step<Answer>, Failure>;

    fn ask(pieces: &[&[u8]]) -> (Ended, Vec<u8>) {
        let greeting = Greeting {
            authorization: Some(HeaderValue::from_static("Basic YTpi")),
            user_agent: Some(HeaderValue::from_static("w/1")),
            limits: HeadLimits { head_bytes: 200, ..HeadLimits::default() },
        };
        let mut talk = Tunnel::new(&Target::new("::1", 443), greeting).unwrap();
        let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
        let mut ended = talk.advance(&mut input, &mut output);
        let asked = "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\
                     Proxy-Authorization: Basic YTpi\r\nUser-Agent: w/1\r\n\r\n";
        assert_eq!(output, asked);
        for piece in pieces {
            input.extend_from_slice(piece);
            if ended == Ok(Step::More) {
                ended = talk.advance(&mut input, &mut output);
            }
        }
        assert_eq!(output, asked, "it asks once");
        let left = if ended.is_ok() { input.to_vec() } else { Vec::new() };
        (ended, left)
    }

    #[test]
    fn only_a_2xx_opens_the_tunnel_and_what_follows_belongs_to_it() {
        let challenge = Challenge::parse(b"Basic realm=\"x\"");
        let violation = |violation| Err(Failure::Violation(violation));
        let open = |info| Ok(Step::Done(Answer::Open(News { info, challenges: Vec::new() })));
        let proven = News { challenges: Challenge::parse(b"Negotiate YQ=="), info: None };
        let asked = || Ok(Step::Done(Answer::Asked(challenge.clone())));
        let closing = || Err(Failure::Challenged(challenge.clone()));
        let who = |rest: &str| {
            format!("HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"x\"\r\n{rest}")
        };
        let sized = who("Content-Length: 4\r\n\r\nbodyrest");
        let chunked = who("Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\nrest");
        let broken = who("Transfer-Encoding: chunked\r\n\r\nx");
        let ends = who("Connection: close\r\nContent-Length: 4\r\n\r\nbody");
        let endless = who(&format!("Content-Length: 70000\r\n\r\n{}", "b".repeat(66_000)));
        let endless = endless.as_str();
        let cut = who("Content-Length: 4\r\n\r\nbod");
        let news = "HTTP/1.1 200 OK\r\nProxy-Authentication-Info: nextnonce=\"n\"\r\n\r\n";
        let status = |code| Err(Failure::Status(StatusCode::from_u16(code).unwrap()));
        let long = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "a".repeat(200));
        let proof = "HTTP/1.1 200 OK\r\nProxy-Authenticate: Negotiate YQ==\r\n\r\n";
        let table: [(&str, Ended, &str); 18] = [
            (proof, Ok(Step::Done(Answer::Open(proven))), ""),
            ("HTTP/1.1 200 OK\r\n\r\nrest", open(None), "rest"),
            ("HTTP/1.0 200 Connection established\r\n\r\n", open(None), ""),
            ("HTTP/1.1 299 Odd\r\nContent-Length: 4\r\n\r\nrest", open(None), "rest"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n0",
                open(None),
                "0",
            ),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", open(None), ""),
            ("HTTP/1.1 302 Found\r\nLocation: http://evil.test/\r\n\r\n", status(302), ""),
            ("HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nbad", status(502), ""),
            (news, open(Some(HeaderValue::from_static("nextnonce=\"n\""))), ""),
            (&who("\r\n"), closing(), ""),
            (&sized, asked(), "rest"),
            (&chunked, asked(), "rest"),
            (&broken, closing(), ""),
            (&ends, closing(), ""),
            (&cut, Ok(Step::More), ""),
            (&long, violation(Violation::HeadTooLarge { limit: 200 }), ""),
            ("HTTP/1.1 101 Up\r\n\r\n", violation(Violation::UnaskedUpgrade), ""),
            ("HTTP/1.1 200", Ok(Step::More), "HTTP/1.1 200"),
        ];
        assert_eq!(ask(&[endless.as_bytes()]).0, closing());
        for (said, expected, left) in table {
            let said = said.as_bytes();
            for at in 0..=said.len() {
                let (ended, kept) = ask(&[&said[..at], &said[at..]]);
                assert_eq!(ended, expected, "{} at {at}", said.escape_ascii());
                assert_eq!(kept, left.as_bytes());
            }
        }
    }

    #[test]
    fn a_target_with_a_line_break_is_refused() {
        for host in ["a\r\nX: y", "a b", "", "a/b", "u@h"] {
            let made = Tunnel::new(&Target::new(host, 1), Greeting::default());
            assert!(matches!(made, Err(Failure::Refused(_))), "{host:?}");
        }
    }
}
