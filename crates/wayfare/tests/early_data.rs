//! Requests that leave together with the handshake: only where it is asked for, never twice without
//! need, and never to somebody who is not known for certain.

#![allow(clippy::unwrap_used)] // Failing here fails the test.

mod it;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use it::{Ask, FACES, Face, fetch, identity, runtime, trust};
use wayfare::delegate::Credentials;
use wayfare::event::What;
use wayfare::options::{Connections, EarlyData, Exceptions, Proxies, Tls, Versions};
use wayfare::tls::{EarlyOutcome, Kept, Session};
use wayfare::{Body, Manager, Reply};
use wayfare_testkit::proxy::Proxy;
use wayfare_testkit::script::{Expected, Script, Step};
use wayfare_testkit::{FaultServer, Server};

const LOCAL: &str = "127.0.0.1:0";

/// Servers with one memory of sessions: what one of them granted, the others continue or refuse.
struct Family {
    granting: Server,
    refusing: Server,
    old: Server,
}

fn family() -> Family {
    let mut granting = identity().1.server_config(&[]);
    granting.max_early_data_size = 16 * 1024;
    let mut refusing = granting.clone();
    refusing.max_early_data_size = 0;
    let bind = |config| Server::builder().tls_config(config).bind_on_thread(LOCAL).unwrap();
    Family {
        granting: bind(granting),
        refusing: bind(refusing),
        old: bind(identity().1.server_config_tls12(&[])),
    }
}

/// What can leave early to a server of which nothing is known.
const VERSIONS: [Versions; 2] = [Versions::Http1, Versions::Http2];

/// Every face with every version.
fn faces() -> impl Iterator<Item = (Face, Versions)> {
    VERSIONS.into_iter().flat_map(|versions| FACES.map(|face| (face, versions)))
}

/// A manager whose connections are not kept, so that every request makes a handshake.
fn manager_with(tls: Tls, versions: Versions) -> Manager {
    let connections = Connections { versions, idle: Duration::ZERO, ..Connections::default() };
    Manager::builder().tls(tls).connections(connections).build()
}

fn early(setting: EarlyData, versions: Versions) -> Manager {
    manager_with(trust().with_early_data(setting), versions)
}

/// What became of a request, its status, and whether its session was continued.
fn sent(face: Face, manager: &Manager, ask: Ask) -> (EarlyOutcome, u16, Session) {
    let told =
        |reply: &Reply| (reply.early_data(), reply.status().as_u16(), reply.tls().unwrap().session);
    match face {
        Face::Waited => {
            let request = manager.blocking().request(ask.method.clone(), &ask.url);
            let mut reply = ask.apply(request).send().unwrap();
            while reply.chunk().unwrap().is_some() {}
            told(&reply)
        }
        _ => {
            let work = async {
                let mut reply = ask.awaited(manager).send().await.unwrap();
                while reply.chunk().await.unwrap().is_some() {}
                told(&reply)
            };
            if face == Face::Awaited { runtime().block_on(work) } else { it::block_on(work) }
        }
    }
}

const ACCEPTED: (EarlyOutcome, u16, Session) = (EarlyOutcome::Accepted, 200, Session::Resumed);
const LATER: (EarlyOutcome, u16, Session) = (EarlyOutcome::NotSent, 200, Session::Resumed);

#[test]
fn a_safe_request_leaves_with_the_handshake_of_a_continued_session() {
    let family = family();
    for (face, versions) in faces() {
        let (manager, url) = (early(EarlyData::Safe, versions), family.granting.url("/get?x=1"));
        let before = family.granting.request_count();
        let first = sent(face, &manager, Ask::get(&url));
        assert_eq!(first, (EarlyOutcome::NotSent, 200, Session::Full), "{face:?}");
        assert_eq!(sent(face, &manager, Ask::get(&url)), ACCEPTED, "{face:?}");
        let head = sent(face, &manager, Ask::new("HEAD", &url).header("x-own", "1"));
        assert_eq!(head, ACCEPTED, "{face:?}");
        assert_eq!(family.granting.request_count(), before + 3, "each was sent once");
        let last = family.granting.requests().pop().unwrap();
        assert_eq!((last.method.as_str(), last.target.as_str()), ("HEAD", "/get?x=1"));
        assert!(last.headers["x-own"] == "1");
    }
}

#[test]
fn what_proves_a_connection_is_said_when_it_is_known_which_one_it_is() {
    let family = family();
    let versions = [Versions::Any, Versions::Http1];
    for (face, versions) in FACES.iter().flat_map(|face| versions.map(|one| (*face, one))) {
        let (manager, url) = (early(EarlyData::Safe, versions), family.granting.url("/auth-ntlm"));
        let known = Credentials::new("user", "passwd");
        manager.set_credentials(&url, None, Some(known)).unwrap();
        for _ in 0..3 {
            let (outcome, status, _) = sent(face, &manager, Ask::get(&url));
            assert_eq!((outcome, status), (EarlyOutcome::NotSent, 200), "{face:?} {versions:?}");
        }
    }
}

#[test]
fn nothing_leaves_early_unless_it_is_asked_for_and_safe() {
    VERSIONS.into_iter().for_each(nothing_else_leaves_early);
}

fn nothing_else_leaves_early(versions: Versions) {
    let family = family();
    let url = family.granting.url("/get");
    let by_default = manager_with(trust(), versions);
    sent(Face::Waited, &by_default, Ask::get(&url));
    assert_eq!(sent(Face::Waited, &by_default, Ask::get(&url)), LATER);

    let manager = early(EarlyData::Safe, versions);
    sent(Face::Waited, &manager, Ask::get(&url));
    for ask in [
        Ask::post(&url, "x"),
        Ask::new("DELETE", &url),
        Ask::new("POST", &url),
        Ask::new("GET", &url).body(Body::from("a body")),
    ] {
        let name = ask.method.clone();
        let (outcome, _, session) = sent(Face::Waited, &manager, ask);
        assert_eq!((outcome, session), (LATER.0, LATER.2), "{name}");
    }
    assert_eq!(sent(Face::Waited, &manager, Ask::get(&url)), ACCEPTED);

    let manager = early(EarlyData::Anonymous, versions);
    sent(Face::Waited, &manager, Ask::get(&url));
    let secret = Ask::get(&url).header("authorization", "Basic eDp5");
    assert_eq!(sent(Face::Waited, &manager, secret), LATER);
    assert_eq!(sent(Face::Waited, &manager, Ask::get(&url)), ACCEPTED);
}

#[test]
fn nothing_leaves_early_to_a_server_that_is_not_known_for_certain() {
    let family = family();
    let url = family.granting.url("/get");
    let other = wayfare_testkit::Authority::new();
    let untrusting = || Tls::default().with_only_authority_pem(other.pem()).unwrap();
    let manager = manager_with(untrusting(), Versions::Http2);
    let refused = fetch(Face::Waited, &manager, Ask::get(&url)).unwrap_err();
    let exceptions = Exceptions::default();
    exceptions.add(refused.rejection().unwrap().exception(), Kept::Session).unwrap();
    let safe = EarlyData::Safe;
    let doubtful = [
        untrusting().with_exceptions(exceptions).with_early_data(safe),
        trust().with_early_data(safe).dangerous().trust_everybody(),
        trust().with_early_data(safe).dangerous().ask_everybody(),
        trust().with_early_data(safe).with_protocols(&[b"http/1.1"]),
    ];
    for (index, tls) in doubtful.into_iter().enumerate() {
        for versions in [Versions::Http1, Versions::Any] {
            let manager = manager_with(tls.clone(), versions);
            sent(Face::Waited, &manager, Ask::get(&url));
            assert_eq!(sent(Face::Waited, &manager, Ask::get(&url)), LATER, "{index}");
        }
    }
}

#[test]
fn what_the_server_throws_away_is_sent_exactly_once_more() {
    let family = family();
    for (face, versions) in faces() {
        let manager = early(EarlyData::Safe, versions);
        let before = family.refusing.request_count();
        sent(face, &manager, Ask::get(family.granting.url("/get")));
        let got = sent(face, &manager, Ask::get(family.refusing.url("/get")));
        assert_eq!(got, (EarlyOutcome::Rejected, 200, Session::Resumed), "{face:?}");
        assert_eq!(family.refusing.request_count(), before + 1, "the thrown away was not read");
    }
}

#[test]
fn a_server_that_went_back_to_tls_1_2_is_asked_without() {
    let family = family();
    for (face, versions) in faces() {
        let manager = early(EarlyData::Safe, versions);
        let before = family.old.request_count();
        sent(face, &manager, Ask::get(family.granting.url("/get")));
        let got = sent(face, &manager, Ask::get(family.old.url("/get")));
        assert_eq!(got, (EarlyOutcome::NotSent, 200, Session::Full), "{face:?}");
        assert_eq!(family.old.request_count(), before + 1);
    }
}

#[test]
fn a_425_is_asked_again_once_after_the_handshake_and_the_server_is_spared_from_then_on() {
    let family = family();
    for (face, versions) in faces() {
        let manager = early(EarlyData::Safe, versions);
        let server = &family.granting;
        sent(face, &manager, Ask::get(server.url("/get")));
        let before = server.request_count();
        let got = sent(face, &manager, Ask::get(server.url("/status/425")));
        assert_eq!((got.0, got.1), (EarlyOutcome::NotSent, 425), "{face:?}");
        assert_eq!(server.request_count(), before + 2, "early, and once after the handshake");
        assert_eq!(sent(face, &manager, Ask::get(server.url("/get"))), LATER, "{face:?}");
        // To a request that was not sent early it is an answer like any other.
        sent(face, &manager, Ask::get(server.url("/status/425")));
        assert_eq!(server.request_count(), before + 4);
    }
}

#[test]
fn a_connection_that_breaks_after_early_data_is_an_error_and_no_second_request() {
    for (versions, name) in VERSIONS.into_iter().zip(["http/1.1", "h2"]) {
        for end in [Step::Fin, Step::Rst] {
            breaks_after_early_data(versions, name, &end);
        }
    }
}

fn breaks_after_early_data(versions: Versions, name: &str, end: &Step) {
    let mut granting = identity().1.server_config(&[name]);
    granting.max_early_data_size = 16 * 1024;
    let good = Server::builder().tls_config(granting.clone()).bind_on_thread(LOCAL).unwrap();
    // The preface of HTTP/2 ends as a head does.
    let script = Script::always(vec![Step::Expect(Expected::AnyHead), end.clone()]);
    let builder = FaultServer::script(script).tls_config(granting.clone());
    let breaking = builder.bind_on_thread(LOCAL).unwrap();
    for face in FACES {
        let manager = early(EarlyData::Safe, versions);
        sent(face, &manager, Ask::get(good.url("/get")));
        let before = breaking.connections_opened();
        let error = fetch(face, &manager, Ask::get(breaking.url("/"))).unwrap_err();
        assert_eq!(error.kind(), wayfare::ErrorKind::ConnectionLost, "{error:?}");
        assert_eq!(breaking.connections_opened(), before + 1, "{face:?} {versions:?}");
    }
}

#[test]
fn a_session_of_another_version_carries_no_request() {
    let family = family();
    for face in FACES {
        let manager = early(EarlyData::Safe, Versions::Http1);
        let (server, before) = (&family.granting, family.granting.request_count());
        let over = |versions| {
            let idle = Duration::ZERO;
            let connections = Connections { versions, idle, ..Connections::default() };
            sent(face, &manager, Ask::get(server.url("/get")).connections(connections))
        };
        over(Versions::Http1);
        let rejected = (EarlyOutcome::Rejected, 200, Session::Resumed);
        assert_eq!(over(Versions::Http2), rejected, "{face:?}");
        assert_eq!(over(Versions::Http2), ACCEPTED, "{face:?}");
        assert_eq!(over(Versions::Http1), rejected, "{face:?}");
        assert_eq!(server.request_count(), before + 4, "{face:?}: each was read once");
    }
}

#[test]
fn a_server_that_went_back_to_http_1_is_asked_without() {
    let mut config = identity().1.server_config(&[]);
    config.max_early_data_size = 16 * 1024;
    for face in FACES {
        let (told, idle) = (Arc::new(Mutex::new(Vec::new())), Duration::ZERO);
        let heard = told.clone();
        let builder = Manager::builder().tls(trust().with_early_data(EarlyData::Safe));
        let builder = builder.connections(Connections { idle, ..Connections::default() });
        let builder = builder.on_event(move |event| {
            if let What::SentEarly { outcome } = event.what {
                heard.lock().unwrap().push(outcome);
            }
        });
        let manager = builder.build();
        let both = Server::builder().tls_config(config.clone()).bind_on_thread(LOCAL).unwrap();
        let (address, url) = (both.address(), both.url("/get"));
        sent(face, &manager, Ask::get(&url));
        assert_eq!(sent(face, &manager, Ask::get(&url)), ACCEPTED, "{face:?}");
        drop(both);
        let builder = Server::builder().tls_config(config.clone());
        let old = builder.protocols(wayfare_testkit::Protocols::Http1).bind_on_thread(address);
        let old = old.unwrap();
        assert_eq!(sent(face, &manager, Ask::get(&url)), LATER, "{face:?}");
        assert_eq!((old.request_count(), old.connections_opened()), (1, 2), "{face:?}");
        assert_eq!(sent(face, &manager, Ask::get(&url)), ACCEPTED, "{face:?}: it is known now");
        // Who answered had not proven to be the server.
        let outcomes = [EarlyOutcome::Accepted, EarlyOutcome::Unknown, EarlyOutcome::Accepted];
        assert_eq!(*told.lock().unwrap(), outcomes, "{face:?}");
    }
}

#[test]
fn what_is_too_long_for_the_server_leaves_after_the_handshake() {
    for (face, versions) in faces() {
        let mut config = identity().1.server_config(&[]);
        config.max_early_data_size = 100;
        let server = Server::builder().tls_config(config).bind_on_thread(LOCAL).unwrap();
        let manager = early(EarlyData::Safe, versions);
        let ask = || Ask::get(server.url("/get")).header("x-long", &"x".repeat(100));
        sent(face, &manager, ask());
        assert_eq!(sent(face, &manager, ask()), LATER, "{face:?} {versions:?}");
        assert_eq!(server.request_count(), 2);
    }
}

#[test]
fn others_share_the_connection_that_began_early() {
    let family = family();
    let url = family.granting.url("/get");
    let tls = trust().with_early_data(EarlyData::Safe);
    let manager = Manager::builder().tls(tls).build();
    sent(Face::Awaited, &manager, Ask::get(&url));
    for _ in 0..20 {
        manager.clear_connections();
        let before = family.granting.request_count();
        let outcomes = runtime().block_on(async {
            let one = |_| {
                let (manager, url) = (manager.clone(), url.clone());
                tokio::spawn(async move { it::fetch_awaited(&manager, Ask::get(url)).await })
            };
            let running: Vec<_> = (0..16).map(one).collect();
            let mut outcomes = Vec::new();
            for one in running {
                let got = one.await.unwrap().unwrap();
                assert_eq!(got.status, 200);
                outcomes.push(got.early);
            }
            outcomes
        });
        let early = outcomes.iter().filter(|one| **one == EarlyOutcome::Accepted).count();
        assert_eq!(early, 1, "{outcomes:?}");
        assert_eq!(family.granting.request_count(), before + 16);
    }
}

#[test]
fn without_a_wish_for_a_version_early_data_waits_until_it_is_known_what_the_server_speaks() {
    let mut config = identity().1.server_config(&[]);
    config.max_early_data_size = 16 * 1024;
    let builder = Server::builder().tls_config(config);
    let only_http1 = builder.protocols(wayfare_testkit::Protocols::Http1);
    let server = only_http1.bind_on_thread(LOCAL).unwrap();
    let connections = Connections { idle: Duration::ZERO, ..Connections::default() };
    let tls = trust().with_early_data(EarlyData::Safe);
    let manager = Manager::builder().tls(tls).connections(connections).build();
    let both = family().granting;
    for server in [&server, &both] {
        // The other server's session is at hand for the second already.
        let first = sent(Face::Awaited, &manager, Ask::get(server.url("/get")));
        assert_eq!((first.0, first.1), (EarlyOutcome::NotSent, 200));
        assert_eq!(sent(Face::Awaited, &manager, Ask::get(server.url("/get"))), ACCEPTED);
    }
    // It is known for longer than the connection is there.
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(sent(Face::Awaited, &manager, Ask::get(both.url("/get"))), ACCEPTED);
}

#[test]
fn early_data_goes_through_a_proxy_and_is_told_as_an_event() {
    let (family, proxy) = (family(), Proxy::builder().bind_on_thread(LOCAL).unwrap());
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let connections =
        Connections { versions: Versions::Http1, idle: Duration::ZERO, ..Connections::default() };
    let manager = Manager::builder()
        .tls(trust().with_early_data(EarlyData::Safe))
        .connections(connections)
        .proxies(Proxies::through(&proxy.url("http")).unwrap())
        .on_event(move |event| {
            if let What::SentEarly { outcome } = event.what {
                heard.lock().unwrap().push(outcome);
            }
        })
        .build();
    let url = family.granting.url("/get");
    for _ in 0..2 {
        sent(Face::Waited, &manager, Ask::get(&url));
    }
    sent(Face::Waited, &manager, Ask::get(family.refusing.url("/get")));
    assert_eq!(*told.lock().unwrap(), [EarlyOutcome::Accepted, EarlyOutcome::Rejected]);
}
