//! Harnesses for what servers ask when they want to know who is asking.

use crate::policy::auth::digest::Line;
use crate::policy::auth::negotiate::{self, Made, Proof, Step};
use crate::policy::auth::space::{Book, Login};
use crate::policy::auth::telling::{Gate, Next, ProxyBook, Telling, Visit};
use crate::policy::auth::{Offer, Schemes, ntlm};
use crate::syntax::challenge::Challenge;
use crate::syntax::credentials::Credentials;
use crate::syntax::netrc::Netrc;
use crate::syntax::stamp::Stamp;

/// Reads challenges and answers each; no answer may have a line of its own.
pub fn challenge(data: &[u8]) {
    let ada = Credentials::new("a\"d\\\u{e4}", "s:ecret");
    for offer in Offer::of(&Challenge::parse(data), Schemes::all()) {
        let mut book = Book::default();
        book.open((), "/a/b", &offer, ada.clone());
        let Some(mut login) = Login::answer(&offer, ada.clone()) else { continue };
        let line = Line { method: "GET", target: "/a/b?c", body: Some(b"") };
        for _ in 0..2 {
            if let Some(said) = login.say(&line, || "cnonce".to_owned()) {
                assert!(said.is_sensitive() && !said.as_bytes().contains(&b'\n'));
            }
            if let Login::Digest(session) = &mut login {
                session.handle_info(data);
            }
        }
    }
    tell(&Challenge::parse(data), &ada);
}

/// Tells a proxy that asks the same again and again, which must come to an end.
fn tell(challenges: &[Challenge], ada: &Credentials) {
    let gate = Gate { address: "http://gate.test:80".into(), host: "gate.test".into() };
    let line = Line { method: "CONNECT", target: "a.test:443", body: Some(b"") };
    let (now, schemes) = (Stamp::from_seconds(1_800_000_000), Schemes::all());
    let (credentials, binding, random) = (Some(ada), None, [7; 24]);
    let visit = Visit { gate: &gate, credentials, schemes, line, binding, random, now };
    let (mut book, mut telling, mut rounds) = (ProxyBook::default(), Telling::default(), 0);
    loop {
        if let Some(said) = telling.say(&mut book, &visit) {
            assert!(said.is_sensitive() && !said.as_bytes().contains(&b'\n'));
        }
        if telling.handle_refusal(&mut book, &visit, challenges) != Next::Say {
            return;
        }
        rounds += 1;
        assert!(rounds < 10, "a proxy is not answered for ever");
    }
}

/// Reads a message of NTLM and answers it; the answer's parts must lie inside of it.
pub fn ntlm(data: &[u8]) {
    let read = match std::str::from_utf8(data).map(ntlm::Question::read_token) {
        Ok(Ok(read)) => Ok(read),
        _ => ntlm::Question::read(data.to_vec()),
    };
    let Ok(question) = read else { return };
    let around = ntlm::Circumstances {
        challenge: [7; 8],
        now: Stamp::from_seconds(1_800_000_000),
        service: "HTTP/a.test",
        binding: Some(data),
    };
    let ada = Credentials::new("D\\ada", "secret");
    if let Ok(message) = ntlm::proof(&ntlm::hello(), &question, &ada, &around) {
        for at in [12, 20, 28, 36] {
            let length = usize::from(u16::from_le_bytes([message[at], message[at + 1]]));
            let place = message[at + 4..at + 8].try_into().map(u32::from_le_bytes);
            let place = usize::try_from(place.unwrap_or(u32::MAX)).unwrap_or(usize::MAX);
            assert!(message.get(place..place + length).is_some());
        }
    }
}

/// Holds a talk in Negotiate with whatever the peer says, which must come to an end; each line is one
/// answer, the last being the acceptance.
pub fn negotiate(data: &[u8]) {
    let mut talk = negotiate::Negotiation::default();
    let said = talk.handle_made(&Made::Incomplete(b"ticket".to_vec()));
    assert!(said.is_ok_and(|said| said.is_some_and(|said| said.is_sensitive())));
    let mut rounds = 0;
    for line in data.split(|byte| *byte == b'\n') {
        let challenges = Challenge::parse(line);
        let token = negotiate::token(&challenges);
        let accepted = talk.clone().handle_acceptance(token, Proof::Demanded);
        if let Ok(Some(last)) = accepted {
            assert!(!last.is_empty() || token.is_some());
        } else {
            assert!(accepted.is_err() || talk.is_complete());
        }
        let Ok(Step::Take(token)) = talk.handle_challenge(token) else { return };
        rounds += 1;
        assert!(rounds < 10, "a server is not answered for ever");
        let made = if token.is_empty() { vec![0] } else { token };
        match talk.handle_made(&Made::Incomplete(made)) {
            Ok(Some(said)) => assert!(!said.as_bytes().contains(&b'\n')),
            Ok(None) | Err(_) => return,
        }
    }
}

/// Reads a `.netrc`.
pub fn netrc(data: &[u8]) {
    if let Ok(netrc) = Netrc::parse(&String::from_utf8_lossy(data)) {
        for user in [None, Some("ada")] {
            if let Some(found) = netrc.find("a.test", user) {
                assert!(user.is_none_or(|user| user == found.user()));
            }
        }
    }
}
