//! Who is asking, said to a proxy that is asked for a tunnel, in whatever scheme it takes.

use http::{HeaderMap, HeaderValue};
use wayfare_proto::policy::auth::Asker;
use wayfare_proto::policy::auth::ntlm::Fault;
use wayfare_proto::policy::auth::telling::{Next, Telling};
use wayfare_proto::syntax::challenge::Challenge;
use wayfare_proto::wire::tunnel::{self, News};

use super::access::Asking;
use super::hop::HopFailure;
use super::negotiating::{Negotiating, Reaction};
use super::{DialStep, Dialer, Listener};

/// What is said to one proxy over one connection.
pub(super) struct Speaking<'a> {
    asking: Asking<'a>,
    dialer: &'a Dialer<'a>,
    telling: Telling,
    negotiating: Negotiating,
}

/// What has become of a connection whose proxy asked who is asking.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Closed,
    Open,
}

impl<'a> Speaking<'a> {
    pub(super) fn new(asking: Asking<'a>, dialer: &'a Dialer<'a>) -> Self {
        let (telling, negotiating) = (Telling::default(), Negotiating::default());
        Self { asking, dialer, telling, negotiating }
    }

    /// What is said with the next question, if anything is.
    pub(super) async fn say(&mut self, listener: Listener<'_>) -> Option<HeaderValue> {
        let token = self.negotiating.say(&self.asking, self.dialer, listener).await;
        let access = self.dialer.memories.proxies();
        token.or_else(|| access.say(&mut self.telling, &self.asking))
    }

    /// Takes in what the proxy says with the tunnel that it opens.
    pub(super) async fn handle_open(&mut self, news: News) -> Result<(), HopFailure> {
        let News { info, challenges } = news;
        let proven = self.negotiating.handle_granted(&challenges, info.as_ref()).await;
        proven.map_err(HopFailure::Ticket)?;
        if let Some(info) = info {
            let headers = HeaderMap::from_iter([(Asker::Proxy.info_field(), info)]);
            self.dialer.memories.proxies().handle_answer(self.asking.proxy, &headers);
        }
        Ok(())
    }

    /// Takes in a refusal (407); an error unless there is more to be said on the same connection.
    pub(super) async fn handle_refusal(
        &mut self,
        challenges: Vec<Challenge>,
        connection: Connection,
        listener: Listener<'_>,
    ) -> Result<(), HopFailure> {
        let (asking, dialer) = (&self.asking, self.dialer);
        let reaction =
            self.negotiating.handle_refusal(&challenges, asking, dialer, &mut *listener).await;
        let (next, is_ticket) = match reaction {
            Reaction::NotOurs => {
                let access = dialer.memories.proxies();
                (access.handle_refusal(&mut self.telling, asking, &challenges), false)
            }
            Reaction::GoOn if connection == Connection::Open => return Ok(()),
            Reaction::GoOn => return Err(HopFailure::Proof(Fault::Closed)),
            Reaction::Say => (Next::Say, true),
            Reaction::Refused => (Next::Refused, true),
            Reaction::Broken(failure) => return Err(HopFailure::Ticket(failure)),
        };
        let goes_on = !is_ticket && self.telling.needs_connection();
        if next == Next::Say && !goes_on {
            let offers = asking.offers(&challenges);
            if let Some(offer) = offers.iter().find(|offer| offer.is_negotiate() == is_ticket) {
                listener(DialStep::Identifying { realm: offer.realm(), scheme: offer.scheme() });
            }
        }
        match (next, connection) {
            (Next::Say, Connection::Open) => Ok(()),
            (Next::Say, Connection::Closed) if goes_on => Err(HopFailure::Proof(Fault::Closed)),
            (Next::Say, Connection::Closed) => Err(HopFailure::Asked(challenges)),
            (Next::Broken(fault), _) => Err(HopFailure::Proof(fault)),
            (Next::Refused | Next::Unknown | Next::Unspeakable, _) => {
                Err(tunnel::Failure::Challenged(challenges).into())
            }
        }
    }
}
