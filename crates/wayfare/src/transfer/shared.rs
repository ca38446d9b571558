//! What all transfers of a manager share.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::{HeaderMap, header};
use url::{ParseError, Url};
use wayfare_net::clock::now;
use wayfare_net::dial::Memories;
use wayfare_net::dns::{Names, Resolving};
use wayfare_net::network::Network;
use wayfare_proto::address::origin::Origin;
use wayfare_proto::address::reading::UrlReader;
use wayfare_proto::policy::early_data::Refusals;
use wayfare_proto::route::bad_proxies::BadProxies;
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::wire::http1::request::WrittenFields;

use super::access::Access;
use super::logins::Logins;
use super::trust::Trials;
use super::way::PROXY_CONNECTION;
use crate::delegate::Delegate;
use crate::options::Options;
use crate::protocol::Registry;
use crate::protocol::http::Connections;
use crate::proxies::{Proxies, Ways};
use crate::queue::{LaneKey, Queue};
use crate::store::{Remembered, Sources};

/// What all transfers of a manager share.
pub(crate) struct Shared {
    pub(crate) network: Arc<dyn Network>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) memories: Arc<Memories>,
    pub(crate) names: Arc<Names>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) registry: Registry,
    pub(crate) delegate: Arc<dyn Delegate>,
    pub(crate) options: Arc<Options>,
    pub(crate) trials: Trials,
    pub(crate) logins: Logins,
    pub(crate) access: Access,
    pub(crate) remembered: Arc<Remembered>,
    /// What replaces the proxies of `options`, if anything was set since.
    proxies: Mutex<Option<Proxies>>,
    bad_proxies: Mutex<BadProxies>,
    early_refusals: Mutex<Refusals>,
    watching: AtomicBool,
    /// What was asked for last is likely to be asked for next: URLs of the same origins,
    urls: Mutex<UrlReader>,
    /// and the same lane.
    last_lane: Mutex<Option<Arc<LaneKey>>>,
    /// Looked up once: what [`Shared::sends_unchanged`] says of the manager's own options.
    unchanged: bool,
    /// The fields of the manager's own options, as nearly every request has them.
    written: Option<WrittenFields>,
}

impl Shared {
    pub(crate) fn new(
        network: Arc<dyn Network>,
        registry: Registry,
        delegate: Arc<dyn Delegate>,
        options: Arc<Options>,
        sources: Sources,
    ) -> Arc<Self> {
        let limits = &options.connections;
        Arc::new(Self {
            network,
            connections: Connections::new(limits.per_origin),
            memories: Arc::default(),
            names: Arc::default(),
            queue: Queue::new(limits.per_origin, limits.overall),
            registry,
            delegate,
            trials: Trials::default(),
            logins: Logins::default(),
            access: Access::default(),
            remembered: Remembered::new(sources, options.cookies.limits),
            proxies: Mutex::default(),
            bad_proxies: Mutex::default(),
            early_refusals: Mutex::default(),
            watching: AtomicBool::new(false),
            urls: Mutex::default(),
            last_lane: Mutex::default(),
            unchanged: are_sendable(&options.headers.0),
            written: WrittenFields::of(&options.headers.0),
            options,
        })
    }

    pub(crate) fn read_url(&self, text: &str) -> Result<Url, ParseError> {
        self.urls.lock().unwrap_or_else(PoisonError::into_inner).read(text)
    }

    /// The lane of a URL by a way; nothing for what needs no connection.
    pub(crate) fn lane(&self, url: &Url, options: &Options, way: &Chain) -> Option<Arc<LaneKey>> {
        let mut last = self.last_lane.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = last.as_ref().filter(|key| key.serves(url, options, way)) {
            return Some(key.clone());
        }
        let key = LaneKey::new(Origin::of(url)?, options, way.clone());
        Some(last.insert(Arc::new(key)).clone())
    }

    /// The network with its names looked up as `options` say.
    pub(crate) fn resolving(&self, options: &Options) -> Resolving {
        Resolving {
            network: self.network.clone(),
            names: self.names.clone(),
            resolver: options.dns.resolver.clone(),
            keep: options.dns.keep,
            sockets: options.connections.sockets(),
            tls: options.tls.towards_proxies().clone(),
            memories: self.memories.clone(),
            pins: options.dns.pins.clone(),
            way: options.dns.way.clone(),
            https_port: None,
        }
    }

    /// True if the fields of `options` can be all that a request carries.
    pub(crate) fn sends_unchanged(&self, options: &Arc<Options>) -> bool {
        match Arc::ptr_eq(options, &self.options) {
            true => self.unchanged,
            false => are_sendable(&options.headers.0),
        }
    }

    /// The fields of `options` as they are written, if that was done before.
    pub(crate) fn written(&self, options: &Arc<Options>) -> Option<WrittenFields> {
        self.written.as_ref().filter(|_| Arc::ptr_eq(options, &self.options)).cloned()
    }

    /// The proxies of a request: its own, or the manager's as they are now.
    pub(crate) fn proxies(&self, options: &Options) -> Proxies {
        let now = self.proxies.lock().unwrap_or_else(PoisonError::into_inner);
        match &*now {
            Some(now) if options.proxies.is_same(&self.options.proxies) => now.clone(),
            _ => options.proxies.clone(),
        }
    }

    pub(crate) fn set_proxies(&self, proxies: Proxies) {
        *self.proxies.lock().unwrap_or_else(PoisonError::into_inner) = Some(proxies);
    }

    pub(crate) fn bad_proxies(&self) -> MutexGuard<'_, BadProxies> {
        self.bad_proxies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The origins that want no early data.
    pub(crate) fn early_refusals(&self) -> MutexGuard<'_, Refusals> {
        self.early_refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same ways, those through a bad proxy last.
    pub(crate) fn sorted(&self, ways: Ways) -> Ways {
        if ways.others.is_empty() {
            return ways;
        }
        let Ways { first, mut others, rule, news } = ways;
        others.insert(0, first);
        let mut others = self.bad_proxies().sorted(others, now());
        Ways { first: others.remove(0), others, rule, news }
    }

    /// Makes sure that somebody closes what is kept too long.
    pub(crate) fn watch_idle(self: &Arc<Self>) {
        if self.watching.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = Arc::downgrade(self);
        let started =
            std::thread::Builder::new().name("wayfare-idle".into()).spawn(move || watch(&shared));
        if started.is_err() {
            // No thread to be had now: the next transfer tries again.
            self.watching.store(false, Ordering::Release);
        }
    }

    /// Closes what was kept too long; true if there is, or may come, more to be closed.
    fn look_after_idle(&self) -> bool {
        let fresh = self.options.connections.idle;
        // Looking at a connection of a calling thread must happen in such a place.
        let left = wayfare_net::caller::block_on(async {
            let names = self.names.sweep();
            self.connections.sweep(fresh, now()) || names
        });
        // A connection on loan comes back when nobody thinks of starting a watcher.
        left || self.queue.total().active > 0
    }
}

/// True if nothing is missing in a manager's fields, and nothing is in them that is for proxies.
fn are_sendable(fields: &HeaderMap) -> bool {
    fields.contains_key(header::ACCEPT_ENCODING)
        && !fields.contains_key(header::PROXY_AUTHORIZATION)
        && !fields.contains_key(PROXY_CONNECTION)
}

/// Looks after the kept connections until there are none, or the manager has gone.
fn watch(shared: &Weak<Shared>) {
    loop {
        std::thread::sleep(WATCH);
        let Some(shared) = shared.upgrade() else { return };
        if shared.look_after_idle() {
            continue;
        }
        shared.watching.store(false, Ordering::Release);
        // Who came before that saw somebody watching, so it is for this thread to look once more;
        // who came after it has started another.
        if !shared.look_after_idle() || shared.watching.swap(true, Ordering::AcqRel) {
            return;
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("connections", &self.connections.counts())
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

/// How often kept connections are looked at.
const WATCH: Duration = Duration::from_secs(1);
