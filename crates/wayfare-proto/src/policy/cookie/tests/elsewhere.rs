//! Tests of what those are told who keep cookies elsewhere.

use super::*;

#[test]
fn changes_are_noted_for_those_who_keep_cookies_elsewhere() {
    let keeping = Keeping::Elsewhere(Sessions::Forget);
    let mut jar = Jar::new(Limits::default(), PublicSuffixes::default(), keeping);
    assert!(!jar.is_loaded("example.org"));
    jar.load("example.org", Vec::new());
    assert!(jar.is_loaded("example.org"));
    let at = "http://www.example.org/";
    set(&mut jar, at, "session=1");
    assert_eq!(jar.take_changes(), []);
    set(&mut jar, at, "a=1; max-age=60");
    let changes = jar.take_changes();
    let [Change::Kept(kept)] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((&kept.name[..], kept.expiry), (&b"a"[..], Some(NOW.plus_seconds(60))));
    // What becomes one of the session is not to come back afterwards.
    let key = kept.key();
    set(&mut jar, at, "a=2");
    assert_eq!(jar.take_changes(), [Change::Dropped(key.clone())]);
    set(&mut jar, at, "a=3; max-age=60");
    jar.take_changes();
    set(&mut jar, at, "a=; max-age=0");
    assert_eq!(jar.take_changes(), [Change::Dropped(key)]);
    // That it was used is told once an hour.
    set(&mut jar, at, "b=1; max-age=86400");
    jar.take_changes();
    for minute in 0..180 {
        sent_at(&mut jar, at, NOW.plus_seconds(60 * minute));
    }
    assert_eq!(jar.take_changes().len(), 3);
}

#[test]
fn sessions_are_kept_elsewhere_only_if_that_is_asked_for() {
    let keeping = Keeping::Elsewhere(Sessions::Keep);
    let mut jar = Jar::new(Limits::default(), PublicSuffixes::default(), keeping);
    jar.load("a.test", Vec::new());
    set(&mut jar, "http://a.test/", "a=1");
    assert!(matches!(&jar.take_changes()[..], [Change::Kept(_)]));
}

#[test]
fn what_is_kept_elsewhere_gives_way_to_what_is_newer() {
    let keeping = Keeping::Elsewhere(Sessions::Forget);
    let mut jar = Jar::new(Limits::default(), PublicSuffixes::default(), keeping);
    let stored = |name: &str, value: &str| {
        let mut cookie = Cookie::new(name.as_bytes(), value.as_bytes(), "www.example.org");
        cookie.expiry = Some(NOW.plus_seconds(99));
        cookie
    };
    set(&mut jar, "http://www.example.org/", "a=new; max-age=60");
    jar.remove(&stored("b", "").key());
    let foreign = Cookie { domain: "other.org".into(), ..stored("x", "1") };
    let damaged = Cookie { value: b"1\n".to_vec(), ..stored("y", "1") };
    let kept = vec![stored("a", "old"), stored("b", "old"), stored("c", "old"), foreign, damaged];
    jar.load("example.org", kept.clone());
    assert_eq!(sent(&mut jar, "http://www.example.org/"), "c=old; a=new");
    assert_eq!(jar.len(), 2);
    jar.load("example.org", kept);
    assert_eq!(jar.len(), 2, "a site is loaded once");
    jar.unload();
    assert!(jar.is_empty() && !jar.is_loaded("example.org"));
}

#[test]
fn nothing_is_noted_where_nobody_keeps_it() {
    let mut jar = Jar::default();
    set(&mut jar, "http://a.test/", "a=1; max-age=60");
    jar.clear();
    assert!(jar.is_empty() && jar.take_changes().is_empty() && jar.is_loaded("any.test"));
}
