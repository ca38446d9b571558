//! Dialing: a fold over a route, from a reach through its hops to an open byte pipe.

mod access;
mod failure;
mod hop;
mod memories;
mod negotiating;
mod race;
mod revocation;
pub mod socks;
mod speaking;

use std::net::{IpAddr, SocketAddr};

use wayfare_proto::address::target::Target;
use wayfare_proto::policy::auth::{Scheme, Schemes};
use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::policy::ech::Hiding;
use wayfare_proto::route::happy_eyeballs::Pace;
use wayfare_proto::route::hops::{End, Hop, Reach, Route};
use wayfare_proto::route::proxy::Proxy;
use wayfare_proto::wire::dns::record::Service;
use wayfare_proto::wire::tunnel::Greeting;

pub use access::{Asking, ProxyAccess};
pub use failure::{Attempt, DialFailure, DialStage};
pub use hop::{Blame, HopFailure};
pub use memories::Memories;

use crate::clock::now;
use crate::network::Network;
use crate::runtime::{Home, Within, within};
use crate::socket::{SocketOptions, Stream};
use crate::tls::ech::EchOutcome;
use crate::tls::facts::TlsFacts;
use crate::tls::policy::{Offer, TlsPolicy};
use crate::tls::{self, Early};

/// What a dial needs besides the route.
pub struct Dialer<'a> {
    /// The machine, or a test's stand-in.
    pub network: &'a dyn Network,
    /// Where the pipe's I/O will be done.
    pub home: &'a Home,
    /// How sockets are set up.
    pub sockets: &'a SocketOptions,
    /// What is trusted.
    pub tls: &'a TlsPolicy,
    /// The application protocols offered to the origin.
    pub offer: Offer,
    /// What may be sent to the origin together with the handshake; see [`tls::Hello::early`].
    pub early: Option<Early<'a>>,
    /// How long each phase may take.
    pub waits: DialWaits,
    /// How proxies on the way are dealt with.
    pub proxies: ProxyManners<'a>,
    /// How attempts with several addresses are spread over time.
    pub pace: Pace,
    /// What earlier dials have taught.
    pub memories: &'a Memories,
}

/// How proxies on the way are dealt with.
#[derive(Clone, Copy)]
pub struct ProxyManners<'a> {
    /// What is trusted of proxies. Never the policy of origins, so that no session of one is
    /// offered to the other.
    pub tls: &'a TlsPolicy,
    /// What HTTP proxies are told; each gets its own credentials, when it asks for them.
    pub greeting: &'a Greeting,
    /// How credentials may be said to HTTP proxies.
    pub schemes: Schemes,
}

/// How long each phase of a dial may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialWaits {
    /// Looking the name up.
    pub resolve: Wait,
    /// Until one address answered, over all addresses.
    pub connect: Wait,
    /// Each TLS handshake.
    pub tls: Wait,
    /// Each proxy's opening of the way on.
    pub proxy: Wait,
}

/// A step of a dial, told while it happens.
#[derive(Clone, Debug)]
pub enum DialStep<'a> {
    /// The origin did not take what it was offered, so it is dialed once more, in another way.
    Again {
        /// What it did not take.
        why: &'static str,
    },
    /// Early data was sent with a handshake that failed: what became of it is not known.
    LostEarly,
    /// A proxy is asked for the way on.
    Asking {
        /// The proxy.
        proxy: &'a Proxy,
        /// Where to.
        target: &'a Target,
    },
    /// The proxy has opened it.
    Granted {
        /// The proxy.
        proxy: &'a Proxy,
    },
    /// A proxy wants to know who is asking, and that is known.
    Identifying {
        /// What the proxy calls the things that it guards, if it says.
        realm: Option<&'a str>,
        /// The scheme that is taken.
        scheme: Scheme,
    },
    /// A proxy cannot be told who is asking in this scheme; the next is taken.
    PassedOver {
        /// The scheme.
        scheme: Scheme,
        /// Why.
        why: String,
    },
    /// The name is being looked up.
    Resolving {
        /// The name.
        host: &'a str,
    },
    /// The name has these addresses.
    Resolved {
        /// The addresses, best first.
        addresses: &'a [IpAddr],
    },
    /// An address is being tried.
    Connecting {
        /// The address.
        address: SocketAddr,
    },
    /// The address answered.
    Connected {
        /// The address.
        address: SocketAddr,
    },
    /// A TLS handshake begins.
    Securing {
        /// The name the server must prove.
        name: &'a str,
        /// Who the server is.
        end: &'a End,
    },
    /// The TLS handshake is done.
    Secured {
        /// What it agreed on.
        facts: &'a TlsFacts,
        /// Who the server is.
        end: &'a End,
    },
}

/// Hears the steps of a dial.
pub type Listener<'a> = &'a mut (dyn FnMut(DialStep<'_>) + Send);

/// An open pipe and what is known of it.
pub struct Dialed {
    /// The pipe.
    pub stream: Box<dyn Stream>,
    /// The facts of the handshake with the origin, if there was one.
    pub tls: Option<TlsFacts>,
    /// What binds a proof to the TLS of the proxy at the end of the pipe, if it ends at one.
    pub proxy_binding: Option<Vec<u8>>,
    /// The host's HTTPS records that may be used, best first; none unless they were asked for.
    pub services: Vec<Service>,
}

impl Dialed {
    fn plain(stream: Box<dyn Stream>) -> Self {
        Self { stream, tls: None, proxy_binding: None, services: Vec::new() }
    }
}

/// Opens a pipe along `route`.
///
/// # Errors
/// [`DialFailure`] names the stage, and for the reach every address tried.
///
/// # Cancel safety
/// Dropping the future closes whatever was opened.
pub async fn dial(
    route: &Route,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Dialed, DialFailure> {
    let mut opening = Opening { hiding: Hiding::default(), early: dialer.early };
    let mut redials = 0;
    loop {
        let failure = match dial_opening(route, &opening, dialer, listener).await {
            Ok(dialed) => return Ok(dialed),
            Err(failure) => failure,
        };
        if failure.has_lost_early_data() {
            listener(DialStep::LostEarly);
        }
        let why = if failure.is_for_early_data() && opening.early.is_some() {
            opening.early = None;
            "the server speaks something else by now, so there is no early data"
        } else if failure.is_answerable() && redials < MOST_REDIALS {
            redials += 1;
            "a proxy wanted to know who is asking, and closed the connection"
        } else {
            let hiding = failure.refusal().and_then(|refusal| opening.hiding.after(refusal));
            let Some(hiding) = hiding else { return Err(failure) };
            opening.hiding = hiding;
            "the server did not take the hidden name"
        };
        listener(DialStep::Again { why });
    }
}

/// How the handshake with the origin begins.
struct Opening<'a> {
    hiding: Hiding,
    early: Option<Early<'a>>,
}

async fn dial_opening(
    route: &Route,
    opening: &Opening<'_>,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Dialed, DialFailure> {
    let reached = reach(route, dialer, listener).await;
    let mut dialed = reached.map_err(|failure| failure.at(&route.first))?;
    for (index, hop) in route.hops.iter().enumerate() {
        let next = match route.hops.get(index + 1) {
            Some(_) => hop::Next::Hop,
            None => hop::Next::Origin,
        };
        dialed = over(Leg { hop, next, opening }, dialed, dialer, listener).await?;
    }
    Ok(dialed)
}

async fn reach(
    route: &Route,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Dialed, DialFailure> {
    let Reach::Tcp { host, port } = &route.reach;
    let late = match route.hops.first() {
        Some(Hop::Tls { end: End::Origin, .. }) if dialer.tls.hides_names() => race::Late::Awaited,
        _ => race::Late::Left,
    };
    let (stream, services) = race::reach((host, *port), late, dialer, listener).await?;
    Ok(Dialed { services, ..Dialed::plain(stream) })
}

/// A hop on its way.
struct Leg<'a> {
    hop: &'a Hop,
    next: hop::Next,
    opening: &'a Opening<'a>,
}

async fn over(
    Leg { hop, next, opening }: Leg<'_>,
    under: Dialed,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Dialed, DialFailure> {
    match hop {
        Hop::Socks { proxy, target } => {
            let stream = hop::socks(under.stream, (proxy, target), next, dialer, listener).await;
            stream.map(Dialed::plain)
        }
        Hop::Tls { name, end } => {
            let secured = secure(under, (name, end), opening, dialer, listener).await;
            secured.map_err(|failure| failure.at(end))
        }
        Hop::Tunnel { proxy, target } => {
            let stream = hop::tunnel(under, (proxy, target), next, dialer, listener).await;
            stream.map(Dialed::plain)
        }
    }
}

async fn secure(
    under: Dialed,
    (name, end): (&str, &End),
    opening: &Opening<'_>,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Dialed, DialFailure> {
    listener(DialStep::Securing { name, end });
    let started = now();
    let (policy, offer, early) = match end {
        End::Origin => (dialer.tls, dialer.offer, opening.early),
        End::Proxy(_) => (dialer.proxies.tls, Offer::Http1, None),
    };
    let hiding = match (end, &opening.hiding) {
        (End::Origin, Hiding::AsPublished) => {
            under.services.iter().find_map(|service| service.ech.as_deref())
        }
        (End::Origin, Hiding::AsTold(list)) => Some(list.as_slice()),
        _ => None,
    };
    let hello = tls::Hello { policy, offer, hiding, early };
    let shaking = tls::connect(under.stream, name, hello);
    match within(dialer.home, dialer.waits.tls.deadline(started), shaking).await {
        Within::Done(Ok((stream, mut facts))) => {
            if opening.hiding != Hiding::AsPublished && facts.ech != EchOutcome::Accepted {
                facts.ech = EchOutcome::Rejected;
            }
            let checked = revocation::check(name, &mut facts, policy, dialer).await;
            checked.map_err(DialFailure::tls)?;
            listener(DialStep::Secured { facts: &facts, end });
            let services = under.services;
            Ok(match end {
                End::Origin => Dialed { stream, tls: Some(facts), proxy_binding: None, services },
                End::Proxy(_) => {
                    Dialed { stream, tls: None, proxy_binding: facts.end_point_hash(), services }
                }
            })
        }
        Within::Done(Err(failure)) => Err(DialFailure::tls(failure)),
        Within::TooLate => Err(DialFailure::timed_out(DialStage::Tls, now() - started, Vec::new())),
    }
}

/// How often a proxy may close the connection to ask who is asking: each of a chain, and once more
/// for a proof that is no longer fresh.
const MOST_REDIALS: u8 = 6;
