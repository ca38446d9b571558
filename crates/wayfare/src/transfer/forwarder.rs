//! What a proxy is told that is given the request itself: who is asking, once it asks (407).

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use wayfare_net::dial::Asking;
use wayfare_net::gss::Failure;
use wayfare_proto::policy::auth::digest::Line;
use wayfare_proto::policy::auth::ntlm::Fault;
use wayfare_proto::policy::auth::telling::{Next, Telling};
use wayfare_proto::policy::auth::{Asker, Offer, Scheme};
use wayfare_proto::route::proxy::Proxy;
use wayfare_proto::syntax::challenge::Challenge;
use wayfare_proto::syntax::credentials::Credentials;
use wayfare_proto::trace::event::What;

use super::manners::Peer;
use super::talk::{LOST, drain};
use super::way::{PROXY_CONNECTION, no_way_to_say};
use super::{Again, Expectation, Transfer};
use crate::error::Error;
use crate::protocol::Answer;
use crate::protocol::http::proving::Proving;
use crate::protocol::http::ticketing::Ticketing;

/// What a proxy was told that is given the request.
#[derive(Default)]
pub(super) struct ToForwarder {
    telling: Telling,
    /// The talk that proves a connection, if it takes such proofs.
    pub(super) proving: Option<Arc<Proving>>,
    /// There was none for this proxy, so it is not tried again.
    has_no_ticket: bool,
    /// How often a talk began anew, because its connection was lost.
    rounds: u8,
}

impl Transfer {
    pub(super) fn forwarder(&self) -> Option<&Proxy> {
        self.key.as_ref().and_then(|key| key.forwarder())
    }

    /// True if connections are proven to a proxy that is given the request itself: they cannot be
    /// proven to the server behind, too.
    pub(super) fn is_proven_to_proxy(&self) -> bool {
        let access = self.shared.memories.proxies();
        let bound = |proxy| access.bound_scheme(proxy, self.options.auth.schemes);
        self.forwarder().and_then(bound).is_some()
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
            let bound = access.bound_scheme(&proxy, self.options.auth.schemes);
            match said {
                // Said once it is known which connection it is.
                None if bound == Some(Scheme::Negotiate) && !told.has_no_ticket => {
                    let ticketing = self.ticketing_for(&proxy);
                    told.proving = Some(Proving::negotiate(Asker::Proxy, ticketing, None));
                }
                Some(hello) if bound == Some(Scheme::Ntlm) => {
                    told.proving = Some(Proving::ntlm(Asker::Proxy, hello));
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
    ) -> Result<Option<Again>, Unspoken> {
        let Some(proxy) = self.forwarder().cloned() else { return Ok(None) };
        let mut told = self.journey().said.forwarder.take().unwrap_or_default();
        if proxy.credentials().is_none() {
            return Ok(None);
        }
        match self.answer_with_ticket(&proxy, &mut told, challenges, answer).await {
            Ok(Some(again)) => {
                self.journey().said.forwarder = Some(told);
                return Ok(again.map(Again::Resend));
            }
            Ok(None) => {}
            Err(failure) => return Err(Unspoken::Ticket(failure)),
        }
        let binding = answer.connection.binding(Asker::Proxy);
        let asking = Asking { binding: binding.as_deref(), ..self.asking(&proxy) };
        let access = self.shared.memories.proxies();
        let next = access.handle_refusal(&mut told.telling, &asking, challenges);
        match next {
            Next::Refused | Next::Unknown => return Ok(None),
            // Whoever is logged in has no ticket, so it has to be somebody else.
            Next::Unspeakable if proxy.credentials().is_some_and(Credentials::is_ambient) => {
                return Ok(None);
            }
            Next::Broken(fault) => return Err(Unspoken::Proof(fault)),
            Next::Unspeakable => return Err(Unspoken::Nothing),
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
                why = LOST;
            }
        }
        self.journey().said.forwarder = Some(told);
        Ok(Some(Again::Resend(why)))
    }

    /// Answers a proxy in Negotiate, if that is what it is to be: nothing if another scheme is meant,
    /// and nothing to say if the ticket was refused.
    async fn answer_with_ticket(
        &mut self,
        proxy: &Proxy,
        told: &mut ToForwarder,
        challenges: &[Challenge],
        answer: &mut Answer,
    ) -> Result<Option<Option<&'static str>>, Failure> {
        let offers = self.asking(proxy).offers(challenges);
        let Some(Offer::Negotiate(token)) = offers.first() else { return Ok(None) };
        let proving = told.proving.clone().filter(|one| one.scheme() == Scheme::Negotiate);
        if proving.as_ref().is_some_and(|one| !one.has_spoken()) {
            self.shared.access.manners.note_forgetful(Peer::proxy(proxy));
        }
        let proving = proving.filter(|one| one.has_spoken());
        let home = self.home.clone();
        let Some(proving) = proving else {
            let is_named = proxy.credentials().is_some_and(|known| !known.is_ambient());
            return Ok(match self.begin_with_proxy(proxy, told, answer).await {
                true => Some(Some(ASKED)),
                // Who has a password and is issued no ticket was refused.
                false if is_named => Some(None),
                false => None,
            });
        };
        match proving.handle_challenge(token.as_deref()).await {
            Ok(Some(next)) => {
                drain(&home, &mut answer.content).await;
                if proving.go_on(next) {
                    return Ok(Some(Some(ASKED)));
                }
                told.rounds += 1;
                told.proving = None;
                Ok(Some((told.rounds < MOST_RESTARTS).then_some(LOST)))
            }
            Ok(None) | Err(Failure::Credentials(_)) => {
                self.shared.memories.proxies().refuse_tickets(proxy);
                Ok(Some(None))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Makes a first token for a proxy that asks; false if there is none to be had.
    async fn begin_with_proxy(
        &mut self,
        proxy: &Proxy,
        told: &mut ToForwarder,
        answer: &mut Answer,
    ) -> bool {
        if told.has_no_ticket {
            return false;
        }
        let (ticketing, home) = (self.ticketing_for(proxy), self.home.clone());
        let binding = answer.connection.binding(Asker::Proxy);
        match ticketing.begin(binding, &home).await {
            Ok(ready) => {
                self.shared.memories.proxies().take_tickets(proxy);
                told.proving = Some(Proving::negotiate(Asker::Proxy, ticketing, Some(ready)));
                true
            }
            Err(failure) => {
                told.has_no_ticket = true;
                let scheme = Scheme::Negotiate;
                self.emit(|| What::SchemePassedOver { scheme, why: failure.to_string() });
                false
            }
        }
    }

    /// What a talk in Negotiate with a proxy begins with.
    fn ticketing_for(&self, proxy: &Proxy) -> Ticketing {
        Ticketing {
            tickets: self.shared.network.tickets(),
            credentials: proxy.credentials().cloned().unwrap_or(Credentials::ambient()),
            host: proxy.target().host().to_owned(),
            habit: self.shared.access.manners.habit(&Peer::proxy(proxy)),
            wait: self.options.timeouts.of_dials().proxy,
            was_asked: true,
        }
    }

    /// The request as a proxy hears it.
    pub(super) fn asking<'a>(&'a self, proxy: &'a Proxy) -> Asking<'a> {
        let line = Line {
            method: self.method.as_str(),
            target: &self.url[..url::Position::AfterQuery],
            body: self.body.known_bytes(),
        };
        Asking { proxy, schemes: self.options.auth.schemes, line, binding: None }
    }
}

/// The error of a proxy that cannot be told who is asking.
pub(super) fn unspoken(error: Error, why: &Unspoken, challenges: &[Challenge]) -> Error {
    let why: &dyn std::fmt::Display = match why {
        Unspoken::Nothing => return no_way_to_say(error, challenges),
        Unspoken::Proof(fault) => fault,
        Unspoken::Ticket(failure) => failure,
    };
    let message = format!("{}; {why}", error.message());
    error.with_message(message)
}

/// Why a proxy cannot be told who is asking.
pub(super) enum Unspoken {
    /// It takes nothing that can be said.
    Nothing,
    /// It broke the protocol of NTLM.
    Proof(Fault),
    /// It broke the protocol of Negotiate.
    Ticket(Failure),
}

const CONTINUE: HeaderValue = HeaderValue::from_static("100-continue");
/// A proxy that always closes in the middle of a talk is not answered for ever.
const MOST_RESTARTS: u8 = 2;
pub(super) const ASKED: &str = "the proxy wanted to know who is asking";
