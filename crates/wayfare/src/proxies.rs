//! Which way requests go: the group of settings, and what comes of asking it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use url::Url;
use wayfare_net::proxy::factory::{ProxyFactory, ProxyQuery, SocketKind};
use wayfare_net::proxy::system;
use wayfare_proto::address::target::Target;
use wayfare_proto::route::bypass::Bypass;
use wayfare_proto::route::machine::Machine;
use wayfare_proto::route::proxy::{Chain, Load};
use wayfare_proto::route::settings::{BadVariable, Choice};

use crate::error::{Error, ErrorKind, ProxyProblem, Stage};

/// Which way requests go.
///
/// By default the environment decides, as it does for curl: see [`Proxies::system`]. A way that
/// is not in the list is never taken: where every proxy fails the request fails, unless the list
/// itself ends in the direct way.
///
/// ```
/// use wayfare::options::Proxies;
/// let proxies = Proxies::through("http://proxy.test:3128")?.with_bypass(".corp.test, 10.0.0.0/8");
/// let manager = wayfare::Manager::builder().proxies(proxies).build();
/// # Ok::<(), wayfare::Error>(())
/// ```
#[derive(Clone)]
pub struct Proxies {
    /// Two values made apart are told apart, which tells a request's own from its manager's.
    source: Arc<Source>,
    bypass: Option<Bypass>,
}

enum Source {
    Factory(Box<dyn ProxyFactory>),
    /// Ways, and who named them.
    List(Vec<Chain>, Cow<'static, str>),
    Off,
    System,
}

impl Proxies {
    /// Every request goes directly.
    #[must_use]
    pub fn off() -> Self {
        Self::from(Source::Off)
    }

    /// The variables `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` decide (see
    /// [`Settings`](crate::proxy::Settings) for the letter of it), and where none of them names a
    /// proxy, on Windows and macOS the settings of the system do (see
    /// [`Machine`](crate::proxy::Machine)); all as they are when the first request of the process is
    /// made. This machine itself (`localhost`, loopback addresses) is reached directly, as with
    /// browsers, Go and Qt, but not curl.
    ///
    /// A script that the system's settings name is not run:
    /// [`machine`](crate::proxy::machine) tells where it is.
    #[must_use]
    pub fn system() -> Self {
        Self::from(Source::System)
    }

    /// Every request goes through this: the URL of a proxy, or several parted by blanks, the
    /// nearest first; `direct` for none. This machine itself too, unless a bypass says otherwise.
    ///
    /// # Errors
    /// [`ErrorKind::Proxy`] with [`ProxyProblem::Settings`] if the text is no proxy.
    pub fn through(text: &str) -> Result<Self, Error> {
        let way = text.parse::<Chain>().map_err(|mistake| {
            let kind = ErrorKind::Proxy(ProxyProblem::Settings);
            Error::new(kind, Stage::Plan, mistake.to_string()).because(mistake)
        })?;
        Ok(Self::list(vec![way]))
    }

    /// These ways are tried in order.
    #[must_use]
    pub fn list(ways: Vec<Chain>) -> Self {
        Self::list_by(ways, "the settings")
    }

    /// As [`Proxies::list`], with who named these ways, which is told where a way is chosen:
    /// in [`What::Routed`](crate::event::What::Routed) and by
    /// [`Manager::ways_to`](crate::Manager::ways_to).
    #[must_use]
    pub fn list_by(ways: Vec<Chain>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self::from(Source::List(ways, rule.into()))
    }

    /// The factory is asked for every request.
    #[must_use]
    pub fn factory(factory: impl ProxyFactory + 'static) -> Self {
        Self::from(Source::Factory(Box::new(factory)))
    }

    /// Sets which hosts are reached directly whatever the rest says, as `no_proxy` does; see
    /// [`Bypass`] for the entries, of which those that make no sense are passed over. With
    /// [`Proxies::system`] it takes the place of `no_proxy` and of the system's own exceptions; this
    /// machine itself is reached directly all the same, but for an entry `<-loopback>`.
    #[must_use]
    pub fn with_bypass(self, entries: &str) -> Self {
        let bypass = match *self.source {
            Source::System => Bypass::parse(entries).with_loopback(),
            _ => Bypass::parse(entries),
        };
        Self { bypass: Some(bypass), ..self }
    }

    /// True if both are clones of one value.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source) && self.bypass == other.bypass
    }

    /// The ways for a URL, if they are known without asking anybody.
    pub(crate) fn at_once(&self, url: &Url) -> Option<Result<Ways, Error>> {
        self.known(url, load_of(url))
    }

    fn known(&self, url: &Url, load: Load) -> Option<Result<Ways, Error>> {
        let bypassed = || {
            let (host, port) = (url.host_str()?, url.port_or_known_default()?);
            Some(Ways::exception(match self.bypass.as_ref()?.rule_for(host, port)? {
                "loopback" => "this machine is reached without a proxy".to_owned(),
                entry => format!("the entry {entry} of the bypass"),
            }))
        };
        Some(match &*self.source {
            Source::Off => Ok(Ways::direct("proxies are off")),
            Source::System if system::settings().is_empty() => match system::machine_at_once()? {
                none if *none == Machine::NONE => Ok(Ways::unset()),
                _ if let Some(ways) = bypassed() => Ok(ways),
                machine => self.of_machine(machine, url, load),
            },
            _ if let Some(ways) = bypassed() => Ok(ways),
            Source::Factory(_) => return None,
            Source::List(ways, rule) => Ways::fit(ways.clone(), rule.clone(), load),
            Source::System => match self.of_variables(url) {
                Ok(choice) => Ways::fit(vec![choice.chain], choice.rule.into(), load),
                Err(bad) => Err(undecided(&bad.to_string()).because(bad)),
            },
        })
    }

    fn of_variables(&self, url: &Url) -> Result<Choice, BadVariable> {
        match self.bypass {
            // What it says has been heard before.
            Some(_) => system::settings().choose_past(&Bypass::NONE, url),
            None => system::settings().choose(url),
        }
    }

    fn of_machine(&self, machine: &Machine, url: &Url, load: Load) -> Result<Ways, Error> {
        let choice = match self.bypass {
            Some(_) => machine.choose_past(&Bypass::NONE, url),
            None => machine.choose(url),
        };
        match choice {
            Ok(choice) if choice.chain.is_direct() && machine.script().is_some() => {
                Ok(Ways::exception(format!("{}; their script is not run", choice.rule)))
            }
            Ok(choice) => Ways::fit(vec![choice.chain], choice.rule.into(), load),
            Err(bad) => Err(undecided(&format!("the machine's settings: {bad}")).because(bad)),
        }
    }

    /// The ways for a URL.
    pub(crate) async fn choose(&self, url: &Url) -> Result<Ways, Error> {
        self.decide(ProxyQuery::for_url(url), url, load_of(url)).await
    }

    /// The ways for a socket of the application's own, none of which is the direct one.
    pub(crate) async fn choose_for(
        &self,
        socket: SocketKind,
        peer: &Target,
    ) -> Result<Ways, Error> {
        let (scheme, load) = match socket {
            SocketKind::Udp => ("udp", Load::Datagrams),
            _ => ("tcp", Load::Listening),
        };
        let url = Url::parse(&format!("{scheme}://{peer}")).map_err(|why| {
            let message = format!("{peer} is nobody to look for a way to: {why}");
            Error::invalid_request(message)
        })?;
        let query = ProxyQuery::for_socket(socket, url.host_str().unwrap_or_default(), peer.port());
        let ways = self.decide(query, &url, load).await?;
        if ways.first.is_direct() {
            let message = format!("there is no proxy to ask for it: {}", ways.rule);
            return Err(Error::new(ErrorKind::Proxy(ProxyProblem::NoneFits), Stage::Plan, message));
        }
        Ok(ways)
    }

    async fn decide(&self, query: ProxyQuery, url: &Url, load: Load) -> Result<Ways, Error> {
        if let Some(known) = self.known(url, load) {
            return known;
        }
        let Source::Factory(factory) = &*self.source else {
            // Only what the system has set takes its time, and is known from then on.
            let machine = system::machine().await.map_err(|why| undecided(&why.to_string()))?;
            let known = self.known(url, load);
            return known.unwrap_or_else(|| self.of_machine(machine, url, load));
        };
        match factory.ways(&query).await {
            Ok(list) => Ways::fit(list.ways, list.rule.into(), load),
            Err(why) => Err(undecided(&why.to_string()).because(why)),
        }
    }
}

impl Default for Proxies {
    fn default() -> Self {
        Self::system()
    }
}

impl From<Source> for Proxies {
    fn from(source: Source) -> Self {
        Self { source: Arc::new(source), bypass: None }
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.source {
            Source::Factory(_) => f.write_str("Factory"),
            Source::List(ways, _) => f.debug_tuple("List").field(ways).finish(),
            Source::Off => f.write_str("Off"),
            Source::System => f.write_str("System"),
        }
    }
}

/// The ways of one request, and why these.
#[derive(Debug)]
pub(crate) struct Ways {
    pub(crate) first: Chain,
    pub(crate) others: Vec<Chain>,
    pub(crate) rule: Cow<'static, str>,
    pub(crate) news: News,
}

/// Whether it is worth telling which way was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It is the direct way, and nobody named another.
    Nothing,
    Told,
}

impl Ways {
    /// Nobody named a proxy.
    fn direct(rule: impl Into<Cow<'static, str>>) -> Self {
        let (first, others) = (Chain::DIRECT, Vec::new());
        Self { first, others, rule: rule.into(), news: News::Nothing }
    }

    /// No variable names a proxy.
    fn unset() -> Self {
        match system::settings().unheard() {
            None => Self::direct("no variable names a proxy"),
            Some(unheard) => Self::direct(format!("no variable names a proxy: {unheard}")),
        }
    }

    /// The direct way, although there are proxies.
    fn exception(rule: String) -> Self {
        Self { news: News::Told, ..Self::direct(rule) }
    }

    /// Those that can carry it.
    fn fit(ways: Vec<Chain>, rule: Cow<'static, str>, load: Load) -> Result<Self, Error> {
        let mut fit = ways.into_iter().filter(|way| way.can_carry(load));
        let Some(first) = fit.next() else {
            let message = format!("no proxy that {rule} named can be used for it");
            return Err(Error::new(ErrorKind::Proxy(ProxyProblem::NoneFits), Stage::Plan, message));
        };
        Ok(Self { first, others: fit.collect(), rule, news: News::Told })
    }
}

/// What goes to `url`.
fn load_of(url: &Url) -> Load {
    if url.scheme() == "http" { Load::PlainHttp } else { Load::Tunneled }
}

fn undecided(why: &str) -> Error {
    let message = format!("there is no telling which proxy to use: {why}");
    Error::new(ErrorKind::Proxy(ProxyProblem::Settings), Stage::Plan, message)
}
