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
        let mut route = match Approach::new(chain, pinned) {
            None => Self::reaching(&end, End::Origin, pinned),
            Some(Approach { proxy, mut route }) => {
                if !is_forwarded(origin, chain, plain) {
                    route.hops.push(Hop::through(proxy, &end, pinned));
                }
                route
            }
        };
        if origin.scheme() == Scheme::Https {
            route.hops.push(Hop::Tls { name: origin.host().to_owned(), end: End::Origin });
        }
        route
    }

    fn reaching(place: &Target, first: End, pinned: &dyn Fn(&str) -> Option<IpAddr>) -> Self {
        let host = pinned(&bracketed(place))
            .map_or_else(|| place.host().to_owned(), |address| address.to_string());
        Self { reach: Reach::Tcp { host, port: place.port() }, first, hops: Vec::new() }
    }
}

/// The way to the last proxy of a chain, to ask that one for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approach {
    /// The proxy.
    pub proxy: Proxy,
    /// The way to it.
    pub route: Route,
}

impl Approach {
    /// The way to the last of `chain`; nothing if there is no proxy. For `pinned` see
    /// [`Route::new`].
    #[must_use]
    pub fn new(chain: &Chain, pinned: &dyn Fn(&str) -> Option<IpAddr>) -> Option<Self> {
        let proxies = chain.proxies();
        let (first, last) = (proxies.first()?, proxies.last()?);
        let mut route = Route::reaching(first.target(), End::Proxy(first.clone()), pinned);
        for (index, proxy) in proxies.iter().enumerate() {
            if proxy.kind() == ProxyKind::Https {
                let (name, end) = (proxy.target().host().to_owned(), End::Proxy(proxy.clone()));
                route.hops.push(Hop::Tls { name, end });
            }
            if let Some(next) = proxies.get(index + 1) {
                route.hops.push(Hop::through(proxy.clone(), next.target(), pinned));
            }
        }
        Some(Self { proxy: last.clone(), route })
    }

    /// The first of those in between, if there is one: no datagram gets past it.
    #[must_use]
    pub fn barrier(&self) -> Option<&Proxy> {
        self.route.hops.iter().find_map(|hop| match hop {
            Hop::Socks { proxy, .. } | Hop::Tunnel { proxy, .. } => Some(proxy),
            Hop::Tls { .. } => None,
        })
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

    #[test]
    fn the_last_proxy_of_a_chain_is_approached_through_the_others() {
        let to_last = |chain: &str| Approach::new(&chain.parse().unwrap(), &|_| None);
        assert_eq!(to_last("direct"), None);
        let alone = to_last("socks5://a.test").unwrap();
        assert_eq!((alone.route.hops.len(), alone.barrier()), (0, None));
        let hidden = to_last("https://gate.test socks5h://a.test socks5://b.test:1").unwrap();
        assert_eq!(hidden.proxy.to_string(), "socks5://b.test:1");
        assert_eq!(hidden.barrier().unwrap().to_string(), "https://gate.test:443");
        let [Hop::Tls { .. }, Hop::Tunnel { .. }, Hop::Socks { target, .. }] =
            &hidden.route.hops[..]
        else {
            panic!("{:?}", hidden.route)
        };
        assert_eq!(target.to_string(), "b.test:1");
    }
}
