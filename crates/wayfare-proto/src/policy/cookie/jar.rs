//! The jar that cookies are kept in: pure, told the time, and never searched whole for a request.

use std::collections::HashMap;

use http::HeaderValue;

use super::accept::{self, Refusal, domain_matches, is_protected, path_matches};
use super::choose::{Asked, Chosen};
use super::shelf::Shelf;
use super::{Caller, Change, Context, Cookie, CookieKey, Limits, Sessions};
use crate::address::site::PublicSuffixes;
use crate::syntax::set_cookie::SetCookie;
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
/// assert_eq!(jar.header(&Context::of(&other), now).unwrap(), "sid=31d4");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Jar {
    suffixes: PublicSuffixes,
    limits: Limits,
    shelves: HashMap<Box<str>, Shelf>,
    /// The newest creation, so that no two cookies are of one age.
    newest: Stamp,
    ledger: Ledger,
}

/// What a jar knows of all its cookies.
#[derive(Clone, Debug, Default)]
struct Ledger {
    keeping: Keeping,
    count: usize,
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
        let ledger = Ledger { keeping, ..Ledger::default() };
        Self { suffixes, limits, ledger, ..Self::default() }
    }

    /// How much it holds.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// How many cookies it holds, among them those that have expired unnoticed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ledger.count
    }

    /// True if it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ledger.count == 0
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
        self.ledger.keeping == Keeping::Here
            || self.shelves.get(site).is_some_and(|shelf| shelf.is_loaded)
    }

    /// Takes in the cookies of a site that are kept elsewhere. What was set or dropped here
    /// meanwhile is newer, and wins; what could not have been accepted is passed over. A site that
    /// is loaded already stays as it is.
    pub fn load(&mut self, site: &str, cookies: Vec<Cookie>) {
        if self.shelves.len() > EMPTY_SHELVES + self.ledger.count {
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
            let keeps_sessions = self.ledger.keeping == Keeping::Elsewhere(Sessions::Keep);
            let is_own = |cookie: &Cookie| cookie.expiry.is_none() && !keeps_sessions;
            self.ledger.count -=
                shelf.retain(|cookie| is_own(cookie) || cookie.last_access >= since);
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
            self.ledger.count += 1;
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
        self.ledger.count = 0;
    }

    /// True if there is something for [`Jar::take_changes`] to give.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.ledger.changes.is_empty()
    }

    /// What has changed since this was asked last; always nothing where nobody keeps cookies
    /// elsewhere.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.ledger.changes)
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
        if !cookie.secure && !is_protected(context.url) && self.overlays(&cookie, now) {
            return Err(Refusal::Overlay);
        }
        if context.caller == Caller::Script
            && self.find_good(&cookie.key(), now).is_some_and(|known| known.http_only)
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
            self.ledger.changes.push(Change::Dropped(key.clone()));
        }
        let taken = self.shelves.get_mut(site)?.take(key)?;
        self.ledger.note_dropped(&taken);
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
    pub fn matching(&mut self, context: &Context<'_>, now: Stamp) -> Chosen<'_> {
        let Some(asked) = Asked::of(context, &self.suffixes) else { return Chosen::default() };
        let Some(shelf) = self.shelves.get_mut(asked.site) else { return Chosen::default() };
        if !shelf.parcel().is_some_and(|parcel| parcel.is_for(&asked, now)) {
            let (parcel, news) = asked.choose(shelf, now, self.limits);
            shelf.set_parcel(parcel);
            for cookie in news.used {
                self.ledger.note_used(&cookie, now);
            }
            for cookie in news.expired {
                self.ledger.note_dropped(&cookie);
            }
        }
        shelf.touch(now);
        Chosen(shelf.parcel().map(|parcel| (&*shelf, parcel)))
    }

    /// The `Cookie` field that goes with a request, marked as sensitive, if there is anything to send.
    /// The site of the URL must be loaded.
    pub fn header(&mut self, context: &Context<'_>, now: Stamp) -> Option<HeaderValue> {
        self.matching(context, now).field().cloned()
    }

    /// The cookie with this key, unless it is one that has expired and was not dropped yet.
    fn find_good(&self, key: &CookieKey, now: Stamp) -> Option<&Cookie> {
        self.find(key).filter(|known| !known.is_expired(now))
    }

    fn find(&self, key: &CookieKey) -> Option<&Cookie> {
        let shelf = self.shelves.get(self.suffixes.site(&key.domain))?;
        shelf.of_domain(&key.domain).iter().find(|cookie| cookie.has_key(key))
    }

    /// RFC 6265bis §5.7, step 16: what comes unprotected leaves protected cookies alone.
    fn overlays(&self, cookie: &Cookie, now: Stamp) -> bool {
        let Some(shelf) = self.shelves.get(self.suffixes.site(&cookie.domain)) else {
            return false;
        };
        shelf.cookies().any(|known| {
            known.secure
                && !known.is_expired(now)
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
        let known = self.find_good(&key, now).map(|known| known.creation);
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
        self.ledger.count += usize::from(stored == Stored::Added);
        if !self.make_room(&key, now) {
            return Err(Refusal::Full);
        }
        if cookie.expiry.is_none() && self.ledger.keeping == Keeping::Elsewhere(Sessions::Forget) {
            // What lasts longer than the session is not to come back in its place.
            if replaced.is_some_and(|replaced| replaced.expiry.is_some()) {
                self.ledger.changes.push(Change::Dropped(key));
            }
        } else {
            self.ledger.note_kept(&cookie);
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
            self.ledger.note_dropped(&cookie);
        }
        if self.ledger.count > self.limits.all + self.limits.all / 100 {
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
            self.ledger.note_dropped(&cookie);
        }
        let too_many = self.ledger.count.saturating_sub(self.limits.all.max(1));
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
        if !self.find(key).is_some_and(|cookie| self.ledger.tells(cookie)) {
            self.remove(key);
            return;
        }
        let site = self.suffixes.site(&key.domain);
        if let Some(shelf) = self.shelves.get_mut(site)
            && shelf.take(key).is_some()
        {
            shelf.is_loaded = false;
            self.ledger.count -= 1;
        }
    }
}

impl Ledger {
    /// True if those who keep cookies longer are told of this one.
    fn tells(&self, cookie: &Cookie) -> bool {
        match self.keeping {
            Keeping::Elsewhere(sessions) => cookie.expiry.is_some() || sessions == Sessions::Keep,
            Keeping::Here => false,
        }
    }

    fn note_used(&mut self, cookie: &Cookie, now: Stamp) {
        if self.tells(cookie) {
            self.changes.push(Change::Used(cookie.key(), now));
        }
    }

    fn note_kept(&mut self, cookie: &Cookie) {
        if self.tells(cookie) {
            self.changes.push(Change::Kept(cookie.clone()));
        }
    }

    /// Counts a cookie that has been taken away, and notes it.
    fn note_dropped(&mut self, cookie: &Cookie) {
        self.count -= 1;
        if self.tells(cookie) {
            self.changes.push(Change::Dropped(cookie.key()));
        }
    }
}

/// Sites without a cookie that are remembered to have none.
const EMPTY_SHELVES: usize = 4096;
