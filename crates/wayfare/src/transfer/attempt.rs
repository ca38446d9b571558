//! During: one go on one connection, whatever the scheme.

use std::future::Future;

use url::Url;
use wayfare_net::clock::now;
use wayfare_proto::address::origin::Scheme;
use wayfare_proto::policy::early_data::{Candidate, EarlyData};
use wayfare_proto::policy::retry::{Age, Break, is_idempotent};
use wayfare_proto::trace::event::What;

use super::Transfer;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Stage};
use crate::pool::Reuse;
use crate::protocol::http::{self, Flight, Surroundings};
use crate::protocol::{Answerer, Around, Failure, Outcome, Outgoing, Planned};

impl Transfer {
    /// Makes one attempt. Boxed, so that a transfer that waits for its turn stays small.
    pub(super) fn attempt(
        &mut self,
        planned: Box<Planned>,
    ) -> impl Future<Output = Outcome> + Send {
        let attempt = self.attempt_any(planned);
        debug_assert!(size_of_val(&attempt) <= SMALL, "{} bytes", size_of_val(&attempt));
        Box::pin(attempt)
    }

    async fn attempt_any(&mut self, planned: Box<Planned>) -> Outcome {
        self.stage = Stage::Receive;
        self.emit(|| What::Sending {
            method: planned.method.clone(),
            url: Box::new(Url::clone(&planned.url)),
            headers: Box::new(planned.fields.to_map()),
        });
        match self.shared.registry.find(planned.url.scheme()) {
            Some(Answerer::Http) => self.attempt_http(planned).await,
            Some(Answerer::Protocol(protocol)) => {
                let around = Around { home: self.home.clone(), options: self.options.clone() };
                match protocol.attempt(Outgoing::from(*planned), &around).await {
                    Ok(answer) => Outcome::Answered(Box::new(answer)),
                    Err(error) => Outcome::Failed(Box::new(Failure {
                        error,
                        how: Break::Answering,
                        age: Age::Fresh,
                        untouched: None,
                    })),
                }
            }
            None => unknown_scheme(self, planned.body),
        }
    }

    async fn attempt_http(&mut self, planned: Box<Planned>) -> Outcome {
        let flight = self.flight(&planned);
        let (Some(key), Some(emitter)) = (&self.key, &mut self.emitter) else {
            let message = "the URL names no server";
            let error = Error::new(ErrorKind::InvalidUrl, Stage::Plan, message);
            return Outcome::Failed(Failure::before_sending(error, planned.body).into());
        };
        self.shared.watch_idle();
        let journey = self.journey.as_ref();
        let around = Surroundings {
            network: &self.shared.network,
            connections: &self.shared.connections,
            memories: &self.shared.memories,
            names: &self.shared.names,
            queue: &self.shared.queue,
            key,
            home: &self.home,
            options: &self.options,
            priority: self.ticket.priority(),
            reuse: match self.tries.resent {
                0 if planned.body.is_none() && is_idempotent(&planned.method) => Reuse::Trusting,
                0 => Reuse::Allowed,
                _ => Reuse::Forbidden,
            },
            flight,
            proving: journey
                .and_then(|journey| journey.said.proving())
                .filter(|one| one.is_for(key)),
        };
        http::attempt(planned, &around, emitter).await
    }

    /// Whether the request may leave before a handshake is over, should one be made for it.
    fn flight(&self, planned: &Planned) -> Flight {
        let policy = self.options.tls.policy();
        let setting = policy.settings().early_data;
        if setting == EarlyData::Off || !policy.takes_early_data() || !planned.body.is_none() {
            return Flight::Later;
        }
        let Some(origin) = self.key.as_ref().map(|key| &key.origin) else { return Flight::Later };
        let asked = Candidate {
            method: &planned.method,
            fields: &planned.fields.to_map(),
            also_secret: &self.options.redirects.secret_fields,
        };
        let is_spared = origin.scheme() != Scheme::Https
            || self.tries.too_early > 0
            || self.shared.early_refusals().holds(origin, now());
        if setting.allows(&asked) && !is_spared { Flight::Early } else { Flight::Later }
    }
}

fn unknown_scheme(transfer: &Transfer, body: Body) -> Outcome {
    let known = transfer.shared.registry.schemes().join(", ");
    let message =
        format!("the scheme \"{}\" is not supported; there are {known}", transfer.url.scheme());
    let error = Error::new(ErrorKind::UnknownScheme, Stage::Plan, message);
    Outcome::Failed(Failure::before_sending(error, body).into())
}

/// One attempt is set aside for every request: what is larger is no longer among the pieces that
/// allocators keep at hand (glibc: up to 1,032 bytes).
const SMALL: usize = 1024;
