//! The strict hosts of a manager (HSTS), and whoever keeps them longer.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wayfare_net::runtime::Home;
use wayfare_proto::address::site::PublicSuffixes;
use wayfare_proto::policy::hsts::{Change, Keeping, StrictHost, StrictHosts};
use wayfare_proto::syntax::stamp::Stamp;
use wayfare_proto::syntax::strict_transport_security::Strict;

use super::list::StrictList;
use super::{Storing, Unsaved};
use crate::body::draft::work;

/// Keeps strict hosts longer than a manager lives.
pub(crate) trait HostStore: Send + Sync {
    /// The hosts of a site: it, and every name below it.
    fn load<'a>(&'a self, site: &'a str) -> Storing<'a, Vec<StrictHost>>;

    /// Every host.
    fn load_all(&self) -> Storing<'_, Vec<StrictHost>>;

    /// Takes changes in, the oldest first.
    fn save(&self, changes: Vec<Change>) -> Storing<'_, ()>;

    /// How often it was changed by others than this manager, as far as it knows.
    fn changes_elsewhere(&self) -> u64;

    /// True if it is time to look whether others have changed it.
    fn is_look_due(&self) -> bool;

    /// Finds out whether others have changed it.
    fn look(&self) -> Storing<'_, ()>;
}

/// The strict hosts of a manager.
pub(crate) struct Hosts {
    known: Mutex<StrictHosts>,
    store: Option<Arc<dyn HostStore>>,
    list: Option<Arc<StrictList>>,
    suffixes: PublicSuffixes,
    /// What the list says of hosts that were asked about.
    listed: Mutex<HashMap<Box<str>, Listed>>,
    unsaved: Unsaved<Change>,
    /// Whether any host may be strict, so that nobody pays where none is.
    is_used: AtomicBool,
    /// What [`HostStore::changes_elsewhere`] said last.
    elsewhere: AtomicU64,
}

/// What a list says of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    No,
    Yes,
}

impl Hosts {
    pub(super) fn new(
        store: Option<Arc<dyn HostStore>>,
        list: Option<Arc<StrictList>>,
        suffixes: PublicSuffixes,
    ) -> Self {
        let keeping = if store.is_some() { Keeping::Elsewhere } else { Keeping::Here };
        let is_used = AtomicBool::new(store.is_some() || list.is_some());
        Self {
            known: Mutex::new(StrictHosts::new(keeping)),
            store,
            list,
            suffixes,
            listed: Mutex::default(),
            unsaved: Unsaved::default(),
            is_used,
            elsewhere: AtomicU64::new(0),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// True if what is known here is kept longer than the program runs, or came from elsewhere.
    pub(crate) fn lasts(&self) -> bool {
        self.store.is_some() || self.list.is_some()
    }

    /// True if what is known of a host has to be brought first.
    pub(crate) fn must_bring(&self, host: &str) -> bool {
        let is_missing = self.store.as_ref().is_some_and(|store| {
            store.is_look_due()
                || store.changes_elsewhere() != self.elsewhere.load(Ordering::Acquire)
                || !self.lock().is_loaded(self.suffixes.site(host))
        });
        is_missing || (self.list.is_some() && !self.listed().contains_key(host))
    }

    /// Brings what is known of a host. When that fails, its site begins without.
    pub(crate) async fn bring(&self, host: &str, home: &Home) -> io::Result<()> {
        if let Some(list) = &self.list
            && !self.listed().contains_key(host)
        {
            let (asked, list) = (host.to_owned(), list.clone());
            let says = work(home, move || list.says(&asked)).await?;
            let mut listed = self.listed();
            if listed.len() >= MOST_LISTED {
                // One that is not strict is as if it had not been asked about; a strict one may be
                // needed by somebody who has asked already.
                let one = listed.iter().find(|(_, says)| **says == Listed::No);
                if let Some(one) = one.map(|(host, _)| host.clone()) {
                    listed.remove(&one);
                }
            }
            listed.insert(host.into(), says);
        }
        let mut looked = Ok(());
        if let Some(store) = &self.store {
            if store.is_look_due() {
                looked = store.look().await;
            }
            let elsewhere = store.changes_elsewhere();
            if elsewhere != self.elsewhere.load(Ordering::Acquire) {
                self.save().await?;
                self.lock().doubt();
                self.elsewhere.store(elsewhere, Ordering::Release);
            }
        }
        let site = self.suffixes.site(host);
        let Some(store) = self.store.as_ref().filter(|_| !self.lock().is_loaded(site)) else {
            return looked;
        };
        let loaded = store.load(site).await;
        let (hosts, result) = loaded.map_or_else(|why| (Vec::new(), Err(why)), |all| (all, Ok(())));
        self.lock().load(site, hosts);
        looked.and(result)
    }

    /// Brings every host that is kept elsewhere; the list stays where it is.
    pub(crate) async fn bring_all(&self) -> io::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        self.save().await?;
        let mut sites: HashMap<String, Vec<StrictHost>> = HashMap::new();
        for host in store.load_all().await? {
            sites.entry(self.suffixes.site(&host.host).to_owned()).or_default().push(host);
        }
        let mut known = self.lock();
        for (site, hosts) in sites {
            known.load(&site, hosts);
        }
        Ok(())
    }

    /// Forgets the hosts whose names `which` picks; what the list says of them stays.
    pub(crate) fn forget_all(&self, which: impl Fn(&str) -> bool) -> usize {
        self.lock().forget_all(which)
    }

    /// True if a host is to be reached over TLS only; what is known of it must have been brought.
    pub(crate) fn is_strict(&self, host: &str, now: impl FnOnce() -> Stamp) -> bool {
        if !self.is_used.load(Ordering::Acquire) {
            return false;
        }
        let is_listed = self.list.is_some() && self.listed().get(host) == Some(&Listed::Yes);
        is_listed || {
            let until = self.lock().strict_until(host);
            until.is_some_and(|until| until > now())
        }
    }

    pub(crate) fn learn(&self, host: &str, strict: &Strict, now: Stamp) {
        self.is_used.store(true, Ordering::Release);
        self.lock().learn(host, strict, now);
    }

    pub(crate) fn add(&self, host: &StrictHost) -> bool {
        self.is_used.store(true, Ordering::Release);
        self.lock().add(host)
    }

    pub(crate) fn forget(&self, host: &str) -> bool {
        self.lock().forget(host)
    }

    pub(crate) fn list(&self, now: Stamp) -> Vec<StrictHost> {
        self.lock().list(now)
    }

    /// True if somebody should be told of changes.
    pub(crate) fn must_save(&self) -> bool {
        self.store.is_some() && self.lock().has_changes()
    }

    /// Tells the store what has changed, in order and one call at a time.
    pub(crate) async fn save(&self) -> io::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        self.unsaved.tell(|| self.lock().take_changes(), |changes| store.save(changes)).await
    }

    fn lock(&self) -> MutexGuard<'_, StrictHosts> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listed(&self) -> MutexGuard<'_, HashMap<Box<str>, Listed>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MOST_LISTED: usize = 4096;
