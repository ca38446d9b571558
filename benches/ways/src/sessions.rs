//! A TLS session that is continued against a full handshake.

use std::process::Command;

use wayfare::Manager;
use wayfare::options::{Connections, Proxies, Resumption, Tls, Versions};
use wayfare::tls::Session;

use crate::Row;
use crate::measure::{median, micros};
use crate::server::{Keys, Running};

/// For both kinds of keys: the first two connections of a program, and those of one that has run
/// for long, where everything that is done once has been done.
///
/// In the long run a continued session saves the signatures and nothing else: a key exchange is made
/// all the same, or whoever gets a ticket's keys some day could read what was sent. With the TCP
/// connection and the key schedule that is about half of a full handshake with ECDSA, and more with
/// RSA, whose signatures are checked so quickly.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for keys in [Keys::Ecdsa, Keys::Rsa] {
        let server = Running::start(keys);
        let url = format!("https://127.0.0.1:{}/", server.port);
        let pairs: Vec<_> = (0..PROGRAMS).map(|_| program(&url, &server.authority)).collect();
        rows.push(Row {
            what: format!("the first two connections of a program ({keys:?})"),
            long: ("full", median(pairs.iter().map(|pair| pair.0).collect())),
            short: ("continued", median(pairs.iter().map(|pair| pair.1).collect())),
            wanted: Some(0.5),
        });
        let full = handshakes(&server.authority, &url, Resumption::Off);
        let continued = handshakes(&server.authority, &url, Resumption::On);
        rows.push(Row {
            what: format!("connections in the long run ({keys:?})"),
            long: ("full", full),
            short: ("continued", continued),
            wanted: None,
        });
        rows.push(Row {
            what: format!("of which the key exchange ({keys:?})"),
            long: ("continued", continued),
            short: ("key exchange", key_exchange()),
            wanted: None,
        });
    }
    rows
}

/// What this side's part of a key exchange costs.
fn key_exchange() -> f64 {
    let group = rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768;
    let once = || {
        let mut own = None;
        let begun = micros(|| own = group.start().ok());
        let own = own.expect("a key");
        let theirs = group.start_and_complete(own.pub_key()).expect("the server's part");
        begun + micros(|| drop(own.complete(&theirs.pub_key).expect("a secret")))
    };
    median((0..ROUNDS).map(|_| once()).collect())
}

/// The costs of the first two connections of a program of its own.
fn program(url: &str, authority: &str) -> (f64, f64) {
    let output = Command::new(std::env::current_exe().expect("this program's path"))
        .args(["--pair", url, authority])
        .output()
        .expect("a program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut costs = text.split_whitespace().map(|word| word.parse().expect("a number"));
    (costs.next().expect("the first"), costs.next().expect("the second"))
}

/// Opens two connections and prints what each cost. There is no store of authorities to be read.
pub fn pair() {
    let mut words = std::env::args().skip(2);
    let (url, authority) = (words.next().expect("a URL"), words.next().expect("an authority"));
    let manager = manager(&authority, Resumption::On);
    for wanted in [Session::Full, Session::Resumed] {
        println!("{}", connect(&manager, &url, wanted));
    }
}

/// What opening a connection costs in the long run.
fn handshakes(authority: &str, url: &str, resumption: Resumption) -> f64 {
    let manager = manager(authority, resumption);
    let wanted = match resumption {
        Resumption::Off => Session::Full,
        Resumption::On => Session::Resumed,
    };
    connect(&manager, url, Session::Full);
    let mut costs: Vec<_> = (0..ROUNDS + WARM).map(|_| connect(&manager, url, wanted)).collect();
    median(costs.split_off(WARM))
}

fn manager(authority: &str, resumption: Resumption) -> Manager {
    let tls = Tls::default().with_only_authority_pem(authority).expect("an authority");
    let connections = Connections { versions: Versions::Http1, ..Connections::default() };
    Manager::builder()
        .tls(tls.with_resumption(resumption))
        .connections(connections)
        .proxies(Proxies::off())
        .build()
}

/// What a new connection costs, from its first packet until a request could be sent.
fn connect(manager: &Manager, url: &str, wanted: Session) -> f64 {
    manager.clear_connections();
    let mut facts = None;
    let cost = micros(|| facts = Some(manager.blocking().handshake(url).expect("a handshake")));
    assert_eq!(facts.map(|facts| facts.session), Some(wanted));
    // Tickets come behind the handshake, and are read with the answer.
    let answer = manager.blocking().get(url).send().and_then(|reply| reply.text());
    assert_eq!(answer.expect("an answer"), "ok");
    cost
}

const PROGRAMS: usize = 41;
const ROUNDS: usize = 500;
const WARM: usize = 20;
