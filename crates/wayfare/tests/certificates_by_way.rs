//! The same certificates by every way: what is wrong with them is the same, whoever stands between.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;
mod pki;

use it::{Ask, FACES, Face, fetch, identity};
use pki::{BAD, Site, at, builder};
use wayfare::options::{Proxies, Revocation, Tls};
use wayfare::tls::{ProblemKind, TlsProblem};
use wayfare::{Error, ErrorKind, Manager};
use wayfare_testkit::proxy::Proxy;

const LOCAL: &str = "127.0.0.1:0";

/// The proxies, and the ways through them.
struct Ways {
    plain: Proxy,
    secure: Proxy,
    second: Proxy,
}

impl Ways {
    fn new() -> Self {
        Self {
            plain: Proxy::builder().bind_on_thread(LOCAL).unwrap(),
            secure: Proxy::builder().tls(&identity().1).bind_on_thread(LOCAL).unwrap(),
            second: Proxy::builder().bind_on_thread(LOCAL).unwrap(),
        }
    }

    fn all(&self) -> Vec<(&'static str, String)> {
        let (plain, secure, second) = (&self.plain, &self.secure, &self.second);
        vec![
            ("direct", "direct".to_owned()),
            ("CONNECT", plain.url("http")),
            ("CONNECT over TLS", secure.url("https")),
            ("SOCKS 4a", plain.url("socks4a")),
            ("SOCKS 5, names looked up here", plain.url("socks5")),
            ("SOCKS 5, names looked up there", plain.url("socks5h")),
            ("a chain", format!("{} {}", plain.url("http"), second.url("socks5h"))),
            ("a chain out of TLS", format!("{} {}", secure.url("https"), second.url("http"))),
        ]
    }

    /// How many connections they accepted.
    fn connections(&self) -> u64 {
        [&self.plain, &self.secure, &self.second].map(Proxy::connections_opened).iter().sum()
    }
}

/// A manager that goes a way, and trusts the proxies, too.
fn by(way: &str, tls: Tls) -> Manager {
    let tls = tls.with_authority_pem(identity().0.pem()).unwrap();
    builder(tls).proxies(Proxies::through(way).unwrap()).build()
}

/// A refusal that is the origin's, and no proxy's.
fn refused(face: Face, manager: &Manager, url: &str, told: &str) -> Error {
    let why = fetch(face, manager, Ask::get(url)).expect_err(told);
    assert!(why.proxy().is_none(), "{told}: {why:?}");
    why
}

#[test]
fn a_bad_certificate_is_as_bad_by_every_way() {
    let Some(site) = Site::start() else { return };
    let ways = Ways::new();
    let lists = site.trust_with_lists();
    let mut runs = 0;
    for (way, text) in ways.all() {
        let before = ways.connections();
        for face in FACES {
            let manager = by(&text, lists.clone());
            for (name, problem, problems) in BAD {
                let told = format!("{way}, {face:?}, {name}");
                let why = refused(face, &manager, &site.url(name), &told);
                assert_eq!(why.kind(), ErrorKind::Tls(*problem), "{told}: {why}");
                let rejection = why.rejection().unwrap();
                let mut found = rejection.problems.clone();
                found.sort();
                assert_eq!(found, *problems, "{told}");
                assert_eq!(rejection.host, format!("{name}.test"), "{told}");
                runs += 1;
            }
        }
        assert_eq!(ways.connections() > before, text != "direct", "{way} was gone");
    }
    assert_eq!(runs, 8 * 3 * BAD.len());
    assert_eq!(site.requests(), 0, "something was sent to a server that proved nothing");
}

#[test]
fn what_is_asked_of_a_certificate_is_asked_by_every_way() {
    let Some(site) = Site::start() else { return };
    let ways = Ways::new();
    let demanding = site.trust().with_revocation(Revocation::Demanded);
    let fetching = site.trust().with_revocation(Revocation::Fetched);
    let depth = site.trust().with_depth(0);
    let cases = [
        (&demanding, "good", ProblemKind::RevocationUnknown, 0),
        (&fetching, "fetchedbad", ProblemKind::Revoked, 0),
        (&depth, "complete", ProblemKind::PathLengthExceeded, 1),
    ];
    // An HTTPS proxy is asked for the same, and has no such proof: that would be its own error.
    let others = ways.all().into_iter().filter(|(_, text)| !text.starts_with("https"));
    for (way, text) in others {
        for face in FACES {
            for (tls, name, kind, place) in cases {
                let told = format!("{way}, {face:?}, {name}");
                let why = refused(face, &by(&text, tls.clone()), &site.url(name), &told);
                assert_eq!(why.rejection().unwrap().problems, [at(kind, place)], "{told}: {why}");
            }
            let fetched = fetch(face, &by(&text, fetching.clone()), Ask::get(site.url("fetched")));
            assert_eq!(fetched.unwrap().status, 200, "{way}, {face:?}");
        }
    }
}

#[test]
fn a_clients_certificate_and_good_servers_are_taken_by_every_way() {
    let Some(site) = Site::start() else { return };
    let ways = Ways::new();
    let (chain, key) = (site.read("client.pem"), site.read("client.key"));
    let showing = site.trust().with_client_certificate(chain, key, None).unwrap();
    for (way, text) in ways.all() {
        for face in FACES {
            let told = format!("{way}, {face:?}");
            let manager = by(&text, site.trust());
            for name in ["good", "complete", "old", "new"] {
                let got = fetch(face, &manager, Ask::get(site.url(name))).unwrap();
                assert_eq!(got.text(), format!("{name}\n"), "{told}");
            }
            let without = fetch(face, &manager, Ask::get(site.url("clients"))).unwrap();
            assert_eq!(without.status, 400, "{told}");
            let manager = by(&text, showing.clone());
            let with = fetch(face, &manager, Ask::get(site.url("clients"))).unwrap();
            assert_eq!((with.status, with.text()), (200, "clients\n"), "{told}");
        }
    }
}

#[test]
fn a_way_that_does_not_speak_tls_at_its_end_is_told_as_everywhere() {
    let Some(site) = Site::start() else { return };
    let ways = Ways::new();
    let plain = wayfare_testkit::Server::builder().bind_on_thread(LOCAL).unwrap();
    let only_old = site.trust().with_versions(wayfare::options::TlsVersions::Tls12);
    for (way, text) in ways.all() {
        for face in FACES {
            let told = format!("{way}, {face:?}");
            let url = plain.url("/").replace("http://", "https://");
            let why = refused(face, &by(&text, site.trust()), &url, &told);
            assert_eq!(why.kind(), ErrorKind::Tls(TlsProblem::NotTls), "{told}: {why}");
            let why = refused(face, &by(&text, only_old.clone()), &site.url("new"), &told);
            assert_eq!(why.kind(), ErrorKind::Tls(TlsProblem::Incompatible), "{told}: {why}");
        }
    }
}
