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
    known: HashMap<Box<str>, Known>,
    /// Where hosts are kept elsewhere: the sites whose hosts are here, too.
    loaded: HashSet<Box<str>>,
    /// Those that were loaded, but may have been changed elsewhere since.
    doubted: HashSet<Box<str>>,
    changes: Vec<Change>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    expiry: Stamp,
    reach: Reach,
    /// The expiry that those who keep it were told last.
    told: Stamp,
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

impl Change {
    fn host(&self) -> &str {
        match self {
            Self::Dropped(host) => host,
            Self::Kept(strict) => &strict.host,
        }
    }
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
    /// is. What has changed here must have been told before if the site was doubted.
    pub fn load(&mut self, site: &str, hosts: Vec<StrictHost>) {
        if self.loaded.len() > MOST_LOADED {
            // They can be asked for again; what is here stays, and is newer then.
            self.loaded.clear();
        }
        if !self.loaded.insert(site.into()) {
            return;
        }
        if self.doubted.remove(site) {
            let untold: HashSet<&str> = self.changes.iter().map(Change::host).collect();
            self.known.retain(|name, _| !is_of_site(name, site) || untold.contains(&**name));
        }
        for StrictHost { host, expiry, reach } in hosts {
            if normal(&host).as_deref() == Some(&*host) {
                let known = Known { expiry, reach, told: expiry };
                self.known.entry(host.into()).or_insert(known);
            }
        }
    }

    /// Has every site loaded again before it matters, because somebody else has changed what is kept
    /// elsewhere. What is here stays until then, so that no host is unprotected meanwhile.
    pub fn doubt(&mut self) {
        self.doubted.extend(self.loaded.drain());
    }

    /// Forgets what is here and what was loaded; nothing is noted as a change. For those who know
    /// that what is kept elsewhere has changed.
    pub fn unload(&mut self) {
        self.known.clear();
        self.loaded.clear();
        self.doubted.clear();
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
        // A host says the same with every answer: what moves its end by a tenth is no news to those
        // who keep it, as long as there is time left to tell them.
        self.put(StrictHost { host, expiry, reach: strict.reach }, LITTLE.min(strict.max_age / 10));
    }

    /// Adds a host, or replaces what is known of it; false for what is no host's name.
    pub fn add(&mut self, strict: &StrictHost) -> bool {
        let Some(host) = normal(&strict.host) else { return false };
        self.put(StrictHost { host, ..*strict }, 0);
        true
    }

    fn put(&mut self, strict: StrictHost, little: u64) {
        let StrictHost { host, expiry, reach } = &strict;
        let known = self.known.get(&**host);
        let told = known.filter(|known| known.reach == *reach).map(|known| known.told);
        let is_news = told.is_none_or(|told| expiry.seconds().abs_diff(told.seconds()) > little);
        let told = if is_news { *expiry } else { told.unwrap_or(*expiry) };
        self.known.insert(host.as_str().into(), Known { expiry: *expiry, reach: *reach, told });
        if is_news && self.keeping == Keeping::Elsewhere {
            self.changes.push(Change::Kept(strict));
        }
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
        let own = self.known.get(host).map(|known| known.expiry);
        let above = parents(host).filter_map(|name| {
            let known = self.known.get(name)?;
            (known.reach == Reach::Subdomains).then_some(known.expiry)
        });
        own.into_iter().chain(above).max()
    }

    /// Every host that is known and still strict, by name.
    #[must_use]
    pub fn list(&self, now: Stamp) -> Vec<StrictHost> {
        let good = self.known.iter().filter(|(_, known)| known.expiry > now);
        let mut hosts: Vec<_> = good
            .map(|(host, known)| StrictHost {
                host: host.to_string(),
                expiry: known.expiry,
                reach: known.reach,
            })
            .collect();
        hosts.sort_unstable_by(|one, other| one.host.cmp(&other.host));
        hosts
    }

    /// Drops what has expired, or else the half that would expire first.
    fn make_room(&mut self, now: Stamp) {
        let mut ends: Vec<Stamp> = self.known.values().map(|known| known.expiry).collect();
        let middle = ends.len() / 2;
        let (_, middle, _) = ends.select_nth_unstable(middle);
        let has_expired = self.known.values().any(|known| known.expiry <= now);
        let limit = if has_expired { now } else { *middle };
        let dropped: Vec<Box<str>> = self
            .known
            .iter()
            .filter(|(_, known)| known.expiry <= limit)
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

fn is_of_site(name: &str, site: &str) -> bool {
    name.strip_suffix(site).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
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
