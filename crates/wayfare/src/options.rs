//! Settings, grouped by the part they belong to; a request is born with its manager's.

mod auth;
#[cfg(feature = "pkcs12")]
mod bundle;
mod remembered;
mod tls;

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use wayfare_net::dial::DialWaits;
pub use wayfare_net::dns::Resolver;
use wayfare_net::socket::SocketOptions;
pub use wayfare_net::socket::{Binding, Keepalive};
pub use wayfare_proto::policy::deadline::Wait;
pub use wayfare_proto::policy::redirect::RedirectPolicy;
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::wire::coding::ACCEPT_ENCODING;
pub use wayfare_proto::wire::coding::guard::BombGuard;
pub use wayfare_proto::wire::http1::limits::HeadLimits;

pub use crate::proxies::Proxies;
pub use auth::{Ambient, Auth, AuthenticationReuse, Netrc, NotAPlace, Place, Scheme, Schemes};
pub use remembered::{CookieControl, CookieLimits, Cookies, Hsts, SiteContext};
pub use tls::{
    CipherSuite, DangerousTls, EarlyData, Ech, Exceptions, Group, KeyLog, Pins, Resumption,
    Revocation, Tls, TlsVersions,
};

/// Everything that can be set for one request.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Who requests say to be, and how.
    pub auth: Auth,
    /// Bodies of answers.
    pub bodies: Bodies,
    /// Connections and who shares them.
    pub connections: Connections,
    /// Cookies.
    pub cookies: Cookies,
    /// Names and addresses.
    pub dns: Dns,
    /// Fields that every request carries unless it has its own.
    pub headers: Headers,
    /// Heads of answers. Over HTTP/2 the limit on all fields together is told to the server for a
    /// whole connection, so requests with another one go over a connection of their own.
    pub heads: HeadLimits,
    /// Hosts that want to be reached over TLS only.
    pub hsts: Hsts,
    /// Which way requests go.
    pub proxies: Proxies,
    /// Redirects.
    pub redirects: Redirects,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Trust.
    pub tls: Tls,
}

/// How long each phase may take.
///
/// ```
/// use std::time::Duration;
/// use wayfare::options::Timeouts;
/// let patient = Timeouts { first_byte: Duration::from_secs(300).into(), ..Timeouts::default() };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Looking the name up; 30 s by default.
    pub resolve: Wait,
    /// Until an address answers, over all addresses; 30 s by default.
    pub connect: Wait,
    /// Each TLS handshake; 30 s by default.
    pub tls: Wait,
    /// Each proxy's opening of the way on, from the connection to it; 30 s by default.
    pub proxy: Wait,
    /// From the end of the request to the first byte of the answer; 60 s by default.
    pub first_byte: Wait,
    /// Between two pieces of a body, in either direction; 60 s by default.
    pub between_bytes: Wait,
    /// The whole transfer from hand-over to the last byte, waiting for its turn included; for
    /// ever by default.
    pub whole: Wait,
}

impl Timeouts {
    /// Those that a dial keeps to.
    pub(crate) fn of_dials(&self) -> DialWaits {
        DialWaits { resolve: self.resolve, connect: self.connect, tls: self.tls, proxy: self.proxy }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            resolve: Wait::seconds(30),
            connect: Wait::seconds(30),
            tls: Wait::seconds(30),
            proxy: Wait::seconds(30),
            first_byte: Wait::seconds(60),
            between_bytes: Wait::seconds(60),
            whole: Wait::Forever,
        }
    }
}

/// Which redirects are followed, and what does not go along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirects {
    /// Which ones; [`RedirectPolicy::NoLessSafe`] by default.
    pub policy: RedirectPolicy,
    /// How many; 20 by default.
    pub limit: usize,
    /// Fields that, like `Authorization` and `Cookie`, never reach another origin.
    pub secret_fields: Vec<HeaderName>,
}

impl Default for Redirects {
    fn default() -> Self {
        Self { policy: RedirectPolicy::default(), limit: 20, secret_fields: Vec::new() }
    }
}

/// Which HTTP versions may be spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Versions {
    /// What TLS negotiates (ALPN): HTTP/2 if the server has it, else HTTP/1.1. HTTP/1.1 without
    /// TLS.
    #[default]
    Any,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only: by ALPN with TLS, with prior knowledge without (RFC 9113 §3.3).
    Http2,
}

/// Connections and who shares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// From where connections leave this machine; as routing decides, by default. A connection
    /// that was bound otherwise is not reused.
    pub binding: Binding,
    /// HTTP/1.1 connections at a time for one origin and route; 6 by default. It is also the
    /// most HTTP/2 connections, of which a further one is only opened when all others are full.
    /// A manager's setting; changing it for one request has no effect.
    pub per_origin: usize,
    /// Exchanges at a time over all origins; no limit by default. A manager's setting.
    pub overall: Option<usize>,
    /// How long an address of a server may take to answer before the next one is tried beside
    /// it; 250 ms by default, and never less than 100 ms nor more than 2 s (RFC 8305 §8).
    pub attempt_delay: Duration,
    /// How long an unused connection is kept; 120 s by default.
    pub idle: Duration,
    /// TCP keepalive; on by default.
    pub keepalive: Keepalive,
    /// After so much silence on an HTTP/2 connection in use the server is asked for a sign of
    /// life, and given the same time for it; 30 s by default.
    pub ping: Wait,
    /// Which versions may be spoken.
    pub versions: Versions,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            binding: Binding::default(),
            per_origin: 6,
            overall: None,
            attempt_delay: Duration::from_millis(250),
            idle: Duration::from_secs(120),
            keepalive: Keepalive::default(),
            ping: Wait::seconds(30),
            versions: Versions::Any,
        }
    }
}

impl Connections {
    pub(crate) fn sockets(&self) -> SocketOptions {
        SocketOptions { binding: self.binding.clone(), keepalive: self.keepalive }
    }
}

/// Whether bodies are decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decoding {
    /// Content codings are asked for and undone, unless the request names its own
    /// `Accept-Encoding` or a `Range`.
    #[default]
    Automatic,
    /// Bodies are delivered as they come.
    Off,
}

/// How often progress is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// At most every 100 ms, and at the end.
    #[default]
    Calm,
    /// With every piece.
    Every,
}

/// Bodies of answers.
#[derive(Clone, Debug)]
pub struct Bodies {
    /// Whether content codings are undone.
    pub decoding: Decoding,
    /// What guards against decompression bombs.
    pub guard: BombGuard,
    /// How much of a body may wait unread before the server is held back; 1 MiB by default. Over
    /// HTTP/2 it is told to the server for a whole connection, so requests with another one go over
    /// a connection of their own.
    pub read_buffer: usize,
    /// The most that [`crate::Reply::bytes`] and its relatives collect; 1 GiB by default.
    pub most_collected: u64,
    /// How often progress is told.
    pub progress: Progress,
}

impl Default for Bodies {
    fn default() -> Self {
        Self {
            decoding: Decoding::default(),
            guard: BombGuard::default(),
            read_buffer: 1024 * 1024,
            most_collected: 1024 * 1024 * 1024,
            progress: Progress::default(),
        }
    }
}

/// Names and addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dns {
    /// For how long the addresses that the system's resolver gives are kept: it does not say for
    /// how long they are good. 60 s by default, as browsers do; nothing is kept with 0. That a name
    /// has no address is not kept, and a name whose addresses do not answer is asked for afresh.
    pub keep: Duration,
    /// Hosts whose address is given here instead of looked up; `*` stands for every host, IP
    /// literals included. Names in certificates and `Host` fields stay what the URL says.
    pub pins: Vec<(String, IpAddr)>,
    /// Who looks names up; the operating system by default, which knows more places to look.
    pub resolver: Resolver,
    /// The proxies through which name servers of [`Resolver::Own`] are asked; directly by default,
    /// whatever [`Proxies`] say. No proxy carries datagrams here, so those of `udp` are then asked
    /// over TCP.
    pub way: Chain,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(60),
            pins: Vec::new(),
            resolver: Resolver::System,
            way: Chain::DIRECT,
        }
    }
}

impl Dns {
    /// The address that `host` is pinned to.
    #[must_use]
    pub fn pinned(&self, host: &str) -> Option<IpAddr> {
        let exact = self.pins.iter().find(|(name, _)| name.eq_ignore_ascii_case(host));
        exact.or_else(|| self.pins.iter().find(|(name, _)| name == "*")).map(|(_, ip)| *ip)
    }
}

/// Fields that every request carries unless it has its own.
#[derive(Clone, Debug)]
pub struct Headers(pub HeaderMap);

impl Default for Headers {
    /// `User-Agent: wayfare/…`, `Accept: */*`, and the codings that can be undone.
    fn default() -> Self {
        let mut fields = HeaderMap::with_capacity(4);
        fields.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        fields.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPT_ENCODING));
        Self(fields)
    }
}

/// The `User-Agent` of requests that set none.
pub const USER_AGENT: &str = concat!("wayfare/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_pin_comes_before_the_star() {
        let any = IpAddr::from([127, 0, 0, 1]);
        let one = IpAddr::from([127, 0, 0, 2]);
        let pins = vec![("*".into(), any), ("A.test".into(), one)];
        let dns = Dns { pins, ..Dns::default() };
        assert_eq!(dns.pinned("a.TEST"), Some(one));
        assert_eq!(dns.pinned("192.0.2.1"), Some(any));
        assert_eq!(Dns::default().pinned("a.test"), None);
    }
}
