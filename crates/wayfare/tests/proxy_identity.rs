//! Who is asking, said to proxies: what they take, what it costs, and who never learns of it.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use it::{Ask, FACES, Face, fetch, fetch_awaited, identity, runtime, trust};
use md5::{Digest, Md5};
use wayfare::delegate::{Credentials, Delegate, Login, ProxyQuestion};
use wayfare::event::What;
use wayfare::options::{Auth, Proxies, Scheme, Schemes};
use wayfare::tls::Certificate;
use wayfare::{Body, ErrorKind, Manager, ProxyProblem};
use wayfare_testkit::proxy::{Asks, Builder, Proxy};
use wayfare_testkit::{Protocols, Server};

fn guarded(asks: Asks) -> Builder {
    Proxy::builder().login("ada", "secret").asks(asks)
}

fn bind(builder: Builder) -> Proxy {
    builder.bind_on_thread("127.0.0.1:0").unwrap()
}

/// One that is forwarded to, and one behind a tunnel.
fn servers() -> [Server; 2] {
    let secure = Server::builder().tls(&identity().1).protocols(Protocols::Http1);
    let plain = Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
    [plain, secure.bind_on_thread("127.0.0.1:0").unwrap()]
}

fn through(gate: &Proxy, who: &str, schemes: Schemes) -> Manager {
    let way = gate.url("http").replace("://", &format!("://{who}@"));
    let auth = Auth { schemes, ..Auth::default() };
    let proxies = Proxies::through(&way).unwrap();
    Manager::builder().tls(trust()).proxies(proxies).auth(auth).build()
}

/// What the proxy heard each time it was asked for something; `-` for nothing.
fn told(gate: &Proxy) -> Vec<String> {
    let scheme = |said: &String| said.split(' ').next().unwrap_or_default().to_owned();
    let requests = gate.requests();
    requests.iter().map(|heard| heard.credentials.as_ref().map_or("-".into(), scheme)).collect()
}

#[test]
fn nothing_is_said_before_a_proxy_asks_and_then_at_once() {
    for face in FACES {
        for (asks, said) in [
            (Asks::Basic, ["-", "Basic"].as_slice()),
            (Asks::Digest(9), &["-", "Digest"]),
            (Asks::DigestOrBasic, &["-", "Digest"]),
            (Asks::Ntlm, &["-", "NTLM", "NTLM"]),
        ] {
            for is_closing in [false, true] {
                if is_closing && asks == Asks::Ntlm {
                    continue;
                }
                let builder = guarded(asks);
                let gate = bind(if is_closing { builder.closing_to_ask() } else { builder });
                let case = format!("{face:?} {asks:?} closing: {is_closing}");
                for server in servers() {
                    let manager = through(&gate, "ada:secret", Schemes::all());
                    let before = gate.requests().len();
                    for _ in 0..2 {
                        let ask = Ask::post(server.url("/echo-body"), "hello");
                        let got = fetch(face, &manager, ask).unwrap();
                        assert_eq!((got.status, got.text()), (200, "hello"), "{case}");
                    }
                    let heard = &told(&gate)[before..];
                    let (first, then) = heard.split_at(said.len());
                    assert_eq!(first, said, "{case}");
                    let is_tunnel = server.url("").starts_with("https");
                    let again = match (is_tunnel, asks) {
                        (true, _) => &[][..],
                        (false, Asks::Ntlm) => &["-"],
                        (false, _) => &said[1..],
                    };
                    assert_eq!(then, again, "{case} tunnel: {is_tunnel}");
                    // A new connection is told at once.
                    let [other, _] = servers();
                    let before = gate.requests().len();
                    let got = fetch(face, &manager, Ask::get(other.url("/get"))).unwrap();
                    assert_eq!(got.status, 200, "{case}");
                    assert_eq!(told(&gate)[before..], said[1..], "{case}");
                    for request in server.requests().iter().chain(&other.requests()) {
                        assert!(!request.headers.contains_key("proxy-authorization"), "{case}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_wrong_password_is_said_once_and_a_proxy_is_not_asked_for_ever() {
    for asks in [Asks::Basic, Asks::Digest(9), Asks::Ntlm] {
        for server in servers() {
            let gate = bind(guarded(asks));
            let manager = through(&gate, "ada:wrong", Schemes::all());
            let error = fetch(Face::Waited, &manager, Ask::get(server.url("/get"))).unwrap_err();
            let kind = ErrorKind::Proxy(ProxyProblem::Authentication);
            assert_eq!(error.kind(), kind, "{asks:?} {error}");
            assert!(!error.to_string().contains("wrong"), "{error}");
            let most = if asks == Asks::Ntlm { 3 } else { 2 };
            assert_eq!(gate.requests().len(), most, "{asks:?}");
            assert_eq!(server.request_count(), 0);
        }
    }
}

#[test]
fn what_is_said_to_a_proxy_over_tls_is_bound_to_its_certificate() {
    let certificate = Certificate::from_pem(identity().1.chain_pem()).unwrap();
    let hash = certificate.end_point_hash().unwrap();
    // A `gss_channel_bindings_struct` without addresses, as MD5 sees it (RFC 2744 §3.11).
    let data = [b"tls-server-end-point:".as_slice(), &hash].concat();
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    let bound = Md5::digest([&[0; 16][..], &length, &data].concat());
    for face in FACES {
        for server in servers() {
            for (scheme, is_bound) in [("http", false), ("https", true)] {
                let builder = guarded(Asks::Ntlm);
                let gate = match is_bound {
                    true => bind(builder.tls(&identity().1)),
                    false => bind(builder),
                };
                let way = gate.url(scheme).replace("://", "://ada:secret@");
                let proxies = Proxies::through(&way).unwrap();
                let manager = Manager::builder().tls(trust()).proxies(proxies).build();
                let got = fetch(face, &manager, Ask::get(server.url("/get"))).unwrap();
                assert_eq!(got.status, 200, "{face:?} {way}");
                let proof =
                    gate.requests().into_iter().filter_map(|heard| heard.credentials).nth(1);
                let proof = STANDARD.decode(proof.unwrap().strip_prefix("NTLM ").unwrap()).unwrap();
                let found = proof.windows(16).any(|bytes| bytes == &*bound);
                assert_eq!(found, is_bound, "{face:?} {way}");
            }
        }
    }
}

#[test]
fn a_connection_that_is_proven_to_a_proxy_is_not_proven_to_the_server_behind_it_too() {
    let [plain, secure] = servers();
    for face in FACES {
        // Behind a tunnel each has its own.
        for (server, status) in [(&plain, 401), (&secure, 200)] {
            let gate = bind(guarded(Asks::Ntlm));
            let manager = through(&gate, "ada:secret", Schemes::all());
            let url = server.url("/auth-ntlm");
            let who = Some(Credentials::new("user", "passwd"));
            manager.set_credentials(&url, None, who).unwrap();
            for _ in 0..2 {
                let got = fetch(face, &manager, Ask::get(&url)).unwrap();
                assert_eq!(got.status, status, "{face:?} {url}");
            }
        }
    }
    assert!(plain.requests().iter().all(|one| !one.headers.contains_key("authorization")));
}

#[test]
fn that_a_proxy_asks_is_an_event_whoever_is_asked_and_however_the_way_leads() {
    for (asks, schemes) in [
        (Asks::Basic, &[Scheme::Basic][..]),
        (Asks::Digest(9), &[Scheme::Digest]),
        (Asks::DigestOrBasic, &[Scheme::Digest]),
    ] {
        for server in servers() {
            for (who, expected) in
                [("ada:secret", schemes.to_vec()), ("ada:wrong", schemes.repeat(2))]
            {
                let (gate, told) = (bind(guarded(asks)), Arc::<Mutex<Vec<Scheme>>>::default());
                let way = gate.url("http").replace("://", &format!("://{who}@"));
                let (heard, proxies) = (told.clone(), Proxies::through(&way).unwrap());
                let manager = Manager::builder().tls(trust()).proxies(proxies);
                let manager = manager.on_event(move |event| {
                    if let What::AuthenticationRequired { realm, scheme } = &event.what {
                        assert_eq!(realm.as_deref(), Some("proxy"));
                        heard.lock().unwrap().push(*scheme);
                    }
                });
                let manager = manager.build();
                let _ = fetch(Face::Waited, &manager, Ask::get(server.url("/get")));
                assert_eq!(*told.lock().unwrap(), expected, "{asks:?} {who} {}", server.url(""));
            }
        }
    }
}

#[test]
fn a_nonce_that_is_used_up_costs_a_round_and_no_question() {
    for server in servers() {
        let gate = bind(guarded(Asks::Digest(2)));
        let manager = through(&gate, "ada:secret", Schemes::all());
        for _ in 0..5 {
            // Another server each time, so that another tunnel is needed.
            let [plain, secure] = servers();
            let other = if server.url("").starts_with("https") { secure } else { plain };
            let got = fetch(Face::Waited, &manager, Ask::get(other.url("/get"))).unwrap();
            assert_eq!(got.status, 200);
        }
        // Asked once; then two uses, a stale one, two, a stale one, one.
        assert_eq!(gate.requests().len(), 8);
    }
}

#[test]
fn a_scheme_that_may_not_be_used_is_not() {
    for server in servers() {
        for (schemes, expected) in [
            (Schemes::only(Scheme::Basic), Ok(["-", "Basic"])),
            (Schemes::only(Scheme::Digest), Ok(["-", "Digest"])),
            (Schemes::only(Scheme::Ntlm), Err("it takes basic, digest")),
        ] {
            let gate = bind(guarded(Asks::DigestOrBasic));
            let manager = through(&gate, "ada:secret", schemes);
            let got = fetch(Face::Waited, &manager, Ask::get(server.url("/get")));
            match expected {
                Ok(said) => {
                    assert_eq!(got.unwrap().status, 200);
                    assert_eq!(told(&gate), said);
                }
                Err(words) => {
                    let error = got.unwrap_err();
                    assert!(error.to_string().contains(words), "{error}");
                    assert_eq!(told(&gate), ["-"]);
                }
            }
        }
    }
}

#[test]
fn each_proxy_of_a_chain_hears_its_own_user_only() {
    for face in FACES {
        for server in servers() {
            let near = bind(guarded(Asks::Digest(9)));
            let far = Proxy::builder().login("ben", "other").asks(Asks::Digest(9));
            let far = bind(far.closing_to_ask());
            let named = |gate: &Proxy, who: &str| gate.url("http").replace("://", who);
            let (ada, ben) = ("://ada:secret@", "://ben:other@");
            let chain = format!("{} {}", named(&near, ada), named(&far, ben));
            let proxies = Proxies::through(&chain).unwrap();
            let manager = Manager::builder().tls(trust()).proxies(proxies).build();
            let got = fetch(face, &manager, Ask::get(server.url("/get"))).unwrap();
            assert_eq!(got.status, 200);
            for (gate, own, other) in [(&near, "ada", "ben"), (&far, "ben", "ada")] {
                let heard: Vec<_> =
                    gate.requests().into_iter().filter_map(|one| one.credentials).collect();
                assert!(!heard.is_empty());
                for one in heard {
                    assert!(one.contains(&format!("username=\"{own}\"")), "{one}");
                    assert!(!one.contains(&format!("\"{other}\"")), "{one}");
                }
            }
        }
    }
}

/// Says who it is, and counts how often it is asked.
struct Clerk(Arc<AtomicUsize>, Scheme);

impl Delegate for Clerk {
    fn proxy_credentials<'a>(&'a self, asked: &'a ProxyQuestion) -> Login<'a> {
        self.0.fetch_add(1, Ordering::SeqCst);
        assert_eq!(asked.scheme, Some(self.1));
        Box::pin(async { Some(Credentials::new("ada", "secret")) })
    }
}

#[test]
fn the_delegate_is_asked_once_and_the_proxy_need_not_ask_again() {
    for (asks, scheme) in [
        (Asks::Basic, Scheme::Basic),
        (Asks::Digest(99), Scheme::Digest),
        (Asks::Ntlm, Scheme::Ntlm),
    ] {
        for server in servers() {
            let (gate, count) = (bind(guarded(asks)), Arc::<AtomicUsize>::default());
            let proxies = Proxies::through(&gate.url("http")).unwrap();
            let delegate = Clerk(count.clone(), scheme);
            let builder = Manager::builder().tls(trust()).proxies(proxies).delegate(delegate);
            let manager = builder.build();
            for _ in 0..2 {
                let got = fetch(Face::Waited, &manager, Ask::get(server.url("/get"))).unwrap();
                assert_eq!(got.status, 200, "{asks:?}");
            }
            let heard = told(&gate);
            assert_eq!(heard[..2], ["-", scheme.name()], "{asks:?}");
            assert_eq!(count.load(Ordering::SeqCst), 1);
            manager.clear_access_cache();
            assert_eq!(
                fetch(Face::Waited, &manager, Ask::get(server.url("/get"))).unwrap().status,
                200
            );
            assert!(count.load(Ordering::SeqCst) <= 2);
        }
    }
}

#[test]
fn a_body_that_can_be_sent_once_waits_until_the_proxy_has_asked() {
    for face in FACES {
        for asks in [Asks::Basic, Asks::Digest(9)] {
            for server in servers() {
                let gate = bind(guarded(asks));
                let manager = through(&gate, "ada:secret", Schemes::all());
                for _ in 0..2 {
                    let reader = std::io::Cursor::new("hello");
                    let body = Body::blocking_reader(reader, Some(5));
                    let ask = Ask::post(server.url("/echo-body"), body);
                    let got = fetch(face, &manager, ask).unwrap();
                    assert_eq!((got.status, got.text()), (200, "hello"), "{face:?} {asks:?}");
                }
                assert_eq!(server.request_count(), 2);
            }
        }
    }
}

#[test]
fn many_at_once_are_all_let_in() {
    for asks in [Asks::Basic, Asks::Ntlm] {
        for server in servers() {
            let gate = bind(guarded(asks));
            let manager = through(&gate, "ada:secret", Schemes::all());
            runtime().block_on(async {
                let many = (0..20).map(|_| {
                    let (manager, url) = (manager.clone(), server.url("/get"));
                    tokio::spawn(async move { fetch_awaited(&manager, Ask::get(&url)).await })
                });
                for one in many.collect::<Vec<_>>() {
                    assert_eq!(one.await.unwrap().unwrap().status, 200, "{asks:?}");
                }
            });
        }
    }
}
