//! After: what an outcome means. Composes policies; has none of its own.

use http::{StatusCode, header};
use url::Url;
use wayfare_net::clock::now;
use wayfare_proto::policy::early_data;
use wayfare_proto::policy::redirect::{self, Decision, Exchange};
use wayfare_proto::policy::retry::{self, Age, Break, Replay};
use wayfare_proto::syntax::range::{self, ContentRange, RangeSpec};

use super::identity::Unauthorized;
use super::{Again, Expectation, Question, Transfer};
use crate::error::{Error, ErrorKind, Stage};
use crate::protocol::{Answer, Failure, Outcome};

/// What an outcome means.
pub(super) enum Verdict {
    /// Go once more.
    Again(Again),
    /// Somebody has to be asked.
    Ask(Question),
    /// This is the answer.
    Deliver(Box<Answer>),
}

impl Transfer {
    pub(super) fn judge(&mut self, outcome: Outcome) -> Result<Verdict, Error> {
        match outcome {
            Outcome::Answered(answer) => self.judge_answer(answer),
            Outcome::Failed(failure) => self.judge_failure(*failure),
        }
    }

    fn judge_failure(&mut self, failure: Failure) -> Result<Verdict, Error> {
        let Failure { error, how, age, untouched } = failure;
        if let Some(untouched) = untouched {
            self.body = untouched;
        }
        if self.may_trust(&error) {
            return Ok(Verdict::Ask(Question::Certificate(error)));
        }
        if error.proxy_trouble().is_some() {
            return self.judge_way(error);
        }
        if !self.may_resend(how, age) {
            return Err(error);
        }
        if matches!(how, Break::Refused | Break::Overtaken) {
            self.tries.refused += u8::from(how == Break::Refused);
            return Ok(Verdict::Again(Again::Resend("the server refused it unprocessed")));
        }
        self.tries.resent += 1;
        Ok(Verdict::Again(Again::Resend("a kept connection had gone")))
    }

    fn judge_answer(&mut self, mut answer: Box<Answer>) -> Result<Verdict, Error> {
        // RFC 9110 §15.5.9: a server says so on a connection it gave up waiting on.
        let age = answer.connection.age.unwrap_or(Age::Fresh);
        if answer.status == StatusCode::REQUEST_TIMEOUT && self.may_resend(Break::Silent, age) {
            self.tries.resent += 1;
            return Ok(Verdict::Again(Again::Resend("a kept connection had timed out")));
        }
        if answer.status == StatusCode::EXPECTATION_FAILED && self.may_unexpect(&mut answer) {
            return Ok(Verdict::Again(Again::Unexpecting));
        }
        let sent = answer.connection.early_data();
        if early_data::is_too_early(answer.status, sent) && self.tries.too_early == 0 {
            return Ok(Verdict::Again(self.wait_for_handshake()));
        }
        let offers = self.judge_unauthorized(&mut answer);
        if !offers.is_empty() {
            let asked = Unauthorized::new(offers, answer);
            return Ok(Verdict::Ask(Question::Identity(Box::new(asked))));
        }
        let answer = match self.judge_challenge(answer) {
            Ok(challenged) => return Ok(Verdict::Ask(Question::Login(Box::new(challenged)))),
            Err(answer) => answer,
        };
        self.check_part(&answer)?;
        let exchange = Exchange {
            url: &self.url,
            method: &self.method,
            status: answer.status,
            headers: &answer.headers,
            followed: self.journey.as_ref().map_or(0, |journey| journey.redirects.len()),
        };
        let redirects = &self.options.redirects;
        let upgrade = |url: &mut Url| self.upgrade_if_strict(url);
        match redirect::decide(redirects.policy, redirects.limit, &exchange, upgrade) {
            Decision::Deliver => Ok(Verdict::Deliver(answer)),
            Decision::Follow(next) => {
                self.may_redirect(&next)?;
                Ok(Verdict::Again(Again::Redirect(next, answer.status)))
            }
            Decision::Ask(next) => Ok(Verdict::Ask(Question::Redirect { next, answer })),
            Decision::Refuse(refusal) => Err(refusal.into()),
        }
    }

    /// RFC 9110 §10.1.1: a request that failed for its expectation is made once more without.
    fn may_unexpect(&mut self, answer: &mut Answer) -> bool {
        let expect = self.headers.get(header::EXPECT);
        let asked = expect.or_else(|| self.options.headers.0.get(header::EXPECT));
        let is_asked = asked.is_some() || self.waits_for_forwarder();
        if !is_asked || self.body.is_none() || self.expectation == Expectation::GivenUp {
            return false;
        }
        if let Some(untouched) = answer.untouched.take() {
            self.body = untouched;
        }
        self.body.is_sendable()
    }

    /// RFC 8470 §5.2: the request is sent once more, now that the handshake is over.
    fn wait_for_handshake(&mut self) -> Again {
        self.tries.too_early += 1;
        if let Some(key) = &self.key {
            self.shared.early_refusals().handle_refused(&key.origin, now());
        }
        Again::Resend("the server wants it after the handshake (425)")
    }

    /// RFC 9110 §15.3.7: a part may only come to those who asked for it, and must begin there.
    fn check_part(&self, answer: &Answer) -> Result<(), Error> {
        if answer.status != StatusCode::PARTIAL_CONTENT || self.key.is_none() {
            return Ok(());
        }
        let wrong = |message: &str| Err(Error::new(ErrorKind::Protocol, Stage::Receive, message));
        let Some(asked) = self.headers.get(header::RANGE) else {
            return wrong("the server sent a part (206) of what was asked for as a whole");
        };
        let sent = answer.headers.get(header::CONTENT_RANGE);
        let sent = sent.and_then(|value| ContentRange::parse(value.as_bytes()));
        let first = match range::parse(asked.as_bytes()).as_deref() {
            Some([RangeSpec::From(first) | RangeSpec::Inclusive { first, .. }]) => *first,
            _ => return Ok(()),
        };
        match sent {
            Some(ContentRange::Bytes { first: sent, .. }) if sent == first => Ok(()),
            _ => wrong("the server sent another part (206) than was asked for"),
        }
    }

    fn may_resend(&self, how: Break, age: Age) -> bool {
        let replay = if self.body.is_sendable() { Replay::Possible } else { Replay::Impossible };
        retry::may_resend(how, age, &self.method, replay, self.tries)
    }
}
