//! A kept answer against the system's resolver, for a name in the hosts file.

use std::hint::black_box;
use std::net::ToSocketAddrs;

use wayfare::Manager;

use crate::Row;
use crate::measure::{median, micros};

pub fn kept() -> Row {
    let manager = Manager::new();
    let asked = || manager.blocking().addresses_of("localhost").expect("a line of the hosts file");
    assert!(asked().iter().all(std::net::IpAddr::is_loopback));
    let system = || {
        let found = ("localhost", 0).to_socket_addrs().expect("a line of the hosts file");
        black_box(found.count());
    };
    let each = |work: &dyn Fn()| {
        let round = || micros(|| (0..TIMES).for_each(|_| work())) / TIMES as f64;
        median((0..ROUNDS).map(|_| round()).collect())
    };
    Row {
        what: "addresses of a name".to_owned(),
        long: ("getaddrinfo", each(&system)),
        short: ("kept", each(&|| drop(black_box(asked())))),
        wanted: Some(0.05),
    }
}

const ROUNDS: usize = 21;
const TIMES: usize = 200;
