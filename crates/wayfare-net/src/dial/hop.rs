//! The hops over proxies: one driver for every talk that opens the way on.

use std::fmt;
use std::io;
use std::net::IpAddr;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wayfare_proto::address::target::Target;
use wayfare_proto::policy::auth::digest::Line;
use wayfare_proto::policy::auth::ntlm::Fault;
use wayfare_proto::route::proxy::{Proxy, ProxyKind};
use wayfare_proto::syntax::challenge::Challenge;
use wayfare_proto::wire::dialogue::{Dialogue, Step};
use wayfare_proto::wire::socks::failure::{Failure as SocksFailure, Refusal};
use wayfare_proto::wire::socks::version4::{Names, Socks4};
use wayfare_proto::wire::socks::version5::Socks5;
use wayfare_proto::wire::socks::{self, Command};
use wayfare_proto::wire::tunnel::{self, Answer, Greeting, Tunnel};
use zeroize::Zeroize;

use super::access::Asking;
use super::race::resolve;
use super::speaking::{Connection, Speaking};
use super::{DialFailure, DialStage, DialStep, Dialed, Dialer, Listener};
use crate::clock::now;
use crate::gss;
use crate::runtime::{Within, within};
use crate::socket::Stream;
use crate::socket::prefixed::Prefixed;
use crate::tls::policy::Offer;

/// Why a proxy on the way did not go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum HopFailure {
    /// It wanted to know who is asking (407), and closed the connection.
    Asked(Vec<Challenge>),
    /// No datagram gets to it past this proxy.
    Barred(Box<Proxy>),
    /// It sent so many bytes behind its answer, before anything was said to the next in line.
    EarlyBytes(usize),
    /// The connection to it broke.
    Io(io::Error),
    /// An HTTP proxy said what is no part of the proof that it asked for.
    Proof(Fault),
    /// A SOCKS proxy failed or said no.
    Socks(SocksFailure),
    /// An HTTP proxy said what is no part of Negotiate, or did not prove itself.
    Ticket(gss::Failure),
    /// An HTTP proxy failed or said no.
    Tunnel(tunnel::Failure),
}

/// Whose fault a failure is, which decides whether another way is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The proxy does not work: it is avoided for a while.
    Proxy,
    /// The proxy, or who asked: what it says would not change elsewhere.
    Request,
    /// This way does not lead there at the moment; another may.
    Way,
}

impl HopFailure {
    /// Whose fault it is.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Asked(_) => Blame::Request,
            Self::Barred(_) => Blame::Way,
            Self::EarlyBytes(_) | Self::Io(_) | Self::Proof(_) | Self::Ticket(_) => Blame::Proxy,
            Self::Socks(failure) => match failure {
                SocksFailure::BadAddress(_)
                | SocksFailure::BadVersion { .. }
                | SocksFailure::Closed
                | SocksFailure::UnofferedMethod(_) => Blame::Proxy,
                SocksFailure::Refused(Refusal::General | Refusal::Rejected | Refusal::Other(_)) => {
                    Blame::Way
                }
                _ => Blame::Request,
            },
            Self::Tunnel(failure) => match failure {
                tunnel::Failure::Violation(_) => Blame::Proxy,
                tunnel::Failure::Status(status) if status.is_server_error() => Blame::Way,
                _ => Blame::Request,
            },
        }
    }

    /// The challenges, if the proxy wants to know who is asking.
    #[must_use]
    pub fn challenges(&self) -> Option<&[Challenge]> {
        match self {
            Self::Asked(challenges) | Self::Tunnel(tunnel::Failure::Challenged(challenges)) => {
                Some(challenges)
            }
            Self::Socks(SocksFailure::CredentialsNeeded | SocksFailure::CredentialsRefused) => {
                Some(&[])
            }
            _ => None,
        }
    }

    /// The HTTP status that the proxy said no with.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Tunnel(tunnel::Failure::Status(status)) => Some(status.as_u16()),
            Self::Asked(_) | Self::Tunnel(tunnel::Failure::Challenged(_)) => Some(407),
            _ => None,
        }
    }
}

impl fmt::Display for HopFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(challenges) => tunnel::Failure::Challenged(challenges.clone()).fmt(f),
            Self::Barred(barrier) => {
                write!(f, "datagrams do not get to it past the proxy {barrier}")
            }
            Self::EarlyBytes(count) => {
                write!(f, "it sent {count} bytes behind its answer, which nobody asked for")
            }
            Self::Io(why) => write!(f, "the connection broke: {why}"),
            Self::Proof(fault) => write!(f, "it cannot be told who is asking: {fault}"),
            Self::Socks(failure) => failure.fmt(f),
            Self::Ticket(failure) => write!(f, "it cannot be told who is asking: {failure}"),
            Self::Tunnel(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for HopFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Asked(_) | Self::Barred(_) | Self::EarlyBytes(_) => None,
            Self::Io(why) => Some(why),
            Self::Proof(fault) => Some(fault),
            Self::Socks(failure) => Some(failure),
            Self::Ticket(failure) => Some(failure),
            Self::Tunnel(failure) => Some(failure),
        }
    }
}

impl From<SocksFailure> for HopFailure {
    fn from(failure: SocksFailure) -> Self {
        Self::Socks(failure)
    }
}

impl From<tunnel::Failure> for HopFailure {
    fn from(failure: tunnel::Failure) -> Self {
        Self::Tunnel(failure)
    }
}

/// Who is at the other end once the way is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A handshake, which this side begins.
    Hop,
    Origin,
}

/// Asks a SOCKS proxy at the end of `under` for the way on.
pub(super) async fn socks(
    under: Box<dyn Stream>,
    (proxy, target): (&Proxy, &Target),
    next: Next,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Box<dyn Stream>, DialFailure> {
    let looked_up;
    let target = if proxy.kind().needs_addresses() && target.ip().is_none() {
        looked_up = address_for(proxy, target, dialer, listener).await?;
        &looked_up
    } else {
        target
    };
    // SOCKS has no way to say who is logged in.
    let credentials = proxy.credentials().filter(|known| !known.is_ambient());
    let failed = |failure: SocksFailure| DialFailure::hop(failure.into()).at_proxy(proxy);
    let connect = Command::Connect;
    let mut under = under;
    let left = match proxy.kind() {
        ProxyKind::Socks4 | ProxyKind::Socks4a => {
            let names = match proxy.kind() {
                ProxyKind::Socks4 => Names::LookedUp,
                _ => Names::Sent,
            };
            let talk = Socks4::new(connect, target, names, credentials).map_err(failed)?;
            ask(talk, &mut under, (proxy, target), dialer, listener).await?.1
        }
        _ => {
            let talk = Socks5::new(connect, target, credentials).map_err(failed)?;
            ask(talk, &mut under, (proxy, target), dialer, listener).await?.1
        }
    };
    let opened = granted(under, left, (proxy, next), dialer, listener);
    opened.map_err(|failure| DialFailure::hop(failure).at_proxy(proxy))
}

/// Asks an HTTP proxy at the end of `under` for a tunnel.
pub(super) async fn tunnel(
    Dialed { stream: mut under, proxy_binding, .. }: Dialed,
    (proxy, target): (&Proxy, &Target),
    next: Next,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Box<dyn Stream>, DialFailure> {
    let authority = target.to_string();
    // CONNECT has no body (RFC 9110 §9.3.6).
    let line = Line { method: "CONNECT", target: &authority, body: Some(b"") };
    let (schemes, binding) = (dialer.proxies.schemes, proxy_binding.as_deref());
    let asking = Asking { proxy, schemes, line, binding };
    let mut speaking = Speaking::new(asking, dialer);
    let failed = |failure: HopFailure| DialFailure::hop(failure).at_proxy(proxy);
    loop {
        let authorization = speaking.say(listener).await;
        let greeting = Greeting { authorization, ..dialer.proxies.greeting.clone() };
        let talk = Tunnel::new(target, greeting).map_err(|failure| failed(failure.into()))?;
        let asked = ask(talk, &mut under, (proxy, target), dialer, listener).await;
        let (challenges, connection) = match asked {
            Ok((Answer::Open(news), left)) => {
                speaking.handle_open(news).await.map_err(failed)?;
                return granted(under, left, (proxy, next), dialer, listener).map_err(failed);
            }
            // Whoever says more than was asked might answer the next question with it.
            Ok((Answer::Asked(_), left)) if !left.is_empty() => {
                return Err(failed(HopFailure::EarlyBytes(left.len())));
            }
            Ok((Answer::Asked(challenges), _)) => (challenges, Connection::Open),
            Err(failure) => match failure.closing_challenges() {
                Some(challenges) => (challenges.to_vec(), Connection::Closed),
                None => return Err(failure),
            },
        };
        speaking.handle_refusal(challenges, connection, listener).await.map_err(failed)?;
    }
}

/// The address that is told to a proxy which takes no names: the first that it can be told.
async fn address_for(
    proxy: &Proxy,
    target: &Target,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Target, DialFailure> {
    let addresses = resolve(target.host(), dialer, listener).await?;
    let fits = |address: &&IpAddr| proxy.kind() == ProxyKind::Socks5 || address.is_ipv4();
    match addresses.iter().find(fits) {
        Some(address) => Ok(Target::new(&address.to_string(), target.port())),
        None => Err(DialFailure::hop(socks::failure::Failure::CannotName.into()).at_proxy(proxy)),
    }
}

/// Puts one question to a proxy; gives its answer and the bytes behind it.
async fn ask<D: Dialogue>(
    talk: D,
    under: &mut Box<dyn Stream>,
    (proxy, target): (&Proxy, &Target),
    dialer: &Dialer<'_>,
    listener: &mut (dyn FnMut(DialStep<'_>) + Send),
) -> Result<(D::Outcome, BytesMut), DialFailure>
where
    HopFailure: From<D::Failure>,
{
    listener(DialStep::Asking { proxy, target });
    let started = now();
    let deadline = dialer.waits.proxy.deadline(started);
    match within(dialer.home, deadline, converse(talk, under, BytesMut::new())).await {
        Within::Done(talked) => talked.map_err(|failure| DialFailure::hop(failure).at_proxy(proxy)),
        Within::TooLate => {
            let late = DialFailure::timed_out(DialStage::Proxy, now() - started, Vec::new());
            Err(late.at_proxy(proxy))
        }
    }
}

/// Goes on over what a proxy has opened, `left` having come behind its answer.
fn granted(
    under: Box<dyn Stream>,
    left: BytesMut,
    (proxy, next): (&Proxy, Next),
    dialer: &Dialer<'_>,
    listener: &mut (dyn FnMut(DialStep<'_>) + Send),
) -> Result<Box<dyn Stream>, HopFailure> {
    listener(DialStep::Granted { proxy });
    if left.is_empty() {
        return Ok(under);
    }
    if next == Next::Origin && may_speak_first(dialer.offer) {
        return Ok(Box::new(Prefixed::new(left.freeze(), under)));
    }
    // Whoever answers before being asked is not who was asked for.
    Err(HopFailure::EarlyBytes(left.len()))
}

/// Holds one talk to its end, of which `input` has come already; gives what came of it and the bytes
/// behind it.
///
/// # Errors
/// What the talk failed with, or that the pipe broke.
///
/// # Cancel safety
/// The pipe is of no more use once this was dropped in the middle.
pub(super) async fn converse<D: Dialogue>(
    mut talk: D,
    stream: &mut Box<dyn Stream>,
    mut input: BytesMut,
) -> Result<(D::Outcome, BytesMut), HopFailure>
where
    HopFailure: From<D::Failure>,
{
    let mut output = BytesMut::new();
    loop {
        let step = talk.advance(&mut input, &mut output)?;
        if !output.is_empty() {
            let written = stream.write_all(&output).await;
            // It may say who is asking.
            output.zeroize();
            output.clear();
            written.map_err(HopFailure::Io)?;
            stream.flush().await.map_err(HopFailure::Io)?;
        }
        if let Step::Done(outcome) = step {
            return Ok((outcome, input));
        }
        input.reserve(ROOM);
        if stream.read_buf(&mut input).await.map_err(HopFailure::Io)? == 0 {
            return Err(talk.handle_end(&input).into());
        }
    }
}

/// True for protocols in which the server may begin.
fn may_speak_first(offer: Offer) -> bool {
    // RFC 9113 §3.4: a server's preface need not wait for the client's.
    matches!(offer, Offer::Http2 | Offer::Nothing)
}

/// How much is read at a time; answers are short.
const ROOM: usize = 1024;
