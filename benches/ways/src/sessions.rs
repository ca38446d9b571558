//! A TLS session that is continued against a full handshake.

use wayfare::Manager;
use wayfare::options::{Connections, Proxies, Resumption, Tls, Versions};
use wayfare::tls::Session;

use crate::Row;
use crate::measure::{median, micros};
use crate::server::{Keys, Running};

/// The server's chain is signed with ECDSA over P-256, as most are.
pub fn ecdsa() -> Row {
    row("TLS handshake (ECDSA)", Keys::Ecdsa)
}

/// Checking a signature with RSA costs least of all.
pub fn rsa() -> Row {
    row("TLS handshake (RSA)", Keys::Rsa)
}

fn row(what: &'static str, keys: Keys) -> Row {
    let server = Running::start(keys);
    let url = format!("https://127.0.0.1:{}/", server.port);
    let full = handshakes(&server.authority, &url, Resumption::Off);
    let resumed = handshakes(&server.authority, &url, Resumption::On);
    Row { what, long: ("full", full), short: ("continued", resumed), wanted: 0.5 }
}

/// What opening a connection costs, from the first packet until a request could be sent.
fn handshakes(authority: &str, url: &str, resumption: Resumption) -> f64 {
    let tls = Tls::default().with_only_authority_pem(authority).expect("an authority");
    let connections = Connections { versions: Versions::Http1, ..Connections::default() };
    let manager = Manager::builder()
        .tls(tls.with_resumption(resumption))
        .connections(connections)
        .proxies(Proxies::off())
        .build();
    let wanted = match resumption {
        Resumption::Off => Session::Full,
        Resumption::On => Session::Resumed,
    };
    let mut costs = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS + WARM {
        manager.clear_connections();
        let mut facts = None;
        let cost = micros(|| facts = Some(manager.blocking().handshake(url).expect("a handshake")));
        if round >= WARM {
            assert_eq!(facts.map(|facts| facts.session), Some(wanted));
            costs.push(cost);
        }
        // Tickets come behind the handshake, and are read with the answer.
        let answer = manager.blocking().get(url).send().and_then(|reply| reply.text());
        assert_eq!(answer.expect("an answer"), "ok");
    }
    median(costs)
}

const ROUNDS: usize = 500;
const WARM: usize = 20;
