//! What a proxy is told that is given the request itself: who is asking, once it asks (407).

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use wayfare_net::dial::Asking;
use wayfare_proto::policy::auth::Asker;
use wayfare_proto::policy::auth::digest::Line;
use wayfare_proto::policy::auth::telling::{Next, Telling};
use wayfare_proto::route::proxy::Proxy;
use wayfare_proto::syntax::challenge::Challenge;

use super::talk::drain;
use super::way::{PROXY_CONNECTION, no_way_to_say};
use super::{Again, Expectation, Transfer};
use crate::error::Error;
use crate::protocol::Answer;
use crate::protocol::http::proving::Proving;

/// What a proxy was told that is given the request.
#[derive(Default)]
pub(super) struct ToForwarder {
    telling: Telling,
    /// The talk that proves a connection, if it takes such proofs.
    pub(super) proving: Option<Arc<Proving>>,
}

impl Transfer {
    fn forwarder(&self) -> Option<&Proxy> {
        self.key.as_ref().and_then(|key| key.forwarder())
    }

    /// What is told to a proxy that is given the request itself, and never to anybody else.
    pub(super) fn address_proxy(&mut self, headers: &mut HeaderMap) {
        let Some(proxy) = self.forwarder().cloned() else {
            headers.remove(header::PROXY_AUTHORIZATION);
            headers.remove(PROXY_CONNECTION);
            return;
        };
        // What the program itself says is for the proxy that is asked first, and no other.
        if self.journey.as_ref().is_some_and(|journey| journey.left_first_way) {
            headers.remove(header::PROXY_AUTHORIZATION);
        }
        if proxy.credentials().is_none() {
            return;
        }
        let mut told = self.journey().said.forwarder.take().unwrap_or_default();
        if !told.proving.as_ref().is_some_and(|proving| proving.is_going_on()) {
            let access = self.shared.memories.proxies();
            let said = access.say(&mut told.telling, &self.asking(&proxy));
            told.proving = None;
            match said {
                // Said once it is known which connection it is.
                Some(hello) if access.proves_connections(&proxy, self.options.auth.schemes) => {
                    told.proving = Some(Proving::new(Asker::Proxy, hello));
                }
                Some(said) => {
                    headers.insert(header::PROXY_AUTHORIZATION, said);
                }
                // A body that can be sent once only waits until the proxy has asked, or has not.
                None if self.waits_for_forwarder() => {
                    headers.entry(header::EXPECT).or_insert(CONTINUE);
                }
                None => {}
            }
        }
        self.journey().said.forwarder = Some(told);
    }

    /// True if a proxy may want to know who is asking, and a body could not be sent again then.
    pub(super) fn waits_for_forwarder(&self) -> bool {
        self.expectation == Expectation::AsAsked
            && !self.body.is_replayable()
            && self.forwarder().is_some_and(|proxy| proxy.credentials().is_some())
    }

    /// Takes in what the answer says about the next proof.
    pub(super) fn learn_of_forwarder(&self, answer: &Answer) {
        if answer.status != StatusCode::PROXY_AUTHENTICATION_REQUIRED
            && let Some(proxy) = self.forwarder()
        {
            self.shared.memories.proxies().handle_answer(proxy, &answer.headers);
        }
    }

    /// Answers a proxy that was given the request, if it is known who is asking and that was not
    /// refused.
    pub(super) async fn answer_forwarder(
        &mut self,
        challenges: &[Challenge],
        answer: &mut Answer,
    ) -> Result<Option<Again>, Next> {
        let Some(proxy) = self.forwarder().cloned() else { return Ok(None) };
        let mut told = self.journey().said.forwarder.take().unwrap_or_default();
        let asking = self.asking(&proxy);
        let access = self.shared.memories.proxies();
        let next = access.handle_refusal(&mut told.telling, &asking, challenges);
        match next {
            Next::Refused | Next::Unknown => return Ok(None),
            Next::Broken(_) | Next::Unspeakable => return Err(next),
            Next::Say => {}
        }
        let mut why = ASKED;
        if told.telling.needs_connection() {
            drain(&self.home, &mut answer.content).await;
            let proof = access.say(&mut told.telling, &asking);
            let is_kept =
                told.proving.as_ref().zip(proof).is_some_and(|(one, next)| one.go_on(next));
            if !is_kept {
                // From the start, on another connection.
                told.proving = None;
                why = "the connection was lost before it was proven";
            }
        }
        self.journey().said.forwarder = Some(told);
        Ok(Some(Again::Resend(why)))
    }

    /// The request as a proxy hears it.
    pub(super) fn asking<'a>(&'a self, proxy: &'a Proxy) -> Asking<'a> {
        let line = Line {
            method: self.method.as_str(),
            target: &self.url[..url::Position::AfterQuery],
            body: self.body.known_bytes(),
        };
        Asking { proxy, schemes: self.options.auth.schemes, line }
    }
}

/// The error of a proxy that cannot be told who is asking.
pub(super) fn unspoken(error: Error, next: Next, challenges: &[Challenge]) -> Error {
    match next {
        Next::Broken(fault) => {
            let message = format!("{}; {fault}", error.message());
            error.with_message(message)
        }
        _ => no_way_to_say(error, challenges),
    }
}

const CONTINUE: HeaderValue = HeaderValue::from_static("100-continue");
pub(super) const ASKED: &str = "the proxy wanted to know who is asking";
