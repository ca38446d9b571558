//! Where a network may have put a script that chooses proxies: web proxy auto-discovery.

use url::Url;

/// The places to look for a script, in order and eight at most: those that DHCP announced, then
/// `http://wpad.DOMAIN/wpad.dat` for the domains that complete names.
///
/// There is no climbing to the parents of a domain: whoever registers `wpad` under a public suffix
/// would choose the way for everybody below it. For the same reason a domain must have two labels,
/// and `wpad` alone is not looked up.
///
/// ```
/// use wayfare_proto::route::wpad::places;
/// let places = places(&[], &["eu.corp.test".into(), "test".into()]);
/// assert_eq!(places.len(), 1);
/// assert_eq!(places[0].as_str(), "http://wpad.eu.corp.test/wpad.dat");
/// ```
#[must_use]
pub fn places(announced: &[String], search: &[String]) -> Vec<Url> {
    let told = announced.iter().filter_map(|text| Url::parse(text).ok());
    let told = told.filter(|url| matches!(url.scheme(), "http" | "https"));
    let named = search.iter().filter_map(|domain| under(domain));
    let mut places: Vec<Url> = Vec::new();
    for place in told.chain(named) {
        if places.len() < MOST && !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

fn under(domain: &str) -> Option<Url> {
    let domain = domain.trim_end_matches('.');
    let is_label = |label: &str| {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.bytes().all(is_fit)
    };
    if domain.split('.').count() < 2 || !domain.split('.').all(is_label) {
        return None;
    }
    Url::parse(&format!("http://wpad.{domain}/wpad.dat")).ok()
}

const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_looked_for_above_or_outside_of_the_given_domains() {
        let table: [(&[&str], &[&str], &str); 6] = [
            (
                &[],
                &["a.b.test", "b.test."],
                "http://wpad.a.b.test/wpad.dat http://wpad.b.test/wpad.dat",
            ),
            (&[], &["test", "", ".", "..", "a..test", ".test"], ""),
            (&[], &["a.test/x", "u@a.test", "a.test:80", "a.te st", "10.0.0.1"], ""),
            (
                &["http://x.test/p", "https://y.test"],
                &["a.test"],
                "http://x.test/p https://y.test/ http://wpad.a.test/wpad.dat",
            ),
            (&["file:///p", "ftp://x.test/", "\\\\x", "javascript:1", ""], &[], ""),
            (
                &["http://wpad.a.test/wpad.dat"],
                &["a.test", "A.test"],
                "http://wpad.a.test/wpad.dat",
            ),
        ];
        for (announced, search, expected) in table {
            let owned =
                |list: &[&str]| list.iter().map(|&text| text.into()).collect::<Vec<String>>();
            let found = places(&owned(announced), &owned(search));
            let found: Vec<_> = found.iter().map(Url::as_str).collect();
            assert_eq!(found.join(" "), expected, "{announced:?} {search:?}");
        }
        let many: Vec<_> = (0..100).map(|index| format!("d{index}.test")).collect();
        assert_eq!(places(&[], &many).len(), MOST);
    }
}
