//! Cookies: which are kept, and which go with a request (RFC 6265bis §5.7 and §5.8).

pub mod accept;
pub mod choose;
pub mod jar;
pub mod netscape;
mod shelf;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::fmt;

use url::Url;

use crate::syntax::set_cookie::SameSite;
use crate::syntax::stamp::Stamp;

/// A cookie that is kept, with all that is known of it.
///
/// ```
/// # use wayfare_proto::policy::cookie::{Cookie, Scope};
/// let mut cookie = Cookie::new(b"sid", b"31d4", "www.example.org");
/// cookie.secure = true;
/// assert_eq!(cookie.scope, Scope::Host);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    /// The name; empty if it has none.
    pub name: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// The host it goes to, in lower case and ASCII; IPv6 addresses are in brackets.
    pub domain: String,
    /// Whether it goes to names below the domain, too.
    pub scope: Scope,
    /// The beginning of the paths it goes with.
    pub path: Vec<u8>,
    /// Until when it is good; nothing for as long as the session.
    pub expiry: Option<Stamp>,
    /// When a cookie with its key was kept first.
    pub creation: Stamp,
    /// When it was set or sent last.
    pub last_access: Stamp,
    /// Whether it only goes over protected connections.
    pub secure: bool,
    /// Whether it is kept from scripts.
    pub http_only: bool,
    /// With whose requests it goes.
    pub same_site: SameSite,
    /// The site of the page that it belongs to, for example `https://example.org`; nothing for a
    /// cookie that is not partitioned.
    pub partition: Option<String>,
}

/// To whom a cookie goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The domain and every name below it.
    Domain,
    /// The host alone.
    Host,
}

/// What tells cookies apart: of two with one key, the later replaces the earlier.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CookieKey {
    /// The name.
    pub name: Vec<u8>,
    /// The domain.
    pub domain: String,
    /// To whom it goes.
    pub scope: Scope,
    /// The path.
    pub path: Vec<u8>,
    /// The partition.
    pub partition: Option<String>,
}

/// A change of a jar, for those who keep cookies longer than the jar lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The cookie with this key is kept no longer.
    Dropped(CookieKey),
    /// The cookie is kept from now on, in the place of any other with its key.
    Kept(Cookie),
    /// The cookie with this key was sent, at this moment; it may be another one meanwhile.
    Used(CookieKey, Stamp),
}

/// Whether cookies without a date of expiry are told to those who keep cookies longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sessions {
    /// They are not: they end with the jar.
    #[default]
    Forget,
    /// They are.
    Keep,
}

/// Who asks for cookies, or sets them, and what for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Context<'a> {
    /// Where the request goes. What a `Host` field may say plays no part.
    pub url: &'a Url,
    /// From which site it comes; the same one by default.
    pub site: SiteContext,
    /// Who sees the cookies; HTTP by default.
    pub caller: Caller,
    /// The site of the page it is made for, for example `https://example.org`, which is the key
    /// of partitioned cookies; by default the site of the URL.
    pub partition: Option<&'a str>,
}

impl<'a> Context<'a> {
    /// A request that somebody makes for itself: from the same site, over HTTP.
    #[must_use]
    pub fn of(url: &'a Url) -> Self {
        Self { url, site: SiteContext::default(), caller: Caller::default(), partition: None }
    }
}

/// From which site a request comes (RFC 6265bis §5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SiteContext {
    /// From a page of another site: only cookies with `SameSite=None` go along.
    CrossSite,
    /// From a page of another site, but by leaving it with a safe method, as a link does: cookies
    /// with `SameSite=Strict` stay behind.
    Navigation,
    /// From the same site, or from nobody's page.
    #[default]
    SameSite,
}

/// Who sees cookies, or sets them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Caller {
    /// Requests and answers.
    #[default]
    Http,
    /// A script, which neither sees nor changes those with `HttpOnly`.
    Script,
}

/// How much a jar holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Cookies of one domain; 50 by default.
    pub per_domain: usize,
    /// Cookies of one site, all its names together; 180 by default.
    pub per_site: usize,
    /// All cookies; 3,000 by default. So that not each new one costs a look at all others, they
    /// may become one in a hundred more, before they are made this many again.
    pub all: usize,
    /// `Set-Cookie` fields that one answer may have; what comes after is passed over. 50 by default.
    pub per_answer: usize,
    /// Cookies sent with one request; 150 by default.
    pub sent: usize,
    /// Bytes of the `Cookie` field of one request; 8190 by default.
    pub sent_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_domain: 50,
            per_site: 180,
            all: 3000,
            per_answer: 50,
            sent: 150,
            sent_bytes: 8190,
        }
    }
}

impl Cookie {
    /// A cookie for a host alone and all its paths, for as long as the session; what else there is
    /// to say is set in its fields.
    #[must_use]
    pub fn new(name: &[u8], value: &[u8], host: &str) -> Self {
        Self {
            name: name.to_vec(),
            value: value.to_vec(),
            domain: host.to_owned(),
            scope: Scope::Host,
            path: b"/".to_vec(),
            expiry: None,
            creation: Stamp::default(),
            last_access: Stamp::default(),
            secure: false,
            http_only: false,
            same_site: SameSite::Default,
            partition: None,
        }
    }

    /// What tells it from others.
    #[must_use]
    pub fn key(&self) -> CookieKey {
        CookieKey {
            name: self.name.clone(),
            domain: self.domain.clone(),
            scope: self.scope,
            path: self.path.clone(),
            partition: self.partition.clone(),
        }
    }

    /// True if this is its key.
    #[must_use]
    pub fn has_key(&self, key: &CookieKey) -> bool {
        self.name == key.name
            && self.path == key.path
            && self.scope == key.scope
            && self.domain == key.domain
            && self.partition == key.partition
    }

    /// Its place among those that go with one request (RFC 6265bis §5.8.3).
    fn rank(&self) -> (Reverse<usize>, Stamp) {
        (Reverse(self.path.len()), self.creation)
    }

    /// True once it is no longer good.
    #[must_use]
    pub fn is_expired(&self, now: Stamp) -> bool {
        self.expiry.is_some_and(|expiry| expiry <= now)
    }
}

impl fmt::Debug for Cookie {
    /// All but the value, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookie")
            .field("name", &self.name.escape_ascii().to_string())
            .field("domain", &self.domain)
            .field("scope", &self.scope)
            .field("path", &self.path.escape_ascii().to_string())
            .field("expiry", &self.expiry)
            .field("creation", &self.creation)
            .field("last_access", &self.last_access)
            .field("secure", &self.secure)
            .field("http_only", &self.http_only)
            .field("same_site", &self.same_site)
            .field("partition", &self.partition)
            .finish_non_exhaustive()
    }
}
