//! HTTP: a connection along the route, then one exchange on it.

mod connect;
mod early;
pub(crate) mod h1;
pub(crate) mod h2;
pub(crate) mod proving;
pub(crate) mod ticketing;
mod upload;

use std::sync::Arc;

use wayfare_net::clock::now;
use wayfare_net::dial::Memories;
use wayfare_net::dns::Names;
use wayfare_net::network::Network;
use wayfare_net::runtime::Home;
use wayfare_proto::policy::schedule::Priority;

use super::{Failure, Outcome, Planned};
use crate::error::Error;
use crate::events::Emitter;
use crate::options::Options;
use crate::pool::{Pool, Reuse};
use crate::queue::{LaneKey, Queue};

pub(crate) use connect::preconnect;
use early::Early;
pub(crate) use early::Flight;
use proving::Proving;

/// The connections of a manager.
pub(crate) type Connections = Pool<Box<h1::Connection>, h2::Connection>;

/// What an HTTP attempt needs besides the request.
pub(crate) struct Surroundings<'a> {
    pub(crate) network: &'a Arc<dyn Network>,
    pub(crate) connections: &'a Arc<Connections>,
    pub(crate) memories: &'a Arc<Memories>,
    pub(crate) names: &'a Arc<Names>,
    pub(crate) queue: &'a Arc<Queue>,
    pub(crate) key: &'a Arc<LaneKey>,
    pub(crate) home: &'a Home,
    pub(crate) options: &'a Arc<Options>,
    pub(crate) priority: Priority,
    pub(crate) reuse: Reuse,
    pub(crate) flight: Flight,
    pub(crate) proving: Option<&'a Arc<Proving>>,
}

/// A connection that an exchange can be made on.
enum Obtained {
    Http1(Box<h1::Connection>),
    Http2(h2::Claim),
}

/// Makes one exchange.
pub(crate) async fn attempt(
    mut planned: Box<Planned>,
    around: &Surroundings<'_>,
    emitter: &mut Emitter,
) -> Outcome {
    if let Some((proving, (connection, said))) =
        around.proving.and_then(|one| Some((one, one.take()?)))
    {
        planned.fields.set(proving.asker().answer_field(), said);
        return h1::exchange(connection, now(), planned, around, emitter).await;
    }
    // What is said on it is known when the connection is.
    let early = Early::of(&planned, around).filter(|_| around.proving.is_none());
    match connect::obtain(early, around, emitter).await {
        Ok((Obtained::Http1(mut connection), at)) => {
            if let Some(proving) = around.proving
                && let Some(said) =
                    Box::pin(proving.greet(&mut connection, around.home, emitter)).await
            {
                planned.fields.set(proving.asker().answer_field(), said);
            }
            h1::exchange(connection, at, planned, around, emitter).await
        }
        Ok((Obtained::Http2(claim), at)) => h2::exchange(claim, at, planned, around, emitter).await,
        Err(error) => Outcome::Failed(Failure::before_sending(error, planned.body).into()),
    }
}

/// The request target in origin form (RFC 9112 §3.2.1).
fn target(url: &url::Url) -> &str {
    &url[url::Position::BeforePath..url::Position::AfterQuery]
}

/// The request target in absolute form, for a proxy that is given the request (RFC 9112 §3.2.2).
fn absolute_target(url: &url::Url) -> &str {
    &url[..url::Position::AfterQuery]
}

/// The `Host` field: host and port as the URL has them.
fn authority(url: &url::Url) -> &str {
    &url[url::Position::BeforeHost..url::Position::AfterPort]
}

/// An error for a refusal to write what the caller asked for.
fn unwritable(why: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::invalid_request(why.to_string()).because(why)
}
