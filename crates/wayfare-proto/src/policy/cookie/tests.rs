//! Tests of what is kept and sent: the standard's cases, and what others got wrong.

mod elsewhere;
mod files;
mod limits;

use http::HeaderValue;
use url::Url;

use super::accept::{LONGEST_LIFE, Refusal};
use super::jar::{Jar, Keeping, Stored};
use super::*;
use crate::address::site::PublicSuffixes;
use crate::syntax::set_cookie::SetCookie;

const NOW: Stamp = Stamp::from_seconds(1_790_000_000);

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

fn try_set(jar: &mut Jar, at: &str, field: &str) -> Result<Stored, Refusal> {
    jar.store(&SetCookie::parse(field.as_bytes())?, &Context::of(&url(at)), NOW)
}

fn set(jar: &mut Jar, at: &str, field: &str) {
    try_set(jar, at, field).unwrap_or_else(|why| panic!("{field} at {at}: {why}"));
}

/// What a field says; nothing if there is none.
fn text(field: Option<HeaderValue>) -> String {
    field.map_or_else(String::new, |field| field.to_str().unwrap().to_owned())
}

fn sent(jar: &mut Jar, at: &str) -> String {
    sent_at(jar, at, NOW)
}

fn sent_at(jar: &mut Jar, at: &str, now: Stamp) -> String {
    text(jar.header(&Context::of(&url(at)), now))
}

/// What is sent to `to` after `field` was set at `from`.
fn after(from: &str, field: &str, to: &str) -> String {
    let mut jar = Jar::default();
    let _ = try_set(&mut jar, from, field);
    sent(&mut jar, to)
}

#[test]
fn a_cookie_without_a_domain_is_for_its_host_alone() {
    let at = "http://a.test.example.org/";
    assert_eq!(after(at, "a=b", at), "a=b");
    assert_eq!(after(at, "a=b", "http://x.a.test.example.org/"), "");
    assert_eq!(after(at, "a=b", "http://test.example.org/"), "");
    // Ports and schemes do not separate cookies.
    assert_eq!(after(at, "a=b", "https://a.test.example.org:8443/"), "a=b");
}

#[test]
fn a_domain_is_for_all_below_and_must_be_above_the_host() {
    let at = "http://www.example.org/";
    for (domain, expected) in [
        ("example.org", Ok(Stored::Added)),
        (".example.org", Ok(Stored::Added)),
        ("EXAMPLE.ORG", Ok(Stored::Added)),
        ("www.example.org", Ok(Stored::Added)),
        ("", Ok(Stored::Added)),
        (".", Ok(Stored::Added)),
        ("..", Err(Refusal::OtherDomain)),
        ("..example.org", Err(Refusal::OtherDomain)),
        ("example.org.", Err(Refusal::OtherDomain)),
        ("x.www.example.org", Err(Refusal::OtherDomain)),
        ("ample.org", Err(Refusal::OtherDomain)),
        ("other.org", Err(Refusal::OtherDomain)),
        ("w.example.org", Err(Refusal::OtherDomain)),
        ("org", Err(Refusal::PublicSuffix)),
        ("org.", Err(Refusal::PublicSuffix)),
        ("exämple.org", Err(Refusal::Damaged("domain"))),
    ] {
        let field = format!("a=b; domain={domain}");
        assert_eq!(try_set(&mut Jar::default(), at, &field), expected, "{domain}");
    }
    assert_eq!(after(at, "a=b; domain=example.org", "http://y.example.org/"), "a=b");
    assert_eq!(after(at, "a=b; domain=www.example.org", "http://y.www.example.org/"), "a=b");
    for domain in ["", "."] {
        assert_eq!(after(at, &format!("a=b; domain={domain}"), "http://y.www.example.org/"), "");
    }
    assert_eq!(after("http://ample.test/", "a=b; domain=ample.test", "http://example.test/"), "");
}

#[test]
fn nobody_sets_cookies_for_a_suffix_that_others_share() {
    for (at, domain) in [
        ("http://a.com/", "com"),
        ("http://a.co.uk/", "co.uk"),
        ("http://a.co.uk/", "co.UK"),
        ("http://a.co.uk/", "Co.Uk"),
        ("http://a.co.uk./", "co.uk."),
        ("http://a.com./", "com."),
        ("http://a.com./", ".com."),
        ("http://a.github.io/", "github.io"),
        ("http://a.xn--55qx5d.cn/", "xn--55qx5d.cn"),
        ("http://a.localhost/", "localhost"),
    ] {
        let refused = try_set(&mut Jar::default(), at, &format!("a=b; domain={domain}"));
        assert_eq!(refused, Err(Refusal::PublicSuffix), "{domain} from {at}");
    }
    // The suffix itself may set one for itself alone.
    let mut jar = Jar::default();
    set(&mut jar, "http://github.io/", "a=b; domain=github.io");
    assert_eq!(sent(&mut jar, "http://github.io/"), "a=b");
    assert_eq!(sent(&mut jar, "http://a.github.io/"), "");
    set(&mut jar, "http://localhost/", "a=b; domain=localhost");
    assert_eq!(sent(&mut jar, "http://localhost:8080/"), "a=b");
}

#[test]
fn an_address_has_no_parts() {
    for domain in ["0.0.1", ".0.0.1", "1"] {
        let refused =
            try_set(&mut Jar::default(), "http://127.0.0.1/", &format!("a=b; domain={domain}"));
        assert!(refused.is_err(), "{domain}");
    }
    let mut jar = Jar::default();
    set(&mut jar, "http://127.0.0.1/", "a=b; domain=127.0.0.1");
    set(&mut jar, "http://[::1]/", "c=d; domain=[::1]");
    assert_eq!(sent(&mut jar, "http://127.0.0.1/"), "a=b");
    assert_eq!(sent(&mut jar, "http://[::1]/"), "c=d");
    assert_eq!(sent(&mut jar, "http://127.1.0.1/"), "");
    assert!(jar.iter().all(|cookie| cookie.scope == Scope::Host));
}

#[test]
fn a_path_is_for_all_under_it_and_ends_at_a_slash() {
    for (path, to, is_sent) in [
        ("/any", "/any", true),
        ("/any", "/any/", true),
        ("/any", "/any/x", true),
        ("/any", "/anybad", false),
        ("/any", "/anybad/", false),
        ("/any/", "/any", false),
        ("/any/", "/any/x", true),
        ("/any", "/an", false),
        ("/any", "/Any", false),
        ("/", "/x", true),
        ("any", "/dir/x", true),
        ("", "/dir/x", true),
        ("", "/other", false),
        ("/%61ny", "/any", false),
    ] {
        let got = after(
            "http://a.test/dir/page",
            &format!("a=b; path={path}"),
            &format!("http://a.test{to}"),
        );
        assert_eq!(!got.is_empty(), is_sent, "{path} for {to}");
    }
    for (at, to, is_sent) in [
        ("/", "/x", true),
        ("/x", "/y", true),
        ("/x/", "/x", true),
        ("/x/y", "/x/z", true),
        ("/x/y", "/z", false),
    ] {
        let got = after(&format!("http://a.test{at}?/q/"), "a=b", &format!("http://a.test{to}"));
        // The directory of `/x/` is `/x`.
        assert_eq!(!got.is_empty(), is_sent, "set at {at}, for {to}");
    }
}

#[test]
fn the_longest_path_comes_first_and_then_the_oldest() {
    let mut jar = Jar::default();
    for field in ["a=1; path=/", "b=2; path=/x/y", "c=3; path=/x", "d=4; path=/x/y", "e=5; path=/"]
    {
        set(&mut jar, "http://a.test/", field);
    }
    assert_eq!(sent(&mut jar, "http://a.test/x/y"), "b=2; d=4; c=3; a=1; e=5");
    // One that is replaced keeps its age.
    set(&mut jar, "http://a.test/", "a=6; path=/");
    assert_eq!(sent(&mut jar, "http://a.test/"), "a=6; e=5");
}

#[test]
fn a_nameless_cookie_is_its_value() {
    let mut jar = Jar::default();
    set(&mut jar, "http://a.test/", "x");
    set(&mut jar, "http://a.test/", "=y");
    set(&mut jar, "http://a.test/", "z=");
    assert_eq!(sent(&mut jar, "http://a.test/"), "y; z=");
}

#[test]
fn secure_ones_stay_off_unprotected_connections() {
    let mut jar = Jar::default();
    assert_eq!(try_set(&mut jar, "http://a.test/", "a=b; secure"), Err(Refusal::Secure));
    set(&mut jar, "https://a.test/", "a=b; secure");
    assert_eq!(sent(&mut jar, "http://a.test/"), "");
    assert_eq!(sent(&mut jar, "https://a.test/"), "a=b");
    assert_eq!(sent(&mut jar, "wss://a.test/"), "a=b");
}

#[test]
fn what_comes_unprotected_leaves_secure_cookies_alone() {
    let mut jar = Jar::default();
    set(&mut jar, "https://x.example.org/", "a=1; secure; path=/login; domain=example.org");
    for (at, field, expected) in [
        ("http://x.example.org/", "a=2; path=/login; domain=example.org", Err(Refusal::Overlay)),
        ("http://x.example.org/", "a=2; path=/login", Err(Refusal::Overlay)),
        ("http://x.example.org/", "a=2; path=/login/en", Err(Refusal::Overlay)),
        ("http://y.x.example.org/", "a=2; path=/login/en", Err(Refusal::Overlay)),
        ("http://example.org/login/", "a=2", Err(Refusal::Overlay)),
        // RFC 6265bis §5.7, note: one with another path is not in its way, nor one with another name.
        ("http://x.example.org/", "a=2; path=/", Ok(Stored::Added)),
        ("http://x.example.org/", "b=2; path=/login", Ok(Stored::Added)),
        ("https://x.example.org/", "a=2; path=/login; domain=example.org", Ok(Stored::Replaced)),
    ] {
        assert_eq!(try_set(&mut jar, at, field), expected, "{field} at {at}");
    }
    // The whole site's path covers every path.
    let mut jar = Jar::default();
    set(&mut jar, "https://a.test/", "a=1; secure; path=/");
    for path in ["/", "/x"] {
        let refused = try_set(&mut jar, "http://a.test/", &format!("a=2; path={path}"));
        assert_eq!(refused, Err(Refusal::Overlay));
    }
}

#[test]
fn a_prefix_is_a_promise_in_whatever_case() {
    let (plain, tls) = ("http://www.example.org/", "https://www.example.org/");
    for (at, field, is_kept) in [
        (tls, "__Secure-a=1; secure", true),
        (tls, "__Secure-a=1", false),
        (tls, "__SECURE-a=1", false),
        (plain, "__Secure-a=1", false),
        (tls, "__Host-a=1; secure; path=/", true),
        (tls, "__Host-a=1; secure", false),
        (tls, "__host-a=1; secure; path=/x", false),
        (tls, "__hOST-a=1; path=/", false),
        (tls, "__Host-a=1; secure; path=/; domain=www.example.org", false),
        (tls, "__Host-a=1; secure; path=/; domain=", true),
        (tls, "=__Host-a=1; secure; path=/", false),
        (tls, "=__secure-a", false),
        (tls, "__Host-a", false),
        (tls, "__Hos-a=1", true),
        (tls, "__%48ost-a=1", true),
        (tls, "=__Hos", true),
    ] {
        let kept = try_set(&mut Jar::default(), at, field);
        assert_eq!(kept.is_ok(), is_kept, "{field}: {kept:?}");
    }
}

#[test]
fn scripts_neither_see_nor_change_what_is_for_http_only() {
    let mut jar = Jar::default();
    let at = url("https://a.test/");
    let script = Context { caller: Caller::Script, ..Context::of(&at) };
    set(&mut jar, "https://a.test/", "a=1; httponly");
    set(&mut jar, "https://a.test/", "b=1");
    assert_eq!(text(jar.header(&script, NOW)), "b=1");
    let read = |field: &[u8]| SetCookie::parse(field).unwrap();
    assert_eq!(jar.store(&read(b"a=2"), &script, NOW), Err(Refusal::HttpOnly));
    assert_eq!(jar.store(&read(b"a=2; max-age=0"), &script, NOW), Err(Refusal::HttpOnly));
    assert_eq!(jar.store(&read(b"c=2; httponly"), &script, NOW), Err(Refusal::HttpOnly));
    assert_eq!(jar.store(&read(b"b=2"), &script, NOW), Ok(Stored::Replaced));
    assert_eq!(sent(&mut jar, "https://a.test/"), "a=1; b=2");
}

#[test]
fn requests_from_other_sites_bring_only_what_is_for_them() {
    let at = url("https://a.test/");
    let from = |site| Context { site, ..Context::of(&at) };
    let mut jar = Jar::default();
    for field in [
        "s=1; samesite=strict",
        "l=1; samesite=lax",
        "n=1; samesite=none",
        "d=1",
        "u=1; samesite=StrictLax",
    ] {
        set(&mut jar, "https://a.test/", field);
    }
    let mut header = |site| text(jar.header(&from(site), NOW));
    assert_eq!(header(SiteContext::SameSite), "s=1; l=1; n=1; d=1; u=1");
    assert_eq!(header(SiteContext::Navigation), "l=1; n=1; d=1; u=1");
    assert_eq!(header(SiteContext::CrossSite), "n=1");
    for (field, site, is_kept) in [
        ("a=1; samesite=strict", SiteContext::CrossSite, false),
        ("a=1", SiteContext::CrossSite, false),
        ("a=1; samesite=none", SiteContext::CrossSite, true),
        ("a=1; samesite=strict", SiteContext::Navigation, true),
    ] {
        let set = SetCookie::parse(field.as_bytes()).unwrap();
        assert_eq!(Jar::default().store(&set, &from(site), NOW).is_ok(), is_kept, "{field}");
    }
}

#[test]
fn a_partitioned_cookie_belongs_to_the_page_it_was_set_for() {
    let at = url("https://widget.test/");
    let on = |page| Context { partition: page, ..Context::of(&at) };
    let set = SetCookie::parse(b"a=1; secure; partitioned").unwrap();
    let mut jar = Jar::default();
    jar.store(&set, &on(Some("https://one.test")), NOW).unwrap();
    assert_eq!(text(jar.header(&on(Some("https://one.test")), NOW)), "a=1");
    assert_eq!(jar.header(&on(Some("https://two.test")), NOW), None);
    assert_eq!(jar.header(&on(None), NOW), None);
    // Without a page it is the site's own.
    jar.store(&SetCookie::parse(b"a=2; secure; partitioned").unwrap(), &on(None), NOW).unwrap();
    assert_eq!(text(jar.header(&on(None), NOW)), "a=2");
    assert_eq!(text(jar.header(&on(Some("https://widget.test")), NOW)), "a=2");
    assert_eq!(jar.len(), 2);
    let refused = try_set(&mut jar, "https://a.test/", "a=1; partitioned");
    assert_eq!(refused, Err(Refusal::Partitioned));
}

#[test]
fn nothing_is_kept_longer_than_400_days_nor_sent_when_its_time_is_over() {
    let mut jar = Jar::default();
    set(&mut jar, "http://a.test/", "a=1; max-age=10");
    set(&mut jar, "http://a.test/", "b=1; max-age=99999999999");
    set(&mut jar, "http://a.test/", "c=1; expires=Fri, 31 Dec 9999 23:59:59 GMT");
    set(&mut jar, "http://a.test/", "d=1");
    let later = |seconds| NOW.plus_seconds(seconds);
    assert_eq!(sent_at(&mut jar, "http://a.test/", later(9)), "a=1; b=1; c=1; d=1");
    assert_eq!(sent_at(&mut jar, "http://a.test/", later(10)), "b=1; c=1; d=1");
    assert_eq!(jar.len(), 3, "what has expired is gone");
    assert_eq!(sent_at(&mut jar, "http://a.test/", later(LONGEST_LIFE - 1)), "b=1; c=1; d=1");
    assert_eq!(sent_at(&mut jar, "http://a.test/", later(LONGEST_LIFE)), "d=1");
}

#[test]
fn one_that_has_expired_drops_the_one_with_its_key() {
    let mut jar = Jar::default();
    for end in ["max-age=0", "max-age=-1", "expires=Thu, 01 Jan 1970 00:00:00 GMT"] {
        set(&mut jar, "http://www.example.org/", "a=1; domain=example.org");
        // Another domain, scope or path is another cookie.
        set(&mut jar, "http://www.example.org/", &format!("a=; {end}"));
        set(
            &mut jar,
            "http://www.example.org/",
            &format!("a=; domain=example.org; path=/x; {end}"),
        );
        assert_eq!(sent(&mut jar, "http://example.org/"), "a=1", "{end}");
        let dropped =
            try_set(&mut jar, "http://www.example.org/", &format!("a=; domain=example.org; {end}"));
        assert_eq!(dropped, Ok(Stored::Dropped));
        assert!(jar.is_empty());
    }
}

#[test]
fn a_cookie_of_ones_own_cannot_say_more_than_it_seems_to() {
    let good = || Cookie::new(b"a", b"1", "www.example.org");
    let insert = |cookie: Cookie| Jar::default().insert(cookie, NOW);
    assert_eq!(insert(good()), Ok(Stored::Added));
    assert!(insert(Cookie { name: b"a=b".to_vec(), ..good() }).is_err());
    assert!(insert(Cookie { name: b"a;b".to_vec(), ..good() }).is_err());
    assert!(insert(Cookie { value: b"1; b=2".to_vec(), ..good() }).is_err());
    assert!(insert(Cookie { value: b"1\r\nX: y".to_vec(), ..good() }).is_err());
    for path in ["", "x", "/;", "/\n"] {
        assert_eq!(insert(Cookie { path: path.into(), ..good() }), Err(Refusal::Damaged("path")));
    }
    for domain in [
        "",
        ".example.org",
        "Example.org",
        "a b",
        "a\n",
        "a/b",
        "#a",
        "a:1",
        "[a",
        "[::1",
        "%61",
        "ä.test",
    ] {
        let cookie = Cookie { domain: domain.into(), ..good() };
        assert_eq!(insert(cookie), Err(Refusal::Damaged("domain")), "{domain}");
    }
    let wide = |domain: &str| Cookie { domain: domain.into(), scope: Scope::Domain, ..good() };
    assert_eq!(insert(wide("co.uk")), Err(Refusal::PublicSuffix));
    assert_eq!(insert(wide("127.0.0.1")), Err(Refusal::Damaged("domain")));
    assert_eq!(insert(wide("example.org")), Ok(Stored::Added));
    assert_eq!(insert(Cookie { name: b"__Host-a".to_vec(), ..good() }), Err(Refusal::Prefix));
}

#[test]
fn a_value_is_not_shown_where_a_cookie_is() {
    let cookie = Cookie::new(b"sid", b"secret", "a.test");
    assert!(!format!("{cookie:?}").contains("secret"));
}

#[test]
fn the_same_request_takes_the_same_along_until_something_has_changed() {
    let (mut jar, at) = (Jar::default(), "https://www.a.test/x/y");
    set(&mut jar, at, "a=1; domain=a.test; path=/");
    assert_eq!((sent(&mut jar, at), sent(&mut jar, at)), ("a=1".into(), "a=1".into()));
    // Every path is the same so far.
    assert_eq!(sent(&mut jar, "https://www.a.test/z"), "a=1");
    set(&mut jar, at, "b=2; path=/x; max-age=60");
    assert_eq!(sent(&mut jar, at), "b=2; a=1");
    assert_eq!(sent(&mut jar, "https://www.a.test/z"), "a=1");
    assert_eq!(sent(&mut jar, at), "b=2; a=1");
    assert_eq!(sent(&mut jar, "https://a.test/x/y"), "a=1", "another host of the site");
    assert_eq!(sent(&mut jar, at), "b=2; a=1");
    set(&mut jar, at, "a=3; domain=a.test; path=/");
    assert_eq!(sent(&mut jar, at), "b=2; a=3", "a new value");
    assert_eq!(sent_at(&mut jar, at, NOW.plus_seconds(59)), "b=2; a=3");
    assert_eq!(sent_at(&mut jar, at, NOW.plus_seconds(60)), "a=3", "one has expired");
    set(&mut jar, at, "c=4; secure; path=/");
    assert_eq!(sent(&mut jar, at), "a=3; c=4");
    assert_eq!(sent(&mut jar, "http://www.a.test/x/y"), "a=3", "not protected");
    let address = url(at);
    let cross = Context { site: SiteContext::CrossSite, ..Context::of(&address) };
    assert_eq!((sent(&mut jar, at), jar.header(&cross, NOW)), ("a=3; c=4".into(), None));
    let keys: Vec<_> = jar.iter().map(Cookie::key).collect();
    for key in keys {
        assert_eq!(sent(&mut jar, at).contains('='), !jar.is_empty());
        jar.remove(&key);
    }
    assert_eq!(sent(&mut jar, at), "");
}

#[test]
fn what_is_sent_again_counts_as_used_again() {
    let limits = Limits { per_domain: 2, ..Limits::default() };
    let mut jar = Jar::new(limits, PublicSuffixes::default(), Keeping::Here);
    set(&mut jar, "https://a.test/x/", "old=1");
    set(&mut jar, "https://a.test/y/", "new=1");
    for second in 1..4 {
        let now = NOW.plus_seconds(second);
        assert_eq!(sent_at(&mut jar, "https://a.test/y/", now), "new=1");
        assert_eq!(sent_at(&mut jar, "https://a.test/x/", now.plus_seconds(10)), "old=1");
    }
    assert_eq!(sent_at(&mut jar, "https://a.test/x/", NOW.plus_seconds(20)), "old=1");
    let third = SetCookie::parse(b"third=1").unwrap();
    let at = url("https://a.test/z/");
    jar.store(&third, &Context::of(&at), NOW.plus_seconds(30)).unwrap();
    let mut left: Vec<_> = jar.iter().map(|cookie| cookie.name.clone()).collect();
    left.sort();
    assert_eq!(left, [&b"old"[..], b"third"]);
}

#[test]
fn one_use_in_an_hour_is_told() {
    let keeping = Keeping::Elsewhere(Sessions::Keep);
    let mut jar = Jar::new(Limits::default(), PublicSuffixes::default(), keeping);
    jar.load("a.test", Vec::new());
    set(&mut jar, "https://a.test/", "a=1");
    jar.take_changes();
    for (seconds, changes) in [(1, 0), (2, 0), (3600, 1), (3601, 0), (7300, 1)] {
        assert_eq!(sent_at(&mut jar, "https://a.test/", NOW.plus_seconds(seconds)), "a=1");
        assert_eq!(jar.take_changes().len(), changes, "after {seconds} s");
    }
}
