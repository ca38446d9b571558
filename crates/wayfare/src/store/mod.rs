//! What is remembered of servers, in memory and wherever else it is kept.

pub(crate) mod cookies;
pub(crate) mod hosts;
pub(crate) mod json;
pub(crate) mod list;
#[cfg(feature = "profile")]
pub(crate) mod profile;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Mutex as Turnstile;
use url::Url;
use wayfare_net::runtime::Home;
use wayfare_proto::address::site::PublicSuffixes;
use wayfare_proto::policy::cookie::Limits;
use wayfare_proto::policy::hsts;
use wayfare_proto::syntax::stamp::Stamp;

#[cfg(feature = "profile")]
use crate::options::Exceptions;
use crate::options::{Hsts, Options};
use cookies::{CookieStore, Cookies};
use hosts::{HostStore, Hosts};
use list::StrictList;
#[cfg(feature = "profile")]
use profile::Profile;

/// Something that is read or written elsewhere, which may take its time.
pub type Storing<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// What a manager remembers of servers.
pub(crate) struct Remembered {
    pub(crate) cookies: Cookies,
    pub(crate) hosts: Hosts,
    pub(crate) calendar: Calendar,
    #[cfg(feature = "profile")]
    profile: Option<Profile>,
}

/// Where a manager's memory comes from.
#[derive(Clone, Default)]
pub(crate) struct Sources {
    pub(crate) cookies: Option<Arc<dyn CookieStore>>,
    pub(crate) hosts: Option<Arc<dyn HostStore>>,
    pub(crate) list: Option<Arc<StrictList>>,
    pub(crate) suffixes: PublicSuffixes,
    pub(crate) calendar: Calendar,
    #[cfg(feature = "profile")]
    pub(crate) profile: Option<Profile>,
}

impl Sources {
    /// Has the profile, if there is one, keep what nobody else keeps.
    #[cfg(feature = "profile")]
    pub(crate) fn settle(&mut self, options: &mut Options) {
        let Some(profile) = &self.profile else { return };
        profile.set_limit(options.cookies.limits.all);
        self.cookies.get_or_insert_with(|| Arc::new(profile.clone()));
        self.hosts.get_or_insert_with(|| Arc::new(profile.clone()));
        if !options.tls.exceptions().are_kept() {
            let kept = Exceptions::kept_by(profile.clone());
            options.tls = options.tls.clone().with_exceptions(kept);
        }
    }

    #[cfg(not(feature = "profile"))]
    pub(crate) fn settle(&mut self, _options: &mut Options) {}
}

impl Remembered {
    pub(crate) fn new(sources: Sources, limits: Limits) -> Arc<Self> {
        let suffixes = sources.suffixes;
        Arc::new(Self {
            hosts: Hosts::new(sources.hosts, sources.list, suffixes.clone()),
            cookies: Cookies::new(sources.cookies, limits, suffixes, sources.calendar.clone()),
            calendar: sources.calendar,
            #[cfg(feature = "profile")]
            profile: sources.profile,
        })
    }

    /// Tells whoever keeps it of everything that has changed, and waits until it is written.
    pub(crate) async fn save(&self) -> io::Result<()> {
        self.cookies.save().await?;
        self.hosts.save().await?;
        #[cfg(feature = "profile")]
        if let Some(profile) = &self.profile {
            profile.flush().await?;
        }
        Ok(())
    }

    /// Forgets a site, here and wherever it is kept; what is kept elsewhere of it should have been
    /// brought. Says how many cookies and strict hosts were known.
    pub(crate) fn forget(&self, site: &Site) -> (usize, usize) {
        let cookies = self.cookies.forget(site);
        let hosts = self.hosts.forget_all(|name| site.has(name));
        #[cfg(feature = "profile")]
        if let Some(profile) = &self.profile {
            profile.forget(site);
        }
        (cookies, hosts)
    }

    /// True if strict hosts are remembered and obeyed under this setting.
    pub(crate) fn obeys_strictness(&self, hsts: Hsts) -> bool {
        match hsts {
            Hsts::Automatic => self.hosts.lasts(),
            Hsts::Off => false,
            Hsts::On => true,
        }
    }

    /// Moves a URL to TLS if its host is strict. What cannot be brought of it is not known then.
    pub(crate) async fn upgrade(&self, url: &mut Url, hsts: Hsts, home: &Home) {
        let Some(host) = url.host_str().filter(|_| self.obeys_strictness(hsts)) else { return };
        // The requests that follow tell of a failure; a connection has nobody to tell.
        let _ = self.hosts.bring(host, home).await;
        if self.hosts.is_strict(host, || self.calendar.now()) {
            hsts::upgrade(url);
        }
    }
}

/// Changes that a store has not confirmed. Who holds them is telling it.
struct Unsaved<C>(Turnstile<Vec<C>>);

impl<C> Default for Unsaved<C> {
    fn default() -> Self {
        Self(Turnstile::default())
    }
}

impl<C: Clone> Unsaved<C> {
    /// Tells what has changed, in order and one call at a time.
    async fn tell<'a>(
        &self,
        take: impl FnOnce() -> Vec<C>,
        save: impl FnOnce(Vec<C>) -> Storing<'a, ()>,
    ) -> io::Result<()> {
        let mut unsaved = self.0.lock().await;
        unsaved.extend(take());
        if unsaved.is_empty() {
            return Ok(());
        }
        // If this future is dropped, the changes are still there for the next one.
        let saved = save(unsaved.clone()).await;
        // What cannot be kept must not pile up.
        unsaved.clear();
        saved
    }
}

/// The names that belong together, most often to one owner.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) name: String,
    pub(crate) below: Below,
}

/// Whether the names below a site's are its owner's, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Below {
    Included,
    /// They have other owners, or there are none: it is a suffix, an address, or a single label.
    Left,
}

impl Site {
    /// True if a host's name is one of them.
    pub(crate) fn has(&self, name: &str) -> bool {
        let Some(rest) = name.strip_suffix(&*self.name) else { return false };
        rest.is_empty() || (self.below == Below::Included && rest.ends_with('.'))
    }
}

/// Who tells the date; the system does, unless a program has a clock of its own.
#[derive(Clone, Default)]
pub(crate) struct Calendar(pub(crate) Option<Arc<dyn Fn() -> SystemTime + Send + Sync>>);

impl Calendar {
    pub(crate) fn now(&self) -> Stamp {
        self.0.as_ref().map_or_else(SystemTime::now, |own| own()).into()
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered")
            .field("cookies", &self.cookies.len())
            .field("strict_hosts", &self.hosts.len())
            .finish_non_exhaustive()
    }
}
