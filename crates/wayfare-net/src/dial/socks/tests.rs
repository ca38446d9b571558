//! SOCKS servers that say what each test has them say, in both homes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wayfare_proto::policy::auth::Schemes;
use wayfare_proto::route::happy_eyeballs::Pace;
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::wire::tunnel::Greeting;

use super::*;
use crate::caller::block_on;
use crate::dial::{DialWaits, Memories, ProxyManners};
use crate::network::System;
use crate::socket::SocketOptions;
use crate::tls::policy::{Offer, TlsPolicy};

/// Does something with a dialer in the calling thread, and then in a runtime.
fn in_both_homes<T>(mut work: impl AsyncFnMut(&Dialer<'_>) -> T) -> [T; 2] {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut in_home = |home: &Home| {
        let tls = TlsPolicy::default();
        let (greeting, memories) = (Greeting::default(), Memories::default());
        let second = Wait::seconds(2);
        let dialer = Dialer {
            network: &System,
            home,
            sockets: &SocketOptions::default(),
            tls: &tls,
            offer: Offer::Nothing,
            early: None,
            waits: DialWaits { resolve: second, connect: second, tls: second, proxy: second },
            proxies: ProxyManners { tls: &tls, greeting: &greeting, schemes: Schemes::all() },
            pace: Pace::default(),
            memories: &memories,
        };
        match home {
            Home::Caller => block_on(work(&dialer)),
            Home::Runtime(handle) => handle.block_on(work(&dialer)),
        }
    };
    [in_home(&Home::Caller), in_home(&Home::Runtime(runtime.handle().clone()))]
}

/// A proxy that deals with one connection.
fn scripted<T: Send + 'static>(
    scheme: &str,
    script: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (Proxy, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("{scheme}://{}", listener.local_addr().unwrap()).parse().unwrap();
    (proxy, std::thread::spawn(move || script(listener.accept().unwrap().0)))
}

fn hear(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut heard = vec![0; length];
    stream.read_exact(&mut heard).unwrap();
    heard
}

/// Goes through the greeting and hears a question about an IPv4 address.
fn greet(stream: &mut TcpStream, command: u8) {
    assert_eq!(hear(stream, 3), b"\x05\x01\x00");
    stream.write_all(b"\x05\x00").unwrap();
    assert_eq!(hear(stream, 10)[..4], [5, command, 0, 1]);
}

fn yes(port: u16) -> Vec<u8> {
    [&b"\x05\x00\x00\x01\0\0\0\0"[..], &port.to_be_bytes()].concat()
}

const PEER: &[u8] = b"\x05\x00\x00\x01\xc0\x00\x02\x01\x00\x09";

fn to(proxy: &Proxy) -> Approach {
    Approach::new(&Chain::from(proxy.clone()), &|_| None).unwrap()
}

fn peer() -> Target {
    Target::new("192.0.2.1", 9)
}

#[test]
fn a_proxy_waits_for_the_peer_and_hands_its_connection_over() {
    // Both answers and the peer's first words in one piece, and byte by byte.
    for pause in [None, Some(Duration::from_millis(1))] {
        let ends = in_both_homes(async |dialer| {
            let (proxy, running) = scripted("socks5", move |mut stream| {
                greet(&mut stream, 2);
                let said = [&yes(4321), PEER, b"hello"].concat();
                let size = if pause.is_some() { 1 } else { said.len() };
                for piece in said.chunks(size) {
                    stream.write_all(piece).unwrap();
                    pause.into_iter().for_each(std::thread::sleep);
                }
                hear(&mut stream, 3)
            });
            let bound = bind(&to(&proxy), &peer(), dialer).await.unwrap();
            let address = bound.address().to_string();
            let (mut stream, from) = bound.accept(Wait::seconds(2)).await.unwrap();
            let mut heard = [0; 5];
            stream.read_exact(&mut heard).await.unwrap();
            stream.write_all(b"bye").await.unwrap();
            stream.flush().await.unwrap();
            assert_eq!((&heard, running.join().unwrap()), (b"hello", b"bye".to_vec()));
            format!("{address} {from}")
        });
        assert_eq!(ends, ["127.0.0.1:4321 192.0.2.1:9"; 2]);
    }
}

#[test]
fn socks_4_waits_too() {
    let ends = in_both_homes(async |dialer| {
        let (proxy, running) = scripted("socks4", |mut stream| {
            assert_eq!(hear(&mut stream, 9), b"\x04\x02\x00\x09\xc0\x00\x02\x01\0");
            stream.write_all(b"\x00\x5a\x10\xe1\0\0\0\0").unwrap();
            stream.write_all(b"\x00\x5a\x00\x09\xc0\x00\x02\x01").unwrap();
        });
        let bound = bind(&to(&proxy), &peer(), dialer).await.unwrap();
        let address = bound.address().to_string();
        let (_, from) = bound.accept(Wait::seconds(2)).await.unwrap();
        running.join().unwrap();
        format!("{address} {from}")
    });
    assert_eq!(ends, ["127.0.0.1:4321 192.0.2.1:9"; 2]);
}

#[test]
fn a_proxy_that_does_not_do_it_is_an_error_of_that_proxy() {
    let late = |stage: DialStage, failure: &DialFailure| {
        assert!(failure.proxy.is_some());
        assert_eq!(failure.stage, stage, "{failure}");
        failure.to_string()
    };
    in_both_homes(async |dialer| {
        let (proxy, running) = scripted("socks5", |mut stream| {
            greet(&mut stream, 2);
            stream.write_all(b"\x05\x07\x00\x01\0\0\0\0\0\0").unwrap();
        });
        let no = bind(&to(&proxy), &peer(), dialer).await.err().unwrap();
        assert!(late(DialStage::Proxy, &no).contains(&proxy.to_string()));
        running.join().unwrap();
        // It gives up, and it waits for too long.
        for does_end in [true, false] {
            let (proxy, running) = scripted("socks5", move |mut stream| {
                greet(&mut stream, 2);
                stream.write_all(&yes(1)).unwrap();
                // Longer than the client waits.
                if !does_end {
                    std::thread::sleep(Duration::from_millis(300));
                }
            });
            let bound = bind(&to(&proxy), &peer(), dialer).await.unwrap();
            let no = bound.accept(Duration::from_millis(100).into()).await.err().unwrap();
            assert_eq!(no.waited.is_none(), does_end, "{}", late(DialStage::Proxy, &no));
            running.join().unwrap();
        }
        for (proxy, target) in [("http://127.0.0.1:1", peer()), ("socks4://127.0.0.1:1", peer())] {
            let no = associate(&to(&proxy.parse().unwrap()), dialer).await.err().unwrap();
            assert!(no.proxy.is_some(), "{no} {target}");
        }
    });
}

/// A relay that answers each datagram with what `answers` makes of it.
fn relay(answers: impl FnOnce(&UdpSocket, &[u8], SocketAddr) + Send + 'static) -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut buffer = [0; 2000];
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        answers(&socket, &buffer[..length], from);
    });
    port
}

#[test]
fn datagrams_are_relayed_until_the_proxy_closes_its_connection() {
    let ends = in_both_homes(async |dialer| {
        let port = relay(|socket, asked, from| {
            assert_eq!(asked, b"\0\0\0\x03\x06a.test\x00\x35question");
            let forger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            forger.send_to(b"\0\0\0\x01\xc0\x00\x02\x01\x00\x35forged", from).unwrap();
            let fragment = b"\0\0\x01\x01\xc0\x00\x02\x01\x00\x35part";
            for datagram in [&fragment[..], b"", b"\0\0\0\x01\xc0", b"\0\0\0\x09what"] {
                socket.send_to(datagram, from).unwrap();
            }
            socket.send_to(b"\0\0\0\x01\xc0\x00\x02\x01\x00\x35answer", from).unwrap();
        });
        let (proxy, running) = scripted("socks5", move |mut stream| {
            greet(&mut stream, 3);
            stream.write_all(&yes(port)).unwrap();
            // Words that nobody asked for, and the end when the client says so.
            stream.write_all(&[7; 1000]).unwrap();
            stream
        });
        let mut association = associate(&to(&proxy), dialer).await.unwrap();
        assert_eq!(association.relay(), SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let (sender, target) = (association.sender(), Target::new("a.test", 53));
        sender.send_to(b"question", &target).await.unwrap();
        let (from, data) = association.recv_from().await.unwrap();
        assert_eq!((from.to_string().as_str(), data), ("192.0.2.1:53", &b"answer"[..]));
        let long = Target::new(&"a".repeat(256), 53);
        let unfit = association.send_to(b"", &long).await.unwrap_err();
        assert_eq!(unfit.kind(), io::ErrorKind::InvalidInput);
        drop(running.join().unwrap());
        let ended = association.recv_from().await.unwrap_err();
        let again = association.recv_from().await.unwrap_err();
        let sent = sender.send_to(b"", &target).await.unwrap_err();
        [ended, again, sent].map(|why| why.kind())
    });
    assert_eq!(ends, [[io::ErrorKind::ConnectionAborted; 3]; 2]);
}

/// A proxy that the world runs, ended with the test.
struct Dante(std::process::Child);

impl Drop for Dante {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn dante_relays_datagrams() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = held.local_addr().unwrap();
    drop(held);
    let path = std::env::temp_dir().join(format!("wayfare-dante-{}", std::process::id()));
    let config = format!(
        "internal: 127.0.0.1 port = {}\nexternal: lo\nclientmethod: none\nsocksmethod: none\n\
         client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n\
         socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n",
        place.port()
    );
    std::fs::write(&path, config).unwrap();
    let silent = std::process::Stdio::null;
    let mut command = std::process::Command::new("/usr/sbin/danted");
    command.arg("-f").arg(&path).stdout(silent()).stderr(silent());
    let Ok(running) = command.spawn() else {
        assert!(std::env::var_os("CI").is_none(), "danted is not installed");
        eprintln!("skipped: no danted");
        return;
    };
    let _dante = Dante(running);
    let mut tries = 0..500;
    while TcpStream::connect(place).is_err() {
        assert!(tries.next().is_some(), "danted does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    let proxy: Proxy = format!("socks5://{place}").parse().unwrap();
    let ends = in_both_homes(async |dialer| {
        let port = relay(|socket, asked, from| {
            socket.send_to(&[asked, b"!"].concat(), from).unwrap();
        });
        let mut association = associate(&to(&proxy), dialer).await.unwrap();
        let target = Target::new("127.0.0.1", port);
        association.send_to(b"hello", &target).await.unwrap();
        let receiving = in_time(dialer.home, Wait::seconds(5), async {
            let (from, data) = association.recv_from().await.unwrap();
            Ok((from.to_string() == target.to_string(), data.to_vec()))
        });
        receiving.await.unwrap()
    });
    std::fs::remove_file(&path).unwrap();
    assert_eq!(ends, [(true, b"hello!".to_vec()), (true, b"hello!".to_vec())]);
}
