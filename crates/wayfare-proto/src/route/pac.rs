//! The text that a proxy auto-configuration script answers with.

use url::Url;

use super::proxy::{Chain, Proxy, ProxyKind, host_and_port};

/// Reads an answer such as `PROXY a.test:3128; SOCKS5 b.test; DIRECT`, in its order.
///
/// As in browsers `PROXY` and `HTTP` are HTTP proxies (port 80), `HTTPS` is one over TLS (443),
/// `SOCKS` and `SOCKS4` are SOCKS 4 with names looked up here, and `SOCKS5` looks names up itself
/// (1080); letter case does not matter, and entries that make no sense are passed over. The list is
/// empty if nothing was left.
///
/// ```
/// # use wayfare_proto::route::pac::parse;
/// let list = parse("PROXY a.test:3128; what; DIRECT");
/// assert_eq!(list[0].to_string(), "http://a.test:3128");
/// assert!(list[1].is_direct());
/// ```
#[must_use]
pub fn parse(answer: &str) -> Vec<Chain> {
    let mut list: Vec<Chain> = Vec::new();
    for entry in answer.split(';').filter_map(entry) {
        if list.len() < MOST && !list.contains(&entry) {
            list.push(entry);
        }
    }
    list
}

/// The URL that a script is shown: for schemes with TLS only scheme, host and port, for others
/// without user name, password and fragment.
#[must_use]
pub fn shown_url(url: &Url) -> String {
    let mut shown = url.clone();
    // None of these fails on a URL that has what is taken out.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_fragment(None);
    if matches!(url.scheme(), "https" | "wss") {
        shown.set_path("/");
        shown.set_query(None);
    }
    shown.into()
}

fn entry(text: &str) -> Option<Chain> {
    let mut words = text.split_whitespace();
    let kind = match words.next()?.to_ascii_uppercase().as_str() {
        "DIRECT" => return Some(Chain::DIRECT),
        "HTTP" | "PROXY" => ProxyKind::Http,
        "HTTPS" => ProxyKind::Https,
        "SOCKS" | "SOCKS4" => ProxyKind::Socks4,
        "SOCKS5" => ProxyKind::Socks5h,
        _ => return None,
    };
    let place = words.next()?;
    if words.next().is_some() || place.contains(['/', '@']) {
        return None;
    }
    let (host, port) = host_and_port(place).ok()?;
    Some(Proxy::new(kind, &host, port.unwrap_or(kind.port())).into())
}

/// The most entries that are kept.
const MOST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_browsers_read_them() {
        let table = [
            ("", ""),
            ("DIRECT", "direct"),
            ("direct;", "direct"),
            (
                "PROXY a.test:3128; SOCKS b.test; DIRECT",
                "http://a.test:3128, socks4://b.test:1080, direct",
            ),
            ("proxy a.test;PROXY a.test:80", "http://a.test:80"),
            (
                "SOCKS5 [::1]:9; HTTPS c.test; SOCKS4 d.test:1",
                "socks5h://[::1]:9, https://c.test:443, socks4://d.test:1",
            ),
            (" \t PROXY\t a.test:1 ;; ", "http://a.test:1"),
            ("PROXY", ""),
            ("PROXY a.test:1 b.test:2; DIRECT", "direct"),
            ("PROXY http://a.test:1; QUIC q.test; PROXY a.test:0; PROXY u:p@b.test", ""),
            ("<html>", ""),
        ];
        for (answer, expected) in table {
            let read: Vec<_> = parse(answer).iter().map(ToString::to_string).collect();
            assert_eq!(read.join(", "), expected, "{answer:?}");
        }
        assert!(parse(&"PROXY a.test;DIRECT;".repeat(1000)).len() == 2);
        let many: String = (1..=100).map(|port| format!("PROXY a.test:{port};")).collect();
        assert_eq!(parse(&many).len(), MOST);
    }

    #[test]
    fn scripts_never_see_what_tls_would_hide() {
        let shown = |url: &str| shown_url(&url.parse().unwrap());
        assert_eq!(shown("https://u:p@a.test:8443/secret?q=1#f"), "https://a.test:8443/");
        assert_eq!(shown("wss://a.test/secret"), "wss://a.test/");
        assert_eq!(shown("http://u:p@a.test/path?q=1#f"), "http://a.test/path?q=1");
    }
}
