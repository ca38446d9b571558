//! Whether a 3xx answer is followed, and with what (RFC 9110 §15.4).

use std::fmt;

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use url::Url;

use crate::address::origin::Origin;

/// Which redirects are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RedirectPolicy {
    /// Each one that would be allowed by [`RedirectPolicy::NoLessSafe`] is put to the delegate.
    Ask,
    /// None: the 3xx answer is delivered.
    Manual,
    /// All but those from `https` to `http`.
    #[default]
    NoLessSafe,
    /// Only those within the scheme, host and port of the request.
    SameOrigin,
}

/// A request and the answer that may redirect it.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Where the request went.
    pub url: &'a Url,
    /// Its method.
    pub method: &'a Method,
    /// The answer's status.
    pub status: StatusCode,
    /// The answer's fields.
    pub headers: &'a HeaderMap,
    /// Redirects followed so far.
    pub followed: usize,
}

/// What to do about an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Put it to the delegate, then follow or deliver.
    Ask(Next),
    /// It is no redirect, or not one to be followed.
    Deliver,
    /// Send this next.
    Follow(Next),
    /// Give up with an error.
    Refuse(Refusal),
}

/// The request that follows a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// Where it goes; the fragment of the first URL is inherited (RFC 9110 §10.2.2).
    pub url: Url,
    /// Its method.
    pub method: Method,
    /// What becomes of the request's body.
    pub body: BodyFate,
    /// Whether secrets may go along.
    pub border: Border,
}

/// What becomes of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFate {
    /// It is left out, with the fields that describe it.
    Drop,
    /// It is sent again from its beginning.
    Keep,
}

/// Whether a redirect leaves the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Border {
    /// To another scheme, host or port: secrets stay behind, for the rest of the chain.
    Crossed,
    /// Within one origin.
    Kept,
}

/// Why a redirect was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `Location` is not a URL.
    BadLocation(String),
    /// From `https` to `http`.
    LessSafe(Url),
    /// To another origin under [`RedirectPolicy::SameOrigin`].
    OtherOrigin(Url),
    /// To a scheme that a server may not send a client to.
    Scheme(Url),
    /// More than the limit.
    TooMany(usize),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadLocation(location) => {
                write!(f, "the redirect's Location \"{location}\" is not a URL")
            }
            Self::LessSafe(url) => {
                write!(f, "redirected from https to unprotected http ({})", shown(url))
            }
            Self::OtherOrigin(url) => write!(f, "redirected to another origin ({})", shown(url)),
            Self::Scheme(url) => {
                write!(f, "redirected to the scheme \"{}\", which is not followed", url.scheme())
            }
            Self::TooMany(limit) => write!(f, "more than {limit} redirects"),
        }
    }
}

/// Decides what to do about `exchange`'s answer; `upgrade` changes a target that is known to be
/// reached by another scheme than the answer names, before anything is decided of it.
#[must_use]
pub fn decide(
    policy: RedirectPolicy,
    limit: usize,
    exchange: &Exchange<'_>,
    upgrade: impl Fn(&mut Url),
) -> Decision {
    if policy == RedirectPolicy::Manual || !is_redirect(exchange.status) {
        return Decision::Deliver;
    }
    let Some(location) = exchange.headers.get(header::LOCATION) else {
        return Decision::Deliver;
    };
    let Some(mut url) = target(exchange.url, location.as_bytes()) else {
        return Decision::Refuse(Refusal::BadLocation(shortened(location.as_bytes())));
    };
    upgrade(&mut url);
    let (Some(from), Some(to)) = (Origin::of(exchange.url), Origin::of(&url)) else {
        return Decision::Refuse(Refusal::Scheme(url));
    };
    if exchange.followed >= limit {
        return Decision::Refuse(Refusal::TooMany(limit));
    }
    if exchange.url.scheme() == "https" && url.scheme() == "http" {
        return Decision::Refuse(Refusal::LessSafe(url));
    }
    let border = if from == to { Border::Kept } else { Border::Crossed };
    if policy == RedirectPolicy::SameOrigin && border == Border::Crossed {
        return Decision::Refuse(Refusal::OtherOrigin(url));
    }
    let (method, body) = rewritten(exchange.method, exchange.status);
    let next = Next { url, method, body, border };
    if policy == RedirectPolicy::Ask { Decision::Ask(next) } else { Decision::Follow(next) }
}

/// Changes the fields of a request so that they suit `next`: what described a dropped body goes,
/// and what was meant for one origin does not reach another.
pub fn prepare(headers: &mut HeaderMap, next: &Next, also_secret: &[HeaderName]) {
    if next.body == BodyFate::Drop {
        for name in BODY_FIELDS {
            headers.remove(name);
        }
    }
    if next.border == Border::Crossed {
        for name in SECRET_FIELDS {
            headers.remove(*name);
        }
        for name in also_secret {
            headers.remove(name);
        }
    }
}

/// True for a field that must not reach another origin.
#[must_use]
pub fn is_secret(name: &HeaderName, also_secret: &[HeaderName]) -> bool {
    SECRET_FIELDS.contains(&name.as_str()) || also_secret.contains(name)
}

/// True for the statuses that redirect a request.
#[must_use]
pub fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn rewritten(method: &Method, status: StatusCode) -> (Method, BodyFate) {
    match status.as_u16() {
        // RFC 9110 §15.4.2 and §15.4.3, note: a POST becomes a GET, as browsers have always done.
        301 | 302 if *method == Method::POST => (Method::GET, BodyFate::Drop),
        303 if *method == Method::HEAD => (Method::HEAD, BodyFate::Drop),
        303 => (Method::GET, BodyFate::Drop),
        _ => (method.clone(), BodyFate::Keep),
    }
}

fn target(base: &Url, location: &[u8]) -> Option<Url> {
    // Servers send raw UTF-8 in Location; anything else is not a URL.
    let text = std::str::from_utf8(location).ok()?;
    if text.len() > LONGEST_LOCATION {
        return None;
    }
    let mut url = base.join(text).ok()?;
    // What is relative may grow with every hop.
    if url.as_str().len() > LONGEST_LOCATION {
        return None;
    }
    if url.fragment().is_none() {
        url.set_fragment(base.fragment());
    }
    // A server does not choose whom its client says to be. Neither fails where there is something
    // to remove.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(url)
}

/// Enough of a peer's text to recognise it.
fn shortened(bytes: &[u8]) -> String {
    let shown = bytes[..bytes.len().min(200)].escape_ascii().to_string();
    if bytes.len() > 200 { format!("{shown}…") } else { shown }
}

fn shown(url: &Url) -> String {
    Origin::of(url).map_or_else(|| url.scheme().to_owned(), |origin| origin.to_string())
}

/// Fields that describe the request's body.
const BODY_FIELDS: [HeaderName; 9] = [
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_LOCATION,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::TRAILER,
    header::TRANSFER_ENCODING,
];

/// Fields that carry secrets or name the origin; callers can add their own.
pub const SECRET_FIELDS: &[&str] = &[
    "authorization",
    "cookie",
    "cookie2",
    "host",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "x-api-key",
    "x-amz-security-token",
    "x-auth-token",
    "x-csrf-token",
    "x-xsrf-token",
];

/// Longer URLs are refused, as browsers do.
const LONGEST_LOCATION: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn answer(
        policy: RedirectPolicy,
        method: &Method,
        from: &str,
        status: u16,
        location: &str,
    ) -> Decision {
        let url = from.parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, HeaderValue::from_bytes(location.as_bytes()).unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        let exchange = Exchange { url: &url, method, status, headers: &headers, followed: 0 };
        decide(policy, 20, &exchange, |_| {})
    }

    fn followed(method: &Method, status: u16) -> (Method, BodyFate) {
        match answer(RedirectPolicy::NoLessSafe, method, "http://a.test/", status, "/next") {
            Decision::Follow(next) => (next.method, next.body),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn methods_and_bodies_are_rewritten_as_rfc_9110_says() {
        use BodyFate::{Drop, Keep};
        for status in [301, 302] {
            assert_eq!(followed(&Method::GET, status), (Method::GET, Keep));
            assert_eq!(followed(&Method::HEAD, status), (Method::HEAD, Keep));
            assert_eq!(followed(&Method::POST, status), (Method::GET, Drop));
            assert_eq!(followed(&Method::PUT, status), (Method::PUT, Keep));
            assert_eq!(followed(&Method::DELETE, status), (Method::DELETE, Keep));
        }
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            assert_eq!(followed(&method, 303), (Method::GET, Drop));
            assert_eq!(followed(&method, 307), (method.clone(), Keep));
            assert_eq!(followed(&method, 308), (method, Keep));
        }
        assert_eq!(followed(&Method::HEAD, 303), (Method::HEAD, Drop));
    }

    #[test]
    fn other_statuses_are_delivered() {
        for status in [200, 300, 304, 305, 306, 404] {
            let decision =
                answer(RedirectPolicy::NoLessSafe, &Method::GET, "http://a.test/", status, "/x");
            assert_eq!(decision, Decision::Deliver);
        }
    }

    #[test]
    fn https_is_never_left_for_http() {
        for policy in [RedirectPolicy::NoLessSafe, RedirectPolicy::Ask, RedirectPolicy::SameOrigin]
        {
            let decision = answer(policy, &Method::GET, "https://a.test/", 302, "http://a.test/");
            assert!(matches!(decision, Decision::Refuse(Refusal::LessSafe(_))), "{decision:?}");
        }
    }

    #[test]
    fn local_and_unknown_schemes_are_never_followed() {
        for location in
            ["file:///etc/hostname", "FILE:///x", "data:,x", "javascript:x", "scp://b/x"]
        {
            let decision =
                answer(RedirectPolicy::NoLessSafe, &Method::GET, "http://a.test/", 302, location);
            assert!(matches!(decision, Decision::Refuse(Refusal::Scheme(_))), "{location}");
        }
    }

    #[test]
    fn a_fragment_is_inherited_unless_the_location_has_one() {
        let url = |location| match answer(
            RedirectPolicy::NoLessSafe,
            &Method::GET,
            "http://a.test/#f",
            302,
            location,
        ) {
            Decision::Follow(next) => next.url.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(url("/b"), "http://a.test/b#f");
        assert_eq!(url("/b#g"), "http://a.test/b#g");
    }

    #[test]
    fn the_limit_counts_redirects_followed() {
        let url: Url = "http://a.test/".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, HeaderValue::from_static("/x"));
        let mut exchange = Exchange {
            url: &url,
            method: &Method::GET,
            status: StatusCode::FOUND,
            headers: &headers,
            followed: 19,
        };
        assert!(matches!(
            decide(RedirectPolicy::NoLessSafe, 20, &exchange, |_| {}),
            Decision::Follow(_)
        ));
        exchange.followed = 20;
        assert_eq!(
            decide(RedirectPolicy::NoLessSafe, 20, &exchange, |_| {}),
            Decision::Refuse(Refusal::TooMany(20))
        );
        exchange.followed = 0;
        assert_eq!(
            decide(RedirectPolicy::NoLessSafe, 0, &exchange, |_| {}),
            Decision::Refuse(Refusal::TooMany(0))
        );
    }

    #[test]
    fn secrets_stay_behind_when_the_port_changes() {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("x"));
        headers.insert(header::COOKIE, HeaderValue::from_static("x"));
        headers.insert("x-mine", HeaderValue::from_static("x"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("x"));
        let Decision::Follow(next) = answer(
            RedirectPolicy::NoLessSafe,
            &Method::GET,
            "http://a.test:1/",
            302,
            "http://a.test:2/",
        ) else {
            panic!("followed");
        };
        prepare(&mut headers, &next, &[HeaderName::from_static("x-mine")]);
        assert_eq!(headers.keys().collect::<Vec<_>>(), [header::ACCEPT]);
    }

    #[test]
    fn a_target_that_is_moved_to_tls_is_judged_as_it_is_reached() {
        let (from, method) = ("https://a.test/".parse().unwrap(), Method::GET);
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, HeaderValue::from_static("http://a.test/x"));
        let (url, status) = (&from, StatusCode::FOUND);
        let exchange = Exchange { url, method: &method, status, headers: &headers, followed: 0 };
        let upgrade = |url: &mut Url| url.set_scheme("https").unwrap();
        match decide(RedirectPolicy::NoLessSafe, 20, &exchange, upgrade) {
            Decision::Follow(next) => {
                assert_eq!(next.url.as_str(), "https://a.test/x");
                assert_eq!(next.border, Border::Kept);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_protocol_relative_location_is_another_origin() {
        let decision =
            answer(RedirectPolicy::SameOrigin, &Method::GET, "http://a.test/", 302, "//b.test/x");
        assert!(matches!(decision, Decision::Refuse(Refusal::OtherOrigin(_))));
    }
}
