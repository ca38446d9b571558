//! Hidden server names: what is on the wire, and what happens when a server does not go along.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod hiding;
mod it;

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use hiding::{PRIVATE, PUBLIC, dns, late_dns};
use it::{Ask, FACES, Face, fetch, hold, identity, trust};
use wayfare::delegate::{CertificateQuestion, Delegate, Trust, Trusting};
use wayfare::event::What;
use wayfare::options::{Dns, Ech, Tls, TlsVersions};
use wayfare::tls::{EchOutcome, Session, TlsProblem};
use wayfare::{Error, ErrorKind, Manager};
use wayfare_testkit::{Server, ServerIdentity};

/// A list of one configuration (RFC 9849 §4): X25519, HKDF-SHA256, AES-128-GCM, and a key that
/// nobody has the secret of.
fn list(version: u16, public_name: &str) -> Vec<u8> {
    let mut contents = vec![7];
    contents.extend([0x00, 0x20, 0x00, 0x20]);
    contents.extend([0x2a; 32]);
    contents.extend([0x00, 0x04, 0x00, 0x01, 0x00, 0x01]);
    contents.extend([64, u8::try_from(public_name.len()).unwrap()]);
    contents.extend(public_name.as_bytes());
    contents.extend([0, 0]);
    let mut list = version.to_be_bytes().to_vec();
    list.extend(u16::try_from(contents.len()).unwrap().to_be_bytes());
    list.extend(contents);
    [&u16::try_from(list.len()).unwrap().to_be_bytes()[..], &list].concat()
}

fn good_list() -> Vec<u8> {
    list(0xfe0d, PUBLIC)
}

fn manager(tls: Tls, dns: Dns) -> Manager {
    Manager::builder().tls(tls).dns(dns).build()
}

/// Reads the first record of every connection and hangs up.
fn eavesdropper() -> (u16, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, hears) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut frame = [0; 5];
            stream.read_exact(&mut frame).unwrap();
            let mut hello = vec![0; usize::from(u16::from_be_bytes([frame[3], frame[4]]))];
            stream.read_exact(&mut hello).unwrap();
            if heard.send(hello).is_err() {
                return;
            }
        }
    });
    (port, hears)
}

/// What a client says first.
fn hello(face: Face, manager: &Manager) -> Vec<u8> {
    let (port, hears) = eavesdropper();
    let url = format!("https://{PRIVATE}:{port}/secret");
    assert!(fetch(face, manager, Ask::get(url)).is_err());
    hears.recv_timeout(Duration::from_secs(5)).unwrap()
}

/// The numbers of a client hello's extensions (RFC 8446 §4.1.2).
fn extensions(hello: &[u8]) -> Vec<u16> {
    let number = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    let mut at = 4 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + number(at);
    at += 1 + usize::from(hello[at]);
    let end = at + 2 + number(at);
    assert_eq!(end, hello.len());
    at += 2;
    let mut found = Vec::new();
    while at < end {
        found.push(u16::try_from(number(at)).unwrap());
        at += 4 + number(at + 2);
    }
    found
}

fn tells(hello: &[u8], name: &str) -> bool {
    hello.windows(name.len()).any(|some| some.eq_ignore_ascii_case(name.as_bytes()))
}

const ECH: u16 = 0xfe0d;

#[test]
fn only_the_public_name_is_on_the_wire() {
    for face in FACES {
        for versions in [TlsVersions::Any, TlsVersions::Tls13] {
            let manager = manager(trust().with_versions(versions), dns(Some(good_list())));
            let hello = hello(face, &manager);
            assert!(tells(&hello, PUBLIC), "{face:?}");
            assert!(!tells(&hello, PRIVATE) && !tells(&hello, "private"), "{face:?}");
            assert!(extensions(&hello).contains(&ECH), "{face:?}");
        }
    }
}

#[test]
fn a_list_that_comes_a_moment_after_the_address_is_used() {
    // The race does not wait that long, so the connection is there before the list.
    let late = late_dns(Some(good_list()), Duration::from_millis(150));
    let hello = hello(Face::Waited, &manager(trust(), late));
    assert!(tells(&hello, PUBLIC) && !tells(&hello, PRIVATE));
}

#[test]
fn lists_that_cannot_be_used_are_passed_over() {
    let mut cut = good_list();
    cut.truncate(20);
    let foreign = list(0xfe0a, PUBLIC);
    for list in [None, Some(cut), Some(foreign), Some(vec![0, 0]), Some(vec![0xff; 90])] {
        for face in FACES {
            let hello = hello(face, &manager(trust(), dns(list.clone())));
            assert!(tells(&hello, PRIVATE) && !tells(&hello, PUBLIC), "{face:?} {list:?}");
            assert!(!extensions(&hello).contains(&ECH), "{face:?} {list:?}");
        }
    }
}

#[test]
fn who_does_not_want_it_and_who_speaks_no_tls_1_3_tells_the_name() {
    let off = trust().with_ech(Ech::Off);
    let old = trust().with_versions(TlsVersions::Tls12);
    let old_grease = old.clone().with_ech(Ech::Grease);
    for tls in [off, old, old_grease] {
        let hello = hello(Face::Waited, &manager(tls, dns(Some(good_list()))));
        assert!(tells(&hello, PRIVATE) && !tells(&hello, PUBLIC));
        assert!(!extensions(&hello).contains(&ECH));
    }
}

#[test]
fn grease_looks_the_same_and_real_lists_come_first() {
    let tls = trust().with_ech(Ech::Grease);
    for face in FACES {
        let greased = hello(face, &manager(tls.clone(), dns(None)));
        assert!(tells(&greased, PRIVATE) && extensions(&greased).contains(&ECH), "{face:?}");
        let hidden = hello(face, &manager(tls.clone(), dns(Some(good_list()))));
        assert!(tells(&hidden, PUBLIC) && !tells(&hidden, PRIVATE), "{face:?}");
    }
    // A server that knows nothing of it does not mind.
    let server = serve(&identity().0.issue(&[PRIVATE]));
    let got = hold(Face::Waited, &manager(tls, dns(None)), Ask::get(url(&server))).unwrap();
    assert_eq!(got.reply().tls().unwrap().ech, EchOutcome::Grease);
}

fn serve(identity: &ServerIdentity) -> Server {
    Server::builder().tls(identity).bind_on_thread("127.0.0.1:0").unwrap()
}

fn url(server: &Server) -> String {
    format!("https://{PRIVATE}:{}/get", server.address().port())
}

#[test]
fn a_server_that_proves_its_public_name_may_switch_it_off() {
    let names = identity().0.issue(&[PUBLIC, PRIVATE]);
    for face in FACES {
        let server = serve(&names);
        let told = Arc::new(AtomicUsize::new(0));
        let counted = told.clone();
        let manager = Manager::builder()
            .tls(trust())
            .dns(dns(Some(good_list())))
            .on_event(move |event| {
                let again = matches!(event.what, What::Retried { why } if why.contains("hidden"));
                counted.fetch_add(usize::from(again), Ordering::SeqCst);
            })
            .build();
        let held = hold(face, &manager, Ask::get(url(&server))).unwrap();
        let facts = held.reply().tls().unwrap().clone();
        assert_eq!((facts.ech, facts.session), (EchOutcome::Rejected, Session::Full), "{face:?}");
        assert!(!held.bytes().unwrap().is_empty());
        assert_eq!((server.request_count(), server.connections_opened()), (1, 2), "{face:?}");
        assert_eq!(told.load(Ordering::SeqCst), 1, "{face:?}");
        // The sessions of both ways are the same.
        manager.clear_connections();
        let held = hold(face, &manager, Ask::get(url(&server))).unwrap();
        let facts = held.reply().tls().unwrap();
        assert_eq!((facts.ech, facts.session), (EchOutcome::Rejected, Session::Resumed));
        assert_eq!(server.connections_opened(), 4, "{face:?}");
    }
}

/// Accepts every certificate, and counts how often it is asked.
struct Gullible(Arc<AtomicUsize>);

impl Delegate for Gullible {
    fn certificate<'a>(&'a self, _: &'a CertificateQuestion) -> Trusting<'a> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Trust::Session))
    }
}

#[test]
fn a_server_that_does_not_prove_its_public_name_gets_nothing() {
    // Whoever sits on the way could say that it is switched off.
    for names in [identity().0.issue(&[PRIVATE]), ServerIdentity::self_signed(&[PUBLIC, PRIVATE])] {
        for face in FACES {
            let server = serve(&names);
            let asked = Arc::new(AtomicUsize::new(0));
            let manager = Manager::builder()
                .tls(trust())
                .dns(dns(Some(good_list())))
                .delegate(Gullible(asked.clone()))
                .build();
            let error: Error = fetch(face, &manager, Ask::get(url(&server))).unwrap_err();
            let wanted = [TlsProblem::WrongName, TlsProblem::UnknownIssuer];
            let kind = error.kind();
            assert!(wanted.iter().any(|one| kind == ErrorKind::Tls(*one)), "{error:?}");
            let mut words = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(error) = source {
                words = format!("{words}: {error}");
                source = error.source();
            }
            assert!(words.contains("did not prove its public name public.example"), "{words}");
            assert!(error.rejection().is_none());
            assert_eq!(asked.load(Ordering::SeqCst), 0, "it is nothing to make an exception of");
            assert_eq!((server.request_count(), server.connections_opened()), (0, 1), "{face:?}");
        }
    }
}
