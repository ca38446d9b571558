//! What a desktop answers when it is asked for the way to a URL
//! (`org.freedesktop.portal.ProxyResolver`).

use super::proxy::{Chain, Proxy, ProxyKind};

/// Reads the answer: URLs of proxies in order, `direct://` for none.
///
/// What cannot be read or used is passed over, and a `socks` without a version is SOCKS 5 that
/// looks names up, as desktops mean it; at most 32 ways are kept.
///
/// ```
/// use wayfare_proto::route::portal::ways;
/// let ways = ways(&["socks://gate.test:1080", "direct://"]);
/// assert_eq!(ways[0].to_string(), "socks5h://gate.test:1080");
/// assert!(ways[1].is_direct());
/// ```
#[must_use]
pub fn ways<T: AsRef<str>>(answer: &[T]) -> Vec<Chain> {
    let mut ways: Vec<Chain> = Vec::new();
    for way in answer.iter().filter_map(|text| way(text.as_ref())) {
        if ways.len() < MOST && !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

fn way(text: &str) -> Option<Chain> {
    let (scheme, place) = text.trim().split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let kind = match scheme.as_str() {
        "direct" => return Some(Chain::DIRECT),
        "socks" | "socks5" => ProxyKind::Socks5h.scheme(),
        // Other places name proxies in these words, too, but no desktop means them.
        "connect" => return None,
        other => other,
    };
    let proxy: Proxy = format!("{kind}://{place}").parse().ok()?;
    Some(proxy.into())
}

const MOST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_desktops_mean_them() {
        let table: [(&[&str], &str); 9] = [
            (&["direct://"], "direct"),
            (&["DIRECT://", "direct://"], "direct"),
            (&["http://a.test:3128", "direct://"], "http://a.test:3128, direct"),
            (&["http://a.test"], "http://a.test:80"),
            (&["socks://a.test:1", "socks5://a.test:1"], "socks5h://a.test:1"),
            (&["socks4://a.test:1", "socks4a://a.test:1"], "socks4://a.test:1, socks4a://a.test:1"),
            (&["https://[::1]:8443/"], "https://[::1]:8443"),
            (&["", "a.test", "direct", "quic://a.test", "http://", "connect://a.test"], ""),
            (&["http://a.test:99999", "http://a b"], ""),
        ];
        for (answer, expected) in table {
            let read: Vec<_> = ways(answer).iter().map(ToString::to_string).collect();
            assert_eq!(read.join(", "), expected, "{answer:?}");
        }
        let many: Vec<_> = (1..=100).map(|port| format!("http://a.test:{port}")).collect();
        assert_eq!(ways(&many).len(), MOST);
    }
}
