//! The cookies of one site, by their domains.

use super::choose::Parcel;
use super::{Cookie, CookieKey};
use crate::syntax::stamp::Stamp;

/// The cookies of one site.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    /// By domain, in order; each domain's in the order in which they are sent.
    domains: Vec<(Box<str>, Vec<Cookie>)>,
    /// Whether those that are kept elsewhere are here, too.
    pub(super) is_loaded: bool,
    /// Since when those that are kept elsewhere may be others than those here.
    pub(super) doubted: Option<Stamp>,
    /// What was dropped before those that are kept elsewhere came, and must not come back.
    pub(super) dropped: Vec<CookieKey>,
    /// What went with the last request; nothing once the cookies are others.
    parcel: Option<Box<Parcel>>,
}

/// A cookie's place on a shelf, for as long as nothing is added or taken away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    domain: usize,
    cookie: usize,
}

impl Shelf {
    pub(super) fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    pub(super) fn cookies(&self) -> impl Iterator<Item = &Cookie> {
        self.domains.iter().flat_map(|(_, cookies)| cookies)
    }

    pub(super) fn of_domain(&self, domain: &str) -> &[Cookie] {
        self.find(domain).map_or(&[], |at| &self.domains[at].1)
    }

    pub(super) fn at(&self, place: Place) -> &Cookie {
        &self.domains[place.domain].1[place.cookie]
    }

    /// Keeps the cookies that `keep` wants; says how many went.
    pub(super) fn retain(&mut self, keep: impl Fn(&Cookie) -> bool) -> usize {
        self.parcel = None;
        let mut gone = 0;
        for (_, cookies) in &mut self.domains {
            gone += cookies.extract_if(.., |cookie| !keep(cookie)).count();
        }
        self.domains.retain(|(_, cookies)| !cookies.is_empty());
        gone
    }

    /// Every cookie of a domain and its place.
    pub(super) fn placed(&self, domain: &str) -> impl Iterator<Item = (Place, &Cookie)> {
        let found = self.find(domain).map(|at| (at, &self.domains[at].1));
        found.into_iter().flat_map(|(domain, cookies)| {
            let placed = cookies.iter().enumerate();
            placed.map(move |(cookie, it)| (Place { domain, cookie }, it))
        })
    }

    /// What went with the last request.
    pub(super) fn parcel(&self) -> Option<&Parcel> {
        self.parcel.as_deref()
    }

    /// Notes what goes with a request.
    pub(super) fn set_parcel(&mut self, parcel: Parcel) {
        self.parcel = Some(Box::new(parcel));
    }

    /// Notes that what went with the last request was used again.
    pub(super) fn touch(&mut self, now: Stamp) {
        for place in self.parcel.iter().flat_map(|parcel| parcel.places()) {
            self.domains[place.domain].1[place.cookie].last_access = now;
        }
    }

    /// Puts a cookie in the place of the one with its key, which is given back.
    pub(super) fn put(&mut self, cookie: Cookie) -> Option<Cookie> {
        self.parcel = None;
        let at = match self.search(&cookie.domain) {
            Ok(at) => at,
            Err(at) => {
                self.domains.insert(at, (cookie.domain.as_str().into(), Vec::new()));
                at
            }
        };
        let cookies = &mut self.domains[at].1;
        let key = cookie.key();
        let known = cookies.iter().position(|known| known.has_key(&key));
        let replaced = known.map(|index| cookies.remove(index));
        let index = cookies.partition_point(|known| known.rank() <= cookie.rank());
        cookies.insert(index, cookie);
        replaced
    }

    pub(super) fn take(&mut self, key: &CookieKey) -> Option<Cookie> {
        self.parcel = None;
        let at = self.find(&key.domain)?;
        let cookies = &mut self.domains[at].1;
        let index = cookies.iter().position(|cookie| cookie.has_key(key))?;
        let taken = cookies.remove(index);
        if cookies.is_empty() {
            self.domains.remove(at);
        }
        Some(taken)
    }

    /// Takes away those of a domain that are no longer good.
    pub(super) fn take_expired(&mut self, domain: &str, now: Stamp) -> Vec<Cookie> {
        let Some(at) = self.find(domain) else { return Vec::new() };
        let cookies = &mut self.domains[at].1;
        if !cookies.iter().any(|cookie| cookie.is_expired(now)) {
            return Vec::new();
        }
        self.parcel = None;
        let taken = cookies.extract_if(.., |cookie| cookie.is_expired(now)).collect();
        if cookies.is_empty() {
            self.domains.remove(at);
        }
        taken
    }

    /// Every domain, in order.
    pub(super) fn domains(&self) -> impl Iterator<Item = &str> {
        self.domains.iter().map(|(domain, _)| &**domain)
    }

    fn find(&self, domain: &str) -> Option<usize> {
        self.search(domain).ok()
    }

    fn search(&self, domain: &str) -> Result<usize, usize> {
        self.domains.binary_search_by(|(known, _)| (**known).cmp(domain))
    }
}
