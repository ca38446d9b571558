//! What a proxy is told of who is asking: nothing before it asks, and then what it takes.

use std::fmt::Write;

use http::{HeaderMap, HeaderValue};

use super::digest::Line;
use super::ntlm;
use super::space::{Book, Login};
use super::{Asker, Offer, Scheme, Schemes};
use crate::syntax::challenge::Challenge;
use crate::syntax::credentials::Credentials;
use crate::syntax::stamp::Stamp;

/// What proxies took, so that they are told at once the next time.
///
/// It is kept by proxy, and within one by the credentials, so that neither another proxy nor another
/// user's requests have any part in it.
pub type ProxyBook = Book<Gate>;

/// A proxy, as those know it who ask it for something.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gate {
    /// Its whole address: scheme, host and port, without credentials.
    pub address: String,
    /// Its host.
    pub host: String,
}

/// Who asks a proxy for something, and what is at hand to prove it.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The proxy.
    pub gate: &'a Gate,
    /// Who asks, if that is known.
    pub credentials: Option<&'a Credentials>,
    /// How they may be said.
    pub schemes: Schemes,
    /// The line of the request.
    pub line: Line<'a>,
    /// What binds a proof to the TLS of the proxy: the hash of `tls-server-end-point` (RFC 5929 §4).
    pub binding: Option<&'a [u8]>,
    /// Bytes that nobody can foresee, never used before.
    pub random: [u8; 24],
    /// The time of day.
    pub now: Stamp,
}

/// The talk of one request with one proxy about who is asking, in all schemes but Negotiate, whose
/// tokens others make: of that it neither says nor understands anything.
///
/// ```
/// # use wayfare_proto::policy::auth::digest::Line;
/// # use wayfare_proto::policy::auth::telling::{Gate, Next, ProxyBook, Telling, Visit};
/// # use wayfare_proto::policy::auth::Schemes;
/// # use wayfare_proto::syntax::{challenge::Challenge, credentials::Credentials, stamp::Stamp};
/// let gate = Gate { address: "http://gate.test:80".into(), host: "gate.test".into() };
/// let ada = Credentials::new("ada", "secret");
/// let line = Line { method: "CONNECT", target: "a.test:443", body: Some(b"") };
/// # let (now, schemes, random) = (Stamp::from_seconds(0), Schemes::all(), [7; 24]);
/// let binding = None;
/// let visit = Visit { gate: &gate, credentials: Some(&ada), schemes, line, binding, random, now };
/// let (mut book, mut telling) = (ProxyBook::default(), Telling::default());
/// assert!(telling.say(&mut book, &visit).is_none());
/// let asked = Challenge::parse(b"Basic realm=gate");
/// assert_eq!(telling.handle_refusal(&mut book, &visit, &asked), Next::Say);
/// assert_eq!(telling.say(&mut book, &visit).unwrap(), "Basic YWRhOnNlY3JldA==");
/// ```
#[derive(Debug, Default)]
pub struct Telling {
    /// What was said last.
    heard: Option<(Scheme, Option<String>)>,
    talk: Talk,
    rounds: u8,
}

/// How far the messages have come that prove a connection.
#[derive(Debug, Default)]
enum Talk {
    /// The proof is said next.
    Answering(HeaderValue),
    /// The greeting was said.
    Greeted,
    /// There are none.
    #[default]
    Silent,
}

/// What a refusal (407) means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The proxy broke the protocol of a proof.
    Broken(ntlm::Fault),
    /// The credentials are not accepted.
    Refused,
    /// Ask once more, and say what is to be said now.
    Say,
    /// Nobody knows who it is.
    Unknown,
    /// The proxy takes nothing that can be said.
    Unspeakable,
}

impl Telling {
    /// The value of `Proxy-Authorization` for the request, if anything is to be said.
    pub fn say(&mut self, book: &mut ProxyBook, visit: &Visit<'_>) -> Option<HeaderValue> {
        if let Talk::Answering(proof) = std::mem::take(&mut self.talk) {
            // Said again would be refused again.
            return Some(proof);
        }
        self.heard = None;
        let space = book.find(visit.gate, ROOT, Some(visit.credentials?))?;
        let realm = space.realm().map(str::to_owned);
        let login = space.login_mut();
        let scheme = login.scheme();
        if !visit.schemes.has(scheme) || scheme == Scheme::Negotiate {
            return None;
        }
        let said = match login {
            Login::Bound(..) => {
                self.talk = Talk::Greeted;
                ntlm::field(&ntlm::hello())
            }
            login => login.say(&visit.line, || nonce(visit.random))?,
        };
        self.heard = Some((scheme, realm));
        Some(said)
    }

    /// True if the next message has to go over the connection that the last answer came on.
    #[must_use]
    pub fn needs_connection(&self) -> bool {
        matches!(self.talk, Talk::Answering(_))
    }

    /// Takes in the challenges of a 407.
    pub fn handle_refusal(
        &mut self,
        book: &mut ProxyBook,
        visit: &Visit<'_>,
        challenges: &[Challenge],
    ) -> Next {
        let mut offers = offers(challenges, visit);
        offers.retain(|offer| !offer.is_negotiate());
        let Some(offer) = offers.first() else { return Next::Unspeakable };
        let Some(credentials) = visit.credentials else { return Next::Unknown };
        let greeted = matches!(std::mem::take(&mut self.talk), Talk::Greeted);
        let is_first = self.rounds == 0;
        self.rounds = self.rounds.saturating_add(1);
        if greeted
            && let Offer::Ntlm(Some(token)) = offer
            && self.rounds <= MOST_ROUNDS
        {
            return self.prove(token, credentials, visit);
        }
        let may_be_right = match &self.heard {
            // The greeting may have been spared on a connection that was proven, and is no more.
            Some((Scheme::Ntlm, _)) if offer.scheme() == Scheme::Ntlm => greeted && is_first,
            Some(heard) if is_in_kind(heard, offer) => is_stale(offer, is_first),
            // It was said unasked, and something else is asked: nothing was judged.
            Some(_) => is_first,
            None => true,
        };
        if may_be_right && self.rounds <= MOST_ROUNDS {
            book.open(visit.gate.clone(), ROOT, offer, credentials.clone());
            return Next::Say;
        }
        if let Some((_, realm)) = self.heard.take() {
            book.close(visit.gate, realm.as_deref(), credentials);
        }
        Next::Refused
    }

    fn prove(&mut self, token: &str, credentials: &Credentials, visit: &Visit<'_>) -> Next {
        let service = format!("HTTP/{}", visit.gate.host);
        let around = ntlm::Circumstances {
            challenge: std::array::from_fn(|at| visit.random[at]),
            now: visit.now,
            service: &service,
            binding: visit.binding,
        };
        let proof = ntlm::Question::read_token(token)
            .and_then(|asked| ntlm::proof(&ntlm::hello(), &asked, credentials, &around));
        match proof {
            Ok(proof) => {
                self.talk = Talk::Answering(ntlm::field(&proof));
                Next::Say
            }
            Err(fault) => Next::Broken(fault),
        }
    }
}

/// The scheme by which a proxy is known to take proofs of connections from these credentials.
#[must_use]
pub fn bound_scheme(
    book: &mut ProxyBook,
    gate: &Gate,
    credentials: &Credentials,
    schemes: Schemes,
) -> Option<Scheme> {
    let scheme = book.find(gate, ROOT, Some(credentials))?.login().scheme();
    (scheme.is_bound() && schemes.has(scheme)).then_some(scheme)
}

/// Notes that a proxy takes Negotiate from these credentials.
pub fn take_tickets(book: &mut ProxyBook, gate: Gate, credentials: &Credentials) {
    book.open(gate, ROOT, &Offer::Negotiate(None), credentials.clone());
}

/// Notes that a proxy did not accept the ticket of these credentials.
pub fn refuse_tickets(book: &mut ProxyBook, gate: &Gate, credentials: &Credentials) {
    book.close(gate, None, credentials);
}

/// Takes in what an answer that was no refusal says about the next proof.
pub fn handle_answer(
    book: &mut ProxyBook,
    gate: &Gate,
    credentials: &Credentials,
    headers: &HeaderMap,
) {
    let Some(info) = headers.get(Asker::Proxy.info_field()) else { return };
    if let Some(space) = book.find(gate, ROOT, Some(credentials))
        && let Login::Digest(session) = space.login_mut()
    {
        session.handle_info(info.as_bytes());
    }
}

/// The offers that can be answered, the strongest first.
#[must_use]
pub fn offers(challenges: &[Challenge], visit: &Visit<'_>) -> Vec<Offer> {
    let mut offers = Offer::of(challenges, visit.schemes);
    offers.retain(|offer| match offer {
        // A token is nothing that can be made of a password.
        Offer::Bearer(_) => false,
        Offer::Digest(asked) if asked.covers_body() && visit.line.body.is_none() => false,
        offer => visit.credentials.is_none_or(|known| offer.is_for(known, visit.schemes)),
    });
    offers
}

fn nonce(random: [u8; 24]) -> String {
    random.iter().fold(String::with_capacity(48), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_in_kind((scheme, realm): &(Scheme, Option<String>), offer: &Offer) -> bool {
    *scheme == offer.scheme() && realm.as_deref() == offer.realm()
}

/// True if a proof may have been right but for its nonce: the proxy says so, or the nonce was one of
/// earlier days, of which not every proxy speaks.
fn is_stale(offer: &Offer, is_first: bool) -> bool {
    matches!(offer, Offer::Digest(asked) if asked.is_stale() || is_first)
}

/// Everything that a proxy guards is one space.
const ROOT: &str = "/";
/// A proxy that is never content must not keep a request going for ever.
const MOST_ROUNDS: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "Digest realm=r, nonce=n, qop=auth";

    /// `user@proxy`, with the password `secret`.
    fn visitor(text: &str) -> (Gate, Option<Credentials>) {
        let (user, address) = text.split_once('@').unwrap();
        let credentials = (!user.is_empty()).then(|| Credentials::new(user, "secret"));
        (Gate { address: address.into(), host: "gate.test".into() }, credentials)
    }

    /// What is said, after these challenges one after the other; with what came of the last.
    fn after(book: &mut ProxyBook, who: &str, schemes: Schemes, asked: &[&str]) -> (String, Next) {
        let (gate, credentials) = visitor(who);
        let credentials = credentials.as_ref();
        let line = Line { method: "CONNECT", target: "a.test:443", body: Some(b"") };
        let now = Stamp::from_seconds(1_700_000_000);
        let (binding, random) = (None, [7; 24]);
        let visit = Visit { gate: &gate, credentials, schemes, line, binding, random, now };
        let (mut telling, mut said, mut next) = (Telling::default(), Vec::new(), Next::Say);
        let mut say = |telling: &mut Telling, book: &mut ProxyBook| {
            let value = telling.say(book, &visit);
            let value = value.map_or("-".into(), |value| value.to_str().unwrap().to_owned());
            said.push(value.split(' ').next().unwrap().to_owned());
        };
        say(&mut telling, book);
        for one in asked {
            next = telling.handle_refusal(book, &visit, &Challenge::parse(one.as_bytes()));
            if next != Next::Say {
                break;
            }
            say(&mut telling, book);
        }
        (said.join(" "), next)
    }

    const ADA: &str = "ada@http://gate.test:80";
    const QUESTION: &str = "NTLM TlRMTVNTUAACAAAAAAAAADAAAAAFgomgASNFZ4mrze8AAAAAAAAAABAAEAAwAAAAB\
        wAIAAAAAAAAAAAAAAAAAA==";

    #[test]
    fn nothing_is_said_before_it_is_asked_and_then_the_strongest() {
        let both = format!("Basic realm=r, {DIGEST}");
        let stale = format!("{DIGEST}, stale=true");
        type Case<'a> = (&'a str, Schemes, &'a [&'a str], (&'a str, Next));
        let table: [Case<'_>; 14] = [
            (ADA, Schemes::all(), &[], ("-", Next::Say)),
            (ADA, Schemes::all(), &["Basic realm=r"], ("- Basic", Next::Say)),
            (ADA, Schemes::all(), &[&both], ("- Digest", Next::Say)),
            (ADA, Schemes::only(Scheme::Basic), &[&both], ("- Basic", Next::Say)),
            (ADA, Schemes::only(Scheme::Digest), &["Basic"], ("-", Next::Unspeakable)),
            (ADA, Schemes::all(), &["Bearer", "x"], ("-", Next::Unspeakable)),
            ("@http://gate.test:80", Schemes::all(), &["Basic"], ("-", Next::Unknown)),
            ("a:b@http://gate.test:80", Schemes::all(), &["Basic"], ("-", Next::Unspeakable)),
            (ADA, Schemes::all(), &["Basic", "Basic"], ("- Basic", Next::Refused)),
            (ADA, Schemes::all(), &[DIGEST, DIGEST], ("- Digest", Next::Refused)),
            (ADA, Schemes::all(), &[DIGEST, &stale], ("- Digest Digest", Next::Say)),
            (
                ADA,
                Schemes::all(),
                &[DIGEST, &stale, &stale, &stale, &stale],
                ("- Digest Digest Digest", Next::Refused),
            ),
            (ADA, Schemes::all(), &["NTLM", QUESTION], ("- NTLM NTLM", Next::Say)),
            (ADA, Schemes::all(), &["NTLM", QUESTION, "NTLM"], ("- NTLM NTLM", Next::Refused)),
        ];
        for (proxy, schemes, asked, (said, next)) in table {
            let told = after(&mut ProxyBook::default(), proxy, schemes, asked);
            assert_eq!(told, (said.to_owned(), next), "{asked:?}");
        }
    }

    #[test]
    fn what_was_taken_is_said_at_once_to_that_proxy_and_by_that_user_alone() {
        let mut book = ProxyBook::default();
        let all = Schemes::all();
        after(&mut book, ADA, all, &[DIGEST]);
        assert_eq!(after(&mut book, ADA, all, &[]).0, "Digest");
        let others = [
            "eve@http://gate.test:80",
            "ada@http://gate.test:81",
            "ada@https://gate.test:80",
            "@http://gate.test:80",
        ];
        for other in others {
            assert_eq!(after(&mut book, other, all, &[]).0, "-", "{other}");
        }
        assert_eq!(after(&mut book, ADA, Schemes::only(Scheme::Basic), &[]).0, "-");
        // A nonce of earlier days costs a round; a changed password costs another.
        let told = after(&mut book, ADA, all, &[DIGEST, DIGEST]);
        assert_eq!(told, ("Digest Digest".into(), Next::Refused));
        assert_eq!(after(&mut book, ADA, all, &[]).0, "-");
    }

    #[test]
    fn a_proxy_that_now_asks_for_something_else_has_judged_nothing() {
        let mut book = ProxyBook::default();
        after(&mut book, ADA, Schemes::all(), &["Basic realm=one"]);
        let told = after(&mut book, ADA, Schemes::all(), &["Basic realm=two", "Basic realm=two"]);
        assert_eq!(told, ("Basic Basic".into(), Next::Refused));
    }

    #[test]
    fn a_message_that_is_none_is_broken() {
        let told = after(&mut ProxyBook::default(), ADA, Schemes::all(), &["NTLM", "NTLM YWJj"]);
        assert_eq!(told, ("- NTLM".into(), Next::Broken(ntlm::Fault::NoMessage)));
        let again = after(&mut ProxyBook::default(), ADA, Schemes::all(), &["NTLM", "NTLM"]);
        assert_eq!(again, ("- NTLM".into(), Next::Refused));
        let mut book = ProxyBook::default();
        after(&mut book, ADA, Schemes::all(), &["NTLM"]);
        let again = after(&mut book, ADA, Schemes::all(), &["NTLM", "NTLM"]);
        assert_eq!(again, ("NTLM NTLM".into(), Next::Refused));
    }

    #[test]
    fn a_talk_that_begins_anew_each_time_ends() {
        let asked = ["NTLM", QUESTION, QUESTION];
        let again = after(&mut ProxyBook::default(), ADA, Schemes::all(), &asked);
        assert_eq!(again, ("- NTLM NTLM".into(), Next::Refused));
    }

    #[test]
    fn the_next_nonce_is_taken_from_the_answer() {
        let mut book = ProxyBook::default();
        after(&mut book, ADA, Schemes::all(), &[DIGEST]);
        let (gate, credentials) = visitor(ADA);
        let mut headers = HeaderMap::new();
        headers.insert("proxy-authentication-info", HeaderValue::from_static("nextnonce=\"two\""));
        handle_answer(&mut book, &gate, credentials.as_ref().unwrap(), &headers);
        let line = Line { method: "GET", target: "http://a.test/", body: Some(b"") };
        let now = Stamp::from_seconds(0);
        let (credentials, schemes) = (credentials.as_ref(), Schemes::all());
        let (binding, random) = (None, [7; 24]);
        let visit = Visit { gate: &gate, credentials, schemes, line, binding, random, now };
        let said = Telling::default().say(&mut book, &visit).unwrap();
        let said = said.to_str().unwrap();
        assert!(said.contains("nonce=\"two\"") && said.contains("nc=00000001"), "{said}");
    }
}
