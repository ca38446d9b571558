//! Who is asked for the way, once per request or socket.

use std::fmt;

use url::Url;
use wayfare_proto::route::proxy::Chain;

use crate::network::Asking;

/// Says which way to go.
///
/// ```
/// # use wayfare_net::network::Asking;
/// # use wayfare_net::proxy::factory::{ProxyFactory, ProxyList, ProxyQuery, Undecided};
/// struct Office;
/// impl ProxyFactory for Office {
///     fn ways<'a>(&'a self, query: &'a ProxyQuery) -> Asking<'a, Result<ProxyList, Undecided>> {
///         let text = if query.host.ends_with(".corp.test") { "direct" } else { "http://gate.test" };
///         let list = text.parse().map(|way| ProxyList::new(vec![way], "the office's rules"));
///         Box::pin(async { list.map_err(|why| Undecided(format!("{why}"))) })
///     }
/// }
/// ```
pub trait ProxyFactory: Send + Sync {
    /// The ways for a request or socket, to be tried in order; the direct way is only taken if it
    /// is among them.
    ///
    /// # Errors
    /// [`Undecided`] if there is no telling, which fails the request.
    ///
    /// # Cancel safety
    /// The future is dropped when the request is aborted.
    fn ways<'a>(&'a self, query: &'a ProxyQuery) -> Asking<'a, Result<ProxyList, Undecided>>;
}

/// What a way is wanted for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyQuery {
    /// The URL, if there is one; without user name, password and fragment.
    pub url: Option<Url>,
    /// The host; IPv6 literals have brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What will go that way.
    pub socket: SocketKind,
}

/// What will go a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocketKind {
    /// A request for a URL.
    Request,
    /// A connection of the application's own.
    TcpClient,
    /// A socket that waits for connections.
    TcpServer,
    /// Datagrams.
    Udp,
}

impl ProxyQuery {
    /// Asks for a URL's sake.
    #[must_use]
    pub fn for_url(url: &Url) -> Self {
        let mut shown = url.clone();
        // None of these fails on a URL that has what is taken out.
        let _ = shown.set_username("");
        let _ = shown.set_password(None);
        shown.set_fragment(None);
        Self {
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port_or_known_default().unwrap_or(0),
            url: Some(shown),
            socket: SocketKind::Request,
        }
    }

    /// Asks for a socket's sake.
    #[must_use]
    pub fn for_socket(socket: SocketKind, host: &str, port: u16) -> Self {
        Self { url: None, host: host.to_owned(), port, socket }
    }
}

/// Ways to be tried in order, and why these.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyList {
    /// The ways.
    pub ways: Vec<Chain>,
    /// The rule that named them, in words.
    pub rule: String,
}

impl ProxyList {
    /// Ways to be tried in order, and why these.
    #[must_use]
    pub fn new(ways: Vec<Chain>, rule: impl Into<String>) -> Self {
        Self { ways, rule: rule.into() }
    }
}

/// There is no telling which way to go, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided(pub String);

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Undecided {}
