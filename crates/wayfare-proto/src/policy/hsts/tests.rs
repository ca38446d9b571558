//! Tests of strict hosts and of the file that lists them.

use super::preload::{self, NotAList, Span, Table};
use super::*;

const NOW: Stamp = Stamp::from_seconds(1_790_000_000);

fn strict(value: &str) -> Strict {
    Strict::parse(value.as_bytes()).unwrap()
}

fn knowing(entries: &[(&str, &str)]) -> StrictHosts {
    let mut hosts = StrictHosts::default();
    for (host, value) in entries {
        hosts.learn(host, &strict(value), NOW);
    }
    hosts
}

#[test]
fn a_host_is_strict_by_itself_or_by_one_above_that_speaks_for_all_below() {
    let hosts = knowing(&[("a.test", "max-age=9"), ("b.test", "max-age=9; includeSubDomains")]);
    for (host, expected) in [
        ("a.test", true),
        ("www.a.test", false),
        ("b.test", true),
        ("x.www.b.test", true),
        ("notb.test", false),
        ("test", false),
        ("c.test", false),
    ] {
        assert_eq!(hosts.is_strict(host, NOW), expected, "{host}");
    }
    assert!(!hosts.is_strict("a.test", NOW.plus_seconds(9)));
    assert!(hosts.is_strict("a.test", NOW.plus_seconds(8)));
}

#[test]
fn a_dot_at_the_end_and_the_forms_of_a_name_change_nothing() {
    let hosts = knowing(&[
        ("a.test.", "max-age=9"),
        ("Bücher.test", "max-age=9"),
        ("x。test", "max-age=9"),
    ]);
    for url in [
        "http://a.test/",
        "http://A.TEST./",
        "http://a。test/",
        "http://a.test。/",
        "http://bücher.test/",
        "http://xn--bcher-kva.test./",
        "http://BÜCHER.test/",
        "http://x.test/",
    ] {
        let url: Url = url.parse().unwrap();
        assert!(hosts.is_strict(url.host_str().unwrap(), NOW), "{url}");
    }
}

#[test]
fn an_address_is_never_strict() {
    let mut hosts =
        knowing(&[("127.0.0.1", "max-age=9"), ("[::1]", "max-age=9"), ("", "max-age=9")]);
    assert!(hosts.is_empty());
    let (expiry, reach) = (NOW.plus_seconds(9), Reach::Subdomains);
    assert!(!hosts.add(&StrictHost { host: "192.0.2.1".into(), expiry, reach }));
    assert!(!hosts.is_strict("127.0.0.1", NOW));
}

#[test]
fn max_age_0_ends_it_for_the_host_and_not_for_one_above() {
    let mut hosts =
        knowing(&[("b.test", "max-age=31536000; includeSubDomains"), ("x.b.test", "max-age=9")]);
    hosts.learn("x.b.test", &strict("max-age=0; includeSubDomains"), NOW);
    assert!(hosts.is_strict("x.b.test", NOW.plus_seconds(31_535_999)));
    assert_eq!(hosts.list(NOW).len(), 1);
    hosts.learn("b.test", &strict("max-age=0"), NOW);
    assert!(!hosts.is_strict("x.b.test", NOW) && hosts.is_empty());
}

#[test]
fn what_a_host_says_last_counts() {
    let mut hosts = knowing(&[("a.test", "max-age=9; includeSubDomains")]);
    hosts.learn("a.test", &strict("max-age=5"), NOW);
    assert!(!hosts.is_strict("x.a.test", NOW));
    assert!(!hosts.is_strict("a.test", NOW.plus_seconds(5)));
}

#[test]
fn a_url_is_moved_to_tls_and_keeps_a_port_of_its_own() {
    for (from, to) in [
        ("http://a.test/x?y#z", "https://a.test/x?y#z"),
        ("http://a.test:80/", "https://a.test/"),
        ("http://a.test:8080/", "https://a.test:8080/"),
        // RFC 6797 §8.3: only 80 becomes 443, and 443 is that already.
        ("http://a.test:443/", "https://a.test/"),
    ] {
        let mut url: Url = from.parse().unwrap();
        assert!(upgrade(&mut url));
        assert_eq!(url.as_str(), to);
        assert_eq!(url.port_or_known_default(), to.parse::<Url>().unwrap().port_or_known_default());
    }
    let mut secure: Url = "https://a.test:80/".parse().unwrap();
    assert!(!upgrade(&mut secure) && secure.port() == Some(80));
}

#[test]
fn changes_are_told_once_and_little_ones_not_at_all() {
    let mut hosts = StrictHosts::new(Keeping::Elsewhere);
    let year = strict("max-age=31536000");
    hosts.load("a.test", Vec::new());
    hosts.learn("a.test", &year, NOW);
    assert!(matches!(&hosts.take_changes()[..], [Change::Kept(kept)] if kept.host == "a.test"));
    for second in 1..100 {
        hosts.learn("a.test", &year, NOW.plus_seconds(second * 80));
    }
    assert_eq!(hosts.take_changes(), []);
    hosts.learn("a.test", &year, NOW.plus_seconds(86_400));
    assert_eq!(hosts.take_changes().len(), 1);
    hosts.learn("a.test", &strict("max-age=0"), NOW);
    hosts.learn("a.test", &strict("max-age=0"), NOW);
    assert_eq!(hosts.take_changes(), [Change::Dropped("a.test".into())]);
    assert!(StrictHosts::default().is_loaded("a.test"));
}

#[test]
fn what_is_kept_elsewhere_comes_once_and_gives_way_to_what_is_newer() {
    let mut hosts = StrictHosts::new(Keeping::Elsewhere);
    let kept = |host: &str, seconds| StrictHost {
        host: host.into(),
        expiry: NOW.plus_seconds(seconds),
        reach: Reach::Host,
    };
    assert!(!hosts.is_loaded("a.test"));
    hosts.learn("x.a.test", &strict("max-age=5"), NOW);
    hosts.load("a.test", vec![kept("a.test", 9), kept("x.a.test", 9), kept("B.test", 9)]);
    assert!(hosts.is_loaded("a.test"));
    assert!(hosts.is_strict("a.test", NOW) && !hosts.is_strict("b.test", NOW));
    assert!(!hosts.is_strict("x.a.test", NOW.plus_seconds(5)));
    hosts.forget("a.test");
    hosts.load("a.test", vec![kept("a.test", 9)]);
    assert!(!hosts.is_strict("a.test", NOW));
}

#[test]
fn a_flood_of_hosts_pushes_out_what_would_end_first() {
    let mut hosts = knowing(&[("kept.test", "max-age=999999999")]);
    for number in 0..MOST_KNOWN + 10 {
        hosts.learn(&format!("h{number}.test"), &strict("max-age=60"), NOW);
    }
    assert!(hosts.len() <= MOST_KNOWN);
    assert!(hosts.is_strict("kept.test", NOW));
}

fn reading(file: &[u8]) -> impl Fn(Span) -> Result<Vec<u8>, NotAList> + '_ {
    |span| {
        let start = (span.offset as usize).min(file.len());
        Ok(file[start..(start + span.length).min(file.len())].to_vec())
    }
}

#[test]
fn every_name_of_a_list_is_found_in_its_file_and_no_other() {
    let name = |number: u32| {
        format!("host-{:x}.example{}.test", number.wrapping_mul(0x9e37_79b9), number % 7)
    };
    let names: Vec<String> = (0..20_000).map(name).collect();
    let reach =
        |name: &str| if name.len().is_multiple_of(2) { Reach::Host } else { Reach::Subdomains };
    let (file, refused) = preload::write(names.iter().map(|name| (name.as_str(), reach(name))));
    assert!(refused.is_empty());
    let read = reading(&file);
    let table = Table::read(&read).unwrap();
    let find = |name: &str| {
        let span = table.span_of(name)?;
        assert!(span.length <= 4096);
        preload::find(&read(span).unwrap(), name)
    };
    for name in &names {
        assert_eq!(find(name), Some(reach(name)), "{name}");
        assert_eq!(find(&format!("x{name}")), None);
        assert_eq!(find(&name[1..]), None);
    }
    for other in ["", "a", "zzzz.test", "host-"] {
        assert_eq!(find(other), None);
    }
}

#[test]
fn a_list_is_written_in_normal_forms_and_says_what_it_cannot_take() {
    let hosts = [("Bücher.test.", Reach::Host), ("127.0.0.1", Reach::Host), ("a b", Reach::Host)];
    let (file, refused) = preload::write(hosts);
    assert_eq!(refused, ["127.0.0.1", "a b"]);
    let read = reading(&file);
    let table = Table::read(&read).unwrap();
    let span = table.span_of("xn--bcher-kva.test").unwrap();
    assert_eq!(preload::find(&read(span).unwrap(), "xn--bcher-kva.test"), Some(Reach::Host));
    let (empty, _) = preload::write([]);
    assert_eq!(Table::read(reading(&empty)).unwrap().span_of("a.test"), None);
}

#[test]
fn a_damaged_list_is_an_error_and_no_panic() {
    let (file, _) = preload::write([("a.test", Reach::Host), ("b.test", Reach::Subdomains)]);
    for cut in 0..file.len() {
        let read = reading(&file[..cut]);
        if let Ok(table) = Table::read(&read) {
            let span = table.span_of("b.test").unwrap();
            let _ = preload::find(&read(span).unwrap(), "b.test");
        }
    }
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << bit;
            let read = reading(&damaged);
            if let Ok(table) = Table::read(&read)
                && let Some(span) = table.span_of("b.test")
            {
                let _ = preload::find(&read(span).unwrap(), "b.test");
            }
        }
    }
}

#[test]
fn a_host_that_renews_itself_often_is_strict_all_the_time_and_seldom_told_of() {
    let mut hosts = StrictHosts::new(Keeping::Elsewhere);
    hosts.load("a.test", Vec::new());
    let now = Stamp::from_seconds(1_790_000_000);
    let strict = Strict::parse(b"max-age=300").unwrap();
    let mut told = 0;
    for second in 0..3000 {
        let at = now.plus_seconds(second);
        hosts.learn("a.test", &strict, at);
        assert!(hosts.is_strict("a.test", at.plus_seconds(299)), "{second}");
        told += hosts.take_changes().len();
    }
    // Every tenth of its time: those who keep it are never far behind.
    assert!((90..=110).contains(&told), "{told}");
    // After a pause that outlived it, it is strict again at once.
    let late = now.plus_seconds(10_000);
    hosts.learn("a.test", &Strict::parse(b"max-age=3").unwrap(), late);
    assert!(hosts.is_strict("a.test", late) && hosts.has_changes());
}

#[test]
fn what_others_have_dropped_or_changed_is_so_here_once_the_site_is_loaded_again() {
    let mut hosts = StrictHosts::new(Keeping::Elsewhere);
    let now = Stamp::from_seconds(1_790_000_000);
    let host = |name: &str, seconds| StrictHost {
        host: name.into(),
        expiry: now.plus_seconds(seconds),
        reach: Reach::Host,
    };
    hosts.load("a.test", vec![host("a.test", 60), host("b.a.test", 60)]);
    hosts.learn("c.a.test", &Strict::parse(b"max-age=60").unwrap(), now);
    hosts.doubt();
    assert!(hosts.is_strict("b.a.test", now) && !hosts.is_loaded("a.test"));
    hosts.load("a.test", vec![host("a.test", 90)]);
    assert!(!hosts.is_strict("b.a.test", now), "dropped elsewhere");
    assert!(hosts.is_strict("a.test", now.plus_seconds(80)), "changed elsewhere");
    assert!(hosts.is_strict("c.a.test", now), "not told yet");
}
