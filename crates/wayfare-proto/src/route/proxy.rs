//! A proxy as a value, and the text of its URL.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::address::target::Target;
use crate::syntax::credentials::Credentials;

/// A proxy: what it speaks, where it is, and who is asking.
///
/// The text of a URL is read as curl reads it: `http://user:password@host:port`, and the schemes
/// of [`ProxyKind`]; without a scheme it is an HTTP proxy. The port is 80 for `http` and `connect`,
/// 443 for `https` and 1080 for the others unless there is one. Neither `Display` nor `Debug`
/// shows the credentials.
///
/// ```
/// # use wayfare_proto::route::proxy::{Proxy, ProxyKind};
/// let proxy: Proxy = "socks5h://ada:secret@gate.test".parse()?;
/// assert_eq!((proxy.kind(), proxy.target().port()), (ProxyKind::Socks5h, 1080));
/// assert_eq!(proxy.to_string(), "socks5h://gate.test:1080");
/// # Ok::<(), wayfare_proto::route::proxy::ProxyMistake>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    kind: ProxyKind,
    target: Target,
    credentials: Option<Arc<Credentials>>,
    capabilities: Capabilities,
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProxyKind {
    /// `connect`: an HTTP proxy that is only ever asked for tunnels.
    Connect,
    /// `http`: an HTTP proxy, asked for `http` resources by their whole URL and for tunnels to
    /// everything else.
    Http,
    /// `https`: the same, spoken to over TLS.
    Https,
    /// `socks4`: SOCKS 4; names are looked up here.
    Socks4,
    /// `socks4a`: SOCKS 4a; the proxy looks names up.
    Socks4a,
    /// `socks5`: SOCKS 5; names are looked up here.
    Socks5,
    /// `socks5h`: SOCKS 5; the proxy looks names up.
    Socks5h,
}

/// What a proxy can do, which decides what it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Capabilities {
    /// Answers requests for `http` resources itself, perhaps from a cache.
    pub caching: bool,
    /// Looks names up.
    pub host_lookup: bool,
    /// Waits for connections on the client's behalf.
    pub listening: bool,
    /// Opens connections that carry anything.
    pub tunneling: bool,
    /// Relays datagrams.
    pub udp: bool,
}

/// What is wrong with the text of a proxy; it never holds the text, which may have a password.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyMistake {
    /// The direct way stands among the proxies of a chain.
    Direct,
    /// The host is missing, or is none.
    Host,
    /// There is a path, a query or a fragment.
    Path,
    /// The port is no number from 1 to 65535.
    Port,
    /// A scheme that no kind of proxy has.
    Scheme(String),
}

impl ProxyKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Connect,
        Self::Http,
        Self::Https,
        Self::Socks4,
        Self::Socks4a,
        Self::Socks5,
        Self::Socks5h,
    ];

    /// The scheme of its URLs.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks4 => "socks4",
            Self::Socks4a => "socks4a",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    /// The port it has unless another is named.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Connect | Self::Http => 80,
            Self::Https => 443,
            _ => 1080,
        }
    }

    /// What proxies of this kind can usually do.
    #[must_use]
    pub fn capabilities(self) -> Capabilities {
        let speaks_http = matches!(self, Self::Http | Self::Https);
        Capabilities {
            caching: speaks_http,
            host_lookup: !self.needs_addresses(),
            listening: !speaks_http && self != Self::Connect,
            tunneling: true,
            udp: matches!(self, Self::Socks5 | Self::Socks5h),
        }
    }

    /// True if names are looked up on this side.
    #[must_use]
    pub fn needs_addresses(self) -> bool {
        matches!(self, Self::Socks4 | Self::Socks5)
    }

    /// True for every version of SOCKS.
    #[must_use]
    pub fn is_socks(self) -> bool {
        !matches!(self, Self::Connect | Self::Http | Self::Https)
    }
}

impl Proxy {
    /// A proxy without credentials.
    #[must_use]
    pub fn new(kind: ProxyKind, host: &str, port: u16) -> Self {
        let target = Target::new(host, port);
        Self { kind, target, credentials: None, capabilities: kind.capabilities() }
    }

    /// Sets who is asking.
    #[must_use]
    pub fn with_credentials(self, credentials: Credentials) -> Self {
        Self { credentials: Some(Arc::new(credentials)), ..self }
    }

    /// Forgets who is asking.
    #[must_use]
    pub fn without_credentials(self) -> Self {
        Self { credentials: None, ..self }
    }

    /// Sets what it can do. One without [`Capabilities::caching`] is asked for tunnels only, one
    /// without [`Capabilities::tunneling`] is passed over where a tunnel is needed.
    #[must_use]
    pub fn with_capabilities(self, capabilities: Capabilities) -> Self {
        Self { capabilities, ..self }
    }

    /// What it speaks.
    #[must_use]
    pub fn kind(&self) -> ProxyKind {
        self.kind
    }

    /// Where it is.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Who is asking.
    #[must_use]
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_deref()
    }

    /// What it can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// True if both are the same proxy, whoever is asking.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.kind == other.kind && self.target == other.target
    }
}

impl FromStr for Proxy {
    type Err = ProxyMistake;

    fn from_str(text: &str) -> Result<Self, ProxyMistake> {
        let (kind, rest) = match text.trim().split_once("://") {
            Some((scheme, rest)) => (kind_of(scheme)?, rest),
            None => (ProxyKind::Http, text.trim()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user_info, place) = match rest.rsplit_once('@') {
            Some((user_info, place)) => (Some(user_info), place),
            None => (None, rest),
        };
        if place.contains(['/', '?', '#', '\\']) {
            return Err(ProxyMistake::Path);
        }
        let (host, port) = host_and_port(place)?;
        let proxy = Self::new(kind, &host, port.unwrap_or(kind.port()));
        Ok(match user_info.map(|info| info.split_once(':').unwrap_or((info, ""))) {
            Some((user, password)) if !user.is_empty() || !password.is_empty() => {
                proxy.with_credentials(Credentials::new(decoded(user), decoded(password)))
            }
            _ => proxy,
        })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.kind.scheme(), self.target)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The proxies on the way to a server, the nearest first; none is the direct way.
///
/// ```
/// # use wayfare_proto::route::proxy::Chain;
/// let chain: Chain = "socks5h://gate.test http://inner.test:3128".parse()?;
/// assert_eq!(chain.to_string(), "socks5h://gate.test:1080 http://inner.test:3128");
/// assert!("direct".parse::<Chain>()?.is_direct());
/// # Ok::<(), wayfare_proto::route::proxy::ProxyMistake>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Chain(Option<Arc<[Proxy]>>);

impl Chain {
    /// The direct way.
    pub const DIRECT: Self = Self(None);

    /// The way through these, the nearest first.
    #[must_use]
    pub fn through(proxies: Vec<Proxy>) -> Self {
        Self((!proxies.is_empty()).then(|| proxies.into()))
    }

    /// The proxies, the nearest first.
    #[must_use]
    pub fn proxies(&self) -> &[Proxy] {
        self.0.as_deref().unwrap_or_default()
    }

    /// True if there is no proxy on the way.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.0.is_none()
    }

    /// True if no proxy on the way lacks what is needed of it.
    #[must_use]
    pub fn can_carry(&self, load: Load) -> bool {
        let Some((last, others)) = self.proxies().split_last() else {
            return matches!(load, Load::PlainHttp | Load::Tunneled);
        };
        let can = last.capabilities();
        let last_can = match load {
            // They go to its relay past all the others, which pass none on.
            Load::Datagrams => can.udp && others.is_empty(),
            Load::Listening => can.listening,
            Load::PlainHttp => can.tunneling || can.caching,
            Load::Tunneled => can.tunneling,
        };
        last_can && others.iter().all(|proxy| proxy.capabilities().tunneling)
    }
}

/// What goes through a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Datagrams that the last proxy relays.
    Datagrams,
    /// Connections that the last proxy waits for.
    Listening,
    /// Requests for `http` resources.
    PlainHttp,
    /// Bytes that only the server understands.
    Tunneled,
}

impl From<Proxy> for Chain {
    fn from(proxy: Proxy) -> Self {
        Self::through(vec![proxy])
    }
}

impl FromStr for Chain {
    type Err = ProxyMistake;

    fn from_str(text: &str) -> Result<Self, ProxyMistake> {
        let text = text.trim();
        if matches!(text.to_ascii_lowercase().as_str(), "direct" | "direct://") {
            return Ok(Self::DIRECT);
        }
        let is_direct = |word: &str| {
            word.eq_ignore_ascii_case("direct") || word.eq_ignore_ascii_case("direct://")
        };
        if text.split_ascii_whitespace().any(is_direct) {
            return Err(ProxyMistake::Direct);
        }
        let proxies: Vec<_> =
            text.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        if proxies.is_empty() {
            return Err(ProxyMistake::Host);
        }
        Ok(Self::through(proxies))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.proxies().split_first() else {
            return f.write_str("direct");
        };
        first.fmt(f)?;
        others.iter().try_for_each(|proxy| write!(f, " {proxy}"))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ProxyMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => f.write_str(
                "\"direct\" is a way of its own; a chain names the proxies to go through",
            )?,
            Self::Host => f.write_str("a proxy needs a host, as in http://proxy.example:3128")?,
            Self::Path => f.write_str(
                "a proxy is only scheme, host and port; a / ? # or @ in its password is written \
                 as %2F %3F %23 or %40",
            )?,
            Self::Port => f.write_str("a proxy's port is a number from 1 to 65535")?,
            Self::Scheme(scheme) => {
                write!(f, "no kind of proxy is called \"{scheme}\"; there are")?;
                for (index, kind) in ProxyKind::ALL.iter().enumerate() {
                    write!(f, "{} {}", if index == 0 { "" } else { "," }, kind.scheme())?;
                }
            }
        }
        Ok(())
    }
}

impl std::error::Error for ProxyMistake {}

fn kind_of(scheme: &str) -> Result<ProxyKind, ProxyMistake> {
    let lower = scheme.to_ascii_lowercase();
    // curl's word for SOCKS 5 with names looked up here is socks5; socks alone is 4 there.
    let known = ProxyKind::ALL.into_iter().find(|kind| kind.scheme() == lower);
    known.or((lower == "socks").then_some(ProxyKind::Socks4)).ok_or_else(|| {
        // What stands before "://" may be a password if the scheme was forgotten.
        let is_word = lower.len() <= 12 && lower.bytes().all(|byte| byte.is_ascii_alphanumeric());
        ProxyMistake::Scheme(if is_word { lower } else { "…".to_owned() })
    })
}

/// Splits `host:port`, `host` or `[ipv6]:port`; the host in its normal form without brackets.
pub(super) fn host_and_port(place: &str) -> Result<(String, Option<u16>), ProxyMistake> {
    let colon = place.rfind(':').filter(|at| !place[*at..].contains(']'));
    let (host, port) = match colon {
        Some(at) => (&place[..at], Some(&place[at + 1..])),
        None => (place, None),
    };
    let port = match port {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().ok().filter(|port| *port > 0).ok_or(ProxyMistake::Port)?)
        }
        Some(_) => return Err(ProxyMistake::Port),
        None => None,
    };
    match url::Host::parse(host).map_err(|_| ProxyMistake::Host)? {
        url::Host::Domain(name) if name.len() <= 255 => Ok((name, port)),
        url::Host::Domain(_) => Err(ProxyMistake::Host),
        url::Host::Ipv4(ip) => Ok((ip.to_string(), port)),
        url::Host::Ipv6(ip) => Ok((ip.to_string(), port)),
    }
}

fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}
