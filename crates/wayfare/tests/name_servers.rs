//! The own resolver with a name server that the world runs: unbound, over UDP, TCP, TLS and HTTPS.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Failing here fails the test; skips are told.

mod it;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use it::{Ask, Directory, FACES, Face, fetch, identity, runtime, trust};
use wayfare::Manager;
use wayfare::dns::{Data, LookedUp, LookupFailure, LookupFault, NameServer, RecordType, Transport};
use wayfare::options::{Dns, Resolver, Tls};
use wayfare::proxy::Chain;
use wayfare_testkit::proxy::Proxy;

/// A name server that is ended with the test.
struct Unbound {
    process: Child,
    _directory: Directory,
    servers: [NameServer; 4],
}

impl Drop for Unbound {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const ZONE: &str = "$ORIGIN zone.test.
@ 3600 IN SOA ns.zone.test. root.zone.test. 1 3600 600 86400 120
@ 3600 IN NS ns.zone.test.
ns 300 IN A 127.0.0.1
host 300 IN A 192.0.2.1
host 300 IN AAAA 2001:db8::1
web 300 IN A 127.0.0.1
alias 60 IN CNAME host.zone.test.
@ 300 IN MX 20 second.zone.test.
@ 300 IN MX 10 first.zone.test.
@ 300 IN TXT \"one\" \"two; three\"
_x._tcp 300 IN SRV 1 0 443 host.zone.test.
_443._tcp 300 IN TLSA 3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
@ 300 IN CAA 0 issue \"ca.test\"
@ 300 IN NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b.test!\" .
_svc 300 IN SVCB 1 host.zone.test. alpn=h2 port=8443
web 300 IN HTTPS 1 . alpn=h2,http/1.1 ipv4hint=127.0.0.1
1 300 IN PTR host.zone.test.
";

/// The server with its zone; nothing where it is not installed.
fn unbound() -> Option<Unbound> {
    let Some(program) = ["/usr/sbin/unbound", "/usr/bin/unbound", "/usr/local/sbin/unbound"]
        .into_iter()
        .find(|path| Path::new(path).exists())
    else {
        assert!(std::env::var_os("CI").is_none(), "unbound is not installed");
        eprintln!("skipped: unbound is not installed");
        return None;
    };
    let directory = Directory::new("unbound");
    let listeners: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<_> = listeners.iter().map(|one| one.local_addr().unwrap().port()).collect();
    drop(listeners);
    let [plain, tls, https] = ports[..] else { unreachable!() };
    let (_, server) = identity();
    fs::write(directory.join("chain.pem"), server.chain_pem()).unwrap();
    fs::write(directory.join("key.pem"), server.key_pem()).unwrap();
    let big: String = (0..200).map(|n| format!("big 300 IN TXT \"{n:0100}\"\n")).collect();
    fs::write(directory.join("zone"), ZONE.to_owned() + &big).unwrap();
    let root = directory.0.display();
    let config = format!(
        "server:\n interface: 127.0.0.1@{plain}\n interface: 127.0.0.1@{tls}\n\
         interface: 127.0.0.1@{https}\n tls-port: {tls}\n https-port: {https}\n\
         tls-service-key: {root}/key.pem\n tls-service-pem: {root}/chain.pem\n\
         do-daemonize: no\n use-syslog: no\n chroot: \"\"\n username: \"\"\n pidfile: \"\"\n\
         directory: \"{root}\"\n module-config: \"iterator\"\n num-threads: 1\n\
         access-control: 127.0.0.0/8 allow\n verbosity: 0\n\
         local-zone: \"test.\" nodefault\n local-zone: \"refused.test.\" always_refuse\n\
         remote-control:\n control-enable: no\n\
         auth-zone:\n name: zone.test\n zonefile: {root}/zone\n for-downstream: yes\n\
         for-upstream: yes\n fallback-enabled: no\n"
    );
    fs::write(directory.join("unbound.conf"), config).unwrap();
    let process = Command::new(program)
        .args(["-d", "-c"])
        .arg(directory.join("unbound.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(directory.join("log")).unwrap())
        .spawn()
        .unwrap();
    let began = Instant::now();
    for port in [plain, tls, https] {
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || fs::read_to_string(directory.join("log")).unwrap();
            assert!(began.elapsed() < Duration::from_secs(10), "{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let servers = [
        format!("udp://127.0.0.1:{plain}"),
        format!("tcp://127.0.0.1:{plain}"),
        format!("tls://localhost:{tls}"),
        format!("https://localhost:{https}/dns-query"),
    ]
    .map(|server| server.parse().unwrap());
    Some(Unbound { process, _directory: directory, servers })
}

fn with(server: &NameServer) -> Manager {
    let dns = Dns { resolver: Resolver::Own(vec![server.clone()]), ..Dns::default() };
    Manager::builder().dns(dns).tls(trust()).build()
}

fn look_up(
    face: Face,
    manager: &Manager,
    name: &str,
    kind: RecordType,
) -> Result<LookedUp, LookupFailure> {
    match face {
        Face::Alone => it::block_on(manager.lookup(name, kind)),
        Face::Awaited => runtime().block_on(manager.lookup(name, kind)),
        Face::Waited => manager.blocking().lookup(name, kind),
    }
}

#[test]
fn every_type_of_record_comes_over_every_transport() {
    let Some(unbound) = unbound() else { return };
    let table: &[(&str, RecordType, &[&str])] = &[
        ("host.zone.test", RecordType::A, &["192.0.2.1"]),
        ("host.zone.test", RecordType::AAAA, &["2001:db8::1"]),
        ("alias.zone.test", RecordType::A, &["192.0.2.1"]),
        ("alias.zone.test", RecordType::CNAME, &["host.zone.test."]),
        ("zone.test", RecordType::MX, &["10 first.zone.test.", "20 second.zone.test."]),
        ("zone.test", RecordType::NS, &["ns.zone.test."]),
        ("1.zone.test", RecordType::PTR, &["host.zone.test."]),
        ("_x._tcp.zone.test", RecordType::SRV, &["1 0 443 host.zone.test."]),
        ("zone.test", RecordType::TXT, &["\"one\" \"two; three\""]),
        ("zone.test", RecordType::CAA, &["0 issue \"ca.test\""]),
        ("zone.test", RecordType::NAPTR, &["100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b.test!\" ."]),
        ("_svc.zone.test", RecordType::SVCB, &["1 host.zone.test. alpn=h2 port=8443"]),
        ("web.zone.test", RecordType::HTTPS, &["1 . alpn=h2,http/1.1 ipv4hint=127.0.0.1"]),
        (
            "_443._tcp.zone.test",
            RecordType::TLSA,
            &["3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"],
        ),
    ];
    for face in FACES {
        for server in &unbound.servers {
            let manager = with(server);
            for (name, kind, expected) in table {
                let found = look_up(face, &manager, name, *kind);
                let found = found.unwrap_or_else(|why| panic!("{server} {name} {kind}: {why}"));
                assert_eq!(found.transport, server.transport());
                let shown: Vec<_> = found.records.iter().map(|one| one.data.to_string()).collect();
                assert_eq!(shown, *expected, "{server} {name} {kind}");
            }
            let any = look_up(face, &manager, "host.zone.test", RecordType::ANY).unwrap();
            assert!(!any.records.is_empty());
        }
    }
}

#[test]
fn a_long_answer_comes_over_tcp_and_nothing_is_nothing() {
    let Some(unbound) = unbound() else { return };
    for face in FACES {
        for server in &unbound.servers {
            let manager = with(server);
            let big = look_up(face, &manager, "big.zone.test", RecordType::TXT).unwrap();
            assert_eq!(big.records.len(), 200);
            let wanted = match server.transport() {
                Transport::Udp => Transport::Tcp,
                other => other,
            };
            assert_eq!(big.transport, wanted);
            let fault =
                |name: &str| look_up(face, &manager, name, RecordType::MX).unwrap_err().kind;
            assert_eq!(fault("no.zone.test"), LookupFault::NotFound);
            assert_eq!(fault("host.zone.test"), LookupFault::NoData);
            assert_eq!(fault("x.refused.test"), LookupFault::Refused);
        }
    }
}

#[test]
fn a_server_that_cannot_prove_its_name_is_not_asked() {
    let Some(unbound) = unbound() else { return };
    for server in &unbound.servers[2..] {
        let dns = Dns { resolver: Resolver::Own(vec![server.clone()]), ..Dns::default() };
        // Nobody vouches for it here.
        let manager = Manager::builder().dns(dns).build();
        let failure = look_up(Face::Waited, &manager, "host.zone.test", RecordType::A).unwrap_err();
        assert_eq!(failure.kind, LookupFault::Resolver, "{failure}");
        assert!(failure.to_string().contains("not vouched for"), "{failure}");
    }
}

#[test]
fn a_request_goes_where_the_name_server_says() {
    let Some(unbound) = unbound() else { return };
    let web = wayfare_testkit::Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
    let url = format!("http://web.zone.test:{}/get", web.address().port());
    for face in FACES {
        for server in &unbound.servers {
            assert_eq!(fetch(face, &with(server), Ask::get(&url)).unwrap().status, 200, "{server}");
        }
    }
    let found = with(&unbound.servers[0]).blocking().addresses_of("host.zone.test").unwrap();
    assert_eq!(found.len(), 2);
    let found =
        look_up(Face::Waited, &with(&unbound.servers[0]), "web.zone.test", RecordType::HTTPS);
    let Data::Https(service) = &found.unwrap().records[0].data else { panic!("another type") };
    assert!(service.is_usable());
}

#[test]
fn what_an_unproven_server_said_is_not_told_to_those_who_want_proof() {
    let Some(unbound) = unbound() else { return };
    let web = wayfare_testkit::Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
    let url = format!("http://web.zone.test:{}/get", web.address().port());
    for face in FACES {
        for server in &unbound.servers[2..] {
            let dns = Dns { resolver: Resolver::Own(vec![server.clone()]), ..Dns::default() };
            let manager = Manager::builder().dns(dns).build();
            let careless = Tls::default().dangerous().trust_everybody();
            assert_eq!(fetch(face, &manager, Ask::get(&url).tls(careless)).unwrap().status, 200);
            let error = fetch(face, &manager, Ask::get(&url)).unwrap_err();
            assert!(error.to_string().contains("not vouched for"), "{error}");
        }
    }
}

#[test]
fn connections_to_name_servers_are_kept_for_the_next_question() {
    let Some(unbound) = unbound() else { return };
    let [_, tcp, tls, https] = &unbound.servers;
    for (server, opened) in [(tls, 1), (https, 1), (tcp, 4)] {
        for face in FACES {
            let gate = Proxy::builder().bind_on_thread("127.0.0.1:0").unwrap();
            let way: Chain = gate.url("socks5h").parse().unwrap();
            let resolver = Resolver::Own(vec![server.clone()]);
            let dns = Dns { resolver, way, ..Dns::default() };
            let manager = Manager::builder().dns(dns).tls(trust()).build();
            for name in ["host", "alias", "web", "nosuch"] {
                let _ = look_up(face, &manager, &format!("{name}.zone.test"), RecordType::A);
            }
            assert_eq!(gate.connections_opened(), opened, "{face:?} {server}");
            // A machine that has changed its network begins afresh.
            manager.clear_connections();
            look_up(face, &manager, "host.zone.test", RecordType::A).unwrap();
            assert_eq!(gate.connections_opened(), opened + 1, "{face:?} {server}");
        }
    }
}

#[test]
fn a_kept_connection_to_a_name_server_that_has_gone_costs_no_error() {
    let Some(unbound) = unbound() else { return };
    for server in &unbound.servers[2..] {
        for face in FACES {
            let ask = |manager: &Manager, name: &str| {
                look_up(face, manager, &format!("{name}.zone.test"), RecordType::A).unwrap()
            };
            let resolver = Resolver::Own(vec![server.clone()]);
            let gate = Proxy::builder().bind_on_thread("127.0.0.1:0").unwrap();
            let place = gate.address();
            let way: Chain = gate.url("socks5h").parse().unwrap();
            let dns = Dns { resolver, way, ..Dns::default() };
            let manager = Manager::builder().dns(dns).tls(trust()).build();
            ask(&manager, "host");
            // With the proxy all its connections go.
            drop(gate);
            let again = Proxy::builder().bind_on_thread(place).unwrap();
            ask(&manager, "alias");
            assert_eq!(again.connections_opened(), 1, "{face:?} {server}");
        }
    }
}

#[test]
fn a_connection_to_a_name_server_is_closed_when_nobody_has_asked_for_ten_seconds() {
    let Some(unbound) = unbound() else { return };
    let gates: Vec<_> = unbound.servers[2..]
        .iter()
        .map(|server| {
            let gate = Proxy::builder().bind_on_thread("127.0.0.1:0").unwrap();
            let way: Chain = gate.url("socks5h").parse().unwrap();
            let resolver = Resolver::Own(vec![server.clone()]);
            let manager = Manager::builder().dns(Dns { resolver, way, ..Dns::default() });
            let manager = manager.tls(trust()).build();
            look_up(Face::Waited, &manager, "host.zone.test", RecordType::A).unwrap();
            (gate, manager)
        })
        .collect();
    let began = Instant::now();
    std::thread::sleep(Duration::from_secs(8));
    assert!(gates.iter().all(|(gate, _)| gate.connections_open() == 1));
    while gates.iter().any(|(gate, _)| gate.connections_open() > 0) {
        assert!(began.elapsed() < Duration::from_secs(16), "it was kept for too long");
        std::thread::sleep(Duration::from_millis(50));
    }
}
