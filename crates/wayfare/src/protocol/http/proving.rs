//! Talks that prove a connection instead of a request (NTLM, Negotiate): all of one goes over one
//! connection, which is then the user's alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue, StatusCode};
use wayfare_net::gss::{Failure, Negotiation};
use wayfare_net::runtime::Home;
use wayfare_proto::policy::auth::negotiate::{self, Proof};
use wayfare_proto::policy::auth::{Asker, Scheme};
use wayfare_proto::trace::event::What;

use super::h1::Connection;
use super::ticketing::{Habit, Ready, Ticketing};
use crate::events::Emitter;
use crate::queue::LaneKey;

/// A talk under way, and the connection it keeps between two messages.
pub(crate) struct Proving {
    asker: Asker,
    speech: Speech,
    state: Mutex<State>,
}

/// Said first on a connection that is not proven.
enum Speech {
    /// A token, which is made for the connection.
    Negotiate(Ticketing),
    /// Always the same.
    Ntlm(HeaderValue),
}

#[derive(Default)]
struct State {
    kept: Option<Box<Connection>>,
    next: Option<HeaderValue>,
    /// A first token that was made already.
    ready: Option<Ready>,
    /// What goes on in Negotiate on the connection in use.
    talk: Option<Negotiation>,
    /// True if something was said with the last exchange.
    has_spoken: bool,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The proof was said with the exchange under way.
    Answering,
    /// The greeting was said with the exchange under way.
    Greeting,
    /// It is the user's.
    Proven,
    /// It is nobody's.
    #[default]
    Unproven,
}

/// Where a connection goes when an exchange is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The proof was refused, so it is of no more use.
    Close,
    /// The talk goes on over it.
    Keep,
    /// To the others of its lane.
    Pool,
}

impl Proving {
    /// A talk in NTLM, which begins with `hello`.
    pub(crate) fn ntlm(asker: Asker, hello: HeaderValue) -> Arc<Self> {
        Arc::new(Self { asker, speech: Speech::Ntlm(hello), state: Mutex::default() })
    }

    /// A talk in Negotiate, of which the first token may have been made already.
    pub(crate) fn negotiate(asker: Asker, ticketing: Ticketing, ready: Option<Ready>) -> Arc<Self> {
        let state = Mutex::new(State { ready, ..State::default() });
        Arc::new(Self { asker, speech: Speech::Negotiate(ticketing), state })
    }

    /// True if connections of this lane are to be proven so: they are one user's alone, or go to the
    /// proxy that has to know.
    pub(crate) fn is_for(&self, key: &LaneKey) -> bool {
        match self.asker {
            Asker::Origin => {
                key.footing.owner.as_ref().is_some_and(|owner| owner.scheme == self.scheme())
            }
            Asker::Proxy => {
                let proxy = key.forwarder().filter(|_| key.footing.owner.is_none());
                proxy.is_some_and(|proxy| proxy.credentials().is_some())
            }
        }
    }

    pub(super) fn asker(&self) -> Asker {
        self.asker
    }

    pub(crate) fn scheme(&self) -> Scheme {
        match self.speech {
            Speech::Negotiate(_) => Scheme::Negotiate,
            Speech::Ntlm(_) => Scheme::Ntlm,
        }
    }

    /// True if something was said with the last exchange.
    pub(crate) fn has_spoken(&self) -> bool {
        self.lock().has_spoken
    }

    /// Says `next` on the connection that is kept; false if the peer has ended it.
    pub(crate) fn go_on(&self, next: HeaderValue) -> bool {
        let mut state = self.lock();
        state.next = Some(next);
        state.kept.is_some()
    }

    /// True if there is something to be said on the connection that is kept, or was made for the next.
    pub(crate) fn is_going_on(&self) -> bool {
        let state = self.lock();
        state.ready.is_some() || (state.kept.is_some() && state.next.is_some())
    }

    /// Answers a challenge in Negotiate; nothing if no talk is under way, or the proof was refused.
    pub(crate) async fn handle_challenge(
        &self,
        token: Option<&str>,
    ) -> Result<Option<HeaderValue>, Failure> {
        let Some(mut talk) = self.lock().talk.take() else { return Ok(None) };
        let next = talk.handle_challenge(token).await?;
        self.lock().talk = Some(talk);
        Ok(next)
    }

    /// The connection that is kept, and what is said on it.
    pub(super) fn take(&self) -> Option<(Box<Connection>, HeaderValue)> {
        let mut state = self.lock();
        let mut connection = state.kept.take()?;
        let next = state.next.take()?;
        state.has_spoken = true;
        connection.standing = Standing::Answering;
        Some((connection, next))
    }

    /// What is said on a connection of the pool, if anything has to be. A ticket that is not to be had
    /// is not said: whoever then asks is told something else.
    pub(super) async fn greet(
        &self,
        connection: &mut Connection,
        home: &Home,
        emitter: &mut Emitter,
    ) -> Option<HeaderValue> {
        self.lock().has_spoken = false;
        let is_proven = connection.standing == Standing::Proven;
        let greeting = match &self.speech {
            Speech::Ntlm(_) if is_proven => return None,
            Speech::Ntlm(hello) => hello.clone(),
            Speech::Negotiate(ticketing) => {
                self.lock().talk = None;
                let binding = connection.binding(self.asker);
                // Made because somebody has asked, be it on another connection that was proven.
                let ready = self.lock().ready.take().filter(|ready| ready.is_for(&binding));
                let begun = match ready {
                    Some(ready) => Ok(ready),
                    None if is_proven && ticketing.habit == Habit::AsksOnce => return None,
                    None => ticketing.begin(binding, home).await,
                };
                let told = |failure: &Failure| emitter.emit(|| passed_over(failure));
                let (talk, said) = begun.inspect_err(told).ok()?.into_parts();
                self.lock().talk = Some(talk);
                said
            }
        };
        self.lock().has_spoken = true;
        connection.standing = Standing::Greeting;
        Some(greeting)
    }

    pub(super) fn keep(&self, connection: Box<Connection>) {
        self.lock().kept = Some(connection);
    }

    /// Takes in the head of an answer: who lets the user in has to prove itself in turn, where it can.
    pub(super) async fn handle_head(
        &self,
        connection: &mut Connection,
        (status, headers): (StatusCode, &HeaderMap),
        is_secure: IsSecure,
    ) -> Result<(), Failure> {
        let Speech::Negotiate(ticketing) = &self.speech else { return Ok(()) };
        if self.is_asked(status) {
            return Ok(());
        }
        let Some(mut talk) = self.lock().talk.take() else { return Ok(()) };
        let token = negotiate::last_token(self.asker, headers);
        let proof = match (self.asker, is_secure) {
            (Asker::Origin, IsSecure::No) if ticketing.was_asked => Proof::Demanded,
            // TLS has proven it; a proxy, or a place that needs no user, says nothing.
            _ => Proof::Welcome,
        };
        let proven = talk.handle_acceptance(token.as_deref(), proof).await;
        // Whoever was told unasked, and proves nothing, may not have looked.
        let is_let_in = proven.is_ok() && (talk.is_complete() || ticketing.was_asked);
        connection.standing = if is_let_in { Standing::Proven } else { Standing::Unproven };
        proven
    }

    /// Takes in how an exchange ended.
    pub(super) fn judge(
        &self,
        connection: &mut Connection,
        (status, headers): (StatusCode, &HeaderMap),
        key: &LaneKey,
    ) -> Fate {
        if self.is_unheard(status, key) {
            return keep_off(connection);
        }
        let (standing, fate) = match (connection.standing, self.is_asked(status)) {
            (Standing::Answering | Standing::Greeting, true) if self.goes_on(headers) => {
                (Standing::Greeting, Fate::Keep)
            }
            (Standing::Greeting, true) if self.scheme() == Scheme::Ntlm => {
                (Standing::Greeting, Fate::Keep)
            }
            (Standing::Greeting, true) => (Standing::Unproven, Fate::Close),
            (Standing::Answering, false) => (Standing::Proven, Fate::Pool),
            (Standing::Proven, true) if self.scheme() == Scheme::Negotiate => {
                (Standing::Unproven, Fate::Pool)
            }
            (Standing::Answering | Standing::Proven, true) => (Standing::Unproven, Fate::Close),
            (Standing::Greeting, false) => (Standing::Unproven, Fate::Pool),
            (standing, _) => (standing, Fate::Pool),
        };
        connection.standing = standing;
        fate
    }

    /// True if a proxy has asked who is asking (407), and not passed on what was said to the server.
    pub(super) fn is_unheard(&self, status: StatusCode, key: &LaneKey) -> bool {
        self.asker == Asker::Origin && Asker::Proxy.asks(status) && key.forwarder().is_some()
    }

    fn is_asked(&self, status: StatusCode) -> bool {
        self.asker.asks(status)
    }

    /// True if a talk in Negotiate is not at its end with this challenge.
    fn goes_on(&self, headers: &HeaderMap) -> bool {
        let challenges = self.asker.challenges(headers);
        self.lock().talk.is_some() && negotiate::token(&challenges).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn passed_over(failure: &Failure) -> What {
    What::SchemePassedOver { scheme: Scheme::Negotiate, why: failure.to_string() }
}

/// What becomes of a connection whose server has not heard what was said to it.
fn keep_off(connection: &mut Connection) -> Fate {
    let fate = match connection.standing {
        // The server would wait for a message that is not said again.
        Standing::Answering => Fate::Close,
        Standing::Greeting | Standing::Proven | Standing::Unproven => Fate::Pool,
    };
    if connection.standing != Standing::Proven {
        connection.standing = Standing::Unproven;
    }
    fate
}

/// Whether the peer has proven its name by TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IsSecure {
    No,
    Yes,
}
