//! Dialing: a fold over a route, from a reach through its hops to an open byte pipe.

mod failure;
mod race;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::route::hops::{Hop, Reach, Route};

pub use failure::{Attempt, DialFailure, DialStage};

use crate::clock::now;
use crate::network::Network;
use crate::runtime::{Home, Timer};
use crate::socket::{SocketOptions, Stream};
use crate::tls::facts::TlsFacts;
use crate::tls::policy::{Offer, TlsPolicy};
use crate::tls::{self};

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
    /// How long each phase may take.
    pub waits: DialWaits,
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
}

/// A step of a dial, told while it happens.
#[derive(Clone, Debug)]
pub enum DialStep<'a> {
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
    },
    /// The TLS handshake is done.
    Secured {
        /// What it agreed on.
        facts: &'a TlsFacts,
    },
}

/// Hears the steps of a dial.
pub type Listener<'a> = &'a mut (dyn FnMut(DialStep<'_>) + Send);

/// An open pipe and what is known of it.
pub struct Dialed {
    /// The pipe.
    pub stream: Box<dyn Stream>,
    /// The facts of the last TLS hop, if there was one.
    pub tls: Option<TlsFacts>,
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
    let mut dialed = Dialed { stream: reach(&route.reach, dialer, listener).await?, tls: None };
    for hop in &route.hops {
        dialed = over(hop, dialed, dialer, listener).await?;
    }
    Ok(dialed)
}

async fn reach(
    reach: &Reach,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Box<dyn Stream>, DialFailure> {
    let Reach::Tcp { host, port } = reach;
    let addresses = resolve(host, dialer, listener).await?;
    race::first_to_answer(addresses, *port, dialer, listener).await
}

async fn resolve(
    host: &str,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Vec<IpAddr>, DialFailure> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![address]);
    }
    listener(DialStep::Resolving { host });
    let started = now();
    let looking = dialer.network.resolve(dialer.home, host);
    let addresses = match within(dialer.home, dialer.waits.resolve.deadline(started), looking).await
    {
        Within::Done(Ok(addresses)) if addresses.is_empty() => {
            return Err(DialFailure::resolve(io::ErrorKind::NotFound.into()));
        }
        Within::Done(found) => found.map_err(DialFailure::resolve)?,
        Within::TooLate => {
            return Err(DialFailure::timed_out(DialStage::Resolve, now() - started, Vec::new()));
        }
    };
    listener(DialStep::Resolved { addresses: &addresses });
    Ok(addresses)
}

async fn over(
    hop: &Hop,
    under: Dialed,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Dialed, DialFailure> {
    let Hop::Tls { name } = hop;
    listener(DialStep::Securing { name });
    let started = now();
    let shaking = tls::connect(under.stream, name, dialer.tls, dialer.offer);
    match within(dialer.home, dialer.waits.tls.deadline(started), shaking).await {
        Within::Done(Ok((stream, facts))) => {
            listener(DialStep::Secured { facts: &facts });
            Ok(Dialed { stream, tls: Some(facts) })
        }
        Within::Done(Err(failure)) => Err(DialFailure::tls(failure)),
        Within::TooLate => Err(DialFailure::timed_out(DialStage::Tls, now() - started, Vec::new())),
    }
}

/// How a race between work and a deadline ended.
enum Within<T> {
    Done(T),
    TooLate,
}

async fn within<F: Future>(home: &Home, deadline: Option<Instant>, work: F) -> Within<F::Output> {
    let mut work = std::pin::pin!(work);
    let mut timer = Timer::new(home.clone());
    std::future::poll_fn(|cx| {
        if let std::task::Poll::Ready(done) = work.as_mut().poll(cx) {
            return std::task::Poll::Ready(Within::Done(done));
        }
        match deadline {
            Some(deadline) => timer.poll_until(deadline, cx).map(|()| Within::TooLate),
            None => std::task::Poll::Pending,
        }
    })
    .await
}
