//! Sets up a manager.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use wayfare_net::network::{Network, System};
use wayfare_proto::address::site::PublicSuffixes;
use wayfare_proto::trace::event::Event;
use wayfare_proto::wire::http1::limits::HeadLimits;

use super::Manager;
use crate::delegate::{Delegate, SaysNo};
use crate::error::Error;
use crate::events::Listener;
use crate::options::{
    Auth, Bodies, Connections, Cookies, Dns, Hsts, Options, Proxies, Redirects, Timeouts, Tls,
};
use crate::protocol::{Protocol, Registry};
use crate::store::cookies::CookieStore;
use crate::store::list::StrictList;
#[cfg(feature = "profile")]
use crate::store::profile::Profile;
use crate::store::{Calendar, Sources};
use crate::transfer::handle::{Finished, FinishedHandler};
use crate::transfer::shared::Shared;

/// Sets up a [`Manager`]; each method takes one group of settings.
#[must_use]
pub struct Builder {
    options: Options,
    registry: Registry,
    network: Arc<dyn Network>,
    delegate: Arc<dyn Delegate>,
    listeners: Vec<Listener>,
    finished: Vec<FinishedHandler>,
    sources: Sources,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            options: Options::default(),
            registry: Registry::new(),
            network: Arc::new(System),
            delegate: Arc::new(SaysNo),
            listeners: Vec::new(),
            finished: Vec::new(),
            sources: Sources::default(),
        }
    }
}

impl Builder {
    /// Sets how long to wait.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.options.timeouts = timeouts;
        self
    }

    /// Sets which redirects are followed.
    pub fn redirects(mut self, redirects: Redirects) -> Self {
        self.options.redirects = redirects;
        self
    }

    /// Sets how connections are made and shared.
    pub fn connections(mut self, connections: Connections) -> Self {
        self.options.connections = connections;
        self
    }

    /// Sets how requests say who is asking.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.options.auth = auth;
        self
    }

    /// Sets how bodies are read.
    pub fn bodies(mut self, bodies: Bodies) -> Self {
        self.options.bodies = bodies;
        self
    }

    /// Sets the limits on heads.
    pub fn heads(mut self, heads: HeadLimits) -> Self {
        self.options.heads = heads;
        self
    }

    /// Sets whom to trust.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.options.tls = tls;
        self
    }

    /// Sets which way requests go.
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.options.proxies = proxies;
        self
    }

    /// Sets what is done with cookies.
    pub fn cookies(mut self, cookies: Cookies) -> Self {
        self.options.cookies = cookies;
        self
    }

    /// Sets whether hosts that want to be reached over TLS only are remembered and obeyed.
    pub fn hsts(mut self, hsts: Hsts) -> Self {
        self.options.hsts = hsts;
        self
    }

    /// Sets where everything that the manager remembers is kept, and turns on what is only of use
    /// then: hosts that want TLS only are obeyed, unless [`Builder::hsts`] says otherwise. A cookie
    /// store, or exceptions for certificates, of one's own go before it.
    #[cfg(feature = "profile")]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.sources.profile = Some(profile);
        self
    }

    /// Sets who keeps cookies longer than the manager lives.
    pub fn cookie_store(mut self, store: impl CookieStore + 'static) -> Self {
        self.sources.cookies = Some(Arc::new(store));
        self
    }

    /// Replaces the list of suffixes under which names have different owners, and cookies are not
    /// shared.
    pub fn public_suffixes(mut self, suffixes: PublicSuffixes) -> Self {
        self.sources.suffixes = suffixes;
        self
    }

    /// Sets a list of hosts that are to be reached over TLS only, which `wayfare hsts import` or
    /// [`compile_list`](crate::hsts::compile_list) made. It is searched where it lies.
    ///
    /// # Errors
    /// [`ErrorKind::FileSystem`](crate::ErrorKind::FileSystem) or its relatives if it cannot be read,
    /// or is no such list.
    pub fn strict_hosts_list(mut self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let list = StrictList::open(path).map_err(|why| {
            Error::from_file(&format!("the list of strict hosts {}", path.display()), &why)
        })?;
        self.sources.list = Some(Arc::new(list));
        Ok(self)
    }

    /// Sets who tells the date by which cookies and what else is remembered expire; the system by
    /// default. For tests.
    pub fn calendar(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.sources.calendar = Calendar(Some(Arc::new(now)));
        self
    }

    /// Sets how names become addresses.
    pub fn dns(mut self, dns: Dns) -> Self {
        self.options.dns = dns;
        self
    }

    /// Sets a field that every request carries unless it has its own. Credentials among them go to
    /// every origin that is asked, but not along with a redirect to another one.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.options.headers.0.insert(name, value);
        self
    }

    /// Replaces the fields that every request carries unless it has its own.
    pub fn headers(mut self, fields: HeaderMap) -> Self {
        self.options.headers.0 = fields;
        self
    }

    /// Sets the `User-Agent` of requests that set none.
    pub fn user_agent(self, value: HeaderValue) -> Self {
        self.header(header::USER_AGENT, value)
    }

    /// Sets who answers the questions that come up.
    pub fn delegate(mut self, delegate: impl Delegate + 'static) -> Self {
        self.delegate = Arc::new(delegate);
        self
    }

    /// Adds a protocol for schemes of its own; it comes before those already there.
    pub fn protocol(mut self, protocol: impl Protocol + 'static) -> Self {
        self.registry.add(Arc::new(protocol));
        self
    }

    /// Puts another network in the place of this machine's; for tests.
    pub fn network(mut self, network: Arc<dyn Network>) -> Self {
        self.network = network;
        self
    }

    /// Has every event of every transfer told to `closure`, on the thread where it happens.
    pub fn on_event(mut self, closure: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listeners.push(Listener::Closure(Arc::new(closure)));
        self
    }

    /// Has the end of every transfer begun with [`Request::start`](crate::Request::start) told to
    /// `closure`, with its whole body.
    pub fn on_finished(mut self, closure: impl Fn(&Finished) + Send + Sync + 'static) -> Self {
        self.finished.push(Arc::new(closure));
        self
    }

    /// The manager.
    #[must_use]
    pub fn build(mut self) -> Manager {
        self.sources.settle(&mut self.options);
        let options = Arc::new(self.options);
        let shared = Shared::new(self.network, self.registry, self.delegate, options, self.sources);
        Manager { shared, listeners: self.listeners, finished: self.finished }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("options", &self.options).finish_non_exhaustive()
    }
}
