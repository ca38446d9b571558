//! Sockets at proxies: through chains, and by the ways that requests go.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use it::{FACES, Face, identity, runtime, trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wayfare::options::{Binding, Connections, Proxies, Wait};
use wayfare::proxy::{Asking, Chain, ProxyFactory, ProxyList, ProxyQuery, SocketKind, Undecided};
use wayfare::sockets::{Endpoint, Target};
use wayfare::{Error, ErrorKind, Manager, ProxyProblem};
use wayfare_testkit::proxy::Proxy;

const LOCAL: &str = "127.0.0.1:0";

/// A SOCKS 5 proxy that waits for whoever comes, and sends datagrams back to who sent them.
struct Socks {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Socks {
    fn start() -> Self {
        Self::start_at(LOCAL, |address| address)
    }

    /// One that does not know its own address.
    fn start_unknowing(at: &str) -> Self {
        Self::start_at(at, |address| SocketAddr::from(([0, 0, 0, 0], address.port())))
    }

    fn start_at(at: &str, told: fn(SocketAddr) -> SocketAddr) -> Self {
        let listener = TcpListener::bind(at).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve(stream, told));
            }
        });
        Self { address, asked }
    }

    fn url(&self) -> String {
        format!("socks5://{}", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn hear(stream: &mut TcpStream, length: usize) -> Option<Vec<u8>> {
    let mut heard = vec![0; length];
    stream.read_exact(&mut heard).ok()?;
    Some(heard)
}

fn yes(address: SocketAddr) -> Vec<u8> {
    let SocketAddr::V4(address) = address else { panic!("not asked for") };
    [&[5, 0, 0, 1][..], &address.ip().octets(), &address.port().to_be_bytes()].concat()
}

/// Nothing if the client goes away.
fn serve(mut client: TcpStream, told: fn(SocketAddr) -> SocketAddr) -> Option<()> {
    hear(&mut client, 3)?;
    client.write_all(&[5, 0]).ok()?;
    let question = hear(&mut client, 4)?;
    let length = match question[3] {
        1 => 4,
        4 => 16,
        _ => usize::from(hear(&mut client, 1)?[0]),
    };
    hear(&mut client, length + 2)?;
    match question[1] {
        2 => {
            let listener = TcpListener::bind((client.local_addr().ok()?.ip(), 0)).ok()?;
            client.write_all(&yes(told(listener.local_addr().ok()?))).ok()?;
            let (mut peer, from) = listener.accept().ok()?;
            client.write_all(&yes(from)).ok()?;
            let (mut back, mut to_peer) = (client.try_clone().ok()?, peer.try_clone().ok()?);
            std::thread::spawn(move || std::io::copy(&mut back, &mut to_peer));
            std::io::copy(&mut peer, &mut client).ok()?;
            client.shutdown(std::net::Shutdown::Write).ok()
        }
        _ => {
            let relay = UdpSocket::bind(LOCAL).ok()?;
            client.write_all(&yes(relay.local_addr().ok()?)).ok()?;
            std::thread::spawn(move || {
                let mut buffer = [0; 2048];
                while let Ok((length, from)) = relay.recv_from(&mut buffer) {
                    let _ = relay.send_to(&buffer[..length], from);
                }
            });
            client.read_to_end(&mut Vec::new()).ok().map(drop)
        }
    }
}

/// Where a socket is asked for.
enum At<'a> {
    Way(&'a str),
    /// Wherever the manager's proxies say.
    Ways,
}

fn manager(proxies: Proxies) -> Manager {
    Manager::builder().tls(trust()).proxies(proxies).build()
}

fn peer() -> Target {
    Target::new("192.0.2.1", 9)
}

/// Says something as the peer of a socket that is waited at.
fn come(bound: &Endpoint) {
    let Endpoint::Address(address) = bound else { panic!("{bound} is no address") };
    TcpStream::connect(address).unwrap().write_all(b"here I am").unwrap();
}

/// Waits for a peer that comes at once; tells what it said.
fn wait(face: Face, manager: &Manager, at: &At<'_>) -> Result<String, Error> {
    let way = match at {
        At::Way(text) => Some(text.parse::<Chain>().unwrap()),
        At::Ways => None,
    };
    if face == Face::Waited {
        let blocking = manager.blocking();
        let bound = match &way {
            Some(way) => blocking.bind_at(way, &peer()),
            None => blocking.bind_for(&peer()),
        }?;
        come(bound.address());
        let (mut connection, _) = bound.accept(Wait::seconds(20))?;
        let mut said = String::new();
        Read::read_to_string(&mut connection, &mut said).unwrap();
        return Ok(said);
    }
    let waiting = async {
        let bound = match &way {
            Some(way) => manager.bind_at(way, &peer()).await,
            None => manager.bind_for(&peer()).await,
        }?;
        come(bound.address());
        let (mut connection, _) = bound.accept(Wait::seconds(20)).await?;
        let mut said = String::new();
        connection.read_to_string(&mut said).await.unwrap();
        connection.shutdown().await.unwrap();
        Ok(said)
    };
    in_home(face, waiting)
}

/// Has a datagram sent back.
fn relay(face: Face, manager: &Manager, at: &At<'_>) -> Result<(), Error> {
    let way = match at {
        At::Way(text) => Some(text.parse::<Chain>().unwrap()),
        At::Ways => None,
    };
    if face == Face::Waited {
        let blocking = manager.blocking();
        let mut relay = match &way {
            Some(way) => blocking.relay_at(way),
            None => blocking.relay_for(&peer()),
        }?;
        relay.send_to(b"ping", &peer()).unwrap();
        let (from, data) = relay.receive(Wait::seconds(20)).unwrap();
        assert_eq!((from.to_string().as_str(), data), ("192.0.2.1:9", &b"ping"[..]));
        return Ok(());
    }
    let relaying = async {
        let mut relay = match &way {
            Some(way) => manager.relay_at(way).await,
            None => manager.relay_for(&peer()).await,
        }?;
        relay.send_to(b"ping", &peer()).await.unwrap();
        let (from, data) = relay.receive(Wait::seconds(20)).await.unwrap();
        assert_eq!((from.to_string().as_str(), data), ("192.0.2.1:9", &b"ping"[..]));
        Ok(())
    };
    in_home(face, relaying)
}

fn in_home<T>(face: Face, work: impl Future<Output = T>) -> T {
    match face {
        Face::Alone => it::block_on(work),
        _ => runtime().block_on(work),
    }
}

/// A port that nobody listens on.
fn dead() -> String {
    let listener = TcpListener::bind(LOCAL).unwrap();
    format!("socks5://{}", listener.local_addr().unwrap())
}

const NONE_FITS: ErrorKind = ErrorKind::Proxy(ProxyProblem::NoneFits);

#[test]
fn the_way_to_a_proxy_that_waits_leads_through_the_others() {
    for face in FACES {
        let socks = Socks::start();
        let plain = Proxy::builder().login("ada", "secret").bind_on_thread(LOCAL).unwrap();
        let secure = Proxy::builder().tls(&identity().1).bind_on_thread(LOCAL).unwrap();
        let http = plain.url("http").replace("://", "://ada:secret@");
        let through_tls = secure.url("https").replace("127.0.0.1", "localhost");
        let ways = [
            String::new(),
            http.clone(),
            plain.url("socks5h").replace("://", "://ada:secret@"),
            through_tls.clone(),
            format!("{through_tls} {http}"),
        ];
        for (number, before) in ways.iter().enumerate() {
            let way = format!("{before} {}", socks.url());
            let said = wait(face, &manager(Proxies::off()), &At::Way(way.trim()));
            assert_eq!(said.unwrap(), "here I am", "{face:?} {way}");
            assert_eq!(socks.asked(), number + 1, "{face:?} {way}");
        }
        assert_eq!(secure.connections_opened(), 2);
        let told: Vec<_> = plain.requests().iter().map(|one| one.target.clone()).collect();
        assert!(told.iter().all(|one| *one == socks.address.to_string()), "{told:?}");
    }
}

#[test]
fn a_proxy_that_does_not_know_its_address_waits_where_the_way_to_it_ends() {
    let gate = Proxy::builder().bind_on_thread(LOCAL).unwrap();
    let (other, here) = (Socks::start_unknowing("127.0.0.2:0"), Socks::start_unknowing(LOCAL));
    let named = format!("socks5://localhost:{}", here.address.port());
    for (before, url, host) in [
        (String::new(), other.url(), "127.0.0.2"),
        // The first proxy, which is all that is connected to, is not where it waits.
        (gate.url("http"), other.url(), "127.0.0.2"),
        (gate.url("http"), named.clone(), "localhost"),
        (String::new(), named, "127.0.0.1"),
    ] {
        let way: Chain = format!("{before} {url}").trim().parse().unwrap();
        let manager = manager(Proxies::off());
        let bound = manager.blocking().bind_at(&way, &peer()).unwrap();
        let told = bound.address().to_string();
        assert_eq!(told.rsplit_once(':').unwrap().0, host, "{way}");
        // The port is the one that it told.
        TcpStream::connect(told).unwrap().write_all(b"here I am").unwrap();
        let (mut connection, _) = bound.accept(Wait::seconds(20)).unwrap();
        let mut said = String::new();
        Read::read_to_string(&mut connection, &mut said).unwrap();
        assert_eq!(said, "here I am", "{way}");
    }
}

#[test]
fn a_relay_behind_another_proxy_is_an_error_that_names_that_proxy() {
    let (socks, gate) = (Socks::start(), Proxy::builder().bind_on_thread(LOCAL).unwrap());
    for face in FACES {
        relay(face, &manager(Proxies::off()), &At::Way(&socks.url())).unwrap();
        for scheme in ["http", "socks5"] {
            let way = format!("{} {}", gate.url(scheme), socks.url());
            let error = relay(face, &manager(Proxies::off()), &At::Way(&way)).unwrap_err();
            assert_eq!(error.kind(), NONE_FITS, "{error}");
            let words = format!("do not get to it past the proxy {}", gate.url(scheme));
            assert!(error.to_string().contains(&words), "{error}");
        }
    }
    assert_eq!((gate.connections_opened(), socks.asked()), (0, FACES.len()));
}

#[test]
fn a_socket_is_opened_by_the_first_way_that_can_and_works() {
    for face in FACES {
        let (socks, gate) = (Socks::start(), Proxy::builder().bind_on_thread(LOCAL).unwrap());
        let chained = format!("{} {}", gate.url("http"), socks.url());
        let list =
            |ways: &[&str]| Proxies::list(ways.iter().map(|way| way.parse().unwrap()).collect());
        // The first two cannot, the third does not.
        let ways = ["direct", &gate.url("http"), &dead(), &chained, &socks.url()];
        let manager = manager(list(&ways));
        assert_eq!(wait(face, &manager, &At::Ways).unwrap(), "here I am", "{face:?}");
        assert_eq!((gate.connections_opened(), socks.asked()), (1, 1), "{face:?}");
        relay(face, &manager, &At::Ways).unwrap();
        assert_eq!((gate.connections_opened(), socks.asked()), (1, 2), "{face:?}");
    }
}

#[test]
fn without_a_proxy_for_it_nothing_is_opened_on_this_machine() {
    let gate = Proxy::builder().bind_on_thread(LOCAL).unwrap();
    for proxies in [Proxies::off(), Proxies::through(&gate.url("http")).unwrap()] {
        for face in FACES {
            let manager = manager(proxies.clone());
            for error in [
                wait(face, &manager, &At::Ways).unwrap_err(),
                relay(face, &manager, &At::Ways).unwrap_err(),
            ] {
                assert_eq!(error.kind(), NONE_FITS, "{error}");
            }
            let at_nobody = wait(face, &manager, &At::Way("direct")).unwrap_err();
            assert_eq!(at_nobody.kind(), NONE_FITS, "{at_nobody}");
        }
    }
    assert_eq!(gate.connections_opened(), 0);
}

/// Tells what it was asked for.
struct Asked(Arc<Mutex<Vec<ProxyQuery>>>, String);

impl ProxyFactory for Asked {
    fn ways<'a>(&'a self, query: &'a ProxyQuery) -> Asking<'a, Result<ProxyList, Undecided>> {
        self.0.lock().unwrap().push(query.clone());
        let list = ProxyList::new(vec![self.1.parse().unwrap()], "a test");
        Box::pin(std::future::ready(Ok(list)))
    }
}

#[test]
fn a_factory_is_told_what_kind_of_socket_is_wanted() {
    let socks = Socks::start();
    for face in FACES {
        let queries = Arc::default();
        let manager = manager(Proxies::factory(Asked(Arc::clone(&queries), socks.url())));
        wait(face, &manager, &At::Ways).unwrap();
        relay(face, &manager, &At::Ways).unwrap();
        let wanted = [SocketKind::TcpServer, SocketKind::Udp]
            .map(|socket| ProxyQuery::for_socket(socket, "192.0.2.1", 9));
        assert_eq!(*queries.lock().unwrap(), wanted, "{face:?}");
    }
}

#[test]
fn a_socket_that_cannot_be_bound_on_the_way_to_a_proxy_is_the_bindings_error() {
    let socks = Socks::start();
    for face in FACES {
        let binding = Binding::to_interface("nosuch0");
        let connections = Connections { binding, ..Connections::default() };
        let manager = Manager::builder().connections(connections).build();
        for error in [
            wait(face, &manager, &At::Way(&socks.url())).unwrap_err(),
            relay(face, &manager, &At::Way(&socks.url())).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Binding, "{error}");
            assert!(error.to_string().contains("called \"nosuch0\""), "{error}");
        }
    }
    assert_eq!(socks.asked(), 0);
}
