//! Good and bad certificates, served by nginx: each bad one is refused for all that is wrong with
//! it, by every face, before anything of a request is sent.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;
mod pki;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use it::{Ask, FACES, Face, eventually, fetch, runtime};
use pki::{BAD, Site, at, builder, manager};
use wayfare::ErrorKind;
use wayfare::delegate::{CertificateQuestion, Delegate, Trust, Trusting};
use wayfare::options::{Exceptions, Pins, Revocation, Tls, TlsVersions};
use wayfare::tls::{Certificate, ProblemKind, Session, StapleState, TlsProblem};

use ProblemKind as K;

#[test]
fn every_bad_certificate_is_refused_for_all_that_is_wrong_with_it() {
    let Some(site) = Site::start() else { return };
    let lists = site.trust_with_lists();
    for face in FACES {
        for (name, problem, problems) in BAD {
            let manager = manager(lists.clone());
            let why = fetch(face, &manager, Ask::get(site.url(name))).unwrap_err();
            assert_eq!(why.kind(), ErrorKind::Tls(*problem), "{face:?} {name}: {why}");
            let rejection = why.rejection().unwrap();
            let mut found = rejection.problems.clone();
            found.sort();
            assert_eq!(found, *problems, "{face:?} {name}");
            assert_eq!(rejection.host, format!("{name}.test"));
            assert!(!rejection.certificates.is_empty());
        }
    }
    assert_eq!(site.requests(), 0, "something was sent to a server that proved nothing");
}

#[test]
fn good_certificates_are_taken() {
    let Some(site) = Site::start() else { return };
    for face in FACES {
        let manager = manager(site.trust());
        for name in ["good", "complete", "old", "new", "stapledfalse"] {
            let got = fetch(face, &manager, Ask::get(site.url(name))).unwrap();
            assert_eq!(got.text(), format!("{name}\n"), "{face:?}");
        }
        // Nobody told that it was revoked.
        fetch(face, &manager, Ask::get(site.url("revoked"))).unwrap();
        let wild = |host: &str| fetch(face, &manager, Ask::get(site.url_of("wildcard", host)));
        assert_eq!(wild("a.wild.test").unwrap().text(), "wildcard\n");
        for host in ["wild.test", "a.b.wild.test", "wild.test.", "a.wildtest"] {
            let why = wild(host).unwrap_err();
            assert_eq!(why.kind(), ErrorKind::Tls(TlsProblem::WrongName), "{host}");
        }
        // No star stands for part of an address or of a label, and no URI for a host.
        for (name, host) in [
            ("ipwild", "127.0.0.1"),
            ("good", "127.0.0.1"),
            ("halfwild", "xn--l8j.test"),
            ("halfwild", "xa.test"),
            ("urisan", "x"),
        ] {
            let why = fetch(face, &manager, Ask::get(site.url_of(name, host))).unwrap_err();
            let problems = &why.rejection().unwrap().problems;
            assert_eq!(problems, &[at(K::HostNameMismatch, 0)], "{name} as {host}");
        }
    }
}

#[test]
fn a_stapled_answer_is_believed_only_from_the_certificates_authority() {
    let Some(site) = Site::start() else { return };
    let manager = manager(site.trust());
    let staple = |name: &str| {
        let url = site.url(name);
        let reply = runtime().block_on(manager.get(url).send()).unwrap();
        reply.tls().unwrap().staple.clone()
    };
    assert_eq!(staple("stapled"), StapleState::Good);
    assert_eq!(staple("good"), StapleState::None);
    match staple("stapledfalse") {
        StapleState::Unusable(why) => assert!(why.contains("not signed"), "{why}"),
        other => panic!("{other:?}"),
    }
    match staple("otherstaple") {
        StapleState::Unusable(why) => assert!(why.contains("another certificate"), "{why}"),
        other => panic!("{other:?}"),
    }
    let demanding = site.trust().with_revocation(Revocation::Demanded);
    for face in FACES {
        let manager = self::manager(demanding.clone());
        fetch(face, &manager, Ask::get(site.url("stapled"))).unwrap();
        for name in ["good", "stapledfalse", "otherstaple"] {
            let why = fetch(face, &manager, Ask::get(site.url(name))).unwrap_err();
            let problems = &why.rejection().unwrap().problems;
            assert_eq!(problems, &[at(K::RevocationUnknown, 0)], "{name}");
        }
    }
}

#[test]
fn an_authority_is_asked_where_nothing_is_stapled() {
    let Some(site) = Site::start() else { return };
    let tls = site.trust().with_revocation(Revocation::Fetched);
    for face in FACES {
        let manager = manager(tls.clone());
        for name in ["fetched", "stapled"] {
            let got = fetch(face, &manager, Ask::get(site.url(name))).unwrap();
            assert_eq!(got.text(), format!("{name}\n"), "{face:?}");
        }
        for (name, kind, words) in [
            ("fetchedbad", K::Revoked, "revoked"),
            ("fetchednone", K::RevocationUnknown, "refused"),
            ("good", K::RevocationUnknown, "names no place to ask"),
        ] {
            let why = fetch(face, &manager, Ask::get(site.url(name))).unwrap_err();
            assert_eq!(why.rejection().unwrap().problems, [at(kind, 0)], "{face:?} {name}");
            assert!(why.to_string().contains(words), "{face:?} {name}: {why}");
        }
    }
    // Without the wish nobody is asked.
    fetch(Face::Waited, &manager(site.trust()), Ask::get(site.url("fetchedbad"))).unwrap();
    // The server writes its log when the answer has gone.
    eventually("seven requests in the log", || site.requests() >= 7);
    assert_eq!(site.requests(), 7, "only those in order were sent a request");
}

#[test]
fn a_client_certificate_is_shown_to_whom_it_is_for_only() {
    let Some(site) = Site::start() else { return };
    let with = |key: &str, passphrase| {
        site.trust().with_client_certificate(site.read("client.pem"), site.read(key), passphrase)
    };
    for face in FACES {
        let without = fetch(face, &manager(site.trust()), Ask::get(site.url("clients"))).unwrap();
        assert_eq!(without.status, 400, "{face:?}");
        for tls in [with("client.key", None), with("client-sealed.key", Some("secret"))] {
            let got = fetch(face, &manager(tls.unwrap()), Ask::get(site.url("clients"))).unwrap();
            assert_eq!((got.status, got.text()), (200, "clients\n"), "{face:?}");
        }
    }
    let why = |key: &str, passphrase| with(key, passphrase).unwrap_err().to_string();
    assert!(why("client-sealed.key", None).contains("passphrase"));
    assert!(why("client-sealed.key", Some("wrong")).contains("does not open"));
    assert!(why("good.key", None).contains("certificate and key"), "{}", why("good.key", None));
}

#[test]
fn versions_suites_and_groups_are_what_was_asked_for() {
    let Some(site) = Site::start() else { return };
    let facts = |tls: Tls, name: &str| {
        let reply = runtime().block_on(manager(tls).get(site.url(name)).send());
        reply.map(|reply| reply.tls().unwrap().clone())
    };
    let only_old = site.trust().with_versions(TlsVersions::Tls12);
    let only_new = site.trust().with_versions(TlsVersions::Tls13);
    assert_eq!(facts(only_old.clone(), "old").unwrap().version, "TLSv1.2");
    assert_eq!(facts(only_new.clone(), "new").unwrap().version, "TLSv1.3");
    for (tls, name) in [(only_old.clone(), "new"), (only_new, "old")] {
        let why = facts(tls, name).unwrap_err();
        assert_eq!(why.kind(), ErrorKind::Tls(TlsProblem::Incompatible), "{why}");
    }
    let suite = "ECDHE-ECDSA-CHACHA20-POLY1305";
    let chosen = facts(only_old.with_cipher_suites(&[suite]).unwrap(), "old").unwrap();
    assert_eq!(chosen.cipher_suite, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
    let group = facts(site.trust().with_groups(&["P-384"]).unwrap(), "new").unwrap();
    assert_eq!((group.key_exchange.as_str(), group.is_post_quantum()), ("secp384r1", false));
    assert!(site.trust().with_cipher_suites(&["NULL-MD5"]).is_err());
    assert!(site.trust().with_groups(&["X448"]).is_err());
    let useless = site.trust().with_versions(TlsVersions::Tls13).with_cipher_suites(&[suite]);
    assert!(useless.is_err(), "a suite of TLS 1.2 with TLS 1.3 only");
}

#[test]
fn a_chain_needs_one_of_the_pinned_keys() {
    let Some(site) = Site::start() else { return };
    let pin = |file: &str| {
        use base64::Engine as _;
        let key = Certificate::from_pem(site.read(file)).unwrap().public_key().pin();
        format!("sha256/{}", base64::engine::general_purpose::STANDARD.encode(key))
    };
    let (leaf, authority, other) = (pin("good.pem"), pin("ca.pem"), pin("other.pem"));
    let pins = |first: &str, second: &str| Pins::new("good.test", [first, second]).unwrap();
    for face in FACES {
        for good in [&leaf, &authority] {
            let manager = manager(site.trust().with_pins(pins(good, &other)));
            fetch(face, &manager, Ask::get(site.url("good"))).unwrap();
            // Other hosts are not pinned.
            fetch(face, &manager, Ask::get(site.url("complete"))).unwrap();
        }
        let wrong = pins(&other, &pin("middle.pem"));
        let nobody = site.trust().dangerous().trust_everybody();
        for tls in [site.trust().with_pins(wrong.clone()), nobody.with_pins(wrong.clone())] {
            // Whoever trusts everybody is told as the others: pins are the only thing asked then.
            let why = fetch(face, &manager(tls), Ask::get(site.url("good")));
            let why = why.expect_err("a pin was passed over");
            assert_eq!(why.rejection().unwrap().problems, [at(K::PinMismatch, 0)], "{face:?}");
        }
    }
}

#[test]
fn a_pinned_certificate_shown_beside_another_pins_nothing() {
    use base64::Engine as _;
    let Some(site) = Site::start() else { return };
    let key = Certificate::from_pem(site.read("good.pem")).unwrap().public_key().pin();
    let pin = format!("sha256/{}", base64::engine::general_purpose::STANDARD.encode(key));
    let pins = Pins::without_backup("*", [pin.as_str()]).unwrap();
    for face in FACES {
        let nobody = site.trust().dangerous().trust_everybody();
        let peer = site.trust();
        for tls in [nobody.with_pins(pins.clone()), peer.with_pins(pins.clone())] {
            let why = fetch(face, &manager(tls), Ask::get(site.url("beside"))).unwrap_err();
            let problems = &why.rejection().unwrap().problems;
            assert!(problems.contains(&at(K::PinMismatch, 0)), "{face:?}: {why}");
        }
    }
    assert_eq!(site.requests(), 0);
}

/// Accepts or not, and counts how often it is asked.
struct Judge {
    answer: Trust,
    asked: AtomicUsize,
    last: Mutex<Option<CertificateQuestion>>,
}

impl Judge {
    fn new(answer: Trust) -> Arc<Self> {
        Arc::new(Self { answer, asked: AtomicUsize::new(0), last: Mutex::default() })
    }
}

/// Shared, so that the test can look.
struct Bench(Arc<Judge>);

impl Delegate for Bench {
    fn certificate<'a>(&'a self, asked: &'a CertificateQuestion) -> Trusting<'a> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        *self.0.last.lock().unwrap() = Some(asked.clone());
        Box::pin(async {
            // Takes its time, as a person does, in whichever home this is.
            let mut turns = 0;
            std::future::poll_fn(|cx| {
                turns += 1;
                cx.waker().wake_by_ref();
                if turns > 20 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
            self.0.answer
        })
    }
}

#[test]
fn the_delegate_is_asked_once_and_what_it_accepts_is_exact() {
    let Some(site) = Site::start() else { return };
    for face in FACES {
        let judge = Judge::new(Trust::Session);
        let manager = builder(site.trust()).delegate(Bench(judge.clone())).build();
        std::thread::scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| {
                    let ask = Ask::post(site.url("expired"), "secret");
                    assert_eq!(fetch(face, &manager, ask).unwrap().text(), "expired\n");
                });
            }
        });
        assert_eq!(judge.asked.load(Ordering::SeqCst), 1, "{face:?}");
        let question = judge.last.lock().unwrap().clone().unwrap();
        assert_eq!(question.host, "expired.test");
        assert_eq!(question.problems, [at(K::Expired, 0)]);
        assert_eq!(question.certificates[0].subject().common_name(), Some("expired.test"));
        // Another host with the same certificate is another question.
        fetch(face, &manager, Ask::get(site.url_of("expired", "elsewhere.test"))).unwrap();
        assert_eq!(judge.asked.load(Ordering::SeqCst), 2, "{face:?}");
    }
}

#[test]
fn who_says_no_is_asked_again_later_and_nothing_is_sent() {
    let Some(site) = Site::start() else { return };
    for face in FACES {
        let judge = Judge::new(Trust::No);
        let client = site
            .trust()
            .with_client_certificate(site.read("client.pem"), site.read("client.key"), None)
            .unwrap();
        let manager = builder(client).delegate(Bench(judge.clone())).build();
        for times in 1..=2 {
            let why = fetch(face, &manager, Ask::get(site.url("untrusted"))).unwrap_err();
            assert_eq!(why.kind(), ErrorKind::Tls(TlsProblem::UnknownIssuer));
            assert_eq!(judge.asked.load(Ordering::SeqCst), times);
        }
    }
    assert_eq!(site.requests(), 0);
}

#[test]
fn an_exception_survives_resumption_and_ends_when_it_is_removed() {
    let Some(site) = Site::start() else { return };
    let file = site.folder.join("exceptions");
    let exceptions = Exceptions::in_file(&file).unwrap();
    let judge = Judge::new(Trust::Always);
    let tls = site.trust().with_exceptions(exceptions.clone());
    let manager = builder(tls.clone()).delegate(Bench(judge.clone())).build();
    let get = || {
        manager.clear_connections();
        let reply = runtime().block_on(manager.get(site.url("selfsigned")).send()).unwrap();
        let facts = reply.tls().unwrap().clone();
        runtime().block_on(reply.bytes()).unwrap();
        facts
    };
    let first = get();
    assert_eq!((first.session, first.problems.len()), (Session::Full, 1));
    let second = get();
    assert_eq!(second.session, Session::Resumed);
    assert!(second.exception.is_some() && second.problems == first.problems);
    assert_eq!(judge.asked.load(Ordering::SeqCst), 1);
    // Another manager that reads the file need not ask.
    let again = site.trust().with_exceptions(Exceptions::in_file(&file).unwrap());
    fetch(Face::Waited, &self::manager(again), Ask::get(site.url("selfsigned"))).unwrap();
    assert!(exceptions.remove("selfsigned.test").unwrap());
    assert_eq!(get().session, Session::Full, "a session outlived its exception");
    assert_eq!(judge.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn those_who_only_look_are_told_what_is_wrong() {
    let Some(site) = Site::start() else { return };
    let manager = manager(site.trust().dangerous().ask_everybody());
    for (name, problem) in [("expired", K::Expired), ("selfsigned", K::SelfSigned)] {
        let reply = runtime().block_on(manager.get(site.url(name)).send()).unwrap();
        assert_eq!(reply.tls().unwrap().problems, [at(problem, 0)]);
    }
    // Who only looks shows nothing of its own.
    let client = site
        .trust()
        .with_client_certificate(site.read("client.pem"), site.read("client.key"), None)
        .unwrap();
    let looking = self::manager(client.dangerous().ask_everybody());
    let got = fetch(Face::Waited, &looking, Ask::get(site.url("clients"))).unwrap();
    assert_eq!(got.status, 400);
    let depth = site.trust().with_depth(0);
    let why = fetch(Face::Waited, &self::manager(depth), Ask::get(site.url("complete")));
    let problems = why.unwrap_err().rejection().unwrap().problems.clone();
    assert_eq!(problems, [at(K::PathLengthExceeded, 1)]);
    let named = site.trust().with_peer_name("right.test");
    fetch(Face::Waited, &self::manager(named), Ask::get(site.url("wrongname"))).unwrap();
}

#[test]
fn a_key_log_holds_the_secrets_of_a_session() {
    use wayfare::options::KeyLog;
    let Some(site) = Site::start() else { return };
    let file = site.folder.join("keys.log");
    let tls = site.trust().dangerous().with_key_log(KeyLog::File(file.clone()));
    fetch(Face::Awaited, &manager(tls), Ask::get(site.url("new"))).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("CLIENT_TRAFFIC_SECRET_0 "), "{text}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}
