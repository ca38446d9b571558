//! Real networks and systems of a test's own, in namespaces: one whose IPv6 is a black hole, one whose
//! names come from a server that is silent, one that has two ports to leave by.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr)] // Failing here fails the test; skips are told.

mod it;

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use it::{Ask, Directory, FACES, fetch, manager};
use wayfare::Manager;
use wayfare::dns::LookupFault;
use wayfare::options::{Binding, Connections, Timeouts, Wait};

/// In a network and a file system view of its own: IPv6 packets to the host go to an interface
/// that throws them away, IPv4 ones to this machine.
const HOLE: &str = "set -e
ip link set lo up
ip link add hole0 type veth peer name hole1
ip link set hole0 up
ip link set hole1 up
ip -6 addr add 2001:db8::2/64 dev hole0 nodad
ip neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev hole0
mount --bind \"$1/hosts\" /etc/hosts
exec \"$2\" --exact a_black_hole_costs_a_quarter_of_a_second_in_a_real_network --nocapture";

/// Where connections leave by one of two ports.
const PORTS: &str = "set -e
ip link set lo up
ip addr add ::1/128 dev lo 2>/dev/null || true
echo 40000 40001 > /proc/sys/net/ipv4/ip_local_port_range
exec \"$2\" --exact an_address_to_leave_by_does_not_use_up_the_ports --nocapture";

/// Where names come from DNS first, and its server is this test's.
const NAMES: &str = "set -e
ip link set lo up
for file in hosts resolv.conf nsswitch.conf; do mount --bind \"$1/$file\" /etc/$file; done
exec \"$2\" --exact a_reverse_lookup_is_the_systems_and_holds_up_nobody --nocapture";

/// Runs a test of this file once more, in namespaces that `setup` prepares; says whether this is
/// that run.
fn is_inside(directory: &Directory, setup: &str) -> bool {
    if std::env::var_os("WAYFARE_INSIDE_NAMESPACE").is_some() {
        return true;
    }
    let try_out = ["-r", "-n", "-m", "ip", "link", "add", "x", "type", "veth"];
    let tried = Command::new("unshare").args(try_out).output();
    if !tried.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "no namespaces");
        eprintln!("skipped: no namespaces");
        return false;
    }
    let output = Command::new("unshare")
        .args(["-r", "-n", "-m", "sh", "-c", setup, "sh"])
        .arg(&directory.0)
        .arg(std::env::current_exe().unwrap())
        .env("WAYFARE_INSIDE_NAMESPACE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    eprint!("{said}");
    false
}

#[test]
fn a_black_hole_costs_a_quarter_of_a_second_in_a_real_network() {
    let directory = Directory::new("namespace");
    let hosts = "2001:db8::1 dual.test\n127.0.0.1 dual.test localhost\n";
    std::fs::write(directory.join("hosts"), hosts).unwrap();
    if is_inside(&directory, HOLE) {
        black_hole();
    }
}

fn black_hole() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://dual.test:{}/", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 1024]);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(answer);
        }
    });
    for face in FACES {
        let manager = manager();
        let timed = || {
            let began = Instant::now();
            assert_eq!(fetch(face, &manager, Ask::get(&url)).unwrap().status, 200);
            began.elapsed()
        };
        let (first, second) = (timed(), timed());
        eprintln!("{face:?}: first {first:?}, second {second:?}");
        let quarter = Duration::from_millis(250);
        assert!(first >= quarter && first < quarter + Duration::from_millis(150), "{first:?}");
        assert!(second < Duration::from_millis(150), "{second:?}");
    }
}

#[test]
fn an_address_to_leave_by_does_not_use_up_the_ports() {
    if is_inside(&Directory::new("ports"), PORTS) {
        few_ports();
    }
}

fn few_ports() {
    let mut ports = 1000..;
    for local in ["127.0.0.1", "::1"] {
        let from = Binding::to_address(local.parse::<std::net::IpAddr>().unwrap());
        let connections = Connections { binding: from, ..Connections::default() };
        for face in FACES {
            let manager = Manager::builder().connections(connections.clone()).build();
            // All of them are kept open, so that each has its port at the same time.
            for port in ports.by_ref().take(6) {
                let place = std::net::SocketAddr::new(local.parse().unwrap(), port);
                let listener = TcpListener::bind(place).unwrap();
                std::thread::spawn(move || {
                    let (mut stream, _) = listener.accept().unwrap();
                    let _ = stream.read(&mut [0; 1024]);
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
                    let _ = stream.read(&mut [0; 1]);
                });
                let got = fetch(face, &manager, Ask::get(format!("http://{place}/"))).unwrap();
                assert_eq!(got.status, 200, "{face:?} {place}");
            }
        }
    }
}

#[test]
fn a_reverse_lookup_is_the_systems_and_holds_up_nobody() {
    let directory = Directory::new("names");
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text).unwrap();
    write("hosts", "127.0.0.1 localhost\n203.0.113.7 infile.test\n203.0.113.8 a.test b.test\n");
    write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n");
    write("nsswitch.conf", "hosts: dns files\n");
    if is_inside(&directory, NAMES) {
        reverse_lookups();
    }
}

/// A name server that knows one address, denies another and is silent about all others.
fn name_server() {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let asked = &buffer[..length];
            let is_about = |label: &[u8]| asked.windows(label.len()).any(|some| some == label);
            // The question up to its end, without what else there is.
            let end = 12 + asked[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
            let known = is_about(b"\x017\x03113\x010\x03203");
            if !known && !is_about(b"\x018\x03113\x010\x03203") {
                continue;
            }
            let code = if known { 0x80 } else { 0x83 };
            let mut said =
                [&asked[..2], &[0x81, code, 0, 1, 0, u8::from(known), 0, 0, 0, 0]].concat();
            said.extend_from_slice(&asked[12..end]);
            if known {
                said.extend_from_slice(b"\xc0\x0c\0\x0c\0\x01\0\0\0\x3c\0\x0c\x05seven\x04test\0");
            }
            socket.send_to(&said, from).unwrap();
        }
    });
}

fn reverse_lookups() {
    name_server();
    let resolve = Wait::from(Duration::from_millis(500));
    let manager = Manager::builder().timeouts(Timeouts { resolve, ..Timeouts::default() }).build();
    // As nsswitch says DNS comes before the hosts file, whose other names come along.
    let blocking = manager.blocking();
    assert_eq!(blocking.names_of([203, 0, 113, 7].into()).unwrap(), ["seven.test"]);
    assert_eq!(blocking.names_of([203, 0, 113, 8].into()).unwrap(), ["a.test", "b.test"]);

    // The server is silent, and the system waits for it: on no thread of the runtime.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (took, longest) = runtime.block_on(async {
        let began = Instant::now();
        let mut looking = Box::pin(manager.names_of([203, 0, 113, 9].into()));
        let (mut last, mut longest) = (began, Duration::ZERO);
        loop {
            tokio::select! {
                found = &mut looking => {
                    assert_eq!(found.unwrap_err().kind, LookupFault::Timeout);
                    return (began.elapsed(), longest);
                }
                () = tokio::time::sleep(Duration::from_millis(1)) => {
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                }
            }
        }
    });
    eprintln!("given up after {took:?}; the runtime stood still for {longest:?} at most");
    assert!(took >= Duration::from_millis(490) && took < Duration::from_secs(1), "{took:?}");
    assert!(longest < Duration::from_millis(200), "{longest:?}");
    // The runtime would wait for the thread that still asks.
    runtime.shutdown_background();
}
