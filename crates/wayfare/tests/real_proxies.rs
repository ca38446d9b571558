//! The same exchanges through proxies that the world runs: squid, tinyproxy, dante, microsocks.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr)] // Failing here fails the test; skips are told.

mod dante;
mod it;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dante::Dante;
use it::{Ask, Directory, FACES, fetch, identity, runtime, trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wayfare::options::{Proxies, Wait};
use wayfare::sockets::{Endpoint, Target};
use wayfare::{Error, ErrorKind, Manager, ProxyProblem};
use wayfare_testkit::{Protocols, Server};

/// A proxy that is ended with the test.
struct Running {
    process: Child,
    _directory: Directory,
    ports: [u16; 2],
}

impl Drop for Running {
    fn drop(&mut self) {
        // In order, so that it ends its own children; by force if it does not.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Finds a program, or says that its tests are skipped; where tests are the point, that is an error.
fn find(program: &str) -> Option<String> {
    let places = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin"];
    let found =
        places.iter().map(|place| format!("{place}/{program}")).find(|p| Path::new(p).exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// Starts a proxy with its settings, which name the directory and two ports that were free a moment
/// ago; as many of these as it listens on are waited for.
fn start(
    program: &str,
    listening: usize,
    settings: impl Fn(&str, [u16; 2]) -> (String, Vec<String>),
) -> Option<Running> {
    let program = find(program)?;
    let directory = Directory::new("proxy");
    // The proxy may go on as another user.
    let open: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(&directory.0, open).unwrap();
    let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
    let held = [bind(), bind()];
    let ports = [held[0].local_addr().unwrap().port(), held[1].local_addr().unwrap().port()];
    drop(held);
    let (config, arguments) = settings(&directory.0.display().to_string(), ports);
    fs::write(directory.join("config"), config).unwrap();
    let process = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running { process, _directory: directory, ports };
    let began = Instant::now();
    for port in &ports[..listening] {
        while TcpStream::connect(("127.0.0.1", *port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "the proxy does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Some(running)
}

fn servers() -> [Server; 2] {
    let plain = Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
    let secure = Server::builder().tls(&identity().1).protocols(Protocols::Both);
    [plain, secure.bind_on_thread("127.0.0.1:0").unwrap()]
}

fn manager(way: &str) -> Manager {
    Manager::builder().tls(trust()).proxies(Proxies::through(way).unwrap()).build()
}

/// Uploads, downloads and small exchanges on kept connections, through one proxy.
fn exchange_through(way: &str) {
    let servers = servers();
    for face in FACES {
        let manager = manager(way);
        for server in &servers {
            for host in ["localhost", "127.0.0.1"] {
                let url = |path: &str| server.url_at(host, path);
                for _ in 0..3 {
                    let got = fetch(face, &manager, Ask::get(url("/get"))).unwrap();
                    assert_eq!(got.status, 200, "{way} {}", url(""));
                }
                let got = fetch(face, &manager, Ask::get(url("/bytes/3000000?seed=7"))).unwrap();
                assert!(got.body == wayfare_testkit::content::bytes_of(3_000_000, 7), "{way}");
                let body = vec![b'x'; 300_000];
                let got =
                    fetch(face, &manager, Ask::post(url("/echo-body"), body.clone())).unwrap();
                assert!(got.body == body, "{way} {}", url(""));
            }
        }
    }
    for request in servers.iter().flat_map(Server::requests) {
        assert!(!request.headers.contains_key("proxy-authorization"), "{way}");
    }
}

fn problem(way: &str, url: &str) -> ProxyProblem {
    let error: Error = fetch(FACES[1], &manager(way), Ask::get(url)).unwrap_err();
    match error.kind() {
        ErrorKind::Proxy(problem) => problem,
        other => panic!("{way}: {other:?}: {error}"),
    }
}

/// Wrong credentials and none are both refused.
fn insists_on_credentials(scheme: &str, port: u16) {
    for server in servers() {
        for who in ["", "ada:wrong@"] {
            let way = format!("{scheme}://{who}127.0.0.1:{port}");
            assert_eq!(problem(&way, &server.url("/get")), ProxyProblem::Authentication, "{way}");
        }
        assert_eq!(server.request_count(), 0);
    }
}

#[test]
fn squid_with_credentials_in_clear_text_and_over_tls() {
    let settings = |root: &str, [plain, secure]: [u16; 2]| {
        let (_, server) = identity();
        fs::write(format!("{root}/chain.pem"), server.chain_pem()).unwrap();
        fs::write(format!("{root}/key.pem"), server.key_pem()).unwrap();
        let asked = "while read who secret; do\n\
                     if [ \"$who $secret\" = 'ada secret' ]; then echo OK; else echo ERR; fi\n\
                     done\n";
        fs::write(format!("{root}/asked.sh"), asked).unwrap();
        let config = format!(
            "http_port 127.0.0.1:{plain}\n\
             https_port 127.0.0.1:{secure} tls-cert={root}/chain.pem tls-key={root}/key.pem\n\
             auth_param basic program /bin/sh {root}/asked.sh\n\
             auth_param basic realm squid\n\
             acl known proxy_auth REQUIRED\n\
             http_access allow known\n\
             http_access deny all\n\
             cache deny all\n\
             access_log none\n\
             cache_log {root}/cache.log\n\
             pid_filename none\n\
             coredump_dir {root}\n\
             shutdown_lifetime 0 seconds\n\
             visible_hostname squid.test\n"
        );
        (config, vec!["-N".into(), "-f".into(), format!("{root}/config")])
    };
    let Some(squid) = start("squid", 2, settings) else { return };
    let [plain, secure] = squid.ports;
    exchange_through(&format!("http://ada:secret@127.0.0.1:{plain}"));
    exchange_through(&format!("https://ada:secret@localhost:{secure}"));
    insists_on_credentials("http", plain);
    insists_on_credentials("https", secure);
}

/// Squid that asks who is asking as `rules` say, which name files in its directory by `ROOT`.
fn squid_asking(rules: &str) -> Option<Running> {
    let settings = |root: &str, [plain, _]: [u16; 2]| {
        // The hash of `ada:squid:secret`.
        let known = "ada:squid:47684fb90e80cc9bcbf734ed84e01527\n";
        fs::write(format!("{root}/known"), known).unwrap();
        fs::write(format!("{root}/ntlm.sh"), NTLM_HELPER).unwrap();
        let config = format!(
            "http_port 127.0.0.1:{plain}\n\
             {}\
             acl known proxy_auth REQUIRED\n\
             http_access allow known\n\
             http_access deny all\n\
             cache deny all\n\
             access_log none\n\
             cache_log {root}/cache.log\n\
             pid_filename none\n\
             coredump_dir {root}\n\
             shutdown_lifetime 0 seconds\n\
             visible_hostname squid.test\n",
            rules.replace("ROOT", root)
        );
        (config, vec!["-N".into(), "-f".into(), format!("{root}/config")])
    };
    start("squid", 1, settings)
}

#[test]
fn squid_with_digest() {
    let helper = "/usr/lib/squid/digest_file_auth";
    if !Path::new(helper).exists() {
        assert!(std::env::var_os("CI").is_none(), "{helper} is not installed");
        eprintln!("skipped: {helper} is not installed");
        return;
    }
    let rules = format!(
        "auth_param digest program {helper} -c ROOT/known\n\
         auth_param digest realm squid\n\
         auth_param digest nonce_max_count 3\n"
    );
    let Some(squid) = squid_asking(&rules) else { return };
    let port = squid.ports[0];
    let way = format!("http://ada:secret@127.0.0.1:{port}");
    exchange_through(&way);
    for server in servers() {
        // A body that can be sent once, to a proxy that has not asked yet.
        let body = wayfare::Body::blocking_reader(std::io::Cursor::new("hello"), Some(5));
        let ask = Ask::post(server.url("/echo-body"), body);
        let got = fetch(FACES[2], &manager(&way), ask).unwrap();
        assert_eq!((got.status, got.text()), (200, "hello"));
    }
    insists_on_credentials("http", port);
}

/// Asks a fixed question and takes every message of the third kind: the proof itself is checked by
/// other tests, and the talk over connections by squid.
const NTLM_HELPER: &str = "while read kind message; do\n\
    case \"$kind $message\" in\n\
    YR*) echo TT TlRMTVNTUAACAAAAAAAAADAAAAAFgomgASNFZ4mrze8AAAAAAAAAABAAEAAwAAAABwAIAAAAAAAAAAAAAAAAAA==;;\n\
    'KK TlRMTVNTUAAD'*) echo AF ada;;\n\
    *) echo NA no;;\n\
    esac\n\
    done\n";

#[test]
fn squid_with_ntlm() {
    let rules = "auth_param ntlm program /bin/sh ROOT/ntlm.sh\n";
    let Some(squid) = squid_asking(rules) else { return };
    let port = squid.ports[0];
    exchange_through(&format!("http://ada:secret@127.0.0.1:{port}"));
    for server in servers() {
        let way = format!("http://127.0.0.1:{port}");
        assert_eq!(problem(&way, &server.url("/get")), ProxyProblem::Authentication);
        assert_eq!(server.request_count(), 0);
    }
}

#[test]
fn tinyproxy_with_credentials() {
    let settings = |root: &str, [port, _]: [u16; 2]| {
        let config = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\nAllow 127.0.0.1\n\
             LogFile \"{root}/log\"\nBasicAuth ada secret\n"
        );
        (config, vec!["-d".into(), "-c".into(), format!("{root}/config")])
    };
    let Some(tinyproxy) = start("tinyproxy", 1, settings) else { return };
    exchange_through(&format!("http://ada:secret@127.0.0.1:{}", tinyproxy.ports[0]));
    // It says 401 where 407 is meant; for a tunnel that is still the proxy's word.
    let [_, secure] = servers();
    let refused = problem(&format!("http://127.0.0.1:{}", tinyproxy.ports[0]), &secure.url("/get"));
    let said = [ProxyProblem::Status(http::StatusCode::UNAUTHORIZED), ProxyProblem::Authentication];
    assert!(said.contains(&refused), "{refused:?}");
}

#[test]
fn dante_with_credentials() {
    let Some(dante) = Dante::with_users() else { return };
    let port = dante.port;
    for scheme in ["socks5", "socks5h"] {
        exchange_through(&format!("{scheme}://ada:secret@127.0.0.1:{port}"));
        insists_on_credentials(scheme, port);
    }
    // SOCKS 4 has no passwords.
    let [plain, _] = servers();
    assert_eq!(
        problem(&format!("socks4://ada@127.0.0.1:{port}"), &plain.url("/get")),
        ProxyProblem::Refused
    );
    let proxy = |who: &str| format!("socks5://{who}127.0.0.1:{port}").parse().unwrap();
    let manager = Manager::new();
    runtime().block_on(async {
        let echo = echo();
        let mut relay = manager.relay_at(&proxy("ada:secret@")).await.unwrap();
        relay.send_to(b"hello", &echo).await.unwrap();
        assert_eq!(relay.receive(Wait::seconds(10)).await.unwrap().1, b"hello");
        for who in ["", "ada:wrong@"] {
            let error = manager.relay_at(&proxy(who)).await.unwrap_err();
            let wanted = ErrorKind::Proxy(ProxyProblem::Authentication);
            assert_eq!(error.kind(), wanted, "{error}");
        }
    });
}

/// Sends every datagram back to where it came from.
fn echo() -> Target {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 70_000];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            socket.send_to(&buffer[..length], from).unwrap();
        }
    });
    Target::new("127.0.0.1", port)
}

fn address(endpoint: &Endpoint) -> SocketAddr {
    match endpoint {
        Endpoint::Address(address) => *address,
        Endpoint::Name(name) => panic!("{name} is no address"),
    }
}

/// A peer that connects, says something, hears something and closes.
fn peer_of(bound: SocketAddr) -> std::thread::JoinHandle<(SocketAddr, String)> {
    std::thread::spawn(move || {
        let mut peer = TcpStream::connect(bound).unwrap();
        peer.write_all(b"from the peer").unwrap();
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        let mut heard = String::new();
        peer.read_to_string(&mut heard).unwrap();
        (peer.local_addr().unwrap(), heard)
    })
}

#[test]
fn dante_waits_for_a_connection_and_hands_it_over() {
    let Some(dante) = Dante::open() else { return };
    let manager = Manager::new();
    let peer = Target::new("127.0.0.1", 0);
    let gate = wayfare_testkit::proxy::Proxy::builder().bind_on_thread("127.0.0.1:0").unwrap();
    for (scheme, before) in [("socks4", ""), ("socks5", ""), ("socks5", &gate.url("http"))] {
        let proxy = format!("{before} {scheme}://127.0.0.1:{}", dante.port).parse().unwrap();
        let mut said = String::new();
        let bound = manager.blocking().bind_at(&proxy, &peer).unwrap();
        let connecting = peer_of(address(bound.address()));
        let (mut connection, from) = bound.accept(Wait::seconds(20)).unwrap();
        Read::read_to_string(&mut connection, &mut said).unwrap();
        assert_eq!(said, "from the peer", "{scheme}");
        Write::write_all(&mut connection, b"to the peer").unwrap();
        connection.shutdown().unwrap();
        let (peer_address, heard) = connecting.join().unwrap();
        assert_eq!((peer_address, heard.as_str()), (address(&from), "to the peer"), "{scheme}");

        runtime().block_on(async {
            let bound = manager.bind_at(&proxy, &peer).await.unwrap();
            let connecting = peer_of(address(bound.address()));
            let (mut connection, from) = bound.accept(Wait::seconds(20)).await.unwrap();
            let mut said = String::new();
            connection.read_to_string(&mut said).await.unwrap();
            assert_eq!(said, "from the peer", "{scheme}");
            connection.write_all(b"to the peer").await.unwrap();
            connection.shutdown().await.unwrap();
            let (peer_address, heard) = connecting.join().unwrap();
            assert_eq!((peer_address, heard.as_str()), (address(&from), "to the peer"));
        });

        // Nobody comes.
        let bound = manager.blocking().bind_at(&proxy, &peer).unwrap();
        let wait = Wait::from(Duration::from_millis(50));
        let error = bound.accept(wait).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Proxy(ProxyProblem::Timeout), "{error}");
    }
}

#[test]
fn dante_relays_datagrams() {
    let Some(dante) = Dante::open() else { return };
    let proxy = format!("socks5://127.0.0.1:{}", dante.port).parse().unwrap();
    let (manager, echo) = (Manager::new(), echo());
    let wait = Wait::seconds(20);
    let mut relay = manager.blocking().relay_at(&proxy).unwrap();
    for length in [0, 1, 9_000] {
        let data = vec![7; length];
        relay.sender().send_to(&data, &echo).unwrap();
        let (from, heard) = relay.receive(wait).unwrap();
        assert_eq!((address(&from).port(), heard), (echo.port(), &data[..]));
    }
    let nothing = relay.receive(Wait::from(Duration::from_millis(50))).unwrap_err();
    assert_eq!(nothing.kind(), std::io::ErrorKind::TimedOut);
    runtime().block_on(async {
        let mut relay = manager.relay_at(&proxy).await.unwrap();
        relay.send_to(b"hello", &echo).await.unwrap();
        assert_eq!(relay.receive(wait).await.unwrap().1, b"hello");
    });
    let old = "socks4://127.0.0.1:9".parse().unwrap();
    assert!(manager.blocking().relay_at(&old).is_err());
    let http = "http://127.0.0.1:9".parse().unwrap();
    let error = manager.blocking().bind_at(&http, &Target::new("a.test", 1)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Proxy(_)), "{error}");
}

#[test]
fn dante_in_every_version_of_socks() {
    let Some(dante) = Dante::open() else { return };
    // It takes the names of SOCKS 4a for addresses, so those are for the scripted proxies.
    for scheme in ["socks4", "socks5", "socks5h"] {
        exchange_through(&format!("{scheme}://127.0.0.1:{}", dante.port));
    }
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let way = format!("socks5://127.0.0.1:{}", dante.port);
    assert_eq!(problem(&way, &format!("http://{dead}/")), ProxyProblem::Refused);
}

#[test]
fn microsocks_with_credentials() {
    let settings = |_: &str, [port, _]: [u16; 2]| {
        let line = format!("-i 127.0.0.1 -p {port} -u ada -P secret");
        (String::new(), line.split(' ').map(str::to_owned).collect())
    };
    let Some(microsocks) = start("microsocks", 1, settings) else { return };
    for scheme in ["socks5", "socks5h"] {
        exchange_through(&format!("{scheme}://ada:secret@127.0.0.1:{}", microsocks.ports[0]));
        insists_on_credentials(scheme, microsocks.ports[0]);
    }
}
