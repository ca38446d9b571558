//! Cookies through every kind of proxy, and what is told of the requests that they go with.

#![allow(clippy::unwrap_used)] // Failing here fails the test.

mod it;

use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName};
use it::{Ask, FACES, Face, block_on, fetch, identity, trust};
use wayfare::Manager;
use wayfare::delegate::Credentials;
use wayfare::event::What;
use wayfare::options::Proxies;
use wayfare_testkit::proxy::Proxy;
use wayfare_testkit::{Protocols, Server};

fn plain() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

fn secure(protocols: Protocols) -> Server {
    let server = Server::builder().tls(&identity().1).protocols(protocols);
    server.bind_on_thread("127.0.0.1:0").unwrap()
}

fn sent(face: Face, manager: &Manager, url: &str) -> String {
    fetch(face, manager, Ask::get(url)).unwrap().text().to_owned()
}

#[test]
fn cookies_go_every_way_and_no_proxy_sees_what_goes_through_a_tunnel() {
    let servers = [plain(), secure(Protocols::Http1), secure(Protocols::Http2)];
    for face in FACES {
        for scheme in ["http", "connect", "https", "socks4a", "socks5", "socks5h"] {
            let gate = Proxy::builder();
            let gate = if scheme == "https" { gate.tls(&identity().1) } else { gate };
            let gate = gate.bind_on_thread("127.0.0.1:0").unwrap();
            let manager = Manager::builder()
                .tls(trust())
                .proxies(Proxies::through(&gate.url(scheme)).unwrap())
                .build();
            for server in &servers {
                let told = format!("{face:?} {scheme} {}", server.url("/"));
                block_on(manager.cookies().clear()).unwrap();
                fetch(
                    face,
                    &manager,
                    Ask::get(server.url("/respond/200?set-cookie=way%3D1%3B%20Path%3D%2F")),
                )
                .unwrap();
                assert_eq!(sent(face, &manager, &server.url("/cookies")), "way=1", "{told}");
            }
            assert!(!gate.requests().is_empty(), "{face:?} {scheme}");
            for asked in gate.requests() {
                let is_forwarded = asked.target.starts_with("http://");
                let text = String::from_utf8_lossy(&asked.bytes);
                assert!(is_forwarded || !text.contains("way=1"), "{face:?} {scheme}: {text}");
            }
        }
    }
}

#[test]
fn the_event_of_a_request_tells_every_field_that_is_sent() {
    for face in FACES {
        let (server, heard) = (plain(), Arc::new(Mutex::new(HeaderMap::new())));
        let hearing = heard.clone();
        let manager = Manager::builder()
            .tls(trust())
            .header(HeaderName::from_static("x-own"), "1".parse().unwrap());
        let manager = manager.on_event(move |event| {
            if let What::Sending { headers, .. } = &event.what {
                hearing.lock().unwrap().clone_from(headers);
            }
        });
        let manager = manager.build();
        let user = Credentials::new("user", "passwd");
        manager.set_credentials(&server.url("/"), None, Some(user)).unwrap();
        sent(face, &manager, &server.url("/respond/200?set-cookie=a%3D1%3B%20Path%3D%2F"));
        for _ in 0..2 {
            sent(face, &manager, &server.url("/auth-basic"));
        }
        let told = heard.lock().unwrap().clone();
        assert_eq!((told["cookie"].as_bytes(), told["x-own"].as_bytes()), (&b"a=1"[..], &b"1"[..]));
        assert!(told["cookie"].is_sensitive() && told["authorization"].is_sensitive());
        let mut arrived = server.requests().pop().unwrap().headers;
        arrived.remove("host");
        assert_eq!(told, arrived, "{face:?}");
        assert_eq!(server.request_count(), 4, "{face:?}: one question");
    }
}
