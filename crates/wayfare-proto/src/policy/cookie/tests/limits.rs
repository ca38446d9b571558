//! Tests of how many are kept, and of which go first.

use super::*;

#[test]
fn a_flood_pushes_out_the_unused_of_its_domain_and_no_more_is_sent_than_servers_take() {
    let mut jar = Jar::default();
    set(&mut jar, "https://www.example.org/", "kept=1; secure; domain=example.org");
    set(&mut jar, "http://other.example.org/", "mine=1");
    for number in 0..400 {
        let field = format!("c{number}={}; domain=example.org", "x".repeat(4000));
        set(&mut jar, "http://evil.example.org/", &field);
    }
    assert_eq!(jar.len(), 51);
    let header = sent(&mut jar, "https://other.example.org/");
    assert!(header.len() <= 8190, "{} bytes", header.len());
    assert!(header.starts_with("kept=1; mine=1; c351="), "{}", &header[..30]);
}

#[test]
fn an_unprotected_newcomer_gives_way_to_50_protected_ones() {
    let mut jar = Jar::default();
    for number in 0..50 {
        set(&mut jar, "https://a.test/", &format!("c{number}=1; secure"));
    }
    assert_eq!(try_set(&mut jar, "https://a.test/", "late=1"), Err(Refusal::Full));
    set(&mut jar, "https://a.test/", "late=1; secure");
    assert_eq!(jar.len(), 50);
    assert!(!sent(&mut jar, "https://a.test/").contains("c0=1"));
}

#[test]
fn expired_ones_go_before_any_that_is_good() {
    let limits = Limits { per_domain: 3, ..Limits::default() };
    let mut jar = Jar::new(limits, PublicSuffixes::default(), Keeping::Here);
    for field in ["a=1", "b=1; max-age=5", "c=1"] {
        set(&mut jar, "http://a.test/", field);
    }
    let later = NOW.plus_seconds(6);
    let at = url("http://a.test/");
    jar.store(&SetCookie::parse(b"d=1").unwrap(), &Context::of(&at), later).unwrap();
    assert_eq!(sent_at(&mut jar, "http://a.test/", later), "a=1; c=1; d=1");
}

#[test]
fn one_that_has_expired_stands_in_nobodys_way() {
    let mut jar = Jar::default();
    set(&mut jar, "https://a.test/", "a=1; max-age=5; secure");
    set(&mut jar, "https://a.test/", "b=1; max-age=5; httponly");
    let later = NOW.plus_seconds(6);
    let at = url("http://a.test/");
    let context = Context::of(&at);
    let newer = SetCookie::parse(b"c=2").unwrap();
    jar.store(&newer, &context, later).unwrap();
    let unprotected = SetCookie::parse(b"a=2").unwrap();
    assert_eq!(jar.store(&unprotected, &context, later), Ok(Stored::Replaced));
    let script = Context { caller: Caller::Script, ..context };
    let scripted = SetCookie::parse(b"b=2").unwrap();
    assert_eq!(jar.store(&scripted, &script, later), Ok(Stored::Replaced));
    // Nor do they pass on their age.
    assert_eq!(sent_at(&mut jar, "http://a.test/", later), "c=2; a=2; b=2");
}

#[test]
fn over_all_the_unused_go_first() {
    let limits = Limits { all: 10, ..Limits::default() };
    let mut jar = Jar::new(limits, PublicSuffixes::default(), Keeping::Here);
    let host = |number| format!("http://h{number}.test/");
    for number in 0..10 {
        set(&mut jar, &host(number), "a=1");
    }
    let later = NOW.plus_seconds(1);
    assert_eq!(sent_at(&mut jar, &host(0), later), "a=1");
    jar.store(&SetCookie::parse(b"a=1").unwrap(), &Context::of(&url(&host(10))), later).unwrap();
    assert_eq!(jar.len(), 10);
    assert_eq!(sent_at(&mut jar, &host(0), later), "a=1");
    assert_eq!(sent_at(&mut jar, &host(1), later), "");
}

#[test]
fn a_hundred_thousand_cookies_fit_if_they_may() {
    let limits = Limits { all: 100_000, ..Limits::default() };
    let mut jar = Jar::new(limits, PublicSuffixes::default(), Keeping::Here);
    for number in 0..100_000 {
        let mut cookie = Cookie::new(b"a", b"1", &format!("h{}.test", number / 5));
        cookie.name = format!("n{}", number % 5).into_bytes();
        jar.insert(cookie, NOW).unwrap();
    }
    assert_eq!(jar.len(), 100_000);
    assert_eq!(sent(&mut jar, "http://h77.test/"), "n0=1; n1=1; n2=1; n3=1; n4=1");
}
