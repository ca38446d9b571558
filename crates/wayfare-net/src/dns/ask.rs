//! One question to one server, over whatever that server speaks.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;
use wayfare_proto::address::ip::Address;
use wayfare_proto::address::origin::Origin;
use wayfare_proto::address::target::Target;
use wayfare_proto::policy::auth::Schemes;
use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::route::happy_eyeballs::Pace;
use wayfare_proto::route::hops::{End, Hop, Plain, Reach, Route};
use wayfare_proto::route::name_server::{NameServer, Transport};
use wayfare_proto::wire::dns::message::{Mismatch, Question, Reply, Style};
use wayfare_proto::wire::tunnel::Greeting;

use super::failure::{LookupFailure, LookupFault};
use super::https::{Posted, Session};
use super::lines::{Line, Place};
use super::{Around, https, random_id};
use crate::clock::now;
use crate::dial::{DialWaits, Dialed, Dialer, ProxyManners, dial};
use crate::interface::interfaces;
use crate::post::Afterwards;
use crate::socket::Stream;
use crate::tls::policy::Offer;

/// A reply, how it came, and by how many seconds it had aged on the way.
pub(super) struct Heard {
    pub(super) reply: Reply,
    pub(super) transport: Transport,
    pub(super) age: u32,
}

/// Asks one server once, and once more in a plainer way if it does not understand; the caller's
/// deadline bounds it.
pub(super) async fn ask(
    question: &Question,
    server: &NameServer,
    around: &Around<'_>,
    until: Instant,
) -> Result<Heard, LookupFailure> {
    let heard = ask_in(Style::Extended, question, server, around, until).await?;
    if !heard.reply.puzzled {
        return Ok(heard);
    }
    ask_in(Style::Plain, question, server, around, until).await
}

async fn ask_in(
    style: Style,
    question: &Question,
    server: &NameServer,
    around: &Around<'_>,
    until: Instant,
) -> Result<Heard, LookupFailure> {
    match server.transport() {
        // No proxy carries datagrams here.
        Transport::Udp if !around.way.is_direct() => {
            over_stream(style, question, server, around, until).await
        }
        Transport::Udp => {
            let reply = over_datagrams(style, question, server, around).await?;
            if !reply.truncated {
                return Ok(Heard { reply, transport: Transport::Udp, age: 0 });
            }
            // RFC 7766 §5: what did not fit comes over a stream, from the same server.
            over_stream(style, question, server, around, until).await
        }
        Transport::Tcp | Transport::Tls => {
            over_stream(style, question, server, around, until).await
        }
        Transport::Https => over_https(style, question, server, around, until).await,
    }
}

async fn over_https(
    style: Style,
    question: &Question,
    server: &NameServer,
    around: &Around<'_>,
    until: Instant,
) -> Result<Heard, LookupFailure> {
    // RFC 8484 §4.1: with one number for all, answers can be kept on the way.
    let asked = question.to_bytes(0, style);
    let place = Place::of(server, around);
    if let Some(line) = around.lines.take(&place)
        // One that has ended meanwhile is no reason to give up.
        && let Ok((answered, line)) = post(line, server, asked.clone()).await
    {
        return posted(question, &answered, line.map(|line| (place, line)), around);
    }
    let Dialed { stream, tls, .. } = connect(server, around, Offer::Http2OrHttp1, until).await?;
    let protocol = tls.and_then(|facts| facts.protocol);
    let line = match protocol.as_deref() {
        Some(b"h2") => Line::Http2(Session::open(stream).await?),
        _ => Line::Pipe(stream),
    };
    let (answered, line) = post(line, server, asked).await?;
    posted(question, &answered, line.map(|line| (place, line)), around)
}

/// Posts a question; gives the connection back if it may be kept.
async fn post(
    line: Line,
    server: &NameServer,
    asked: Vec<u8>,
) -> Result<(Posted, Option<Line>), LookupFailure> {
    match line {
        Line::Pipe(mut stream) => {
            let (answered, afterwards) = https::post_h1(&mut stream, server, &asked).await?;
            let kept = (afterwards == Afterwards::Keep).then_some(Line::Pipe(stream));
            Ok((answered, kept))
        }
        Line::Http2(mut session) => {
            let answered = session.post(server, asked).await?;
            Ok((answered, Some(Line::Http2(session))))
        }
    }
}

/// Reads what was posted back; a connection whose answer makes sense is kept.
fn posted(
    question: &Question,
    answered: &Posted,
    kept: Option<(Place, Line)>,
    around: &Around<'_>,
) -> Result<Heard, LookupFailure> {
    let reply = question.read(0, &answered.body).map_err(|why| unreadable(&why))?;
    if let Some((place, line)) = kept {
        around.lines.keep(place, line);
    }
    Ok(Heard { reply, transport: Transport::Https, age: answered.age })
}

async fn over_datagrams(
    style: Style,
    question: &Question,
    server: &NameServer,
    around: &Around<'_>,
) -> Result<Reply, LookupFailure> {
    let peer = address(server, around).await?;
    let socket = around.network.datagrams(around.home, peer, around.sockets);
    let socket = socket.map_err(|why| LookupFailure::unreachable(&why))?;
    let id = random_id();
    let asked = question.to_bytes(id, style);
    socket.send(&asked).await.map_err(|why| LookupFailure::unreachable(&why))?;
    let mut buffer = vec![0; LARGEST];
    loop {
        let length = socket.receive(&mut buffer).await;
        let length = length.map_err(|why| LookupFailure::unreachable(&why))?;
        // Whatever does not answer is passed over: the right answer may still come, and who guesses
        // must not be able to end the question (RFC 5452 §9.3).
        if let Ok(reply) = question.read(id, &buffer[..length]) {
            return Ok(reply);
        }
    }
}

/// The server's host, or the address that it is pinned to.
fn host(server: &NameServer, around: &Around<'_>) -> String {
    let host = server.host();
    pinned(host, around).map_or_else(|| host.to_owned(), |ip| ip.to_string())
}

fn pinned(host: &str, around: &Around<'_>) -> Option<IpAddr> {
    let named = |wanted: &str| {
        let mut pins = around.pins.iter();
        pins.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, ip)| *ip)
    };
    named(host).or_else(|| named("*"))
}

/// The first address of the server.
async fn address(server: &NameServer, around: &Around<'_>) -> Result<SocketAddr, LookupFailure> {
    let host = host(server, around);
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, server.port()));
    }
    if let Some((IpAddr::V6(ip), scope)) = scoped(&host) {
        return Ok(SocketAddrV6::new(ip, server.port(), 0, scope).into());
    }
    let found = around.network.resolve(around.home, server.host()).await;
    let found = found.map_err(|why| LookupFailure::unreachable(&why))?;
    let first = found.first().ok_or_else(|| LookupFailure::unreachable(&"it has no address"))?;
    Ok(SocketAddr::new(*first, server.port()))
}

/// A link-local address and the number of the interface that it belongs to.
fn scoped(host: &str) -> Option<(IpAddr, u32)> {
    let address: Address = host.parse().ok()?;
    let scope = address.scope()?;
    let by_name = || interfaces().ok()?.into_iter().find(|one| one.name == scope);
    let index = scope.parse().ok().or_else(|| by_name().map(|one| one.index))?;
    Some((address.ip(), index))
}

async fn over_stream(
    style: Style,
    question: &Question,
    server: &NameServer,
    around: &Around<'_>,
    until: Instant,
) -> Result<Heard, LookupFailure> {
    let id = random_id();
    let asked = question.to_bytes(id, style);
    let transport = match server.transport() {
        Transport::Tls => Transport::Tls,
        _ => Transport::Tcp,
    };
    let place = Place::of(server, around);
    let heard = |stream, answer: &[u8]| {
        let reply = question.read(id, answer).map_err(|why| unreadable(&why))?;
        if transport == Transport::Tls {
            around.lines.keep(place.clone(), Line::Pipe(stream));
        }
        Ok(Heard { reply, transport, age: 0 })
    };
    if let Some(Line::Pipe(mut stream)) = around.lines.take(&place) {
        // One that has ended meanwhile is no reason to give up.
        if let Ok(answer) = exchange(&mut stream, &asked).await {
            return heard(stream, &answer);
        }
    }
    let Dialed { mut stream, .. } = connect(server, around, Offer::Nothing, until).await?;
    let answer = exchange(&mut stream, &asked).await;
    let answer = answer.map_err(|why| LookupFailure::unreachable(&why))?;
    heard(stream, &answer)
}

/// One message each way, with their lengths in front (RFC 1035 §4.2.2).
async fn exchange(stream: &mut Box<dyn Stream>, asked: &[u8]) -> std::io::Result<Vec<u8>> {
    // A question has 300 bytes at most.
    let length = u16::try_from(asked.len()).unwrap_or(u16::MAX);
    stream.write_all(&[&length.to_be_bytes(), asked].concat()).await?;
    stream.flush().await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

async fn connect(
    server: &NameServer,
    around: &Around<'_>,
    offer: Offer,
    until: Instant,
) -> Result<Dialed, LookupFailure> {
    let route = route(server, around)?;
    let left = Wait::from(until.saturating_duration_since(now()));
    let greeting = Greeting::default();
    let dialer = Dialer {
        network: around.network,
        home: around.home,
        sockets: around.sockets,
        tls: around.tls,
        offer,
        early: None,
        waits: DialWaits { resolve: left, connect: left, tls: left, proxy: left },
        proxies: ProxyManners { tls: around.tls, greeting: &greeting, schemes: Schemes::all() },
        pace: Pace::default(),
        memories: around.memories,
    };
    let dialed = dial(&route, &dialer, &mut |_| {}).await;
    dialed.map_err(|failure| LookupFailure::unreachable(&failure.in_words()))
}

/// The way to a server: directly, unless the settings name proxies.
fn route(server: &NameServer, around: &Around<'_>) -> Result<Route, LookupFailure> {
    let is_secure = matches!(server.transport(), Transport::Tls | Transport::Https);
    if around.way.is_direct() {
        let name = server.host().to_owned();
        let hops = is_secure.then_some(Hop::Tls { name, end: End::Origin });
        let reach = Reach::Tcp { host: host(server, around), port: server.port() };
        return Ok(Route { reach, first: End::Origin, hops: hops.into_iter().collect() });
    }
    let scheme = if is_secure { "https" } else { "http" };
    let place = Target::new(server.host(), server.port());
    let url = Url::parse(&format!("{scheme}://{place}/")).ok();
    let origin = url
        .as_ref()
        .and_then(Origin::of)
        .ok_or_else(|| LookupFailure::unreachable(&format!("no proxy can be asked for {place}")))?;
    Ok(Route::new(&origin, around.way, Plain::Tunneled, &|name| pinned(name, around)))
}

fn unreadable(why: &Mismatch) -> LookupFailure {
    let message = match why {
        Mismatch::Malformed(why) => format!("the server's answer is damaged: {why}"),
        Mismatch::NotAsked => "the server answered something else".to_owned(),
    };
    LookupFailure::new(LookupFault::InvalidReply, message)
}

/// The largest datagram there is: a server may send more than was asked for.
const LARGEST: usize = 65_535;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_name_or_a_number() {
        let all = interfaces().unwrap();
        let first = &all[0];
        let ip = "fe80::1".parse::<IpAddr>().unwrap();
        assert_eq!(scoped(&format!("fe80::1%{}", first.name)), Some((ip, first.index)));
        assert_eq!(scoped("fe80::1%7"), Some((ip, 7)));
        assert_eq!(scoped("fe80::1%nosuch0"), None);
        assert_eq!(scoped("192.0.2.1"), None);
    }
}
