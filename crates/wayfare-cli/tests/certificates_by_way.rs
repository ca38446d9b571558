//! The command refuses the same certificates by every way, with the same code and the same words.

#![allow(clippy::unwrap_used)]

mod command;

use command::{Scratch, run};
use wayfare_testkit::proxy::Proxy;
use wayfare_testkit::{Authority, Server, ServerIdentity};

const LOCAL: &str = "127.0.0.1:0";

#[test]
fn a_bad_certificate_is_as_bad_by_every_way() {
    let (authority, scratch) = (Authority::new(), Scratch::new());
    let pem = scratch.path("authority.pem");
    authority.write_pem(&pem).unwrap();
    let names = ["localhost", "127.0.0.1"];
    let good = authority.issue(&names);
    let serve =
        |identity: &ServerIdentity| Server::builder().tls(identity).bind_on_thread(LOCAL).unwrap();
    let servers = [
        ("good", serve(&good), 0, ""),
        ("expired", serve(&authority.issue_expired(&names)), 60, "expired"),
        ("not yet", serve(&authority.issue_not_yet_valid(&names)), 60, "not valid yet"),
        ("wrong name", serve(&authority.issue_for_wrong_name()), 60, "wrong-name.invalid"),
        ("self-signed", serve(&ServerIdentity::self_signed(&names)), 60, "vouched"),
        ("untrusted", serve(&Authority::new().issue(&names)), 60, "vouched"),
        ("no TLS", Server::builder().bind_on_thread(LOCAL).unwrap(), 35, "speak TLS"),
    ];
    let clients = Authority::new();
    let asking =
        Server::builder().tls_asking_clients(&good, &clients).bind_on_thread(LOCAL).unwrap();
    let plain = Proxy::builder().bind_on_thread(LOCAL).unwrap();
    let secure = Proxy::builder().tls(&good).bind_on_thread(LOCAL).unwrap();
    let second = Proxy::builder().bind_on_thread(LOCAL).unwrap();
    let ways = [
        "direct".to_owned(),
        plain.url("http"),
        secure.url("https"),
        plain.url("socks4a"),
        plain.url("socks5"),
        plain.url("socks5h"),
        format!("{} {}", plain.url("http"), second.url("socks5h")),
        format!("{} {}", secure.url("https"), second.url("http")),
    ];
    let cacert = pem.display().to_string();
    for way in &ways {
        let ask = |server: &Server| {
            let url = server.url("/get").replace("http://", "https://");
            run(&["get", "-s", "-S", "--cacert", &cacert, "-x", way, &url])
        };
        for (name, server, code, words) in &servers {
            let ended = ask(server);
            assert_eq!(ended.code, *code, "{way}, {name}: {}", ended.err);
            assert!(ended.err.contains(words), "{way}, {name}: {}", ended.err);
        }
        // TLS 1.3 says it after the handshake is over for the client.
        let ended = ask(&asking);
        assert!([35, 56].contains(&ended.code), "{way}: {} {}", ended.code, ended.err);
    }
    for (name, server, code, _) in &servers {
        let wanted = if *code == 0 { ways.len() as u64 } else { 0 };
        assert_eq!(server.request_count(), wanted, "{name}");
    }
    assert_eq!(asking.request_count(), 0);
}
