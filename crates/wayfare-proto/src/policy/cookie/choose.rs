//! Which cookies of a site go with a request, and what is sent of them (RFC 6265bis §5.8.3).

use bytes::Bytes;
use http::HeaderValue;

use super::accept::{host, is_protected, path_matches};
use super::shelf::{Place, Shelf};
use super::{Caller, Context, Cookie, Limits, Scope, SiteContext};
use crate::address::site::{PublicSuffixes, is_address};
use crate::syntax::set_cookie::SameSite;
use crate::syntax::stamp::Stamp;

/// The cookies that go with a request: those with the longest paths first, and of those the oldest
/// first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chosen<'a>(pub(super) Option<(&'a Shelf, &'a Parcel)>);

impl<'a> Chosen<'a> {
    /// True if there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none_or(|(_, parcel)| parcel.places.is_empty())
    }

    /// The cookies, in the order in which they are sent.
    pub fn iter(&self) -> impl Iterator<Item = &'a Cookie> + use<'a> {
        let all = self.0.into_iter();
        all.flat_map(|(shelf, parcel)| parcel.places.iter().map(|place| shelf.at(*place)))
    }

    /// The `Cookie` field, marked as sensitive, if there is anything to send.
    #[must_use]
    pub fn field(&self) -> Option<&'a HeaderValue> {
        self.0.and_then(|(_, parcel)| parcel.field.as_ref())
    }
}

/// What went with a request, and with which requests the same goes: most ask the same host again.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    host: Box<str>,
    /// Nothing if every path is the same for the cookies there are.
    path: Option<Box<[u8]>>,
    is_protected: bool,
    site: SiteContext,
    caller: Caller,
    partition: Option<Box<str>>,
    from: Stamp,
    /// Before something expires, or is to be noted as used.
    until: Stamp,
    places: Vec<Place>,
    field: Option<HeaderValue>,
}

impl Parcel {
    /// True if this is what goes with that request.
    pub(super) fn is_for(&self, asked: &Asked<'_>, now: Stamp) -> bool {
        *self.host == *asked.host
            && self.path.as_deref().is_none_or(|path| path == asked.path)
            && self.is_protected == asked.is_protected
            && self.site == asked.context.site
            && self.caller == asked.context.caller
            && self.partition.as_deref() == asked.context.partition
            && (self.from..self.until).contains(&now)
    }

    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }
}

/// The value of a `Cookie` field.
fn compose<'a>(cookies: impl Iterator<Item = &'a Cookie> + Clone) -> Vec<u8> {
    // As much as is needed and no more, so that it need not move when it is shared.
    let whole: usize = cookies.clone().map(weight).sum();
    let mut value = Vec::with_capacity(whole.saturating_sub(SEPARATOR.len()));
    for cookie in cookies {
        if !value.is_empty() {
            value.extend_from_slice(SEPARATOR);
        }
        if !cookie.name.is_empty() {
            value.extend_from_slice(&cookie.name);
            value.push(b'=');
        }
        value.extend_from_slice(&cookie.value);
    }
    value
}

/// A request, as far as it decides about cookies.
pub(super) struct Asked<'a> {
    host: &'a str,
    pub(super) site: &'a str,
    path: &'a [u8],
    is_protected: bool,
    context: &'a Context<'a>,
}

/// What was seen of the cookies when some were chosen.
#[derive(Debug, Default)]
struct Seen {
    has_other_paths: bool,
    /// The next to expire; what has is among them.
    expiry: Option<Stamp>,
    found: Vec<Place>,
    /// Those of them that were not used in this hour before.
    due: Vec<Place>,
}

/// What those want to know who keep the cookies elsewhere.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) expired: Vec<Cookie>,
    /// Used, for the first time in this hour: once an hour is enough.
    pub(super) used: Vec<Cookie>,
}

impl<'a> Asked<'a> {
    pub(super) fn of(context: &'a Context<'a>, suffixes: &PublicSuffixes) -> Option<Self> {
        let host = host(context.url)?;
        Some(Self {
            host,
            site: suffixes.site(host),
            path: context.url.path().as_bytes(),
            is_protected: is_protected(context.url),
            context,
        })
    }

    /// The domains whose cookies may go along: the host, and those it is in, up to its site.
    fn domains(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let (host, site) = (self.host, self.site);
        std::iter::successors(Some(host), move |name| {
            let (_, parent) = name.split_once('.')?;
            let is_inside = parent.trim_end_matches('.').len() >= site.len();
            (is_inside && !is_address(host)).then_some(parent)
        })
    }

    /// Finds those that go along, and drops what is no longer good.
    pub(super) fn choose(&self, shelf: &mut Shelf, now: Stamp, limits: Limits) -> (Parcel, News) {
        let mut news = News::default();
        let hour = Stamp::from_seconds(now.seconds() / HOUR * HOUR);
        let mut seen = self.see(shelf, hour);
        if seen.expiry.is_some_and(|expiry| expiry <= now) {
            for domain in self.domains() {
                news.expired.append(&mut shelf.take_expired(domain, now));
            }
            seen = self.see(shelf, hour);
        }
        news.used.extend(seen.due.iter().map(|place| shelf.at(*place).clone()));
        let places = within(shelf, seen.found, limits);
        let value = compose(places.iter().map(|place| shelf.at(*place)));
        // No cookie has a byte that a field's value must not have.
        let field = HeaderValue::from_maybe_shared(Bytes::from(value)).ok();
        let next = hour.plus_seconds(HOUR);
        let parcel = Parcel {
            host: self.host.into(),
            path: seen.has_other_paths.then(|| self.path.into()),
            is_protected: self.is_protected,
            site: self.context.site,
            caller: self.context.caller,
            partition: self.context.partition.map(Into::into),
            from: now,
            until: seen.expiry.map_or(next, |expiry| expiry.min(next)),
            field: field.filter(|_| !places.is_empty()).map(|mut field| {
                field.set_sensitive(true);
                field
            }),
            places,
        };
        (parcel, news)
    }

    fn see(&self, shelf: &Shelf, hour: Stamp) -> Seen {
        let (mut seen, mut domains) = (Seen::default(), 0);
        for domain in self.domains() {
            let before = seen.found.len();
            for (place, cookie) in shelf.placed(domain) {
                seen.has_other_paths |= cookie.path != b"/";
                seen.expiry = match (seen.expiry, cookie.expiry) {
                    (Some(known), Some(other)) => Some(known.min(other)),
                    (known, other) => known.or(other),
                };
                if self.takes(cookie) {
                    seen.found.push(place);
                    if cookie.last_access < hour {
                        seen.due.push(place);
                    }
                }
            }
            domains += usize::from(seen.found.len() > before);
        }
        // Those of one domain are in their order already.
        if domains > 1 {
            seen.found.sort_by_key(|place| shelf.at(*place).rank());
        }
        seen
    }

    fn takes(&self, cookie: &Cookie) -> bool {
        let Self { host, site, path, is_protected, context } = *self;
        let is_for_host = cookie.scope == Scope::Domain || cookie.domain == host;
        let is_for_caller = !cookie.http_only || context.caller == Caller::Http;
        let is_for_site = match context.site {
            SiteContext::SameSite => true,
            SiteContext::Navigation => cookie.same_site != SameSite::Strict,
            SiteContext::CrossSite => cookie.same_site == SameSite::None,
        };
        let is_for_partition =
            cookie.partition.as_deref().is_none_or(|own| match context.partition {
                Some(partition) => own == partition,
                None => own.strip_prefix("https://") == Some(site),
            });
        is_for_host
            && is_for_caller
            && is_for_site
            && is_for_partition
            && (!cookie.secure || is_protected)
            && path_matches(path, &cookie.path)
    }
}

/// As many as may be sent, from the first.
fn within(shelf: &Shelf, mut places: Vec<Place>, limits: Limits) -> Vec<Place> {
    places.truncate(limits.sent);
    let mut bytes = 0;
    let is_too_much = |place: &Place| {
        bytes += weight(shelf.at(*place));
        // The first has no separator before it.
        bytes - SEPARATOR.len() > limits.sent_bytes
    };
    if let Some(end) = places.iter().position(is_too_much) {
        places.truncate(end);
    }
    places
}

/// What a cookie adds to a field: its separators, its name and its value.
fn weight(cookie: &Cookie) -> usize {
    let name = if cookie.name.is_empty() { 0 } else { cookie.name.len() + 1 };
    SEPARATOR.len() + name + cookie.value.len()
}

const SEPARATOR: &[u8] = b"; ";
const HOUR: i64 = 3600;
