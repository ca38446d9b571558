//! Which proxies did not work lately, and are tried last.

use std::time::{Duration, Instant};

use super::proxy::{Chain, Proxy};

/// The proxies that did not work lately.
///
/// As in browsers a proxy that failed is passed over for five minutes, and twice as long each time
/// it fails again, up to half an hour. It is still tried when every other way has failed: a way that
/// a list does not name is never taken instead.
///
/// ```
/// use std::time::Instant;
/// use wayfare_proto::route::bad_proxies::BadProxies;
/// use wayfare_proto::route::pac::parse;
/// let (mut bad, now) = (BadProxies::default(), Instant::now());
/// let list = parse("PROXY a.test; PROXY b.test");
/// bad.handle_failure(&list[0].proxies()[0], now);
/// assert_eq!(bad.sorted(list, now)[0].to_string(), "http://b.test:80");
/// ```
#[derive(Debug, Default)]
pub struct BadProxies {
    known: Vec<Bad>,
}

#[derive(Debug)]
struct Bad {
    proxy: Proxy,
    since: Instant,
    wait: Duration,
}

impl BadProxies {
    /// Takes in that a proxy did not work.
    pub fn handle_failure(&mut self, proxy: &Proxy, now: Instant) {
        self.known.retain(|bad| now.saturating_duration_since(bad.since) < FORGOTTEN);
        if let Some(bad) = self.known.iter_mut().find(|bad| bad.proxy.is_same_place(proxy)) {
            // Failures of one time count once, however many requests saw them.
            if now.saturating_duration_since(bad.since) >= bad.wait {
                *bad =
                    Bad { wait: (bad.wait * 2).min(LONGEST), since: now, proxy: bad.proxy.clone() };
            }
            return;
        }
        if self.known.len() >= MOST {
            self.known.remove(0);
        }
        let proxy = proxy.clone().without_credentials();
        self.known.push(Bad { proxy, since: now, wait: FIRST });
    }

    /// Takes in that a proxy worked.
    pub fn handle_success(&mut self, proxy: &Proxy) {
        self.known.retain(|bad| !bad.proxy.is_same_place(proxy));
    }

    /// True while a proxy is passed over.
    #[must_use]
    pub fn is_bad(&self, proxy: &Proxy, now: Instant) -> bool {
        self.known.iter().any(|bad| {
            bad.proxy.is_same_place(proxy) && now.saturating_duration_since(bad.since) < bad.wait
        })
    }

    /// The same ways, those through a bad proxy last.
    #[must_use]
    pub fn sorted(&self, mut ways: Vec<Chain>, now: Instant) -> Vec<Chain> {
        if !self.known.is_empty() {
            ways.sort_by_key(|way| way.proxies().iter().any(|proxy| self.is_bad(proxy, now)));
        }
        ways
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.known.clear();
    }
}

const FIRST: Duration = Duration::from_secs(5 * 60);
const LONGEST: Duration = Duration::from_secs(30 * 60);
const FORGOTTEN: Duration = Duration::from_secs(60 * 60);
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn order(bad: &BadProxies, list: &str, now: Instant) -> String {
        let ways = crate::route::pac::parse(list);
        let sorted = bad.sorted(ways, now);
        sorted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some moment to start from")]
    fn a_bad_proxy_is_tried_last_for_longer_and_longer() {
        let (mut bad, start) = (BadProxies::default(), Instant::now());
        let one = Proxy::new(crate::route::proxy::ProxyKind::Http, "a.test", 80);
        let at = |minutes: u64| start + Duration::from_secs(minutes * 60);
        let list = "PROXY a.test; PROXY b.test; DIRECT";
        bad.handle_failure(&one, start);
        bad.handle_failure(&one, start);
        assert_eq!(order(&bad, list, at(4)), "http://b.test:80, direct, http://a.test:80");
        assert_eq!(order(&bad, "PROXY a.test", at(4)), "http://a.test:80");
        assert!(!bad.is_bad(&one, at(5)));
        bad.handle_failure(&one, at(5));
        assert!(bad.is_bad(&one, at(14)) && !bad.is_bad(&one, at(15)));
        bad.handle_failure(&one, at(15));
        bad.handle_failure(&one, at(36));
        assert!(bad.is_bad(&one, at(65)) && !bad.is_bad(&one, at(66)));
        bad.handle_success(&one);
        assert!(!bad.is_bad(&one, at(40)));
    }
}
