//! The race in a real network whose IPv6 is a black hole: a namespace of its own.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr)] // Failing here fails the test; skips are told.

mod it;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use it::{Ask, Directory, FACES, fetch, manager};

/// In a network and a file system view of its own: IPv6 packets to the host go to an interface
/// that throws them away, IPv4 ones to this machine.
const SETUP: &str = "set -e
ip link set lo up
ip link add hole0 type veth peer name hole1
ip link set hole0 up
ip link set hole1 up
ip -6 addr add 2001:db8::2/64 dev hole0 nodad
ip neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev hole0
mount --bind \"$1/hosts\" /etc/hosts
exec \"$2\" --exact a_black_hole_costs_a_quarter_of_a_second_in_a_real_network --nocapture";

#[test]
fn a_black_hole_costs_a_quarter_of_a_second_in_a_real_network() {
    if std::env::var_os("WAYFARE_INSIDE_NAMESPACE").is_some() {
        return inside();
    }
    let directory = Directory::new("namespace");
    let hosts = "2001:db8::1 dual.test\n127.0.0.1 dual.test localhost\n";
    std::fs::write(directory.join("hosts"), hosts).unwrap();
    let try_out = ["-r", "-n", "-m", "ip", "link", "add", "x", "type", "veth"];
    let tried = Command::new("unshare").args(try_out).output();
    if !tried.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "no namespaces");
        eprintln!("skipped: no namespaces");
        return;
    }
    let output = Command::new("unshare")
        .args(["-r", "-n", "-m", "sh", "-c", SETUP, "sh"])
        .arg(&directory.0)
        .arg(std::env::current_exe().unwrap())
        .env("WAYFARE_INSIDE_NAMESPACE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    eprint!("{said}");
}

fn inside() {
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
