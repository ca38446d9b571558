//! Connections that are proven to be somebody's (NTLM, Negotiate): the messages of one talk, over
//! one connection.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};
use wayfare_net::clock::now;
use wayfare_net::gss::Failure;
use wayfare_net::runtime::{Home, Timer};
use wayfare_proto::address::origin::Origin;
use wayfare_proto::policy::auth::{self, Asker, Offer, Scheme, ntlm};
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::syntax::credentials::Credentials;
use wayfare_proto::syntax::stamp::Stamp;
use wayfare_proto::trace::event::What;

use super::access::Heard;
use super::manners::Peer;
use super::{Again, Transfer};
use crate::body::incoming::{Content, Piece};
use crate::body::random;
use crate::error::{Error, ErrorKind, Stage};
use crate::options::{AuthenticationReuse, Versions};
use crate::protocol::http::proving::Proving;
use crate::protocol::http::ticketing::{Ready, Ticketing};
use crate::protocol::{Answer, ContentOrBody};
use crate::queue::Owner;

/// A talk that proves a connection.
pub(super) struct Talk {
    pub(super) proving: Arc<Proving>,
    owner: Owner,
    hello: Vec<u8>,
    stage: TalkStage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TalkStage {
    /// The proof was said.
    Answered,
    /// The greeting was, or will be, said on a connection that is not proven yet.
    Greeted,
}

impl Talk {
    fn ntlm(owner: Owner) -> Self {
        let hello = ntlm::hello();
        let proving = Proving::ntlm(Asker::Origin, ntlm::field(&hello));
        Self { proving, owner, hello, stage: TalkStage::Greeted }
    }

    /// The same from the start, for another connection.
    fn anew(self) -> Self {
        match self.owner.scheme {
            // Whoever makes the tokens begins anew by itself.
            Scheme::Negotiate => self,
            _ => Self::ntlm(self.owner),
        }
    }

    /// What was refused, if the proof was said already.
    pub(super) fn refused(self) -> Option<Heard> {
        let was_said = match self.owner.scheme {
            Scheme::Negotiate => self.proving.has_spoken(),
            _ => self.stage == TalkStage::Answered,
        };
        let Owner { scheme, credentials } = self.owner;
        was_said.then_some(Heard { scheme, realm: None, credentials })
    }
}

impl Transfer {
    /// Goes on by this way. The lane and the talk change together, so that a talk under way does not
    /// prove a connection of the common lane, where others would be its user.
    pub(super) fn go_by(&mut self, way: &Chain) {
        self.key = self.shared.lane(&self.url, &self.options, way);
        let Some(talk) = self.journey.as_mut().and_then(|journey| journey.said.talk.take()) else {
            return self.own_connection_as_known();
        };
        if !self.may_prove_connection() {
            return;
        }
        let Some(key) = self.key.take() else { return };
        self.key = Some(Arc::new(key.owned_by(talk.owner.clone())));
        self.journey().said.talk = Some(Box::new(talk.anew()));
    }

    /// Goes on in the lane whose connections are `owner`'s; the server has asked, and a first token
    /// may have been made for it.
    pub(super) fn own_connection(&mut self, owner: Owner, ready: Option<Ready>) {
        self.go_to_own_lane(owner, |ticketing| {
            Proving::negotiate(Asker::Origin, Ticketing { was_asked: true, ..ticketing }, ready)
        });
    }

    /// Does so from the start, where it is known that connections are to be proven, and what is known
    /// goes along by itself.
    fn own_connection_as_known(&mut self) {
        let is_automatic = self.options.auth.reuse == AuthenticationReuse::Automatic;
        if !self.shared.access.is_used() || !is_automatic || !self.may_prove_connection() {
            return;
        }
        let owner = self.place().and_then(|place| self.shared.access.owner(&place));
        if let Some(owner) = owner {
            self.go_to_own_lane(owner, |ticketing| {
                Proving::negotiate(Asker::Origin, ticketing, None)
            });
        }
    }

    /// True if something that proves a connection may be said with this request: that takes HTTP/1.1,
    /// and a connection that is not proven to a proxy, nor shared by one with others.
    pub(super) fn may_prove_connection(&self) -> bool {
        let pins = |proxy| self.shared.access.manners.pins(proxy);
        !self.is_said_by_hand()
            && self.options.connections.versions != Versions::Http2
            && !self.is_proven_to_proxy()
            && self.forwarder().is_none_or(pins)
    }

    /// Takes in whether a proxy that passed on these `offers` says that it keeps connections apart.
    pub(super) fn learn_of_sessions(&self, offers: &[Offer], headers: &HeaderMap) {
        let Some(proxy) = self.forwarder() else { return };
        if offers.iter().any(|offer| offer.scheme().is_bound()) {
            match auth::keeps_sessions(headers) {
                true => self.shared.access.manners.note_pinning(proxy),
                false => self.shared.access.manners.note_mingling(proxy),
            }
        }
    }

    /// True if the program itself says who is asking, which is not overridden.
    pub(super) fn is_said_by_hand(&self) -> bool {
        self.headers.contains_key(header::AUTHORIZATION)
            || self.sends_default(&header::AUTHORIZATION)
    }

    fn go_to_own_lane(&mut self, owner: Owner, negotiate: impl FnOnce(Ticketing) -> Arc<Proving>) {
        let Some(key) = self.key.take() else { return };
        self.key = Some(Arc::new(key.owned_by(owner.clone())));
        let talk = match owner.scheme {
            Scheme::Negotiate => {
                let proving = negotiate(self.ticketing(&key.origin, &owner.credentials));
                Talk { proving, owner, hello: Vec::new(), stage: TalkStage::Greeted }
            }
            _ => Talk::ntlm(owner),
        };
        self.journey().said.talk = Some(Box::new(talk));
    }

    /// What a talk in Negotiate with an origin begins with, should it be told unasked.
    pub(super) fn ticketing(&self, origin: &Origin, credentials: &Credentials) -> Ticketing {
        Ticketing {
            tickets: self.shared.network.tickets(),
            credentials: credentials.clone(),
            host: origin.host().to_owned(),
            habit: self.shared.access.manners.habit(&Peer::Origin(origin.clone())),
            wait: self.options.timeouts.first_byte,
            was_asked: false,
        }
    }

    /// Answers the server on the connection that its question came over, if a talk is under way there.
    pub(super) async fn go_on_talking(
        &mut self,
        offer: Option<&Offer>,
        answer: &mut Answer,
    ) -> Result<Option<Again>, Error> {
        match offer {
            Some(Offer::Ntlm(Some(token))) if self.is_greeting() => {
                self.go_on(token, answer).await.map(Some)
            }
            Some(Offer::Negotiate(token)) => self.go_on_negotiating(token.as_deref(), answer).await,
            _ => Ok(None),
        }
    }

    async fn go_on_negotiating(
        &mut self,
        token: Option<&str>,
        answer: &mut Answer,
    ) -> Result<Option<Again>, Error> {
        let Some(talk) = &self.journey().said.talk else { return Ok(None) };
        let (proving, owner) = (talk.proving.clone(), talk.owner.clone());
        let next = match proving.handle_challenge(token).await {
            Ok(Some(next)) => next,
            Ok(None) => return Ok(None),
            Err(Failure::Fault(fault)) => {
                let error = Error::new(ErrorKind::Protocol, Stage::Receive, fault.to_string());
                return Err(error.because(fault));
            }
            // What the server answered is no way to let anybody in.
            Err(failure) => {
                let why = format!("the server did not take the ticket: {failure}");
                self.emit(|| What::SchemePassedOver { scheme: Scheme::Negotiate, why });
                return Ok(None);
            }
        };
        drain(&self.home.clone(), &mut answer.content).await;
        if proving.go_on(next) {
            return Ok(Some(Again::Resend("the server asked for more of a proof")));
        }
        // From the start, on another connection.
        self.own_connection(owner, None);
        self.journey().said.add_round();
        Ok(Some(Again::Resend(LOST)))
    }

    /// True if the server was greeted, and its question is to be answered.
    fn is_greeting(&self) -> bool {
        let talk = self.journey.as_ref().and_then(|journey| journey.said.talk.as_ref());
        talk.is_some_and(|talk| {
            talk.owner.scheme == Scheme::Ntlm && talk.stage == TalkStage::Greeted
        })
    }

    /// Answers the server's question on the connection it came over.
    async fn go_on(&mut self, token: &str, answer: &mut Answer) -> Result<Again, Error> {
        drain(&self.home.clone(), &mut answer.content).await;
        let binding = answer.connection.binding(Asker::Origin);
        let service = format!("HTTP/{}", self.url.host_str().unwrap_or_default());
        let random = random::bytes();
        let around = ntlm::Circumstances {
            challenge: std::array::from_fn(|at| random[at]),
            now: Stamp::from(SystemTime::now()),
            service: &service,
            binding: binding.as_deref(),
        };
        let Some(talk) = &mut self.journey().said.talk else {
            return Ok(Again::Resend("the server wanted to know who is asking"));
        };
        debug_assert_eq!(talk.owner.scheme, Scheme::Ntlm);
        let proof = ntlm::Question::read_token(token)
            .and_then(|asked| ntlm::proof(&talk.hello, &asked, &talk.owner.credentials, &around));
        let proof = proof.map_err(|fault| {
            let kind = match fault {
                ntlm::Fault::Credentials => ErrorKind::InvalidRequest,
                _ => ErrorKind::Protocol,
            };
            Error::new(kind, Stage::Receive, fault.to_string()).because(fault)
        })?;
        if talk.proving.go_on(ntlm::field(&proof)) {
            talk.stage = TalkStage::Answered;
            return Ok(Again::Resend("the server asked for a proof"));
        }
        // The server has ended the connection in the middle of the talk: from the start, on another.
        let owner = talk.owner.clone();
        **talk = Talk::ntlm(owner);
        self.journey().said.add_round();
        Ok(Again::Resend(LOST))
    }
}

/// Reads what is left of an answer that nobody wants, so that its connection can be used.
pub(super) async fn drain(home: &Home, content: &mut ContentOrBody) {
    let ContentOrBody::Content(Content::Wire(wire)) = content else { return };
    let mut timer = Timer::new(home.clone());
    let (deadline, mut left) = (now() + DRAIN_WAIT, DRAIN_MOST);
    std::future::poll_fn(|cx| {
        while let std::task::Poll::Ready(piece) = wire.poll_piece(cx) {
            match piece {
                Ok(Piece::Data(data)) if data.len() <= left => left -= data.len(),
                // What is too long, or broken, costs the connection.
                _ => return std::task::Poll::Ready(()),
            }
        }
        timer.poll_until(deadline, cx)
    })
    .await;
}

pub(super) const LOST: &str = "the connection was lost before it was proven";
const DRAIN_WAIT: Duration = Duration::from_secs(5);
const DRAIN_MOST: usize = 256 * 1024;
