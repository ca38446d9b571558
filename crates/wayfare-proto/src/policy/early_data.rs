//! Whether a request goes out together with the first bytes of a handshake (RFC 8446 §2.3, RFC 8470).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::redirect;
use crate::address::origin::Origin;

/// Which requests may be sent as early data, before the handshake of a continued session is over.
///
/// It saves a round trip. The price: whoever records early data can send it to the server again, and
/// it is not protected by fresh keys. So it is only for requests whose repetition does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EarlyData {
    /// Safe requests that say nothing of who is asking: no field that is a secret, and no
    /// certificate of the client.
    Anonymous,
    /// None.
    #[default]
    Off,
    /// Safe requests: `GET`, `HEAD` and `OPTIONS` without a body.
    Safe,
}

/// What became of sending a request as early data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EarlyOutcome {
    /// The server took it.
    Accepted,
    /// Nothing was sent before the handshake was over.
    #[default]
    NotSent,
    /// The server threw it away unread, and it was sent again after the handshake.
    Rejected,
    /// The handshake failed, so the server may or may not have read it. If that was because the server
    /// speaks something else by now, the request is sent again with another handshake.
    Unknown,
}

/// What decides about a request without a body.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its fields.
    pub fields: &'a HeaderMap,
    /// Fields that are secrets besides the known ones.
    pub also_secret: &'a [HeaderName],
}

impl EarlyData {
    /// True if such a request may be sent as early data.
    #[must_use]
    pub fn allows(self, asked: &Candidate<'_>) -> bool {
        let is_safe = matches!(*asked.method, Method::GET | Method::HEAD | Method::OPTIONS);
        match self {
            Self::Off => false,
            Self::Safe => is_safe,
            Self::Anonymous => is_safe && !tells_who_asks(asked),
        }
    }
}

/// Naming the host does not follow a redirect either, but is no secret.
fn tells_who_asks(asked: &Candidate<'_>) -> bool {
    let is_secret = |name: &HeaderName| redirect::is_secret(name, asked.also_secret);
    let marked = |value: &http::HeaderValue| value.is_sensitive();
    asked
        .fields
        .iter()
        .any(|(name, value)| marked(value) || name != http::header::HOST && is_secret(name))
}

/// True if an answer says that the request is to be sent again now that the handshake is over
/// (RFC 8470 §5.2); to a request that was not sent early it is an answer like any other.
#[must_use]
pub fn is_too_early(status: StatusCode, sent: EarlyOutcome) -> bool {
    status == StatusCode::TOO_EARLY && sent == EarlyOutcome::Accepted
}

/// The origins that said that they want no early data, each remembered for an hour.
#[derive(Debug, Default)]
pub struct Refusals(HashMap<Origin, Instant>);

impl Refusals {
    /// Takes in that an origin did not want it.
    pub fn handle_refused(&mut self, origin: &Origin, now: Instant) {
        self.0.retain(|_, since| is_remembered(*since, now));
        if self.0.len() >= MOST && !self.0.contains_key(origin) {
            let oldest = self.0.iter().min_by_key(|(_, since)| **since);
            if let Some(oldest) = oldest.map(|(origin, _)| origin.clone()) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(origin.clone(), now);
    }

    /// True if an origin is spared.
    #[must_use]
    pub fn holds(&self, origin: &Origin, now: Instant) -> bool {
        self.0.get(origin).is_some_and(|since| is_remembered(*since, now))
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

fn is_remembered(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < REMEMBERED
}

const REMEMBERED: Duration = Duration::from_secs(3_600);
/// Of more origins the one that was heard of longest ago is forgotten.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn allows(setting: EarlyData, method: &Method, field: Option<(&str, &str)>) -> bool {
        let mut fields = HeaderMap::new();
        fields.insert("accept", HeaderValue::from_static("*/*"));
        fields.insert("host", HeaderValue::from_static("a.test"));
        if let Some((name, value)) = field {
            let name: HeaderName = name.parse().unwrap();
            fields.insert(name, value.parse().unwrap());
        }
        let also_secret = [HeaderName::from_static("x-token")];
        setting.allows(&Candidate { method, fields: &fields, also_secret: &also_secret })
    }

    #[test]
    fn only_methods_whose_repetition_does_nothing_go_early() {
        for setting in [EarlyData::Safe, EarlyData::Anonymous] {
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                assert!(allows(setting, &method, None), "{setting:?} {method}");
                assert!(!allows(EarlyData::Off, &method, None));
            }
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE]
            {
                assert!(!allows(setting, &method, None), "{setting:?} {method}");
            }
        }
    }

    #[test]
    fn who_asks_anonymously_tells_no_secret() {
        for field in [("authorization", "Basic eA=="), ("cookie", "a=b"), ("x-token", "1")] {
            assert!(!allows(EarlyData::Anonymous, &Method::GET, Some(field)), "{field:?}");
            assert!(allows(EarlyData::Safe, &Method::GET, Some(field)), "{field:?}");
        }
        let mut fields = HeaderMap::new();
        let mut value = HeaderValue::from_static("1");
        value.set_sensitive(true);
        fields.insert("x-own", value);
        let asked = Candidate { method: &Method::GET, fields: &fields, also_secret: &[] };
        assert!(!EarlyData::Anonymous.allows(&asked));
    }

    #[test]
    fn too_early_means_something_only_to_what_was_sent_early() {
        let too_early = StatusCode::TOO_EARLY;
        assert!(is_too_early(too_early, EarlyOutcome::Accepted));
        assert!(!is_too_early(too_early, EarlyOutcome::Rejected));
        assert!(!is_too_early(too_early, EarlyOutcome::NotSent));
        assert!(!is_too_early(StatusCode::OK, EarlyOutcome::Accepted));
    }

    fn origin(number: usize) -> Origin {
        Origin::of(&format!("https://{number}.test/").parse().unwrap()).unwrap()
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // A rule is told the time, a test needs some moment.
    fn a_refusal_is_remembered_for_an_hour_and_not_for_too_many() {
        let (start, mut refusals) = (Instant::now(), Refusals::default());
        let at = |seconds| start + Duration::from_secs(seconds);
        refusals.handle_refused(&origin(0), at(0));
        assert!(refusals.holds(&origin(0), at(3_599)));
        assert!(!refusals.holds(&origin(0), at(3_600)));
        assert!(!refusals.holds(&origin(1), at(1)));
        for number in 1..=MOST {
            refusals.handle_refused(&origin(number), at(number as u64));
        }
        assert!(!refusals.holds(&origin(0), at(300)), "the oldest was forgotten");
        assert!(refusals.holds(&origin(1), at(300)) && refusals.holds(&origin(MOST), at(300)));
        refusals.clear();
        assert!(!refusals.holds(&origin(1), at(300)));
    }
}
