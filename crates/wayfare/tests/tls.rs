//! Whom the library believes, what it says when it does not, and that nothing was sent by then.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::time::{Duration, Instant};

use it::{Ask, FACES, Face, fetch, identity, manager, manager_for, trust};
use wayfare::options::{Dns, Timeouts, Tls, Versions, Wait};
use wayfare::tls::TlsProblem;
use wayfare::{Error, ErrorKind, Manager, Phase, Stage};
use wayfare_testkit::script::{Script, Step};
use wayfare_testkit::{Authority, FaultServer, Protocols, Server, ServerIdentity};

const LOCAL: &str = "127.0.0.1:0";

fn serve(identity: &ServerIdentity) -> Server {
    Server::builder().tls(identity).bind_on_thread(LOCAL).unwrap()
}

fn problem(face: Face, manager: &Manager, url: &str) -> Error {
    let began = Instant::now();
    let error = fetch(face, manager, Ask::get(url)).expect_err("it is refused");
    assert!(began.elapsed() < Duration::from_secs(5), "{error}");
    assert_eq!((error.stage(), error.qt_code()), (Stage::Connect, 6), "{error:?}");
    error
}

#[test]
fn every_bad_certificate_is_its_own_error_and_no_request_is_sent() {
    let authority = &identity().0;
    let names = ["localhost", "127.0.0.1"];
    let table = [
        (authority.issue_expired(&names), TlsProblem::Expired),
        (authority.issue_not_yet_valid(&names), TlsProblem::NotYetValid),
        (authority.issue_for_wrong_name(), TlsProblem::WrongName),
        (ServerIdentity::self_signed(&names), TlsProblem::UnknownIssuer),
        (Authority::new().issue(&names), TlsProblem::UnknownIssuer),
    ];
    for (identity, wanted) in table {
        let server = serve(&identity);
        for face in FACES {
            let error = problem(face, &manager(), &server.url("/get"));
            let kind = error.kind();
            // A certificate that is its own authority may be told as one not fit for a server.
            let right = kind == ErrorKind::Tls(wanted)
                || wanted == TlsProblem::UnknownIssuer
                    && kind == ErrorKind::Tls(TlsProblem::BadCertificate);
            assert!(right, "{wanted:?}: {error:?}");
            // Who asks for it gets through.
            let anybody = Tls::default().dangerous().trust_everybody();
            let got = fetch(face, &manager(), Ask::get(server.url("/get")).tls(anybody)).unwrap();
            assert_eq!(got.status, 200);
        }
        assert_eq!(server.request_count(), 3, "only those that trust everybody have sent");
    }
}

#[test]
fn a_client_certificate_that_is_missing_is_the_servers_alert() {
    let clients = Authority::new();
    let builder = Server::builder().tls_asking_clients(&identity().1, &clients);
    let server = builder.bind_on_thread(LOCAL).unwrap();
    for face in FACES {
        for versions in [Versions::Http1, Versions::Any] {
            let error =
                fetch(face, &manager_for(versions), Ask::get(server.url("/get"))).unwrap_err();
            // TLS 1.3 says so after the handshake is over for the client.
            let told = matches!(error.kind(), ErrorKind::Tls(_) | ErrorKind::ConnectionLost);
            assert!(told, "{error:?}");
        }
    }
    assert_eq!(server.request_count(), 0);
}

#[test]
fn plain_http_on_a_tls_port_and_the_reverse_are_told_apart() {
    let secure = serve(&identity().1);
    let plain = Server::builder().bind_on_thread(LOCAL).unwrap();
    for face in FACES {
        let url = plain.url("/get").replace("http://", "https://");
        let error = problem(face, &manager(), &url);
        assert_eq!(error.kind(), ErrorKind::Tls(TlsProblem::NotTls), "{error:?}");
        let url = secure.url("/get").replace("https://", "http://");
        let error = fetch(face, &manager(), Ask::get(url)).unwrap_err();
        let kinds = [ErrorKind::Protocol, ErrorKind::ConnectionLost];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    }
}

#[test]
fn a_handshake_that_is_cut_is_an_error_at_once() {
    // What a server could say first: nothing, a piece of a record, an alert, an endless record.
    let says: [(&str, &[u8]); 4] = [
        ("nothing", b""),
        ("half a record", &[22, 3, 3, 0, 122, 2, 0]),
        ("an alert", &[21, 3, 3, 0, 2, 2, 40]),
        ("a record too long", &[22, 3, 3, 0xff, 0xff, 1, 2, 3]),
    ];
    for (name, bytes) in says {
        for end in [Step::Fin, Step::Rst, Step::Drop] {
            let steps = vec![Step::ReadBody(100), Step::send(bytes), end];
            let script = Script::always(steps);
            let server = FaultServer::script(script).bind_on_thread(LOCAL).unwrap();
            for face in FACES {
                let url = server.url("/").replace("http://", "https://");
                let error = problem(face, &manager(), &url);
                assert!(matches!(error.kind(), ErrorKind::Tls(_)), "{name} {error:?}");
            }
        }
    }
}

#[test]
fn a_handshake_that_drips_ends_with_its_own_deadline() {
    let slowly = Step::SendSlowly {
        bytes: bytes::Bytes::from_static(&[22, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3, 1, 2, 3, 4, 5]),
        every: Duration::from_millis(100),
    };
    for step in [slowly, Step::Stall] {
        let script = Script::always(vec![Step::ReadBody(100), step, Step::Stall]);
        let server = FaultServer::script(script).bind_on_thread(LOCAL).unwrap();
        for face in FACES {
            let tls = Wait::AtMost(Duration::from_millis(500));
            let timeouts = Timeouts { tls, ..Timeouts::default() };
            let url = server.url("/").replace("http://", "https://");
            let began = Instant::now();
            let error = fetch(face, &manager(), Ask::get(url).timeouts(timeouts)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Tls));
            let took = began.elapsed().as_millis();
            assert!((500..1_500).contains(&took), "{took}");
        }
    }
}

#[test]
fn the_version_of_http_is_what_both_want() {
    let table = [
        (Protocols::Both, Versions::Any, Some(http::Version::HTTP_2)),
        (Protocols::Both, Versions::Http1, Some(http::Version::HTTP_11)),
        (Protocols::Both, Versions::Http2, Some(http::Version::HTTP_2)),
        (Protocols::Http1, Versions::Any, Some(http::Version::HTTP_11)),
        (Protocols::Http1, Versions::Http2, None),
        (Protocols::Http2, Versions::Any, Some(http::Version::HTTP_2)),
        (Protocols::Http2, Versions::Http1, None),
    ];
    for (protocols, versions, wanted) in table {
        let builder = Server::builder().tls(&identity().1).protocols(protocols);
        let server = builder.bind_on_thread(LOCAL).unwrap();
        for face in FACES {
            let manager = manager_for(versions);
            let got = fetch(face, &manager, Ask::get(server.url("/get")));
            match (got, wanted) {
                (Ok(got), Some(wanted)) => assert_eq!(got.version, wanted),
                (Err(why), None) => assert!(
                    matches!(why.kind(), ErrorKind::Tls(_) | ErrorKind::Protocol),
                    "{why:?}"
                ),
                (other, _) => panic!("{protocols:?} {versions:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_server_that_knows_no_alpn_is_spoken_to_in_http1() {
    let good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let script = Script::always(vec![Step::head(), Step::send(good)]);
    let config = identity().1.server_config(&[]);
    let server = FaultServer::script(script).tls_config(config).bind_on_thread(LOCAL).unwrap();
    for face in FACES {
        let got = fetch(face, &manager(), Ask::get(server.url("/"))).unwrap();
        assert_eq!((got.text(), got.version), ("ok", http::Version::HTTP_11));
    }
}

#[test]
fn a_pinned_name_is_connected_to_without_being_looked_up_and_still_proves_itself() {
    let server = serve(&identity().1);
    let pins =
        vec![("a.test".into(), [127, 0, 0, 1].into()), ("c.test".into(), [127, 0, 0, 1].into())];
    let manager = Manager::builder().tls(trust()).dns(Dns { pins, ..Dns::default() }).build();
    for face in FACES {
        let got = fetch(face, &manager, Ask::get(server.url_at("a.test", "/headers"))).unwrap();
        assert!(got.text().contains("200") || got.status == 200);
        let error = problem(face, &manager, &server.url_at("c.test", "/get"));
        assert_eq!(error.kind(), ErrorKind::Tls(TlsProblem::WrongName));
    }
}

#[test]
fn a_second_connection_resumes_the_session_of_the_first() {
    let server = serve(&identity().1);
    for face in FACES {
        let manager = manager_for(Versions::Http1);
        let session = |manager: &Manager| {
            let held = it::hold(face, manager, Ask::get(server.url("/get"))).unwrap();
            let facts = held.reply().tls().cloned().expect("it came over TLS");
            held.bytes().unwrap();
            facts
        };
        let first = session(&manager);
        assert!(first.version.contains("1.3"), "{first:?}");
        manager.clear_connections();
        let second = session(&manager);
        assert_ne!(format!("{:?}", first.session), format!("{:?}", second.session), "{face:?}");
    }
}

#[test]
fn a_text_that_holds_no_certificate_is_refused() {
    for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let error = Tls::default().with_only_authority_pem(text).expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{text}");
    }
    let error = Tls::default().with_only_authority_file("/no/such.pem").expect_err("not there");
    assert_eq!(error.kind(), ErrorKind::FileSystem);
}

#[test]
fn an_address_in_brackets_is_reached_and_proves_itself() {
    let one = identity().0.issue(&["::1"]);
    for secure in [false, true] {
        let builder = Server::builder();
        let builder = if secure { builder.tls(&one) } else { builder };
        // A machine without IPv6 has nothing to show here.
        let Ok(server) = builder.bind_on_thread("[::1]:0") else { return };
        for face in FACES {
            for versions in [Versions::Http1, Versions::Http2] {
                let got =
                    fetch(face, &manager_for(versions), Ask::get(server.url("/get"))).unwrap();
                assert_eq!(got.status, 200);
                assert!(got.url.as_str().contains("//[::1]:"));
            }
        }
        let host = server.requests()[0].headers["host"].clone();
        assert_eq!(host, server.address().to_string().as_str());
    }
}

#[test]
fn what_an_exception_began_is_not_continued_once_the_host_has_proven_itself() {
    use wayfare::options::{Connections, Exceptions};
    use wayfare::tls::{Kept, Session};
    let names = ["localhost", "127.0.0.1"];
    let doubtful = serve(&ServerIdentity::self_signed(&names));
    // It gives no tickets, so that those of the other would be all there are.
    let mut silent = identity().1.server_config(&[]);
    silent.send_tls13_tickets = 0;
    let proven = Server::builder().tls_config(silent).bind_on_thread(LOCAL).unwrap();
    for face in FACES {
        let exceptions = Exceptions::default();
        let connections = Connections { idle: Duration::ZERO, ..Connections::default() };
        let tls = trust().with_exceptions(exceptions.clone());
        let manager = Manager::builder().tls(tls).connections(connections).build();
        let url = doubtful.url("/get");
        let error = fetch(face, &manager, Ask::get(&url)).unwrap_err();
        exceptions.add(error.rejection().unwrap().exception(), Kept::Session).unwrap();
        let session = || {
            let reply = it::runtime().block_on(manager.get(&url).send()).unwrap();
            let session = reply.tls().unwrap().session;
            it::runtime().block_on(reply.bytes()).unwrap();
            session
        };
        assert_eq!((session(), session()), (Session::Full, Session::Resumed), "{face:?}");
        assert!(exceptions.remove("127.0.0.1").unwrap());
        assert_eq!(fetch(face, &manager, Ask::get(proven.url("/get"))).unwrap().status, 200);
        let error =
            fetch(face, &manager, Ask::get(&url)).expect_err("a session outlived its exception");
        assert!(error.rejection().is_some(), "{error:?}");
    }
}
