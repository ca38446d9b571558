//! Strict hosts over real connections: who is believed, and that nothing goes to them unprotected.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod it;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use it::{Ask, Directory, FACES, Face, block_on, fetch, identity, trust};
use wayfare::delegate::{CertificateQuestion, Delegate, Trust, Trusting};
use wayfare::event::What;
use wayfare::hsts::{Reach, compile_list};
use wayfare::options::{Dns, Hsts, RedirectPolicy, Redirects, Tls};
use wayfare::{Builder, ErrorKind, Manager};
use wayfare_testkit::{Authority, Protocols, Server};

fn plain() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

fn secure(protocols: Protocols) -> Server {
    let server = Server::builder().tls(&identity().1).protocols(protocols);
    server.bind_on_thread("127.0.0.1:0").unwrap()
}

fn builder() -> Builder {
    let pins = vec![("*".to_owned(), [127, 0, 0, 1].into())];
    Manager::builder().tls(trust()).dns(Dns { pins, ..Dns::default() }).hsts(Hsts::On)
}

fn saying(name: &str, value: &str) -> String {
    let pairs = [(name, value)];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("/respond/200?{query}")
}

const YEAR: &str = "max-age=31536000";

/// The same place without TLS.
fn unprotected(url: &str) -> String {
    url.replacen("https:", "http:", 1)
}

#[test]
fn a_host_that_said_so_is_reached_over_tls_only_whatever_the_url_says() {
    for face in FACES {
        for protocols in [Protocols::Http1, Protocols::Http2] {
            let upgrades = Arc::new(AtomicUsize::new(0));
            let counted = upgrades.clone();
            let server = secure(protocols);
            let manager = builder()
                .on_event(move |event| {
                    if let What::Upgraded { from, to } = &event.what {
                        assert_eq!((from.scheme(), to.scheme()), ("http", "https"));
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                })
                .build();
            for name in [
                "strict-transport-security",
                "Strict-Transport-Security",
                "STRICT-Transport-security",
            ] {
                block_on(manager.strict_transport_security_hosts().remove("a.test")).unwrap();
                let url = server.url_at("a.test", &saying(name, YEAR));
                fetch(face, &manager, Ask::get(url)).unwrap();
                let got =
                    fetch(face, &manager, Ask::get(unprotected(&server.url_at("a.test", "/get"))))
                        .unwrap();
                assert_eq!((got.status, got.url.scheme()), (200, "https"), "{face:?} {name}");
                assert_eq!(got.url.port(), Some(server.address().port()));
            }
            assert_eq!(upgrades.load(Ordering::Relaxed), 3);
            // Names below it said nothing.
            let other =
                fetch(face, &manager, Ask::get(unprotected(&server.url_at("x.a.test", "/get"))));
            assert_eq!(upgrades.load(Ordering::Relaxed), 3, "{other:?}");
        }
    }
}

#[test]
fn the_forms_of_a_name_are_one_name() {
    let server = secure(Protocols::Http1);
    let manager = builder().build();
    fetch(
        Face::Waited,
        &manager,
        Ask::get(server.url_at("a.test", &saying("strict-transport-security", YEAR))),
    )
    .unwrap();
    for host in ["a.test.", "A.TEST", "a。test", "a.test。"] {
        let url = unprotected(&server.url_at(host, "/get"));
        let seen = Arc::new(AtomicUsize::new(0));
        let counted = seen.clone();
        let request = manager.get(&url).on_event(move |event| {
            if matches!(event.what, What::Upgraded { .. }) {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let _ = block_on(request.send());
        assert_eq!(seen.load(Ordering::Relaxed), 1, "{host}");
    }
}

#[test]
fn it_is_off_where_nothing_is_kept_unless_it_is_asked_for() {
    let server = secure(Protocols::Http1);
    let pins = vec![("*".to_owned(), [127, 0, 0, 1].into())];
    let manager = Manager::builder().tls(trust()).dns(Dns { pins, ..Dns::default() }).build();
    let say = server.url_at("a.test", &saying("strict-transport-security", YEAR));
    fetch(Face::Waited, &manager, Ask::get(&say)).unwrap();
    assert!(block_on(manager.strict_transport_security_hosts().list()).unwrap().is_empty());
    let asked = manager.blocking().get(&say).hsts(Hsts::On).send().unwrap();
    asked.bytes().unwrap();
    assert_eq!(block_on(manager.strict_transport_security_hosts().list()).unwrap().len(), 1);
    // Over a plain connection the TLS server answers with nonsense; over TLS it would have worked.
    assert!(fetch(Face::Waited, &manager, Ask::get(unprotected(&say))).is_err());
}

#[test]
fn nobody_is_believed_over_plain_connections_as_an_address_or_with_a_bad_certificate() {
    struct Yes;
    impl Delegate for Yes {
        fn certificate<'a>(&'a self, _: &'a CertificateQuestion) -> Trusting<'a> {
            Box::pin(std::future::ready(Trust::Session))
        }
    }
    let stranger = Authority::new().issue(&["a.test"]);
    for face in FACES {
        let bad = Server::builder().tls(&stranger).bind_on_thread("127.0.0.1:0").unwrap();
        let (plain, tls) = (plain(), secure(Protocols::Http1));
        let say = saying("strict-transport-security", "max-age=31536000; includeSubDomains");
        let pins = || Dns { pins: vec![("*".into(), [127, 0, 0, 1].into())], ..Dns::default() };
        let careless = Manager::builder()
            .tls(Tls::default().dangerous().trust_everybody())
            .dns(pins())
            .hsts(Hsts::On)
            .build();
        let accepting = builder().delegate(Yes).build();
        for (manager, url) in [
            (builder().build(), plain.url_at("a.test", &say)),
            (builder().build(), tls.url_at("127.0.0.1", &say)),
            (careless, bad.url_at("a.test", &say)),
            (accepting, bad.url_at("a.test", &say)),
        ] {
            assert_eq!(fetch(face, &manager, Ask::get(&url)).unwrap().status, 200, "{url}");
            let known = block_on(manager.strict_transport_security_hosts().list()).unwrap();
            assert!(known.is_empty(), "{face:?} {url}: {known:?}");
        }
    }
}

#[test]
fn a_bad_certificate_of_a_strict_host_is_put_to_nobody() {
    struct Asked(Arc<AtomicUsize>);
    impl Delegate for Asked {
        fn certificate<'a>(&'a self, _: &'a CertificateQuestion) -> Trusting<'a> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(std::future::ready(Trust::Session))
        }
    }
    let stranger = Authority::new().issue(&["a.test", "b.test"]);
    for face in FACES {
        let server = Server::builder().tls(&stranger).bind_on_thread("127.0.0.1:0").unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let manager = builder().delegate(Asked(asked.clone())).build();
        let hosts = manager.strict_transport_security_hosts();
        block_on(hosts.add("a.test", Duration::from_secs(60), Reach::Host)).unwrap();
        for url in [server.url_at("a.test", "/get"), unprotected(&server.url_at("a.test", "/get"))]
        {
            let error = fetch(face, &manager, Ask::get(&url)).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Tls(_)), "{error}");
        }
        assert_eq!(asked.load(Ordering::Relaxed), 0, "{face:?}");
        fetch(face, &manager, Ask::get(server.url_at("b.test", "/get"))).unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        // What was accepted before a host was strict holds no longer, nor do its connections.
        block_on(hosts.add("b.test", Duration::from_secs(60), Reach::Host)).unwrap();
        fetch(face, &manager, Ask::get(server.url_at("b.test", "/get"))).unwrap_err();
        assert_eq!((asked.load(Ordering::Relaxed), server.request_count()), (1, 1));
    }
}

#[test]
fn redirects_to_strict_hosts_are_moved_to_tls_before_they_are_judged() {
    for face in FACES {
        let (plain, tls) = (plain(), secure(Protocols::Http1));
        let manager = builder().build();
        let hosts = manager.strict_transport_security_hosts();
        block_on(hosts.add("a.test", Duration::from_secs(60), Reach::Host)).unwrap();
        let target = unprotected(&tls.url_at("a.test", "/headers"));
        let location: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
        for from in [plain.url_at("b.test", ""), tls.url_at("b.test", "")] {
            let url = format!("{}/respond/302?location={location}", from.trim_end_matches('/'));
            let got = fetch(face, &manager, Ask::get(&url).header("Authorization", "x")).unwrap();
            assert_eq!((got.status, got.url.scheme()), (200, "https"), "{face:?} {url}");
            assert!(!got.text().to_lowercase().contains("authorization"), "{}", got.text());
        }
        // Within the origin that it is then, what was set for that goes along.
        let url = tls.url_at("a.test", &format!("/respond/302?location={location}"));
        let redirects = Redirects { policy: RedirectPolicy::SameOrigin, ..Redirects::default() };
        let ask = Ask::get(&url).header("Authorization", "x").redirects(redirects);
        assert!(
            fetch(face, &manager, ask).unwrap().text().to_lowercase().contains("authorization")
        );
        // A host that is not strict is as far away as ever.
        let away = unprotected(&tls.url_at("b.test", "/get"));
        let location: String = url::form_urlencoded::byte_serialize(away.as_bytes()).collect();
        let url = tls.url_at("b.test", &format!("/respond/302?location={location}"));
        assert_eq!(
            fetch(face, &manager, Ask::get(&url)).unwrap_err().kind(),
            ErrorKind::RedirectUnsafe
        );
    }
}

#[test]
fn a_connection_that_is_opened_ahead_is_one_with_tls() {
    for face in FACES {
        let server = secure(Protocols::Http1);
        let manager = builder().build();
        let hosts = manager.strict_transport_security_hosts();
        block_on(hosts.add("a.test", Duration::from_secs(60), Reach::Host)).unwrap();
        let url = unprotected(&server.url_at("a.test", "/get"));
        match face {
            Face::Waited => manager.blocking().preconnect(&url).unwrap(),
            Face::Alone => block_on(manager.preconnect(&url)).unwrap(),
            Face::Awaited => it::runtime().block_on(manager.preconnect(&url)).unwrap(),
        }
        assert_eq!((server.connections_opened(), server.failed_handshakes()), (1, 0), "{face:?}");
    }
}

#[test]
fn strictness_ends_with_its_time_and_with_max_age_0() {
    let server = secure(Protocols::Http1);
    let day = Arc::new(AtomicUsize::new(20_000));
    let days = day.clone();
    let manager = builder()
        .calendar(move || {
            let days = days.load(Ordering::Relaxed) as u64;
            SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * days)
        })
        .build();
    let hosts = manager.blocking().strict_transport_security_hosts();
    let say = |value: &str| {
        let url = server.url_at("a.test", &saying("strict-transport-security", value));
        fetch(Face::Waited, &manager, Ask::get(url)).unwrap();
    };
    say("max-age=86400");
    assert!(hosts.is_strict("a.test").unwrap());
    day.fetch_add(1, Ordering::Relaxed);
    assert!(!hosts.is_strict("a.test").unwrap());
    say("max-age=86400; includeSubDomains");
    assert!(hosts.is_strict("x.a.test").unwrap());
    say("max-age=1; max-age=1");
    assert!(hosts.is_strict("x.a.test").unwrap(), "a broken field says nothing");
    say("max-age=0");
    assert!(!hosts.is_strict("a.test").unwrap() && hosts.list().unwrap().is_empty());
    assert!(hosts.add("127.0.0.1", Duration::from_secs(9), Reach::Host).is_err());
    assert!(hosts.is_strict("a b").is_err());
}

#[test]
fn of_several_fields_only_the_first_counts() {
    let server = secure(Protocols::Http1);
    for (first, second, is_strict) in
        [(YEAR, "max-age=0", true), ("max-age=0", YEAR, false), ("broken", YEAR, false)]
    {
        let manager = builder().build();
        let pairs = [("strict-transport-security", first), ("strict-transport-security", second)];
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let url = server.url_at("a.test", &format!("/respond/200?{query}"));
        fetch(Face::Waited, &manager, Ask::get(url)).unwrap();
        let hosts = manager.blocking().strict_transport_security_hosts();
        assert_eq!(hosts.is_strict("a.test").unwrap(), is_strict, "{first}, {second}");
    }
}

#[test]
fn a_list_in_a_file_is_obeyed_from_the_first_request_on() {
    let directory = Directory::new("strict-list");
    let file = directory.join("list");
    let (bytes, count, refused) = compile_list("a.test\n.b.test\n127.0.0.1\n").unwrap();
    assert_eq!((count, refused), (2, vec!["127.0.0.1".to_owned()]));
    std::fs::write(&file, bytes).unwrap();
    let server = secure(Protocols::Http1);
    for face in FACES {
        let pins = vec![("*".to_owned(), [127, 0, 0, 1].into())];
        let manager = Manager::builder()
            .tls(trust())
            .dns(Dns { pins, ..Dns::default() })
            .strict_hosts_list(&file)
            .unwrap()
            .build();
        for host in ["a.test", "b.test"] {
            let got =
                fetch(face, &manager, Ask::get(unprotected(&server.url_at(host, "/get")))).unwrap();
            assert_eq!(got.url.scheme(), "https", "{face:?} {host}");
        }
        let hosts = manager.strict_transport_security_hosts();
        assert!(block_on(hosts.is_strict("x.b.test")).unwrap());
        assert!(!block_on(hosts.is_strict("x.a.test")).unwrap());
    }
    std::fs::write(&file, "a.test\n").unwrap();
    let error = Manager::builder().strict_hosts_list(&file).unwrap_err();
    assert!(error.to_string().contains("not a list of strict hosts"), "{error}");
}
