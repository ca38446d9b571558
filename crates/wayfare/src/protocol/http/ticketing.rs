//! First tokens of Negotiate, made for one connection or before there is any.

use std::sync::Arc;

use http::HeaderValue;
use wayfare_net::gss::{Failure, Negotiation, Purpose, Tickets};
use wayfare_net::runtime::Home;
use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::syntax::credentials::Credentials;

/// What a talk in Negotiate begins with.
pub(crate) struct Ticketing {
    pub(crate) tickets: Arc<dyn Tickets>,
    pub(crate) credentials: Credentials,
    /// The host whose service is meant.
    pub(crate) host: String,
    pub(crate) habit: Habit,
    /// How long a token may take to be made.
    pub(crate) wait: Wait,
    /// True if the peer wanted to know; then it has to prove itself in turn.
    pub(crate) was_asked: bool,
}

/// How often a server asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// With each request, whatever was proven on the connection before.
    AsksEachTime,
    /// Once for each connection.
    AsksOnce,
}

/// A first token, and the talk that it begins.
pub(crate) struct Ready {
    talk: Negotiation,
    said: HeaderValue,
    binding: Option<Vec<u8>>,
}

impl Ticketing {
    /// Makes a first token for connections that `binding` stands for.
    pub(crate) async fn begin(
        &self,
        binding: Option<Vec<u8>>,
        home: &Home,
    ) -> Result<Ready, Failure> {
        let purpose = Purpose {
            credentials: self.credentials.clone(),
            host: self.host.clone(),
            binding: binding.clone(),
        };
        let (tickets, wait) = (self.tickets.clone(), self.wait);
        let (talk, said) = Negotiation::begin(home, tickets, purpose, wait).await?;
        Ok(Ready { talk, said, binding })
    }
}

impl Ready {
    /// True if it can be said on connections that `binding` stands for.
    pub(super) fn is_for(&self, binding: &Option<Vec<u8>>) -> bool {
        self.binding == *binding
    }

    pub(super) fn into_parts(self) -> (Negotiation, HeaderValue) {
        (self.talk, self.said)
    }
}
