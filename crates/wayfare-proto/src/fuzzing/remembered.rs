//! Harnesses for what is remembered of servers: what is kept can be kept again, and says no more.

use url::Url;

use crate::policy::cookie::jar::Jar;
use crate::policy::cookie::{Context, netscape};
use crate::policy::hsts::StrictHosts;
use crate::policy::hsts::preload::{self, NotAList, Span, Table};
use crate::syntax::cookie_date as dates;
use crate::syntax::date;
use crate::syntax::field;
use crate::syntax::set_cookie::SetCookie;
use crate::syntax::stamp::Stamp;
use crate::syntax::strict_transport_security::Strict;

/// Sets the bytes as a cookie, from hosts of several kinds, and asks for it.
pub fn set_cookie(data: &[u8]) {
    let Ok(set) = SetCookie::parse(data) else { return };
    assert!(set.name.len() + set.value.len() <= 4096);
    for host in ["https://www.example.co.uk/a/b?c", "http://127.0.0.1/", "https://[::1]/x"] {
        let (mut jar, url) = (Jar::default(), url(host));
        let context = Context::of(&url);
        if jar.store(&set, &context, NOW).is_err() {
            continue;
        }
        assert_eq!(jar.matching(&context, NOW).is_empty(), jar.header(&context, NOW).is_none());
        if let Some(header) = jar.header(&context, NOW) {
            let header = header.as_bytes();
            assert!(field::is_value(header), "{}", header.escape_ascii());
            assert!(!header.contains(&b';'), "{}", header.escape_ascii());
        }
        assert_eq!(jar.header(&Context::of(&self::url("https://other.test/")), NOW), None);
        // What was kept is what its owner could keep by hand.
        for cookie in jar.iter() {
            Jar::default().insert(cookie.clone(), NOW).expect("a cookie like any other");
        }
    }
}

/// Reads a date; what is read can be written and is then read the same.
pub fn cookie_date(data: &[u8]) {
    if let Some(seconds) = dates::parse(data) {
        assert!((-11_644_473_600..=253_402_300_799).contains(&seconds));
        assert_eq!(dates::parse(date::format(seconds).as_bytes()), Some(seconds));
    }
}

/// Reads a policy, and keeps to it.
pub fn strict_transport_security(data: &[u8]) {
    let Some(strict) = Strict::parse(data) else { return };
    let mut hosts = StrictHosts::default();
    hosts.learn("www.example.org", &strict, NOW);
    assert_eq!(hosts.is_strict("www.example.org.", NOW), strict.max_age > 0);
    assert!(!hosts.is_strict("example.org", NOW));
}

/// Reads a file of cookies; those that may be kept are written and read the same.
pub fn cookie_file(data: &[u8]) {
    let mut jar = Jar::default();
    for (_, cookie) in netscape::read(data).cookies {
        let _ = jar.insert(cookie, NOW);
    }
    let written = netscape::write(jar.iter());
    let read = netscape::read(&written.text);
    assert!(read.faults.is_empty());
    assert_eq!(read.cookies.len() + written.left_out, jar.len());
    for (_, cookie) in read.cookies {
        let known = jar.iter().find(|known| known.has_key(&cookie.key()));
        assert_eq!(known.map(|known| &known.value), Some(&cookie.value));
    }
}

/// Searches the bytes as a list of strict hosts.
pub fn strict_list(data: &[u8]) {
    let read = |span: Span| -> Result<Vec<u8>, NotAList> {
        let start = usize::try_from(span.offset).unwrap_or(usize::MAX).min(data.len());
        Ok(data[start..start.saturating_add(span.length).min(data.len())].to_vec())
    };
    let Ok(table) = Table::read(read) else { return };
    for name in ["", "a.test", "example.org", "zzzz"] {
        if let Some(span) = table.span_of(name) {
            let _ = read(span).map(|block| preload::find(&block, name));
        }
    }
}

fn url(text: &str) -> Url {
    text.parse().expect("one of the URLs above")
}

const NOW: Stamp = Stamp::from_seconds(1_790_000_000);
