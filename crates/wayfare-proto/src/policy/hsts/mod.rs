//! Hosts that are only to be reached over TLS (RFC 6797).

pub mod preload;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use url::{Host, Url};

use crate::syntax::stamp::Stamp;
use crate::syntax::strict_transport_security::{Reach, Strict};

/// The hosts that are known to be strict.
///
/// ```
/// use wayfare_proto::policy::hsts::StrictHosts;
/// use wayfare_proto::syntax::{stamp::Stamp, strict_transport_security::Strict};
/// let (mut hosts, now) = (StrictHosts::default(), Stamp::from_seconds(1_790_000_000));
/// let strict = Strict::parse(b"max-age=60; includeSubDomains").unwrap();
/// hosts.learn("example.org", &strict, now);
/// assert!(hosts.is_strict("www.example.org", now));
/// assert!(!hosts.is_strict("www.example.org", now.plus_seconds(60)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct StrictHosts {
    keeping: Keeping,
    known: HashMap<Box<str>, (Stamp, Reach)>,
    /// Where hosts are kept elsewhere: the sites whose hosts are here, too.
    loaded: HashSet<Box<str>>,
    changes: Vec<Change>,
}

/// A host that is known to be strict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrictHost {
    /// Its name, in lower case and ASCII, without a dot at its end.
    pub host: String,
    /// Until when.
    pub expiry: Stamp,
    /// Whom it holds for.
    pub reach: Reach,
}

/// A change of what is known, for those who keep it longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The host of this name is no longer strict by itself.
    Dropped(String),
    /// The host is strict from now on, as this says.
    Kept(StrictHost),
}

/// Whether somebody keeps hosts longer than these are here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeping {
    /// Somebody does: a site's hosts come when they are needed, and changes are noted.
    Elsewhere,
    /// Nobody does.
    #[default]
    Here,
}

impl StrictHosts {
    /// No hosts yet.
    #[must_use]
    pub fn new(keeping: Keeping) -> Self {
        Self { keeping, ..Self::default() }
    }

    /// How many hosts are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// True if none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// True if the hosts of a site are here, wherever else they are kept.
    #[must_use]
    pub fn is_loaded(&self, site: &str) -> bool {
        self.keeping == Keeping::Here || self.loaded.contains(site)
    }

    /// Takes in the hosts of a site that are kept elsewhere: its name's, and of every name below it.
    /// What was learnt here meanwhile is newer, and wins; a site that is loaded already stays as it
    /// is.
    pub fn load(&mut self, site: &str, hosts: Vec<StrictHost>) {
        if self.loaded.len() > MOST_LOADED {
            // They can be asked for again; what is here stays, and is newer then.
            self.loaded.clear();
        }
        if !self.loaded.insert(site.into()) {
            return;
        }
        for StrictHost { host, expiry, reach } in hosts {
            if normal(&host).as_deref() == Some(&*host) {
                self.known.entry(host.into()).or_insert((expiry, reach));
            }
        }
    }

    /// Has every site loaded again before it matters, because somebody else has changed what is kept
    /// elsewhere. What is here stays, so that no host is unprotected meanwhile.
    pub fn doubt(&mut self) {
        self.loaded.clear();
    }

    /// Forgets what is here and what was loaded; nothing is noted as a change. For those who know
    /// that what is kept elsewhere has changed.
    pub fn unload(&mut self) {
        self.known.clear();
        self.loaded.clear();
    }

    /// True if there is something for [`StrictHosts::take_changes`] to give.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// What has changed since this was asked last; always nothing where nobody keeps hosts
    /// elsewhere.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Takes in what a host said of itself over TLS that was in order (RFC 6797 §8.1). An IP address
    /// has no name to be strict by, and is passed over. The site of the host must be loaded.
    pub fn learn(&mut self, host: &str, strict: &Strict, now: Stamp) {
        let Some(host) = normal(host) else { return };
        if strict.max_age == 0 {
            self.forget(&host);
            return;
        }
        let seconds = i64::try_from(strict.max_age).unwrap_or(i64::MAX);
        let expiry = now.plus_seconds(seconds);
        if self.known.len() >= MOST_KNOWN && !self.known.contains_key(&*host) {
            self.make_room(now);
        }
        self.add(&StrictHost { host, expiry, reach: strict.reach });
    }

    /// Adds a host, or replaces what is known of it; false for what is no host's name.
    pub fn add(&mut self, strict: &StrictHost) -> bool {
        let Some(host) = normal(&strict.host) else { return false };
        let entry = (strict.expiry, strict.reach);
        let known = self.known.insert(host.as_str().into(), entry);
        // A host says the same with every answer; a tenth of a day more is no news.
        let is_news = known.is_none_or(|(expiry, reach)| {
            reach != entry.1 || entry.0.seconds().abs_diff(expiry.seconds()) > LITTLE
        });
        if self.keeping == Keeping::Elsewhere {
            if is_news {
                self.changes.push(Change::Kept(StrictHost { host, ..*strict }));
            } else if let Some(known) = known {
                // What is kept elsewhere stays the measure of what is news.
                self.known.insert(host.into(), known);
            }
        }
        true
    }

    /// Forgets what a host said of itself; names above it keep theirs. False if nothing was known.
    /// The site of the host must be loaded.
    pub fn forget(&mut self, host: &str) -> bool {
        let Some(host) = normal(host) else { return false };
        let is_known = self.known.remove(&*host).is_some();
        if is_known && self.keeping == Keeping::Elsewhere {
            self.changes.push(Change::Dropped(host));
        }
        is_known
    }

    /// Forgets the hosts whose names `which` picks; says how many.
    pub fn forget_all(&mut self, which: impl Fn(&str) -> bool) -> usize {
        let names: Vec<_> = self.known.keys().filter(|name| which(name)).cloned().collect();
        names.iter().filter(|name| self.forget(name)).count()
    }

    /// True if a host is to be reached over TLS only: by what it said itself, or what a name above
    /// it said of all below (RFC 6797 §8.2). The site of the host must be loaded.
    #[must_use]
    pub fn is_strict(&self, host: &str, now: Stamp) -> bool {
        self.strict_until(host).is_some_and(|expiry| expiry > now)
    }

    /// Until when a host is to be reached over TLS only, be that over already; nothing for one that
    /// never was. For those who would not look at the calendar for nothing.
    #[must_use]
    pub fn strict_until(&self, host: &str) -> Option<Stamp> {
        if self.known.is_empty() {
            return None;
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        let own = self.known.get(host).map(|(expiry, _)| *expiry);
        let above = parents(host).filter_map(|name| match self.known.get(name)? {
            (expiry, Reach::Subdomains) => Some(*expiry),
            (_, Reach::Host) => None,
        });
        own.into_iter().chain(above).max()
    }

    /// Every host that is known and still strict, by name.
    #[must_use]
    pub fn list(&self, now: Stamp) -> Vec<StrictHost> {
        let good = self.known.iter().filter(|(_, (expiry, _))| *expiry > now);
        let mut hosts: Vec<_> = good
            .map(|(host, (expiry, reach))| StrictHost {
                host: host.to_string(),
                expiry: *expiry,
                reach: *reach,
            })
            .collect();
        hosts.sort_unstable_by(|one, other| one.host.cmp(&other.host));
        hosts
    }

    /// Drops what has expired, or else the half that would expire first.
    fn make_room(&mut self, now: Stamp) {
        let mut ends: Vec<Stamp> = self.known.values().map(|(expiry, _)| *expiry).collect();
        let middle = ends.len() / 2;
        let (_, middle, _) = ends.select_nth_unstable(middle);
        let has_expired = self.known.values().any(|(expiry, _)| *expiry <= now);
        let limit = if has_expired { now } else { *middle };
        let dropped: Vec<Box<str>> = self
            .known
            .iter()
            .filter(|(_, (expiry, _))| *expiry <= limit)
            .map(|(host, _)| host.clone())
            .collect();
        for host in dropped {
            self.known.remove(&host);
            if self.keeping == Keeping::Elsewhere {
                self.changes.push(Change::Dropped(host.into_string()));
            }
        }
    }
}

/// The name of a host as it is kept: in lower case and ASCII, without a dot at its end; nothing for
/// an IP address and what is no name.
#[must_use]
pub fn normal(host: &str) -> Option<String> {
    if host.contains('%') {
        return None;
    }
    match Host::parse(host).ok()? {
        Host::Domain(mut name) => {
            if name.ends_with('.') {
                name.pop();
            }
            (!name.is_empty() && !name.ends_with('.')).then_some(name)
        }
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// Changes a URL so that it is reached over TLS (RFC 6797 §8.3): port 80 becomes 443, and any other
/// stays. False for a URL that is not `http`.
pub fn upgrade(url: &mut Url) -> bool {
    if url.scheme() != "http" {
        return false;
    }
    // `:80` is not written in an `http` URL, so what is there is another one.
    url.set_scheme("https").is_ok()
}

/// The names above a name.
pub fn parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(host.split_once('.').map(|(_, parent)| parent), |name| {
        name.split_once('.').map(|(_, parent)| parent)
    })
}

/// Of those that hosts told of themselves.
const MOST_KNOWN: usize = 200_000;
const MOST_LOADED: usize = 20_000;
/// Seconds by which an expiry may move before it is written down again.
const LITTLE: u64 = 8640;
