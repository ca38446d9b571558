//! A route: how the first pipe is reached, and what is laid over it, hop by hop.

use std::net::IpAddr;

use super::proxy::{Chain, Proxy, ProxyKind};
use crate::address::origin::{Origin, Scheme};
use crate::address::target::Target;

/// The way to an origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The first pipe.
    pub reach: Reach,
    /// Who is at the end of the first pipe.
    pub first: End,
    /// What is laid over it, in order.
    pub hops: Vec<Hop>,
}

/// How the first pipe of a route is opened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// A TCP connection to a host, tried over its addresses.
    Tcp {
        /// A name or an IP literal (an IPv6 literal may have its brackets).
        host: String,
        /// The port.
        port: u16,
    },
}

/// One layer over an open pipe.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hop {
    /// A SOCKS proxy at the end of the pipe is asked for a connection to `target`.
    Socks {
        /// The proxy.
        proxy: Proxy,
        /// Where to.
        target: Target,
    },
    /// TLS with a server that must prove to be `name`.
    Tls {
        /// The name or IP literal in the certificate.
        name: String,
        /// Who that is.
        end: End,
    },
    /// An HTTP proxy at the end of the pipe is asked for a tunnel to `target`.
    Tunnel {
        /// The proxy.
        proxy: Proxy,
        /// Where to.
        target: Target,
    },
}

/// Whose end of a pipe it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The server that the request is for.
    Origin,
    /// A proxy on the way.
    Proxy(Proxy),
}

impl End {
    /// The proxy, if it is one.
    #[must_use]
    pub fn proxy(&self) -> Option<&Proxy> {
        match self {
            Self::Origin => None,
            Self::Proxy(proxy) => Some(proxy),
        }
    }
}

/// Whether an HTTP proxy may be given requests for `http` resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plain {
    /// By their whole URL (RFC 9112 §3.2.2).
    Forwarded,
    /// They go through a tunnel, as what is spoken is not HTTP/1.1.
    Tunneled,
}

impl Route {
    /// The way to `origin` through `chain`; `pinned` knows the addresses of names that are looked
    /// up on this side but given beforehand.
    ///
    /// It is a fold over the proxies: each carries the pipe to the next, and the last one to the
    /// origin, unless that one is given the requests themselves.
    #[must_use]
    pub fn new(
        origin: &Origin,
        chain: &Chain,
        plain: Plain,
        pinned: &dyn Fn(&str) -> Option<IpAddr>,
    ) -> Self {
        let end = Target::new(origin.host(), origin.port());
        let proxies = chain.proxies();
        let places = proxies.iter().map(Proxy::target).chain([&end]);
        let mut hops = Vec::new();
        for (index, (proxy, next)) in proxies.iter().zip(places.skip(1)).enumerate() {
            if proxy.kind() == ProxyKind::Https {
                let (name, end) = (proxy.target().host().to_owned(), End::Proxy(proxy.clone()));
                hops.push(Hop::Tls { name, end });
            }
            if index + 1 < proxies.len() || !is_forwarded(origin, chain, plain) {
                hops.push(Hop::through(proxy.clone(), next, pinned));
            }
        }
        if origin.scheme() == Scheme::Https {
            hops.push(Hop::Tls { name: origin.host().to_owned(), end: End::Origin });
        }
        let first = proxies.first().map_or(&end, Proxy::target);
        let host = pinned(&bracketed(first))
            .map_or_else(|| first.host().to_owned(), |address| address.to_string());
        let reach = Reach::Tcp { host, port: first.port() };
        let first = proxies.first().map_or(End::Origin, |proxy| End::Proxy(proxy.clone()));
        Self { reach, first, hops }
    }
}

impl Hop {
    fn through(proxy: Proxy, next: &Target, pinned: &dyn Fn(&str) -> Option<IpAddr>) -> Self {
        let kind = proxy.kind();
        if !kind.is_socks() {
            return Self::Tunnel { proxy, target: next.clone() };
        }
        let known = if kind.needs_addresses() { pinned(&bracketed(next)) } else { None };
        let target = match known {
            Some(address) => Target::new(&address.to_string(), next.port()),
            None => next.clone(),
        };
        Self::Socks { proxy, target }
    }
}

/// True if the last proxy of `chain` is given the requests for `origin` themselves.
#[must_use]
pub fn is_forwarded(origin: &Origin, chain: &Chain, plain: Plain) -> bool {
    let speaks = |proxy: &Proxy| {
        matches!(proxy.kind(), ProxyKind::Http | ProxyKind::Https) && proxy.capabilities().caching
    };
    origin.scheme() == Scheme::Http
        && plain == Plain::Forwarded
        && chain.proxies().last().is_some_and(speaks)
}

/// The host as URLs have it.
fn bracketed(target: &Target) -> String {
    match target.host() {
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str, chain: &str, plain: Plain) -> String {
        let origin = Origin::of(&url.parse().unwrap()).unwrap();
        let pinned = |name: &str| (name == "pin.test").then(|| IpAddr::from([192, 0, 2, 9]));
        let route = Route::new(&origin, &chain.parse().unwrap(), plain, &pinned);
        let Reach::Tcp { host, port } = route.reach;
        let hops = route.hops.iter().map(|hop| match hop {
            Hop::Socks { proxy, target } => format!(" | {} {target}", proxy.kind().scheme()),
            Hop::Tls { name, end: End::Origin } => format!(" | tls {name} (Origin)"),
            Hop::Tls { name, .. } => format!(" | tls {name} (Proxy)"),
            Hop::Tunnel { target, .. } => format!(" | tunnel {target}"),
        });
        format!("{host}:{port}{}", hops.collect::<String>())
    }

    #[test]
    fn a_chain_is_a_fold_over_its_proxies() {
        let table = [
            ("http://a.test/", "direct", "a.test:80"),
            ("https://a.test/", "direct", "a.test:443 | tls a.test (Origin)"),
            ("http://a.test/", "http://p.test:1", "p.test:1"),
            ("http://a.test/", "connect://p.test:1", "p.test:1 | tunnel a.test:80"),
            ("http://a.test/", "https://p.test", "p.test:443 | tls p.test (Proxy)"),
            (
                "https://a.test/",
                "https://p.test",
                "p.test:443 | tls p.test (Proxy) | tunnel a.test:443 | tls a.test (Origin)",
            ),
            ("http://[::1]/", "socks5://p.test", "p.test:1080 | socks5 [::1]:80"),
            (
                "http://a.test/",
                "socks5h://p.test http://q.test:1",
                "p.test:1080 | socks5h q.test:1",
            ),
            (
                "https://a.test/",
                "http://p.test:1 socks4a://q.test https://r.test",
                "p.test:1 | tunnel q.test:1080 | socks4a r.test:443 | tls r.test (Proxy) \
                 | tunnel a.test:443 | tls a.test (Origin)",
            ),
            // Only names that are looked up here have pinned addresses.
            ("http://pin.test/", "direct", "192.0.2.9:80"),
            ("http://pin.test/", "socks5://pin.test", "192.0.2.9:1080 | socks5 192.0.2.9:80"),
            ("http://pin.test/", "socks5h://p.test", "p.test:1080 | socks5h pin.test:80"),
            (
                "https://pin.test/",
                "http://p.test",
                "p.test:80 | tunnel pin.test:443 | tls pin.test (Origin)",
            ),
        ];
        for (url, chain, expected) in table {
            assert_eq!(shown(url, chain, Plain::Forwarded), expected, "{url} via {chain}");
        }
        let tunneled = shown("http://a.test/", "http://p.test:1", Plain::Tunneled);
        assert_eq!(tunneled, "p.test:1 | tunnel a.test:80");
    }
}
