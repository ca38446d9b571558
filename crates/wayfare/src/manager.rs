//! Shared state and entry: one manager is enough for an application.

pub(crate) mod builder;

use std::fmt;
use std::sync::Arc;

use url::Url;
use wayfare_net::runtime::Home;
use wayfare_net::tls::facts::TlsFacts;
use wayfare_proto::address::origin::Origin;
use wayfare_proto::policy::schedule::{Counts, Priority};
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::trace::event::What;

use crate::delegate::Credentials;
use crate::error::{Error, ErrorKind, ProxyTrouble, Stage};
use crate::events::{Emitter, Listener};
use crate::options::{Options, Proxies};
use crate::pool::Reuse;
use crate::protocol::http::{Flight, Surroundings, preconnect};
use crate::proxies::{News, Ways};
use crate::queue::Ticket;
use crate::transfer::handle::FinishedHandler;
use crate::transfer::shared::Shared;
use builder::Builder;

/// The entry to the network: connections, queue and settings that requests share.
///
/// Cheap to clone, and all clones are one. Usable from any thread, inside and outside of tokio
/// runtimes.
///
/// ```no_run
/// # async fn run() -> Result<(), wayfare::Error> {
/// let manager = wayfare::Manager::new();
/// let text = manager.get("https://example.org/").send().await?.text().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Manager {
    pub(crate) shared: Arc<Shared>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) finished: Vec<FinishedHandler>,
}

impl Manager {
    /// A manager with the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Starts to set up a manager.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The schemes that can be asked for, sorted.
    ///
    /// ```
    /// let schemes = wayfare::Manager::new().supported_schemes();
    /// assert_eq!(schemes, ["data", "file", "http", "https"]);
    /// ```
    #[must_use]
    pub fn supported_schemes(&self) -> Vec<String> {
        self.shared.registry.schemes()
    }

    /// The settings that requests are born with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// How many transfers go and wait, over all origins.
    #[must_use]
    pub fn queue(&self) -> Counts {
        self.shared.queue.total()
    }

    /// How many transfers go and wait for the origin of `url`.
    #[must_use]
    pub fn queue_of(&self, url: &Url) -> Counts {
        let ways = self.shared.proxies(&self.shared.options).at_once(url);
        let way = ways.and_then(Result::ok).map_or(Chain::DIRECT, |ways| ways.first);
        self.shared
            .lane(url, &self.shared.options, &way)
            .map(|key| self.shared.queue.of_origin(&key))
            .unwrap_or_default()
    }

    /// Opens a connection to the origin of `url`, TLS included, for the request that will follow. It
    /// takes its turn as a request does, so the limit on connections to an origin holds.
    ///
    /// # Errors
    /// What a request would fail with before it is sent.
    ///
    /// # Cancel safety
    /// Dropping the future closes what was opened.
    pub async fn preconnect(&self, url: &str) -> Result<(), Error> {
        let home = Home::current().map_err(|why| no_home(&why))?;
        self.preconnect_in(url, home).await.map(drop)
    }

    /// Opens a connection to the origin of `url`, or finds an open one, and tells what its TLS
    /// handshake agreed on: certificates, version, suite. The connection is kept for the next
    /// request.
    ///
    /// # Errors
    /// What a request would fail with before it is sent; [`ErrorKind::InvalidRequest`] for an
    /// origin without TLS.
    ///
    /// # Cancel safety
    /// Dropping the future closes what was opened.
    pub async fn handshake(&self, url: &str) -> Result<TlsFacts, Error> {
        let home = Home::current().map_err(|why| no_home(&why))?;
        self.handshake_in(url, home).await
    }

    pub(crate) async fn handshake_in(&self, url: &str, home: Home) -> Result<TlsFacts, Error> {
        let facts = self.preconnect_in(url, home).await?;
        let without = || Error::invalid_request(format!("there is no TLS on the way to {url}"));
        facts.map(Arc::unwrap_or_clone).ok_or_else(without)
    }

    pub(crate) async fn preconnect_in(&self, url: &str, home: Home) -> Result<Secured, Error> {
        let mut parsed = parse(url)?;
        self.shared.remembered.upgrade(&mut parsed, self.shared.options.hsts, &home).await;
        if Origin::of(&parsed).is_none() {
            let message = "there is nothing to connect to before a request";
            return Err(Error::new(ErrorKind::UnknownScheme, Stage::Plan, message).at(&parsed));
        }
        let proxies = self.shared.proxies(&self.shared.options);
        let ways = proxies.choose(&parsed).await.map_err(|error| error.at(&parsed))?;
        let Ways { first, others, rule, news } = self.shared.sorted(ways);
        let told = (news == News::Told).then_some(&*rule);
        let mut opened = self.preconnect_by((&first, told), &parsed, &home).await;
        for way in &others {
            match &opened {
                Err(error) if error.proxy_trouble().is_some_and(ProxyTrouble::has_another_way) => {
                    let told = Some("the next of the list");
                    opened = self.preconnect_by((way, told), &parsed, &home).await;
                }
                _ => break,
            }
        }
        opened.map_err(|error| error.at(&parsed))
    }

    /// Opens a connection by a way, and tells which rule named it.
    async fn preconnect_by(
        &self,
        (way, rule): (&Chain, Option<&str>),
        url: &Url,
        home: &Home,
    ) -> Result<Secured, Error> {
        let may_be_told = &self.shared.options.auth.ambient;
        let way = self.shared.logins.remembered(way.clone(), may_be_told);
        let Some(key) = self.shared.lane(url, &self.shared.options, &way) else { return Ok(None) };
        self.shared.watch_idle();
        let around = Surroundings {
            network: &self.shared.network,
            connections: &self.shared.connections,
            memories: &self.shared.memories,
            names: &self.shared.names,
            queue: &self.shared.queue,
            key: &key,
            home,
            options: &self.shared.options,
            priority: Priority::Normal,
            reuse: Reuse::Allowed,
            flight: Flight::Later,
            proving: None,
        };
        let mut emitter = Emitter::new(self.listeners.clone(), Default::default());
        if let Some(rule) = rule {
            let (route, rule) = (way.to_string(), rule.to_owned());
            emitter.emit(|| What::Routed { route, rule });
        }
        // One of the origin's few places, as for a request.
        let _turn = self.shared.queue.turn(key.clone(), Ticket::new(Priority::Normal)).await;
        let opened = preconnect(&around, &mut emitter).await.map_err(|error| error.through(&way));
        // What was opened is nobody's on loan, so the watcher may have gone home meanwhile.
        self.shared.watch_idle();
        opened
    }

    /// Sets which way requests go from now on; those with proxies of their own keep them.
    pub fn set_proxies(&self, proxies: Proxies) {
        self.shared.set_proxies(proxies);
    }

    /// The ways a request for `url` would be tried by, and the rule that names them.
    ///
    /// # Errors
    /// [`ErrorKind::Proxy`] if there is no telling.
    ///
    /// # Cancel safety
    /// Nothing is begun that a drop would leave behind.
    pub async fn ways_to(&self, url: &str) -> Result<(Vec<Chain>, String), Error> {
        let parsed = parse(url)?;
        let proxies = self.shared.proxies(&self.shared.options);
        let ways = proxies.choose(&parsed).await.map_err(|error| error.at(&parsed))?;
        let Ways { first, others, rule, .. } = self.shared.sorted(ways);
        Ok(([vec![first], others].concat(), rule.into_owned()))
    }

    /// Keeps credentials for the places that `url` names: its origin, and of that what is below the
    /// folder of its path. They are said when a server there asks, in `realm` only if one is named,
    /// and never to anybody else; with nothing in their place the former ones are forgotten.
    ///
    /// ```
    /// use wayfare::delegate::Credentials;
    /// let manager = wayfare::Manager::new();
    /// let ada = Credentials::new("ada", "secret");
    /// manager.set_credentials("https://example.org/docs/", None, Some(ada))?;
    /// # Ok::<(), wayfare::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidUrl`] if it is no URL of `http` or `https`.
    pub fn set_credentials(
        &self,
        url: &str,
        realm: Option<&str>,
        credentials: Option<Credentials>,
    ) -> Result<(), Error> {
        let parsed = parse(url)?;
        let Some(origin) = Origin::of(&parsed) else {
            let message = "only http and https have servers that ask who is asking";
            return Err(Error::new(ErrorKind::InvalidUrl, Stage::Plan, message).at(&parsed));
        };
        let path = parsed.path();
        let folder = &path[..=path.rfind('/').unwrap_or(0)];
        let realm = realm.map(str::to_owned);
        self.shared.access.set_known(origin, realm, folder.to_owned(), credentials);
        Ok(())
    }

    /// Forgets who servers and proxies were told is asking, which answers of the delegate were
    /// refused, and every kept connection, which may have been proven to be somebody's. What
    /// [`Manager::set_credentials`] keeps stays.
    pub fn clear_access_cache(&self) {
        self.shared.access.clear();
        self.shared.logins.clear();
        self.shared.memories.proxies().forget();
        self.shared.connections.clear();
    }

    /// Forgets which proxies did not work, and what was said to those that asked.
    pub fn forget_proxies(&self) {
        self.shared.bad_proxies().clear();
        self.shared.logins.clear();
        self.shared.memories.proxies().forget();
    }

    /// Forgets every kept connection, which names have which addresses, which of those answered, and
    /// who wants no early data; for a machine that has changed its network, too. Transfers under way
    /// go on, on connections that are closed afterwards.
    pub fn clear_connections(&self) {
        self.shared.connections.clear();
        self.shared.memories.forget();
        self.shared.names.forget();
        self.shared.early_refusals().clear();
    }
}

/// What a handshake agreed on, if there was one.
type Secured = Option<Arc<TlsFacts>>;

impl Default for Manager {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager").field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// Reads a URL.
pub(crate) fn parse(url: &str) -> Result<Url, Error> {
    Url::parse(url).map_err(|why| no_url(url, why))
}

/// The error of a text that is no URL.
pub(crate) fn no_url(text: &str, why: url::ParseError) -> Error {
    let hint = match why {
        url::ParseError::RelativeUrlWithoutBase => "; it needs a scheme, as in https://…",
        _ => "",
    };
    let shown = without_user_info(text);
    let message = format!("\"{}\" is not a URL: {why}{hint}", shown.escape_debug());
    Error::new(ErrorKind::InvalidUrl, Stage::Plan, message).because(why)
}

/// A text that is no URL, without what may have been meant as a password.
fn without_user_info(url: &str) -> String {
    let Some(at) = url.rfind('@') else { return url.to_owned() };
    let start = url.find(':').map_or(0, |colon| colon + 1).min(at);
    format!("{}…{}", &url[..start], &url[at..])
}

pub(crate) fn no_home(why: &std::io::Error) -> Error {
    let message = format!("the threads for I/O cannot be started: {why}");
    Error::new(ErrorKind::FileSystem, Stage::Plan, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_url_is_shown_without_its_password() {
        for url in [
            "http://ada:secret@a b/",
            "http://ada:sec@ret@[/x",
            "http:ada:secret@a.test:99999/x",
            "http:\\\\ada:secret@a.test:99999/x",
        ] {
            let error = match parse(url) {
                Err(error) => error.to_string(),
                Ok(url) => url.scheme().to_owned(),
            };
            assert!(!error.contains("secret") && !error.contains("sec@ret"), "{error}");
        }
    }
}
