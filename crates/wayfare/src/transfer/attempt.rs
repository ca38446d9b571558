//! During: one go on one connection, whatever the scheme.

use std::future::Future;

use wayfare_proto::policy::retry::{Age, Break};
use wayfare_proto::trace::event::What;

use super::Transfer;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Stage};
use crate::pool::Reuse;
use crate::protocol::http::{self, Surroundings};
use crate::protocol::{Answerer, Around, Failure, Outcome, Outgoing};

impl Transfer {
    /// Makes one attempt. Boxed, so that a transfer that waits for its turn stays small.
    pub(super) fn attempt(
        &mut self,
        outgoing: Box<Outgoing>,
    ) -> impl Future<Output = Outcome> + Send {
        Box::pin(self.attempt_any(outgoing))
    }

    async fn attempt_any(&mut self, outgoing: Box<Outgoing>) -> Outcome {
        self.stage = Stage::Receive;
        self.emit(|| What::Sending {
            method: outgoing.method.clone(),
            url: Box::new(outgoing.url.clone()),
            headers: Box::new(outgoing.headers.clone()),
        });
        match self.shared.registry.find(outgoing.url.scheme()) {
            Some(Answerer::Http) => self.attempt_http(outgoing).await,
            Some(Answerer::Protocol(protocol)) => {
                let around = Around { home: self.home.clone(), options: self.options.clone() };
                match protocol.attempt(*outgoing, &around).await {
                    Ok(answer) => Outcome::Answered(Box::new(answer)),
                    Err(error) => Outcome::Failed(Failure {
                        error,
                        how: Break::Answering,
                        age: Age::Fresh,
                        untouched: None,
                    }),
                }
            }
            None => unknown_scheme(self, outgoing.body),
        }
    }

    async fn attempt_http(&mut self, outgoing: Box<Outgoing>) -> Outcome {
        let (Some(key), Some(emitter)) = (&self.key, &mut self.emitter) else {
            let message = "the URL names no server";
            let error = Error::new(ErrorKind::InvalidUrl, Stage::Plan, message);
            return Outcome::Failed(Failure::before_sending(error, outgoing.body));
        };
        self.shared.watch_idle();
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
            reuse: if self.tries.resent > 0 { Reuse::Forbidden } else { Reuse::Allowed },
        };
        http::attempt(outgoing, &around, emitter).await
    }
}

fn unknown_scheme(transfer: &Transfer, body: Body) -> Outcome {
    let known = transfer.shared.registry.schemes().join(", ");
    let message =
        format!("the scheme \"{}\" is not supported; there are {known}", transfer.url.scheme());
    let error = Error::new(ErrorKind::UnknownScheme, Stage::Plan, message);
    Outcome::Failed(Failure::before_sending(error, body))
}
