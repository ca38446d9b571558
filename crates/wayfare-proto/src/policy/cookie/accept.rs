//! Whether a cookie may be kept that somebody sets (RFC 6265bis §5.7).

use std::fmt;
use std::net::Ipv6Addr;

use url::Url;

use super::{Caller, Context, Cookie, Scope, SiteContext};
use crate::address::site::{PublicSuffixes, is_address};
use crate::syntax::set_cookie::{Flaw, Lifetime, SameSite, SetCookie};
use crate::syntax::stamp::Stamp;

/// Why a cookie is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not for requests from another site, and comes with the answer to one.
    CrossSite,
    /// A part of it cannot stand in a cookie; which one is named.
    Damaged(&'static str),
    /// Its field sets no cookie.
    Flaw(Flaw),
    /// Its domain is full of cookies that are worth more.
    Full,
    /// A script sets one that scripts must not see, or that would replace such a one.
    HttpOnly,
    /// The URL names no host.
    NoHost,
    /// It is for a domain that the host is not in.
    OtherDomain,
    /// It would stand in the way of a protected one, and was not set over a protected connection.
    Overlay,
    /// It is partitioned and not `Secure`.
    Partitioned,
    /// Its name begins with a prefix whose promise it does not keep.
    Prefix,
    /// It is for a domain under which names have different owners.
    PublicSuffix,
    /// It is `Secure`, and was not set over a protected connection.
    Secure,
    /// The answer has set too many already.
    TooMany,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CrossSite => "it is not for requests from another site, as this one was",
            Self::Damaged(part) => return write!(f, "its {part} cannot stand in a cookie"),
            Self::Flaw(flaw) => return flaw.fmt(f),
            Self::Full => "its domain has as many cookies as it may, which are worth more",
            Self::HttpOnly => "a script may not set or replace what scripts must not see",
            Self::NoHost => "the URL names no host",
            Self::OtherDomain => "it is for a domain that the host is not in",
            Self::Overlay => "it would stand in the way of a Secure one, and came unprotected",
            Self::Partitioned => "it is Partitioned and not Secure",
            Self::Prefix => "its name promises what the cookie does not keep",
            Self::PublicSuffix => "it is for a domain that many owners share",
            Self::Secure => "it is Secure, and came unprotected",
            Self::TooMany => "the answer has set too many others",
        })
    }
}

impl std::error::Error for Refusal {}

impl From<Flaw> for Refusal {
    fn from(flaw: Flaw) -> Self {
        Self::Flaw(flaw)
    }
}

/// The cookie that `set` makes, unless something forbids it that the jar need not be asked about.
///
/// # Errors
/// [`Refusal`] for the first rule that forbids it.
pub fn accept(
    set: &SetCookie,
    context: &Context<'_>,
    suffixes: &PublicSuffixes,
    now: Stamp,
) -> Result<Cookie, Refusal> {
    let host = host(context.url).ok_or(Refusal::NoHost)?;
    let (domain, scope) = domain(set, host, suffixes)?;
    let path = set.path.clone().unwrap_or_else(|| default_path(context.url));
    if set.secure && !is_protected(context.url) {
        return Err(Refusal::Secure);
    }
    if set.http_only && context.caller == Caller::Script {
        return Err(Refusal::HttpOnly);
    }
    if set.same_site != SameSite::None && context.site == SiteContext::CrossSite {
        return Err(Refusal::CrossSite);
    }
    if set.partitioned && !set.secure {
        return Err(Refusal::Partitioned);
    }
    let own = || format!("https://{}", suffixes.site(host));
    let cookie = Cookie {
        name: set.name.clone(),
        value: set.value.clone(),
        domain,
        scope,
        path,
        expiry: set.lifetime.map(|lifetime| expiry(lifetime, now)),
        creation: now,
        last_access: now,
        secure: set.secure,
        http_only: set.http_only,
        same_site: set.same_site,
        partition: set.partitioned.then(|| context.partition.map_or_else(own, str::to_owned)),
    };
    // That `/` is the path of this request does not make it a path that was asked for.
    if has_prefix(&cookie.name, HOST_PREFIX) && set.path.is_none() {
        return Err(Refusal::Prefix);
    }
    keeps_promise(&cookie).then_some(cookie).ok_or(Refusal::Prefix)
}

/// Whether a cookie is one that could have been accepted from somebody, whoever made it.
///
/// # Errors
/// [`Refusal`] for what is wrong with it.
pub fn check(cookie: &Cookie, suffixes: &PublicSuffixes) -> Result<(), Refusal> {
    SetCookie::new(&cookie.name, &cookie.value)?;
    let is_text = |byte: &u8| *byte == b'\t' || (!byte.is_ascii_control() && *byte != b';');
    if !cookie.path.starts_with(b"/") || !cookie.path.iter().all(is_text) {
        return Err(Refusal::Damaged("path"));
    }
    if !is_host(&cookie.domain) {
        return Err(Refusal::Damaged("domain"));
    }
    if cookie.scope == Scope::Domain {
        if is_address(&cookie.domain) {
            return Err(Refusal::Damaged("domain"));
        }
        if suffixes.is_public_suffix(&cookie.domain) {
            return Err(Refusal::PublicSuffix);
        }
    }
    if cookie.partition.is_some() && !cookie.secure {
        return Err(Refusal::Partitioned);
    }
    keeps_promise(cookie).then_some(()).ok_or(Refusal::Prefix)
}

/// True if a host is in a domain: it is that, or a name below it (RFC 6265bis §5.1.3).
#[must_use]
pub fn domain_matches(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|before| before.is_empty() || (before.ends_with('.') && !is_address(host)))
}

/// True if a request's path is under a cookie's (RFC 6265bis §5.1.4).
#[must_use]
pub fn path_matches(path: &[u8], under: &[u8]) -> bool {
    path.strip_prefix(under)
        .is_some_and(|rest| rest.is_empty() || under.ends_with(b"/") || rest.starts_with(b"/"))
}

/// The host that cookies of a URL are for.
pub(super) fn host(url: &Url) -> Option<&str> {
    url.host_str().filter(|host| !host.is_empty())
}

/// True if nobody on the way can read along.
pub(super) fn is_protected(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "wss")
}

/// True for a name or an address that the host of a URL can be, in the form it has there.
fn is_host(domain: &str) -> bool {
    if let Some(address) = domain.strip_prefix('[') {
        let bare = address.strip_suffix(']');
        return bare.is_some_and(|bare| bare.parse::<Ipv6Addr>().is_ok());
    }
    // The URL standard's forbidden domain code points.
    let may_stand = |byte: u8| {
        byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !b"#%/:<>?@[\\]^|".contains(&byte)
    };
    !domain.is_empty() && !domain.starts_with('.') && domain.bytes().all(may_stand)
}

/// The path of a URL's directory (RFC 6265bis §5.1.4).
fn default_path(url: &Url) -> Vec<u8> {
    match url.path().rfind('/') {
        Some(at) if at > 0 && url.path().starts_with('/') => url.path()[..at].into(),
        _ => b"/".to_vec(),
    }
}

fn domain(
    set: &SetCookie,
    host: &str,
    suffixes: &PublicSuffixes,
) -> Result<(String, Scope), Refusal> {
    let for_host = Ok((host.to_owned(), Scope::Host));
    let Some(domain) = &set.domain else { return for_host };
    let Some(domain) = std::str::from_utf8(domain).ok().filter(|domain| domain.is_ascii()) else {
        // Other names than ASCII's have a form in ASCII, which is the one to use.
        return Err(Refusal::Damaged("domain"));
    };
    if domain == host && (is_address(host) || suffixes.is_public_suffix(host)) {
        return for_host;
    }
    if suffixes.is_public_suffix(domain) {
        return Err(Refusal::PublicSuffix);
    }
    if !domain_matches(host, domain) {
        return Err(Refusal::OtherDomain);
    }
    Ok((domain.to_owned(), Scope::Domain))
}

fn expiry(lifetime: Lifetime, now: Stamp) -> Stamp {
    let at = match lifetime {
        Lifetime::For(seconds) if seconds <= 0 => Stamp::EARLIEST,
        Lifetime::For(seconds) => now.plus_seconds(seconds),
        Lifetime::Until(seconds) => Stamp::from_seconds(seconds),
    };
    at.min(now.plus_seconds(LONGEST_LIFE))
}

/// Whether a cookie is what the prefix of its name says it is (RFC 6265bis §4.1.3). A nameless one
/// must not look as if it had a name with one.
fn keeps_promise(cookie: &Cookie) -> bool {
    if cookie.name.is_empty() {
        return !has_prefix(&cookie.value, HOST_PREFIX)
            && !has_prefix(&cookie.value, SECURE_PREFIX);
    }
    if has_prefix(&cookie.name, HOST_PREFIX) {
        return cookie.secure && cookie.scope == Scope::Host && cookie.path == b"/";
    }
    cookie.secure || !has_prefix(&cookie.name, SECURE_PREFIX)
}

fn has_prefix(name: &[u8], prefix: &[u8]) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

const HOST_PREFIX: &[u8] = b"__Host-";
const SECURE_PREFIX: &[u8] = b"__Secure-";
/// 400 days, in seconds (RFC 6265bis §5.5).
pub const LONGEST_LIFE: i64 = 400 * 86_400;
