//! Who is asking: what is said to a server unasked, and what is said when it asks (401).

use std::sync::Arc;

use http::{HeaderValue, StatusCode};
use wayfare_net::gss::Failure;
use wayfare_proto::address::origin::{Origin, Scheme};
use wayfare_proto::policy::auth::digest::Line;
use wayfare_proto::policy::auth::space::Login;
use wayfare_proto::policy::auth::{Asker, Offer, Scheme as AuthScheme};
use wayfare_proto::policy::redirect::Border;
use wayfare_proto::syntax::credentials::Credentials;
use wayfare_proto::trace::event::What;

use super::access::{Heard, Place, fresh_nonce};
use super::forwarder::ToForwarder;
use super::manners::Peer;
use super::talk::Talk;
use super::{Again, Asked, Transfer};
use crate::error::Error;
use crate::options::{Auth, AuthenticationReuse};
use crate::protocol::Answer;
use crate::protocol::http::proving::Proving;
use crate::protocol::http::ticketing::Ready;
use crate::queue::Owner;

/// Who a single request says to be.
#[derive(Clone)]
pub(crate) enum Own {
    /// A user with a password.
    Known(Credentials),
    /// A user whose password is to be found elsewhere, or who has none.
    Named(String),
}

/// A server that wants to know who is asking, and its answer, should nobody say.
pub(crate) struct Unauthorized {
    offers: Vec<Offer>,
    answer: Box<Answer>,
}

/// What a transfer has said so far.
#[derive(Default)]
pub(super) struct Said {
    /// With the attempt under way.
    heard: Option<Heard>,
    /// Answers to the question who is asking, since the last redirect.
    rounds: u8,
    /// What servers did not accept.
    pub(super) refused: Vec<(Origin, Credentials)>,
    /// What is to be said next, if nothing may be kept for others.
    next: Option<Box<(Origin, Offer, Credentials)>>,
    /// There was none for this place, so it is not tried again.
    has_no_ticket: bool,
    /// The talk that proves a connection.
    pub(super) talk: Option<Box<Talk>>,
    /// What the proxy was told that is given the request.
    pub(super) forwarder: Option<Box<ToForwarder>>,
}

impl Said {
    /// Goes on to another place.
    pub(super) fn move_on(&mut self) {
        self.heard = None;
        self.rounds = 0;
        self.next = None;
        self.has_no_ticket = false;
        self.talk = None;
        self.forwarder = None;
    }

    /// Counts another try.
    pub(super) fn add_round(&mut self) {
        self.rounds += 1;
    }

    pub(super) fn proving(&self) -> Option<&Arc<Proving>> {
        let forwarder = || self.forwarder.as_ref().and_then(|told| told.proving.as_ref());
        self.talk.as_ref().map(|talk| &talk.proving).or_else(forwarder)
    }
}

impl Transfer {
    /// The request's own credentials; they do not follow it to another origin.
    pub(super) fn own(&self) -> Option<&Credentials> {
        match self.own_who() {
            Some(Own::Known(credentials)) => Some(credentials),
            _ => None,
        }
    }

    pub(super) fn own_who(&self) -> Option<&Own> {
        self.own.as_deref().filter(|_| self.border == Border::Kept)
    }

    pub(super) fn place(&self) -> Option<Place<'_>> {
        let origin = &self.key.as_ref()?.origin;
        let Auth { ambient, schemes, .. } = &self.options.auth;
        let (own, named) = match self.own_who() {
            Some(Own::Known(credentials)) => (Some(credentials), None),
            Some(Own::Named(user)) => (None, Some(user.as_str())),
            None => (None, None),
        };
        Some(Place { origin, path: self.url.path(), own, named, ambient, schemes: *schemes })
    }

    /// True if something may have to be said with the request.
    pub(super) fn may_say_who(&self) -> bool {
        self.key.is_some()
            && (self.shared.access.is_used()
                || self.journey.as_ref().is_some_and(|journey| journey.said.next.is_some()))
    }

    /// The `Authorization` field, if it is known here who is asking and nobody said it by hand.
    pub(super) fn introduction(&mut self) -> Option<HeaderValue> {
        if let Some(journey) = &mut self.journey {
            journey.said.heard = None;
        }
        // What proves a connection is said when it is known which one it is.
        let is_owned = self.key.as_ref().is_some_and(|key| key.footing.owner.is_some());
        if is_owned || !self.may_say_who() || self.is_said_by_hand() {
            return None;
        }
        let (value, heard) = self.said_unasked()?;
        self.journey().said.heard = Some(heard);
        Some(value)
    }

    fn said_unasked(&mut self) -> Option<(HeaderValue, Heard)> {
        let place = self.place()?;
        let line = Line {
            method: self.method.as_str(),
            target: &self.url[url::Position::BeforePath..url::Position::AfterQuery],
            body: self.body.known_bytes(),
        };
        if self.options.auth.reuse == AuthenticationReuse::Automatic {
            return self.shared.access.say(&place, &line);
        }
        let next = self.journey.as_ref()?.said.next.as_deref();
        let (_, offer, credentials) = next.filter(|(origin, ..)| origin == place.origin)?.clone();
        let realm = offer.realm().map(str::to_owned);
        let scheme = offer.scheme();
        let mut login = Login::answer(&offer, credentials.clone())?;
        let value = login.say(&line, fresh_nonce)?;
        Some((value, Heard { scheme, realm, credentials }))
    }

    /// Takes in what an answer teaches about the next proof.
    pub(super) fn learn_who(&mut self, answer: &Answer) {
        let Some(journey) = &self.journey else { return };
        if journey.said.heard.is_none() || answer.status == StatusCode::UNAUTHORIZED {
            return;
        }
        if let Some(place) = self.place() {
            self.shared.access.handle_answer(&place, &answer.headers);
        }
    }

    /// What a 401 means: the offers that can be answered, if it can be tried again at all.
    pub(super) fn judge_unauthorized(&mut self, answer: &mut Answer) -> Vec<Offer> {
        if answer.status != StatusCode::UNAUTHORIZED || self.key.is_none() {
            return Vec::new();
        }
        let rounds = self.journey.as_ref().map_or(0, |journey| journey.said.rounds);
        if self.is_said_by_hand() || rounds >= MOST_ROUNDS {
            return Vec::new();
        }
        if let Some(untouched) = answer.untouched.take() {
            self.body = untouched;
        }
        if !self.body.is_sendable() {
            return Vec::new();
        }
        let challenges = Asker::Origin.challenges(&answer.headers);
        let mut offers = Offer::of(&challenges, self.options.auth.schemes);
        for offer in &mut offers {
            if let (Offer::Digest(asked), Some(key)) = (offer, &self.key) {
                asked.settle(&key.origin);
            }
        }
        self.learn_of_sessions(&offers, &answer.headers);
        let is_guarded = self.is_weaker_than_known();
        offers.retain(|offer| match offer {
            Offer::Basic(_) => !is_guarded,
            Offer::Digest(asked) => !asked.covers_body() || self.body.known_bytes().is_some(),
            Offer::Negotiate(_) | Offer::Ntlm(_) => self.may_prove_connection(),
            // A token is nothing that can be made of a password.
            Offer::Bearer(_) => false,
        });
        offers
    }

    /// True if the password as it is may not be said here: the origin took a proof before, and there is
    /// no TLS that would tell whether it is still the same.
    fn is_weaker_than_known(&self) -> bool {
        self.key.as_ref().is_some_and(|key| {
            key.origin.scheme() == Scheme::Http && self.shared.access.wants_proof(&key.origin)
        })
    }

    /// Finds out who is asking; the answer is delivered as it is if nobody says.
    pub(super) async fn identify(&mut self, asked: Unauthorized) -> Result<Asked, Error> {
        let Unauthorized { offers, mut answer } = asked;
        if let Some(again) = self.go_on_talking(offers.first(), &mut answer).await? {
            return Ok(Asked::Yes(again));
        }
        let Some(key) = self.key.clone() else { return Ok(Asked::No(answer)) };
        let origin = &key.origin;
        let heard = self.take_heard(origin);
        let is_first = self.journey().said.rounds == 0;
        self.journey().said.rounds += 1;
        let binding = answer.connection.binding(Asker::Origin);
        let schemes = self.options.auth.schemes;
        for offer in &offers {
            self.emit(|| What::AuthenticationRequired {
                realm: offer.realm().map(str::to_owned),
                scheme: offer.scheme(),
            });
            let asked = (origin, offer);
            let found = self.judge_heard(asked, heard.as_ref(), is_first).await?;
            if found.as_ref().is_some_and(|who| offer.takes(who) && !offer.is_for(who, schemes)) {
                let (scheme, why) = (offer.scheme(), NO_PASSWORDS.to_owned());
                self.emit(|| What::SchemePassedOver { scheme, why });
            }
            let Some(credentials) = found.filter(|found| offer.is_for(found, schemes)) else {
                let refused = heard.as_ref().is_some_and(|heard| is_asked_in_kind(heard, offer));
                match offer {
                    // Nobody whom tickets prove: then somebody with a password.
                    Offer::Negotiate(_) if !refused => continue,
                    _ => break,
                }
            };
            let (credentials, ready) = match offer {
                Offer::Negotiate(_) => {
                    match self.find_ticket(asked, credentials, &binding).await? {
                        Some((credentials, ready)) => (credentials, Some(ready)),
                        None => continue,
                    }
                }
                _ => (credentials, None),
            };
            self.take_on(asked, credentials, ready);
            return Ok(Asked::Yes(Again::Resend("the server wanted to know who is asking")));
        }
        Ok(Asked::No(answer))
    }

    /// Who to be for an offer, given what was said with the request that it answers.
    async fn judge_heard(
        &mut self,
        asked: (&Origin, &Offer),
        heard: Option<&Heard>,
        is_first: bool,
    ) -> Result<Option<Credentials>, Error> {
        let (origin, offer) = asked;
        match heard {
            Some(heard) if is_only_stale(heard, offer, is_first) => {
                return Ok(Some(heard.credentials.clone()));
            }
            // It was said unasked, and something else is asked: nothing was judged.
            Some(heard) if is_first && !is_asked_in_kind(heard, offer) => {}
            // An offer that may be passed over judges nothing but its own.
            Some(heard) if offer.is_negotiate() && !is_asked_in_kind(heard, offer) => {}
            Some(heard) => {
                self.note_refused(origin, heard);
                return self.find_credentials(asked, Some(&heard.credentials)).await;
            }
            None => {}
        }
        self.find_credentials(asked, None).await
    }

    /// Notes that a server did not let somebody in, or will not.
    fn note_refused(&mut self, origin: &Origin, heard: &Heard) {
        if let Some(place) = self.place() {
            self.shared.access.refuse(&place, heard);
        }
        self.journey().said.refused.push((origin.clone(), heard.credentials.clone()));
    }

    /// Makes a first token for a server that asks, so that another scheme can be taken if there is
    /// none to be had.
    ///
    /// Who has a password and is issued no ticket was refused as much as by the server: it is not
    /// tried once more, and somebody else is looked for.
    async fn find_ticket(
        &mut self,
        asked: (&Origin, &Offer),
        mut credentials: Credentials,
        binding: &Option<Vec<u8>>,
    ) -> Result<Option<(Credentials, Ready)>, Error> {
        let (origin, offer) = asked;
        for _ in 0..MOST_ROUNDS {
            if self.journey().said.has_no_ticket {
                break;
            }
            let (ticketing, home) = (self.ticketing(origin, &credentials), self.home.clone());
            let failure = match ticketing.begin(binding.clone(), &home).await {
                Ok(ready) => return Ok(Some((credentials, ready))),
                Err(failure) => failure,
            };
            let scheme = AuthScheme::Negotiate;
            self.emit(|| What::SchemePassedOver { scheme, why: failure.to_string() });
            if credentials.is_ambient() || !matches!(failure, Failure::Credentials(_)) {
                self.journey().said.has_no_ticket = true;
                break;
            }
            let heard = Heard { scheme, realm: None, credentials };
            self.note_refused(origin, &heard);
            let other = self.find_credentials(asked, Some(&heard.credentials)).await?;
            match other.filter(|other| offer.is_for(other, self.options.auth.schemes)) {
                Some(other) => credentials = other,
                None => break,
            }
        }
        Ok(None)
    }

    /// What was said with the attempt that the server answers, and is of no more use.
    fn take_heard(&mut self, origin: &Origin) -> Option<Heard> {
        let talk = self.journey().said.talk.take();
        if let Some(talk) = &talk
            && talk.proving.scheme() == AuthScheme::Negotiate
            && !talk.proving.has_spoken()
        {
            self.shared.access.manners.note_forgetful(Peer::Origin(origin.clone()));
        }
        let refused = talk.and_then(|talk| Talk::refused(*talk));
        self.journey().said.heard.take().or(refused)
    }

    /// Answers an offer from now on.
    fn take_on(
        &mut self,
        (origin, offer): (&Origin, &Offer),
        credentials: Credentials,
        ready: Option<Ready>,
    ) {
        if offer.scheme().is_bound() {
            let owner = Owner { scheme: offer.scheme(), credentials: credentials.clone() };
            self.own_connection(owner, ready);
        }
        match self.options.auth.reuse {
            AuthenticationReuse::Automatic => {
                if let Some(place) = self.place() {
                    self.shared.access.open(&place, offer, credentials);
                }
            }
            AuthenticationReuse::Manual => {
                let next = Box::new((origin.clone(), offer.clone(), credentials));
                self.journey().said.next = Some(next);
            }
        }
    }
}

impl Unauthorized {
    pub(super) fn new(offers: Vec<Offer>, answer: Box<Answer>) -> Self {
        Self { offers, answer }
    }
}

/// True if a proof may have been right but for its nonce: the server says so (RFC 7616 §3.3), or it
/// was said unasked and so by a nonce of earlier days, of which not every server speaks.
fn is_only_stale(heard: &Heard, offer: &Offer, is_first: bool) -> bool {
    matches!(offer, Offer::Digest(asked) if asked.is_stale() || is_first)
        && is_asked_in_kind(heard, offer)
}

/// True if the server asks for what it was told.
fn is_asked_in_kind(heard: &Heard, offer: &Offer) -> bool {
    heard.scheme == offer.scheme() && heard.realm.as_deref() == offer.realm()
}

/// A server that is never content, or always finds the nonce too old, must not keep a request going
/// for ever.
const MOST_ROUNDS: u8 = 3;

const NO_PASSWORDS: &str = "a password is used for Negotiate only where nothing else is allowed";
