//! From where connections leave this machine, and that none is reused for another way out.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use it::{Ask, FACES, fetch, manager};
use wayfare::options::{Binding, Connections, Proxies};
use wayfare::{ErrorKind, Manager};
use wayfare_testkit::proxy::Proxy;

/// A server that notes from where each connection came, and keeps connections.
fn noting() -> (SocketAddr, Arc<Mutex<Vec<IpAddr>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = seen.clone();
    std::thread::spawn(move || {
        while let Ok((mut stream, peer)) = listener.accept() {
            notes.lock().unwrap().push(peer.ip());
            std::thread::spawn(move || {
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let (mut heard, mut buffer) = (Vec::new(), [0; 1024]);
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    heard.extend(&buffer[..read]);
                    if heard.ends_with(b"\r\n\r\n") {
                        heard.clear();
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                    }
                }
            });
        }
    });
    (address, seen)
}

fn bound(binding: Binding) -> Connections {
    Connections { binding, ..Connections::default() }
}

#[test]
fn a_request_bound_otherwise_gets_a_connection_of_its_own() {
    for face in FACES {
        let (server, seen) = noting();
        let manager = manager();
        let url = format!("http://{server}/");
        let from = |last: u8| Binding::to_address([127, 0, 0, last]);
        let walk = [(from(1), false), (from(2), false), (from(1), true), (from(2), true)];
        for (binding, is_reused) in walk {
            let got = fetch(face, &manager, Ask::get(&url).connections(bound(binding))).unwrap();
            assert_eq!(got.reused, is_reused, "{face:?}");
        }
        let got = fetch(face, &manager, Ask::get(&url)).unwrap();
        assert!(!got.reused, "{face:?}");
        let wanted = [[127, 0, 0, 1], [127, 0, 0, 2], [127, 0, 0, 1]].map(IpAddr::from);
        assert_eq!(*seen.lock().unwrap(), wanted, "{face:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_request_through_an_interface_reaches_what_is_behind_it_only() {
    for face in FACES {
        let (server, _) = noting();
        let url = format!("http://{server}/");
        let through = |name: &str| Ask::get(&url).connections(bound(Binding::to_interface(name)));
        assert_eq!(fetch(face, &manager(), through("lo")).unwrap().status, 200);
        let other = wayfare::interface::interfaces().unwrap();
        let Some(other) = other.iter().find(|one| !one.flags.loopback) else { return };
        // The address is this machine's own; only the binding keeps it from being reached.
        let mut ask = through(&other.name);
        ask.timeouts = Some(wayfare::options::Timeouts {
            connect: Duration::from_millis(300).into(),
            ..wayfare::options::Timeouts::default()
        });
        assert!(fetch(face, &manager(), ask).is_err(), "{face:?}");
    }
}

#[test]
fn what_cannot_be_bound_to_is_said_clearly() {
    let (server, seen) = noting();
    let url = format!("http://{server}/");
    let table = [
        (Binding::to_interface("nosuch0"), "no network interface called \"nosuch0\""),
        (Binding::to_address([192, 0, 2, 99]), "192.0.2.99 is not an address of this machine"),
        (Binding::to_address([0_u16, 0, 0, 0, 0, 0, 0, 1]), "from the local address ::1"),
    ];
    for face in FACES {
        for (binding, words) in &table {
            let ask = Ask::get(&url).connections(bound(binding.clone()));
            let error = fetch(face, &manager(), ask).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Binding, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[test]
fn a_binding_that_fails_on_the_way_to_a_proxy_is_no_fault_of_the_proxy() {
    let (server, seen) = noting();
    let url = format!("http://{server}/");
    for face in FACES {
        let gate = Proxy::builder().bind_on_thread("127.0.0.1:0").unwrap();
        for scheme in ["http", "socks5"] {
            // Both ways lead through the same address, and the second is tried as well.
            let ways = [gate.url(scheme), gate.url("connect")].map(|way| way.parse().unwrap());
            let manager = Manager::builder().proxies(Proxies::list(ways.to_vec())).build();
            let nowhere = bound(Binding::to_interface("nosuch0"));
            let ask = Ask::get(&url).connections(nowhere);
            let error = fetch(face, &manager, ask).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Binding, "{error}");
            let words = format!("the proxy {}", gate.url("connect"));
            assert!(error.to_string().contains(&words), "{error}");
            assert!(error.to_string().contains("called \"nosuch0\""), "{error}");
            assert_eq!(gate.connections_opened(), 0);
            // It is not avoided for that.
            let (ways, _) = manager.blocking().ways_to(&url).unwrap();
            assert_eq!(ways[0].to_string(), gate.url(scheme), "{face:?}");
        }
    }
    assert!(seen.lock().unwrap().is_empty());
}
