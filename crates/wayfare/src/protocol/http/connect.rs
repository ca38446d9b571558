//! How a request gets its connection: a kept one, a shared one, or a new one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header;
use wayfare_net::clock::now;
use wayfare_net::dial::{DialFailure, DialStep, Dialed, Dialer, ProxyManners, dial};
use wayfare_net::dns::Resolving;
use wayfare_net::runtime::sleep;
use wayfare_net::tls;
use wayfare_net::tls::facts::TlsFacts;
use wayfare_net::tls::policy::Offer;
use wayfare_proto::address::origin::Scheme;
use wayfare_proto::policy::early_data::EarlyOutcome;
use wayfare_proto::route::happy_eyeballs::Pace;
use wayfare_proto::route::hops::{End, Route};
use wayfare_proto::trace::event::What;
use wayfare_proto::trace::timeline::Moment;
use wayfare_proto::wire::tunnel::Greeting;

use super::early::Early;
use super::{Obtained, Surroundings, h1, h2};
use crate::error::{Error, ErrorKind, Stage};
use crate::events::Emitter;
use crate::options::Versions;
use crate::pool::{Dialing, Found, Sharing, Speaks, Wanted};

type Dial = Dialing<Box<h1::Connection>, h2::Connection>;

/// Gets a connection for one exchange, and says when it was got. Over a new one the request that is
/// planned may have been sent already.
pub(super) async fn obtain(
    early: Option<Early<'_>>,
    around: &Surroundings<'_>,
    emitter: &mut Emitter,
) -> Result<(Obtained, Instant), Error> {
    let sharing = sharing(around);
    loop {
        let fresh = around.options.connections.idle;
        let home = around.home.id();
        let (key, reuse) = (around.key, around.reuse);
        let at = now();
        let wanted = Wanted { key, home, sharing, reuse, fresh, now: at };
        match around.connections.find(&wanted) {
            Found::Exclusive(connection) => {
                emitter.emit(|| What::Reused);
                return Ok((Obtained::Http1(connection), at));
            }
            Found::Shared(connection) => {
                emitter.emit(|| What::Reused);
                return Ok((Obtained::Http2(h2::Claim::reused(connection)), at));
            }
            Found::Wait(news) => news.await,
            // Boxed: most exchanges find a connection, and thousands may wait for their answers.
            Found::Dial(dialing) => {
                let obtained = Box::pin(open(dialing, early, around, emitter)).await?;
                return Ok((obtained, now()));
            }
        }
    }
}

/// Opens a connection before anybody needs it, and says what its handshake agreed on.
pub(crate) async fn preconnect(
    around: &Surroundings<'_>,
    emitter: &mut Emitter,
) -> Result<Option<Arc<TlsFacts>>, Error> {
    let (obtained, at) = obtain(None, around, emitter).await?;
    Ok(match obtained {
        Obtained::Http1(mut connection) => {
            let facts = connection.tls();
            connection.will_wait();
            around.connections.keep(around.key, around.home.id(), connection, at);
            facts
        }
        Obtained::Http2(claim) => claim.tls(),
    })
}

async fn open(
    dialing: Dial,
    early: Option<Early<'_>>,
    around: &Surroundings<'_>,
    emitter: &mut Emitter,
) -> Result<Obtained, Error> {
    let speaks = match (dialing.speaks(), around.key.footing.versions) {
        // Nothing else would do.
        (Speaks::Unknown, Versions::Http2) => Speaks::Http2,
        (known, _) => known,
    };
    let first = match (early, speaks) {
        (Some(early), Speaks::Http1) => early.written().map(First::Http1),
        (Some(early), Speaks::Http2) => h2::Ahead::begin(early, around).await.map(First::http2),
        // Nobody knows yet how it is spoken to.
        (_, Speaks::Unknown) | (None, _) => None,
    };
    match open_any(&dialing, first, around, emitter).await {
        Ok(Opened::Http1(connection)) => {
            dialing.became_exclusive();
            Ok(Obtained::Http1(connection))
        }
        Ok(Opened::Http2(connection, begun)) => {
            let mut claim = h2::Claim::first(connection.clone());
            if let Some(begun) = begun {
                claim = claim.going_on(begun);
            }
            dialing.became_shared(connection);
            Ok(Obtained::Http2(claim))
        }
        Err(error) => {
            dialing.failed();
            Err(error)
        }
    }
}

/// A connection that the pool does not know of yet.
enum Opened {
    Http1(Box<h1::Connection>),
    /// Its first request may have begun.
    Http2(h2::Connection, Option<h2::Begun>),
}

/// The first request of a connection, written as what its other end is known to speak.
enum First {
    Http1(BytesMut),
    Http2(Box<h2::Ahead>, Bytes),
}

impl First {
    fn http2(ahead: h2::Ahead) -> Self {
        let written = ahead.written();
        Self::Http2(Box::new(ahead), written)
    }

    fn early(&self) -> tls::Early<'_> {
        match self {
            Self::Http1(bytes) => tls::Early { offer: Offer::Http1, bytes },
            Self::Http2(_, bytes) => tls::Early { offer: Offer::Http2, bytes },
        }
    }
}

async fn open_any(
    dialing: &Dial,
    first: Option<First>,
    around: &Surroundings<'_>,
    emitter: &mut Emitter,
) -> Result<Opened, Error> {
    let early = first.as_ref().map(First::early);
    let Dialed { stream, tls, proxy_binding, .. } = dial_with_room(early, around, emitter).await?;
    let protocol = tls.as_ref().and_then(|facts| facts.protocol.clone());
    let is_http2 = match around.key.origin.scheme() {
        Scheme::Http => around.key.footing.versions == Versions::Http2,
        Scheme::Https => protocol.as_deref() == Some(b"h2"),
    };
    let tls = tls.map(Arc::new);
    let outcome = tls.as_ref().map(|facts| facts.early_data).unwrap_or_default();
    if outcome != EarlyOutcome::NotSent {
        emitter.emit(|| What::SentEarly { outcome });
    }
    // What was thrown away is written once more, as for the first time.
    let sent = first.filter(|_| outcome == EarlyOutcome::Accepted);
    if let Some(first) = &sent {
        check_version(first.early().offer, is_http2)?;
    }
    if is_http2 {
        let news = dialing.news();
        if let Some(First::Http2(ahead, _)) = sent {
            let (connection, begun) = h2::go_on(*ahead, stream, tls, news, around);
            return Ok(Opened::Http2(connection, Some(begun)));
        }
        let opened = h2::open(stream, tls, news, around).await;
        return opened.map(|connection| Opened::Http2(connection, None));
    }
    if around.key.footing.versions == Versions::Http2 {
        let message = "the server does not offer HTTP/2, which was demanded";
        return Err(Error::new(ErrorKind::Protocol, Stage::Connect, message));
    }
    let (home, generation) = (around.home.clone(), dialing.generation());
    let mut connection = h1::Connection::new(stream, (tls, proxy_binding), home, generation);
    if let Some(First::Http1(written)) = sent {
        connection.has_sent(written.len());
    }
    Ok(Opened::Http1(Box::new(connection)))
}

/// Checks that a server goes on in what it took early data in, as it has to (RFC 8446 §4.2.10): a
/// request that is written behind the other's bytes could be read as anything.
fn check_version(early: Offer, is_http2: bool) -> Result<(), Error> {
    if (early == Offer::Http2) == is_http2 {
        return Ok(());
    }
    let message = "the server took early data in one version of HTTP, and goes on in another";
    Err(Error::new(ErrorKind::Protocol, Stage::Connect, message))
}

/// Dials; when this process has no descriptor left, connections that nobody uses are given up for
/// it, and then those in use are waited for.
async fn dial_with_room(
    early: Option<tls::Early<'_>>,
    around: &Surroundings<'_>,
    emitter: &mut Emitter,
) -> Result<Dialed, Error> {
    let patience = around.options.timeouts.connect.deadline(now());
    loop {
        let failure = match dial_once(early, around, emitter).await {
            Ok(dialed) => return Ok(dialed),
            Err(failure) => failure,
        };
        let out_of_time = patience.is_some_and(|deadline| now() >= deadline);
        if !is_out_of_descriptors(&failure) || out_of_time {
            return Err(failure.into());
        }
        if !around.connections.evict_idle() {
            sleep(around.home, DESCRIPTOR_PAUSE).await;
        }
    }
}

async fn dial_once(
    early: Option<tls::Early<'_>>,
    around: &Surroundings<'_>,
    emitter: &mut Emitter,
) -> Result<Dialed, DialFailure> {
    let options = around.options;
    let resolving = resolving(around);
    let greeting = Greeting {
        authorization: None,
        user_agent: options.headers.0.get(header::USER_AGENT).cloned(),
        limits: options.heads,
    };
    let dialer = Dialer {
        network: &resolving,
        home: around.home,
        sockets: &resolving.sockets,
        tls: &around.key.footing.tls,
        offer: match around.key.footing.versions {
            Versions::Any => Offer::Http2OrHttp1,
            Versions::Http1 => Offer::Http1,
            Versions::Http2 => Offer::Http2,
        },
        early,
        waits: options.timeouts.of_dials(),
        proxies: ProxyManners {
            tls: options.tls.towards_proxies(),
            greeting: &greeting,
            schemes: options.auth.schemes,
        },
        pace: Pace::with_attempt_delay(options.connections.attempt_delay),
        memories: around.memories,
    };
    let pinned = |host: &str| around.key.footing.dns.pinned(host);
    let key = around.key;
    let route = Route::new(&key.origin, &key.footing.way, key.plain(), &pinned);
    let dialed = dial(&route, &dialer, &mut |step| note(emitter, &step)).await;
    if dialed.is_err() {
        // It may have moved.
        let first = key.footing.way.proxies().first();
        resolving.forget(first.map_or(key.origin.host(), |proxy| proxy.target().host()));
    }
    dialed
}

/// The network with its names looked up as the request's options say.
fn resolving(around: &Surroundings<'_>) -> Resolving {
    let (options, key) = (around.options, around.key);
    // What is looked up on another way is a proxy, which has no such record.
    let is_asked_for = key.origin.scheme() == Scheme::Https && key.footing.way.is_direct();
    Resolving {
        network: around.network.clone(),
        names: around.names.clone(),
        resolver: options.dns.resolver.clone(),
        keep: options.dns.keep,
        sockets: options.connections.sockets(),
        // Name servers see no certificate of the client, and prove their own names.
        tls: options.tls.towards_proxies().clone(),
        memories: around.memories.clone(),
        pins: options.dns.pins.clone(),
        way: options.dns.way.clone(),
        https_port: is_asked_for.then(|| key.origin.port()),
    }
}

fn sharing(around: &Surroundings<'_>) -> Sharing {
    match (around.key.origin.scheme(), around.key.footing.versions) {
        (_, Versions::Http1) | (Scheme::Http, Versions::Any) => Sharing::Never,
        _ => Sharing::Possible,
    }
}

fn is_out_of_descriptors(failure: &DialFailure) -> bool {
    // EMFILE and ENFILE have no kind of their own; the numbers are the same on all of Unix.
    failure.attempts.iter().any(|attempt| matches!(attempt.error.raw_os_error(), Some(23 | 24)))
}

/// Tells a dial's step as an event and marks its moment.
fn note(emitter: &mut Emitter, step: &DialStep<'_>) {
    if matches!(step, DialStep::Again { .. }) {
        emitter.timeline.begin_attempt();
    }
    let moment = match step {
        DialStep::Resolving { .. } => Some(Moment::ResolveBegan),
        DialStep::Resolved { .. } => Some(Moment::ResolveEnded),
        DialStep::Connecting { .. } => Some(Moment::ConnectBegan),
        DialStep::Connected { .. } => Some(Moment::ConnectEnded),
        DialStep::Securing { end: End::Origin, .. } => Some(Moment::TlsBegan),
        DialStep::Secured { end: End::Origin, .. } => Some(Moment::TlsEnded),
        DialStep::Asking { .. } | DialStep::Securing { .. } => Some(Moment::ProxyBegan),
        DialStep::Granted { .. } | DialStep::Secured { .. } => Some(Moment::ProxyEnded),
        DialStep::Again { .. }
        | DialStep::Identifying { .. }
        | DialStep::LostEarly
        | DialStep::PassedOver { .. } => None,
    };
    if let Some(moment) = moment {
        emitter.mark(moment);
    }
    emitter.emit(|| match *step {
        DialStep::Again { why } => What::Retried { why },
        DialStep::LostEarly => What::SentEarly { outcome: EarlyOutcome::Unknown },
        DialStep::Asking { proxy, target } => {
            What::AskingProxy { proxy: proxy.to_string(), target: target.to_string() }
        }
        DialStep::Identifying { realm, scheme } => {
            What::AuthenticationRequired { realm: realm.map(str::to_owned), scheme }
        }
        DialStep::PassedOver { scheme, ref why } => {
            What::SchemePassedOver { scheme, why: why.clone() }
        }
        DialStep::Granted { proxy } => What::ProxyGranted { proxy: proxy.to_string() },
        DialStep::Resolving { host } => What::Resolving { host: host.to_owned() },
        DialStep::Resolved { addresses } => What::Resolved { addresses: addresses.to_vec() },
        DialStep::Connecting { address } => What::Connecting { address },
        DialStep::Connected { address } => What::Connected { address },
        DialStep::Securing { name, .. } => What::Securing { name: name.to_owned() },
        DialStep::Secured { facts, .. } => secured(facts),
    });
}

fn secured(facts: &TlsFacts) -> What {
    What::Secured {
        version: facts.version.clone(),
        cipher_suite: facts.cipher_suite.clone(),
        key_exchange: facts.key_exchange.clone(),
        protocol: facts.protocol.as_ref().map(|name| name.escape_ascii().to_string()),
    }
}

/// How long to wait for a descriptor before asking again.
const DESCRIPTOR_PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_goes_on_in_the_version_that_it_took_early_data_in() {
        assert!(check_version(Offer::Http2, true).is_ok());
        assert!(check_version(Offer::Http1, false).is_ok());
        for (early, is_http2) in [(Offer::Http2, false), (Offer::Http1, true)] {
            let error = check_version(early, is_http2).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        }
    }
}
