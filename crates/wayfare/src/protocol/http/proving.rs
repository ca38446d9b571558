//! Talks that prove a connection instead of a request (NTLM): all of one goes over one connection,
//! which is then the user's alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderValue, StatusCode};
use wayfare_proto::policy::auth::Asker;

use super::h1::Connection;

/// A talk under way, and the connection it keeps between two messages.
pub(crate) struct Proving {
    asker: Asker,
    /// Said first on a connection that is not proven.
    hello: HeaderValue,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Option<Box<Connection>>,
    next: Option<HeaderValue>,
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
    pub(crate) fn new(asker: Asker, hello: HeaderValue) -> Arc<Self> {
        Arc::new(Self { asker, hello, state: Mutex::default() })
    }

    pub(super) fn asker(&self) -> Asker {
        self.asker
    }

    /// Says `next` on the connection that is kept; false if the peer has ended it.
    pub(crate) fn go_on(&self, next: HeaderValue) -> bool {
        let mut state = self.lock();
        state.next = Some(next);
        state.kept.is_some()
    }

    /// True if there is something to be said on the connection that is kept.
    pub(crate) fn is_going_on(&self) -> bool {
        let state = self.lock();
        state.kept.is_some() && state.next.is_some()
    }

    /// The connection that is kept, and what is said on it.
    pub(super) fn take(&self) -> Option<(Box<Connection>, HeaderValue)> {
        let mut state = self.lock();
        let mut connection = state.kept.take()?;
        let next = state.next.take()?;
        connection.standing = Standing::Answering;
        Some((connection, next))
    }

    /// What is said on a connection of the pool, if anything has to be.
    pub(super) fn greet(&self, connection: &mut Connection) -> Option<HeaderValue> {
        if connection.standing == Standing::Proven {
            return None;
        }
        connection.standing = Standing::Greeting;
        Some(self.hello.clone())
    }

    pub(super) fn keep(&self, connection: Box<Connection>) {
        self.lock().kept = Some(connection);
    }

    /// Takes in how an exchange ended.
    pub(super) fn judge(&self, connection: &mut Connection, status: StatusCode) -> Fate {
        let is_asked = status
            == match self.asker {
                Asker::Origin => StatusCode::UNAUTHORIZED,
                Asker::Proxy => StatusCode::PROXY_AUTHENTICATION_REQUIRED,
            };
        let (standing, fate) = match (connection.standing, is_asked) {
            (Standing::Greeting, true) => (Standing::Greeting, Fate::Keep),
            (Standing::Answering, false) => (Standing::Proven, Fate::Pool),
            (Standing::Answering | Standing::Proven, true) => (Standing::Unproven, Fate::Close),
            (Standing::Greeting, false) => (Standing::Unproven, Fate::Pool),
            (standing, _) => (standing, Fate::Pool),
        };
        connection.standing = standing;
        fate
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
