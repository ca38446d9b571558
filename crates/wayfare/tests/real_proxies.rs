//! The same exchanges through proxies that the world runs: squid, tinyproxy, dante, microsocks.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr)] // Failing here fails the test; skips are told.

mod it;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use it::{Ask, Directory, FACES, fetch, identity, trust};
use wayfare::options::Proxies;
use wayfare::{Error, ErrorKind, Manager, ProxyProblem};
use wayfare_testkit::{Protocols, Server};

/// A proxy that is ended with the test.
struct Running {
    process: Child,
    directory: Directory,
    ports: [u16; 2],
}

impl Drop for Running {
    fn drop(&mut self) {
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
    let running = Running { process, directory, ports };
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
fn dante_in_every_version_of_socks() {
    let settings = |root: &str, [port, _]: [u16; 2]| {
        let config = format!(
            "logoutput: {root}/log\n\
             internal: 127.0.0.1 port = {port}\n\
             external: 127.0.0.1\n\
             clientmethod: none\n\
             socksmethod: none\n\
             client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}\n\
             socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}\n"
        );
        (config, vec!["-f".into(), format!("{root}/config"), "-p".into(), format!("{root}/pid")])
    };
    let Some(dante) = start("danted", 1, settings) else { return };
    // It takes the names of SOCKS 4a for addresses, so those are for the scripted proxies.
    for scheme in ["socks4", "socks5", "socks5h"] {
        exchange_through(&format!("{scheme}://127.0.0.1:{}", dante.ports[0]));
    }
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let way = format!("socks5://127.0.0.1:{}", dante.ports[0]);
    assert_eq!(problem(&way, &format!("http://{dead}/")), ProxyProblem::Refused);
    assert!(dante.directory.join("config").exists());
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
