//! What SOCKS proxies do besides connecting: waiting for a connection, and relaying datagrams.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};
use wayfare_proto::address::target::Target;
use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::route::hops::Approach;
use wayfare_proto::route::proxy::{Proxy, ProxyKind};
use wayfare_proto::wire::dialogue::Dialogue;
use wayfare_proto::wire::socks::address::Endpoint;
use wayfare_proto::wire::socks::failure::{Failure, Refusal};
use wayfare_proto::wire::socks::version4::{Names, Socks4};
use wayfare_proto::wire::socks::version5::Socks5;
use wayfare_proto::wire::socks::{Accepting, Command, Version, datagram};

use super::hop::{HopFailure, converse};
use super::race::resolve;
use super::{Attempt, DialFailure, DialStage, Dialer, dial};
use crate::clock::now;
use crate::runtime::{Home, Within, within};
use crate::socket::Stream;
use crate::socket::prefixed::Prefixed;
use crate::socket::udp::Udp;

/// Asks a SOCKS proxy to wait for one connection from `peer` (RFC 1928 §4, `BIND`); `gate` is the way
/// to it.
///
/// Many proxies only do so for a peer to which they have opened a connection before.
///
/// # Errors
/// [`DialFailure`]: the proxy cannot be reached, is no SOCKS proxy, or says no.
///
/// # Cancel safety
/// Dropping the future closes the connection to the proxy, which then waits no more.
pub async fn bind(
    gate: &Approach,
    peer: &Target,
    dialer: &Dialer<'_>,
) -> Result<Bound, DialFailure> {
    let opened = open(Command::Bind, gate, peer, dialer).await?;
    let version = version_of(&gate.proxy);
    let (home, proxy) = (dialer.home.clone(), gate.proxy.clone());
    Ok(Bound { opened, version, home, proxy })
}

/// A proxy that waits for a connection.
pub struct Bound {
    opened: Opened,
    version: Version,
    home: Home,
    proxy: Proxy,
}

impl Bound {
    /// Where it waits, to be told to the peer.
    #[must_use]
    pub fn address(&self) -> &Endpoint {
        &self.opened.endpoint
    }

    /// Waits for the peer's connection; also tells who it is, as far as the proxy says.
    ///
    /// # Errors
    /// [`DialFailure`]: the wait is over, somebody else came, or the proxy gave up.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection to the proxy.
    pub async fn accept(self, wait: Wait) -> Result<(Box<dyn Stream>, Endpoint), DialFailure> {
        let Self { opened, version, home, proxy } = self;
        let Opened { mut stream, left, .. } = opened;
        let talk = talk(Accepting(version), &mut stream, left);
        let (from, left) = in_time(&home, wait, talk).await.map_err(|no| no.at_proxy(&proxy))?;
        // The peer may speak at once.
        Ok((Box::new(Prefixed::new(left.freeze(), stream)), from))
    }
}

/// Asks a SOCKS 5 proxy to relay datagrams (RFC 1928 §4 and §7, `UDP ASSOCIATE`); `gate` is the way to
/// it, on which there is no other proxy.
///
/// # Errors
/// [`DialFailure`]: the proxy cannot be reached, does not speak SOCKS 5, or says no; or there is no
/// socket for datagrams to its relay, or another proxy on the way.
///
/// # Cancel safety
/// Dropping the future closes the connection to the proxy.
pub async fn associate(gate: &Approach, dialer: &Dialer<'_>) -> Result<Association, DialFailure> {
    let proxy = &gate.proxy;
    let failed = |why: HopFailure| DialFailure::hop(why).at_proxy(proxy);
    if let Some(barrier) = gate.barrier() {
        return Err(failed(HopFailure::Barred(Box::new(barrier.clone()))));
    }
    // RFC 1928 §4: a client that does not know where it will send from says zeros.
    let anywhere = Target::new("0.0.0.0", 0);
    let opened = open(Command::UdpAssociate, gate, &anywhere, dialer).await?;
    let relay = match &opened.endpoint {
        Endpoint::Address(relay) => *relay,
        Endpoint::Name(name) => {
            let found = resolve(name.host(), dialer, &mut |_| {}).await;
            let found = found.map_err(|no| no.at_proxy(proxy))?;
            let nothing = || failed(HopFailure::Io(io::ErrorKind::NotFound.into()));
            SocketAddr::new(*found.first().ok_or_else(nothing)?, name.port())
        }
    };
    let began = now();
    let udp = dialer.network.datagrams(dialer.home, relay, dialer.sockets).map_err(|error| {
        let attempt = Attempt { address: relay, error, took: now() - began };
        DialFailure::unreachable(vec![attempt]).at_proxy(proxy)
    })?;
    let sender = Sender(Arc::new(Shared { udp, has_ended: AtomicBool::new(false) }));
    Ok(Association { control: opened.stream, relay, sender, buffer: vec![0; MOST].into() })
}

/// Datagrams that a proxy relays, as long as the connection to it is open: dropping this ends it.
pub struct Association {
    control: Box<dyn Stream>,
    relay: SocketAddr,
    sender: Sender,
    buffer: Box<[u8]>,
}

/// The sending half of an [`Association`], which many tasks may have.
#[derive(Clone)]
pub struct Sender(Arc<Shared>);

struct Shared {
    udp: Udp,
    has_ended: AtomicBool,
}

impl Association {
    /// Where the proxy takes datagrams.
    #[must_use]
    pub fn relay(&self) -> SocketAddr {
        self.relay
    }

    /// The sending half, for others.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Sends a datagram to `target`; see [`Sender::send_to`].
    ///
    /// # Errors
    /// As [`Sender::send_to`].
    ///
    /// # Cancel safety
    /// Dropping the future sends nothing.
    pub async fn send_to(&self, data: &[u8], target: &Target) -> io::Result<()> {
        self.sender.send_to(data, target).await
    }

    /// Receives a datagram, and who sent it, as the proxy says.
    ///
    /// What does not come from the relay is not heard; parts of datagrams and damaged ones are
    /// passed over (RFC 1928 §7).
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionAborted`] once the proxy has closed its connection, and from then
    /// on; otherwise the operating system's error, for example that nobody listens at the relay.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn recv_from(&mut self) -> io::Result<(Endpoint, &[u8])> {
        loop {
            self.sender.0.check()?;
            let length = self.receive().await?;
            // Read twice, as the buffer cannot be lent in a loop that goes on.
            if datagram::read(&self.buffer[..length]).is_ok() {
                let read = datagram::read(&self.buffer[..length]);
                return read.map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why));
            }
        }
    }

    /// Receives one datagram, or finds that the proxy has gone.
    async fn receive(&mut self) -> io::Result<usize> {
        let Self { control, sender, buffer, .. } = self;
        let mut receiving = pin!(sender.0.udp.receive(buffer));
        std::future::poll_fn(|cx| {
            if poll_end(control, cx).is_ready() {
                sender.0.has_ended.store(true, Ordering::Release);
                return Poll::Ready(Err(ended()));
            }
            receiving.as_mut().poll(cx)
        })
        .await
    }
}

impl Sender {
    /// Sends a datagram to `target`, of which the proxy is told the name if it has one.
    ///
    /// That it was sent does not mean that it arrives, nor that the proxy took it.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a name that cannot be said,
    /// [`io::ErrorKind::ConnectionAborted`] once the receiving side has seen the proxy close its
    /// connection, otherwise the operating system's error.
    ///
    /// # Cancel safety
    /// Dropping the future sends nothing.
    pub async fn send_to(&self, data: &[u8], target: &Target) -> io::Result<()> {
        self.0.check()?;
        let mut whole = BytesMut::with_capacity(HEADER + data.len());
        let unfit = |why: Failure| io::Error::new(io::ErrorKind::InvalidInput, why);
        datagram::write_header(&mut whole, target).map_err(unfit)?;
        whole.extend_from_slice(data);
        self.0.udp.send(&whole).await
    }
}

impl Shared {
    fn check(&self) -> io::Result<()> {
        if self.has_ended.load(Ordering::Acquire) { Err(ended()) } else { Ok(()) }
    }
}

/// A connection to a proxy that has said yes.
struct Opened {
    stream: Box<dyn Stream>,
    endpoint: Endpoint,
    left: BytesMut,
}

async fn open(
    command: Command,
    gate: &Approach,
    target: &Target,
    dialer: &Dialer<'_>,
) -> Result<Opened, DialFailure> {
    let Approach { proxy, route } = gate;
    let failed = |why: Failure| DialFailure::hop(why.into()).at_proxy(proxy);
    if !proxy.kind().is_socks() {
        return Err(failed(Failure::Refused(Refusal::UnknownCommand)));
    }
    let mut stream = dial(route, dialer, &mut |_| {}).await?.stream;
    let credentials = proxy.credentials().filter(|known| !known.is_ambient());
    let (empty, wait) = (BytesMut::new(), dialer.waits.proxy);
    let answered = match version_of(proxy) {
        Version::Four => {
            let names = match proxy.kind() {
                ProxyKind::Socks4 => Names::LookedUp,
                _ => Names::Sent,
            };
            let asking = Socks4::new(command, target, names, credentials).map_err(failed)?;
            in_time(dialer.home, wait, talk(asking, &mut stream, empty)).await
        }
        Version::Five => {
            let asking = Socks5::new(command, target, credentials).map_err(failed)?;
            in_time(dialer.home, wait, talk(asking, &mut stream, empty)).await
        }
    };
    let (endpoint, left) = answered.map_err(|no| no.at_proxy(proxy))?;
    let endpoint = at_proxy_itself(endpoint, gate, &*stream);
    Ok(Opened { stream, endpoint, left })
}

/// Proxies that do not know their own address say zeros and mean the one they were reached at. Behind
/// others that is what the last of those was told, as the connection is to the first.
fn at_proxy_itself(endpoint: Endpoint, gate: &Approach, stream: &dyn Stream) -> Endpoint {
    let told = match endpoint {
        Endpoint::Address(told) if told.ip().is_unspecified() => told,
        known => return known,
    };
    let (proxy, port) = (gate.proxy.target(), told.port());
    let host = match gate.barrier() {
        Some(_) => proxy.ip().ok_or_else(|| Target::new(proxy.host(), port)),
        None => Ok(stream.peer_address().map_or(told.ip(), |peer| peer.ip())),
    };
    match host {
        Ok(address) => Endpoint::Address(SocketAddr::new(address, port)),
        Err(name) => Endpoint::Name(name),
    }
}

async fn talk<D: Dialogue<Outcome = Endpoint>>(
    talk: D,
    stream: &mut Box<dyn Stream>,
    input: BytesMut,
) -> Result<(Endpoint, BytesMut), DialFailure>
where
    HopFailure: From<D::Failure>,
{
    converse(talk, stream, input).await.map_err(DialFailure::hop)
}

async fn in_time<T>(
    home: &Home,
    wait: Wait,
    work: impl Future<Output = Result<T, DialFailure>>,
) -> Result<T, DialFailure> {
    let started = now();
    match within(home, wait.deadline(started), work).await {
        Within::Done(done) => done,
        Within::TooLate => {
            Err(DialFailure::timed_out(DialStage::Proxy, now() - started, Vec::new()))
        }
    }
}

/// Ready when the proxy has closed the connection; what it says there means nothing.
fn poll_end(control: &mut Box<dyn Stream>, cx: &mut Context<'_>) -> Poll<()> {
    loop {
        let mut bytes = [0; 256];
        let mut heard = ReadBuf::new(&mut bytes);
        match Pin::new(&mut *control).poll_read(cx, &mut heard) {
            Poll::Ready(Ok(())) if !heard.filled().is_empty() => {}
            Poll::Ready(_) => return Poll::Ready(()),
            Poll::Pending => return Poll::Pending,
        }
    }
}

fn version_of(proxy: &Proxy) -> Version {
    match proxy.kind() {
        ProxyKind::Socks4 | ProxyKind::Socks4a => Version::Four,
        _ => Version::Five,
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the proxy has ended the association")
}

/// No datagram is longer.
const MOST: usize = 65_536;
/// The longest header, that of a name.
const HEADER: usize = 262;
