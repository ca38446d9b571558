//! Negotiate towards a proxy that is asked for a tunnel: its tokens are made beside the talk.

use http::HeaderValue;
use wayfare_proto::policy::auth::negotiate::{self, Proof};
use wayfare_proto::policy::auth::{Offer, Scheme};
use wayfare_proto::syntax::challenge::Challenge;

use super::access::Asking;
use super::{DialStep, Dialer, Listener};
use crate::gss::{Failure, Negotiation, Purpose};

/// What of Negotiate was said to a proxy on one connection.
#[derive(Default)]
pub(super) struct Negotiating {
    progress: Progress,
    next: Option<HeaderValue>,
}

#[derive(Default)]
enum Progress {
    /// No proof is to be had.
    Impossible,
    /// Nothing was said.
    #[default]
    Silent,
    Talking(Box<Negotiation>),
}

/// What a refusal (407) means.
#[derive(Debug)]
pub(super) enum Reaction {
    /// The proxy broke the protocol.
    Broken(Failure),
    /// The next token has to go over the same connection.
    GoOn,
    /// Another scheme is meant.
    NotOurs,
    /// The ticket is not accepted.
    Refused,
    /// Ask once more, and say what is to be said now.
    Say,
}

impl Negotiating {
    /// What is said with the next question, if anything is.
    pub(super) async fn say(
        &mut self,
        asking: &Asking<'_>,
        dialer: &Dialer<'_>,
        listener: Listener<'_>,
    ) -> Option<HeaderValue> {
        let known = || dialer.memories.proxies().bound_scheme(asking.proxy, asking.schemes);
        if matches!(self.progress, Progress::Silent) && known() == Some(Scheme::Negotiate) {
            self.begin(asking, dialer, listener).await;
        }
        self.next.take()
    }

    pub(super) async fn handle_refusal(
        &mut self,
        challenges: &[Challenge],
        asking: &Asking<'_>,
        dialer: &Dialer<'_>,
        listener: Listener<'_>,
    ) -> Reaction {
        let offers = asking.offers(challenges);
        let Some(Offer::Negotiate(token)) = offers.first() else { return Reaction::NotOurs };
        let access = dialer.memories.proxies();
        let talk = match &mut self.progress {
            Progress::Talking(talk) => talk,
            Progress::Silent if asking.proxy.credentials().is_some() => {
                self.begin(asking, dialer, listener).await;
                if self.next.is_none() {
                    return Reaction::NotOurs;
                }
                access.take_tickets(asking.proxy);
                return Reaction::Say;
            }
            Progress::Impossible | Progress::Silent => return Reaction::NotOurs,
        };
        match talk.handle_challenge(token.as_deref()).await {
            Ok(Some(next)) => {
                self.next = Some(next);
                Reaction::GoOn
            }
            Ok(None) | Err(Failure::Credentials(_)) => {
                access.refuse_tickets(asking.proxy);
                Reaction::Refused
            }
            Err(failure) => Reaction::Broken(failure),
        }
    }

    /// Looks at what the proxy says that has opened the way. A proof that is missing is none: what
    /// comes through the tunnel has to prove itself, and common proxies send none with it.
    pub(super) async fn handle_granted(
        &mut self,
        challenges: &[Challenge],
        info: Option<&HeaderValue>,
    ) -> Result<(), Failure> {
        let token = negotiate::token_of(challenges, info);
        match &mut self.progress {
            Progress::Talking(talk) => {
                talk.handle_acceptance(token.as_deref(), Proof::Welcome).await
            }
            Progress::Impossible | Progress::Silent => Ok(()),
        }
    }

    async fn begin(&mut self, asking: &Asking<'_>, dialer: &Dialer<'_>, listener: Listener<'_>) {
        self.progress = Progress::Impossible;
        let Some(credentials) = asking.proxy.credentials().cloned() else { return };
        let host = asking.proxy.target().host().to_owned();
        let binding = asking.binding.map(<[u8]>::to_vec);
        let purpose = Purpose { credentials, host, binding };
        let (tickets, wait) = (dialer.network.tickets(), dialer.waits.proxy);
        match Negotiation::begin(dialer.home, tickets, purpose, wait).await {
            Ok((talk, said)) => {
                self.progress = Progress::Talking(Box::new(talk));
                self.next = Some(said);
            }
            Err(failure) => {
                let why = failure.to_string();
                listener(DialStep::PassedOver { scheme: Scheme::Negotiate, why });
            }
        }
    }
}
