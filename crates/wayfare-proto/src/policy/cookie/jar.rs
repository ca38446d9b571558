//! The jar that cookies are kept in: pure, told the time, and never searched whole for a request.

use std::collections::HashMap;

use super::accept::{self, Refusal, domain_matches, host, is_protected, path_matches};
use super::shelf::Shelf;
use super::{Caller, Change, Context, Cookie, CookieKey, Limits, Scope, Sessions, SiteContext};
use crate::address::site::PublicSuffixes;
use crate::syntax::set_cookie::{SameSite, SetCookie};
use crate::syntax::stamp::Stamp;

/// Cookies, by the sites they belong to.
///
/// ```
/// use wayfare_proto::policy::cookie::{Context, jar::Jar};
/// use wayfare_proto::syntax::{set_cookie::SetCookie, stamp::Stamp};
/// let (mut jar, now) = (Jar::default(), Stamp::from_seconds(1_790_000_000));
/// let url = "https://www.example.org/".parse().unwrap();
/// let set = SetCookie::parse(b"sid=31d4; Domain=example.org").unwrap();
/// jar.store(&set, &Context::of(&url), now).unwrap();
/// let other = "https://example.org/x".parse().unwrap();
/// assert_eq!(jar.header(&Context::of(&other), now), Some(b"sid=31d4".to_vec()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Jar {
    suffixes: PublicSuffixes,
    limits: Limits,
    keeping: Keeping,
    shelves: HashMap<Box<str>, Shelf>,
    count: usize,
    /// The newest creation, so that no two cookies are of one age.
    newest: Stamp,
    changes: Vec<Change>,
}

/// Whether somebody keeps the cookies of a jar longer than it lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeping {
    /// Somebody does: a site's cookies come when they are needed, and changes are noted.
    Elsewhere(Sessions),
    /// Nobody does.
    #[default]
    Here,
}

/// What became of a cookie that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is kept.
    Added,
    /// It had expired already, and so has the one with its key.
    Dropped,
    /// It is kept in the place of the one with its key.
    Replaced,
}

impl Jar {
    /// An empty jar.
    #[must_use]
    pub fn new(limits: Limits, suffixes: PublicSuffixes, keeping: Keeping) -> Self {
        Self { suffixes, limits, keeping, ..Self::default() }
    }

    /// How much it holds.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// How many cookies it holds, among them those that have expired unnoticed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// True if it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Every cookie, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Cookie> {
        self.shelves.values().flat_map(Shelf::cookies)
    }

    /// The suffixes it goes by.
    #[must_use]
    pub fn suffixes(&self) -> &PublicSuffixes {
        &self.suffixes
    }

    /// The site whose cookies a host has to do with.
    #[must_use]
    pub fn site_of<'a>(&self, host: &'a str) -> &'a str {
        self.suffixes.site(host)
    }

    /// True if a site's cookies are here, wherever else they are kept.
    #[must_use]
    pub fn is_loaded(&self, site: &str) -> bool {
        self.keeping == Keeping::Here || self.shelves.get(site).is_some_and(|shelf| shelf.is_loaded)
    }

    /// Takes in the cookies of a site that are kept elsewhere. What was set or dropped here
    /// meanwhile is newer, and wins; what could not have been accepted is passed over. A site that
    /// is loaded already stays as it is.
    pub fn load(&mut self, site: &str, cookies: Vec<Cookie>) {
        if self.shelves.len() > EMPTY_SHELVES + self.count {
            // They can be asked for again.
            self.shelves.retain(|_, shelf| !shelf.is_empty() || !shelf.dropped.is_empty());
        }
        let shelf = self.shelves.entry(site.into()).or_default();
        if std::mem::replace(&mut shelf.is_loaded, true) {
            return;
        }
        if let Some(since) = shelf.doubted.take() {
            // Somebody else has changed what is kept: what is here of that is no longer true, but
            // for what was set meanwhile.
            let keeps_sessions = self.keeping == Keeping::Elsewhere(Sessions::Keep);
            let is_own = |cookie: &Cookie| cookie.expiry.is_none() && !keeps_sessions;
            self.count -= shelf.retain(|cookie| is_own(cookie) || cookie.last_access >= since);
        }
        let dropped = std::mem::take(&mut shelf.dropped);
        for cookie in cookies {
            let key = cookie.key();
            let is_newer = shelf.of_domain(&key.domain).iter().any(|known| known.has_key(&key));
            let is_of_site = self.suffixes.site(&cookie.domain) == site;
            if is_newer
                || !is_of_site
                || dropped.contains(&key)
                || accept::check(&cookie, &self.suffixes).is_err()
            {
                continue;
            }
            self.newest = self.newest.max(cookie.creation);
            shelf.put(cookie);
            self.count += 1;
        }
    }

    /// Drops the cookies of a site that are here; says how many.
    pub fn forget(&mut self, site: &str) -> usize {
        let Some(shelf) = self.shelves.get(site) else { return 0 };
        let keys: Vec<_> = shelf.cookies().map(Cookie::key).collect();
        keys.iter().filter(|key| self.remove(key).is_some()).count()
    }

    /// Has every site loaded again before its cookies are needed, because somebody else has changed
    /// what is kept elsewhere. What is here stays until then, and what is set here after `now` stays
    /// for good. What has changed here must have been told before.
    pub fn doubt(&mut self, now: Stamp) {
        for shelf in self.shelves.values_mut().filter(|shelf| shelf.is_loaded) {
            shelf.is_loaded = false;
            shelf.doubted = Some(now);
        }
    }

    /// Forgets that sites were loaded, and what is here of them; nothing is noted as a change. For
    /// those who know that what is kept elsewhere has changed.
    pub fn unload(&mut self) {
        self.shelves.clear();
        self.count = 0;
    }

    /// True if there is something for [`Jar::take_changes`] to give.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// What has changed since this was asked last; always nothing where nobody keeps cookies
    /// elsewhere.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Keeps a cookie that an answer or a script sets (RFC 6265bis §5.7). The site of the URL must
    /// be loaded.
    ///
    /// # Errors
    /// [`Refusal`] for the rule that forbids it; the jar is as it was.
    pub fn store(
        &mut self,
        set: &SetCookie,
        context: &Context<'_>,
        now: Stamp,
    ) -> Result<Stored, Refusal> {
        let cookie = accept::accept(set, context, &self.suffixes, now)?;
        if !cookie.secure && !is_protected(context.url) && self.overlays(&cookie) {
            return Err(Refusal::Overlay);
        }
        if context.caller == Caller::Script
            && self.find(&cookie.key()).is_some_and(|known| known.http_only)
        {
            return Err(Refusal::HttpOnly);
        }
        self.keep(cookie, now)
    }

    /// Keeps a cookie of the application's own, which need not come from the host it is for. Its
    /// site must be loaded. A creation of 1970 becomes now, and nothing is kept for more than 400 days.
    ///
    /// # Errors
    /// [`Refusal`] for a cookie that no host could have set; the jar is as it was.
    pub fn insert(&mut self, mut cookie: Cookie, now: Stamp) -> Result<Stored, Refusal> {
        accept::check(&cookie, &self.suffixes)?;
        if cookie.creation == Stamp::default() {
            (cookie.creation, cookie.last_access) = (now, now);
        }
        let longest = now.plus_seconds(accept::LONGEST_LIFE);
        cookie.expiry = cookie.expiry.map(|expiry| expiry.min(longest));
        self.keep(cookie, now)
    }

    /// Drops the cookie with this key, and gives it back.
    pub fn remove(&mut self, key: &CookieKey) -> Option<Cookie> {
        let site = self.suffixes.site(&key.domain);
        if !self.is_loaded(site) {
            self.shelves.entry(site.into()).or_default().dropped.push(key.clone());
            self.changes.push(Change::Dropped(key.clone()));
        }
        let taken = self.shelves.get_mut(site)?.take(key)?;
        self.note_dropped(&taken);
        Some(taken)
    }

    /// Drops every cookie.
    pub fn clear(&mut self) {
        let all: Vec<CookieKey> = self.iter().map(Cookie::key).collect();
        for key in all {
            self.remove(&key);
        }
    }

    /// The cookies that go with a request: those with the longest paths first, and of those the
    /// oldest first (RFC 6265bis §5.8.3). The site of the URL must be loaded.
    ///
    /// The jar remembers that they were used, and drops those that are no longer good.
    pub fn matching(&mut self, context: &Context<'_>, now: Stamp) -> Vec<&Cookie> {
        let Some(host) = host(context.url) else { return Vec::new() };
        let site = self.suffixes.site(host);
        let Some(shelf) = self.shelves.get_mut(site).filter(|shelf| !shelf.is_empty()) else {
            return Vec::new();
        };
        let mut found = Vec::with_capacity(FEW);
        let (mut gone, mut used) = (Vec::new(), Vec::new());
        let keeping = self.keeping;
        for domain in domains(host, site) {
            gone.extend(shelf.take_expired(domain, now));
        }
        for domain in domains(host, site) {
            shelf.visit(domain, |cookie, place| {
                if !goes(cookie, host, site, context) {
                    return;
                }
                // Once an hour is enough for those who keep it elsewhere.
                let is_due = cookie.last_access.seconds() / HOUR != now.seconds() / HOUR;
                cookie.last_access = now;
                found.push((std::cmp::Reverse(cookie.path.len()), cookie.creation, place));
                if is_due && is_told(keeping, cookie) {
                    used.push(cookie.key());
                }
            });
        }
        found.sort_by_key(|(length, creation, _)| (*length, *creation));
        for cookie in gone {
            self.note_dropped(&cookie);
        }
        self.changes.extend(used.into_iter().map(|key| Change::Used(key, now)));
        let Some(shelf) = self.shelves.get(site) else { return Vec::new() };
        let found = found.into_iter().map(|(_, _, place)| shelf.at(place));
        within(found, self.limits)
    }

    /// The value of the `Cookie` field that goes with a request, if there is anything to send. The
    /// site of the URL must be loaded.
    pub fn header(&mut self, context: &Context<'_>, now: Stamp) -> Option<Vec<u8>> {
        let cookies = self.matching(context, now);
        (!cookies.is_empty()).then(|| compose(&cookies))
    }

    fn find(&self, key: &CookieKey) -> Option<&Cookie> {
        let shelf = self.shelves.get(self.suffixes.site(&key.domain))?;
        shelf.of_domain(&key.domain).iter().find(|cookie| cookie.has_key(key))
    }

    /// RFC 6265bis §5.7, step 16: what comes unprotected leaves protected cookies alone.
    fn overlays(&self, cookie: &Cookie) -> bool {
        let Some(shelf) = self.shelves.get(self.suffixes.site(&cookie.domain)) else {
            return false;
        };
        shelf.cookies().any(|known| {
            known.secure
                && known.name == cookie.name
                && (domain_matches(&known.domain, &cookie.domain)
                    || domain_matches(&cookie.domain, &known.domain))
                && path_matches(&cookie.path, &known.path)
        })
    }

    fn keep(&mut self, mut cookie: Cookie, now: Stamp) -> Result<Stored, Refusal> {
        let key = cookie.key();
        if cookie.is_expired(now) {
            self.remove(&key);
            return Ok(Stored::Dropped);
        }
        let known = self.find(&key).map(|known| known.creation);
        cookie.creation = known.unwrap_or_else(|| match cookie.creation < now {
            true => cookie.creation,
            false => cookie.creation.max(self.newest.next()),
        });
        self.newest = self.newest.max(cookie.creation);
        let site = self.suffixes.site(&cookie.domain);
        let shelf = self.shelves.entry(site.into()).or_default();
        let replaced = shelf.put(cookie.clone());
        shelf.dropped.retain(|dropped| *dropped != key);
        let stored = if replaced.is_some() { Stored::Replaced } else { Stored::Added };
        self.count += usize::from(stored == Stored::Added);
        if !self.make_room(&key, now) {
            return Err(Refusal::Full);
        }
        if cookie.expiry.is_none() && self.keeping == Keeping::Elsewhere(Sessions::Forget) {
            // What lasts longer than the session is not to come back in its place.
            if replaced.is_some_and(|replaced| replaced.expiry.is_some()) {
                self.changes.push(Change::Dropped(key));
            }
        } else {
            self.note_kept(&cookie);
        }
        Ok(stored)
    }

    /// Drops what is too much after a cookie was added; false if it was that one.
    fn make_room(&mut self, added: &CookieKey, now: Stamp) -> bool {
        let site = self.suffixes.site(&added.domain);
        let Some(shelf) = self.shelves.get_mut(site) else { return true };
        let mut gone = Vec::new();
        if shelf.of_domain(&added.domain).len() > self.limits.per_domain {
            gone = shelf.take_expired(&added.domain, now);
        }
        while shelf.cookies().count() > self.limits.per_site.max(1) {
            // One site's many names must not empty the jar of everybody else.
            let first =
                shelf.cookies().min_by_key(|one| (one.secure, one.last_access, one.creation));
            let Some(taken) = first.map(Cookie::key).and_then(|key| shelf.take(&key)) else {
                break;
            };
            gone.push(taken);
        }
        while shelf.of_domain(&added.domain).len() > self.limits.per_domain.max(1) {
            // RFC 6265bis §5.7: those that anybody may have set go first, then the unused.
            let cookies = shelf.of_domain(&added.domain).iter();
            let first =
                cookies.min_by_key(|known| (known.secure, known.last_access, known.creation));
            let Some(taken) = first.map(Cookie::key).and_then(|key| shelf.take(&key)) else {
                break;
            };
            gone.push(taken);
        }
        let is_kept = !gone.iter().any(|cookie| cookie.has_key(added));
        for cookie in gone {
            self.note_dropped(&cookie);
        }
        if self.count > self.limits.all + self.limits.all / 100 {
            self.shrink(now);
        }
        is_kept
    }

    /// Drops what has expired, then what anybody may have set, then what was not used for longest,
    /// until the limit holds. What is kept elsewhere is only dropped here: it can be loaded again.
    fn shrink(&mut self, now: Stamp) {
        let mut gone = Vec::new();
        for shelf in self.shelves.values_mut() {
            let domains: Vec<String> = shelf.domains().map(str::to_owned).collect();
            for domain in domains {
                gone.extend(shelf.take_expired(&domain, now));
            }
        }
        for cookie in gone {
            self.note_dropped(&cookie);
        }
        let too_many = self.count.saturating_sub(self.limits.all.max(1));
        let mut ages: Vec<_> = self
            .iter()
            .map(|cookie| (cookie.secure, cookie.last_access, cookie.creation, cookie.key()))
            .collect();
        ages.sort_unstable_by_key(|age| (age.0, age.1, age.2));
        for (.., key) in ages.into_iter().take(too_many) {
            self.put_away(&key);
        }
    }

    fn put_away(&mut self, key: &CookieKey) {
        if !self.find(key).is_some_and(|cookie| is_told(self.keeping, cookie)) {
            self.remove(key);
            return;
        }
        let site = self.suffixes.site(&key.domain);
        if let Some(shelf) = self.shelves.get_mut(site)
            && shelf.take(key).is_some()
        {
            shelf.is_loaded = false;
            self.count -= 1;
        }
    }

    fn note_kept(&mut self, cookie: &Cookie) {
        if is_told(self.keeping, cookie) {
            self.changes.push(Change::Kept(cookie.clone()));
        }
    }

    /// Counts a cookie that has been taken away, and notes it.
    fn note_dropped(&mut self, cookie: &Cookie) {
        self.count -= 1;
        if is_told(self.keeping, cookie) {
            self.changes.push(Change::Dropped(cookie.key()));
        }
    }
}

/// True if those who keep cookies longer are told of this one.
fn is_told(keeping: Keeping, cookie: &Cookie) -> bool {
    match keeping {
        Keeping::Elsewhere(sessions) => cookie.expiry.is_some() || sessions == Sessions::Keep,
        Keeping::Here => false,
    }
}

/// The value of a `Cookie` field (RFC 6265bis §5.8.3).
#[must_use]
pub fn compose(cookies: &[&Cookie]) -> Vec<u8> {
    let mut value = Vec::with_capacity(cookies.iter().map(|cookie| weight(cookie)).sum());
    for cookie in cookies {
        if !value.is_empty() {
            value.extend_from_slice(b"; ");
        }
        if !cookie.name.is_empty() {
            value.extend_from_slice(&cookie.name);
            value.push(b'=');
        }
        value.extend_from_slice(&cookie.value);
    }
    value
}

/// The domains whose cookies may go to a host: it, and those it is in, up to its site.
fn domains<'a>(host: &'a str, site: &'a str) -> impl Iterator<Item = &'a str> {
    let is_address = crate::address::site::is_address(host);
    std::iter::successors(Some(host), move |name| {
        let (_, parent) = name.split_once('.').filter(|_| !is_address)?;
        (parent.trim_end_matches('.').len() >= site.len()).then_some(parent)
    })
}

fn goes(cookie: &Cookie, host: &str, site: &str, context: &Context<'_>) -> bool {
    let is_for_host = cookie.scope == Scope::Domain || cookie.domain == host;
    let is_for_caller = !cookie.http_only || context.caller == Caller::Http;
    let is_for_site = match context.site {
        SiteContext::SameSite => true,
        SiteContext::Navigation => cookie.same_site != SameSite::Strict,
        SiteContext::CrossSite => cookie.same_site == SameSite::None,
    };
    let is_for_partition = cookie.partition.as_deref().is_none_or(|own| match context.partition {
        Some(partition) => own == partition,
        None => own.strip_prefix("https://") == Some(site),
    });
    is_for_host
        && is_for_caller
        && is_for_site
        && is_for_partition
        && (!cookie.secure || is_protected(context.url))
        && path_matches(context.url.path().as_bytes(), &cookie.path)
}

/// As many as may be sent, from the first.
fn within<'a>(
    cookies: impl ExactSizeIterator<Item = &'a Cookie>,
    limits: Limits,
) -> Vec<&'a Cookie> {
    let mut bytes = 0;
    let mut taken = Vec::with_capacity(cookies.len().min(limits.sent));
    for cookie in cookies.take(limits.sent) {
        bytes += weight(cookie);
        // The first has no separator before it.
        if bytes - 2 > limits.sent_bytes {
            break;
        }
        taken.push(cookie);
    }
    taken
}

/// What a cookie adds to a field: its separators, its name and its value.
fn weight(cookie: &Cookie) -> usize {
    cookie.name.len() + cookie.value.len() + 3
}

const HOUR: i64 = 3600;
/// As many cookies as most requests take along, so that room for them is made once.
const FEW: usize = 16;
/// Sites without a cookie that are remembered to have none.
const EMPTY_SHELVES: usize = 4096;
