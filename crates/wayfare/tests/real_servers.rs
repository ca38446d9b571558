//! The same few exchanges with the servers that the world runs: nginx, Apache httpd, nghttpd.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Failing here fails the test; skips are told.

mod it;

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use it::{
    Ask, Directory, FACES, Face, fetch, fetch_awaited, free_port, identity, manager_for, runtime,
};
use wayfare::Manager;
use wayfare::options::{Connections, EarlyData, Versions};
use wayfare::tls::EarlyOutcome;
use wayfare_testkit::content::{bytes_of, sha256_hex, text_of};

/// A server that is ended with the test.
struct Running {
    process: Child,
    _directory: Directory,
    plain: String,
    secure: String,
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

fn free_ports() -> (u16, u16) {
    (free_port(), free_port())
}

/// The site that every server serves, and the files for its identity.
fn site(name: &str) -> Directory {
    let directory = Directory::new(name);
    for part in ["www", "www/dav", "tmp", "logs"] {
        fs::create_dir_all(directory.join(part)).unwrap();
    }
    // The server's own children may run as another user.
    let open: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    for part in ["", "www", "www/dav", "tmp", "logs"] {
        fs::set_permissions(directory.join(part), open.clone()).unwrap();
    }
    fs::write(directory.join("www/small.txt"), "It works.\n").unwrap();
    fs::write(directory.join("www/text.txt"), text_of(50_000)).unwrap();
    fs::write(directory.join("www/big.bin"), bytes_of(6_000_000, 9)).unwrap();
    let (_, server) = identity();
    fs::write(directory.join("chain.pem"), server.chain_pem()).unwrap();
    fs::write(directory.join("key.pem"), server.key_pem()).unwrap();
    directory
}

fn start(mut command: Command, directory: Directory, ports: (u16, u16)) -> Running {
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let process = process.spawn().unwrap();
    let began = Instant::now();
    for port in [ports.0, ports.1] {
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "the server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Running {
        process,
        _directory: directory,
        plain: format!("http://localhost:{}", ports.0),
        secure: format!("https://localhost:{}", ports.1),
    }
}

fn nginx(extra: &str) -> Option<Running> {
    let program = find("nginx")?;
    let (directory, ports) = (site("nginx"), free_ports());
    let root = directory.0.display();
    let config = format!(
        "daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/logs/error.log;\n\
         events {{ worker_connections 512; }}\n\
         http {{\n\
           access_log off; types {{ text/plain txt; }} default_type application/octet-stream;\n\
           client_body_temp_path {root}/tmp/body; proxy_temp_path {root}/tmp/proxy;\n\
           fastcgi_temp_path {root}/tmp/fcgi; uwsgi_temp_path {root}/tmp/uwsgi;\n\
           scgi_temp_path {root}/tmp/scgi; client_max_body_size 100m;\n\
           gzip on; gzip_min_length 1000; gzip_types text/plain; {extra}\n\
           server {{\n\
             listen 127.0.0.1:{}; listen 127.0.0.1:{} ssl http2; root {root}/www;\n\
             ssl_certificate {root}/chain.pem; ssl_certificate_key {root}/key.pem;\n\
             location /dav/ {{ dav_methods PUT DELETE; }}\n\
             location /early {{ if ($ssl_early_data) {{ return 425; }} return 200 \"late\\n\"; }}\n\
             location /told {{ return 200 \"$ssl_early_data\\n\"; }}\n\
             location /echo {{ return 200 \"posted\\n\"; }}\n\
           }}\n\
         }}\n",
        ports.0, ports.1
    );
    fs::write(directory.join("nginx.conf"), config).unwrap();
    let mut command = Command::new(program);
    command.arg("-c").arg(directory.join("nginx.conf")).arg("-p").arg(&directory.0);
    command.arg("-e").arg(directory.join("logs/error.log"));
    Some(start(command, directory, ports))
}

fn apache() -> Option<Running> {
    let program = find("apache2").or_else(|| find("httpd"))?;
    let modules = Path::new("/usr/lib/apache2/modules");
    let (directory, ports) = (site("apache"), free_ports());
    let root = directory.0.display();
    let names = [
        "mpm_event",
        "authz_core",
        "dir",
        "mime",
        "filter",
        "deflate",
        "socache_shmcb",
        "ssl",
        "http2",
        "unixd",
    ];
    let loads: String = names
        .iter()
        .filter(|name| modules.join(format!("mod_{name}.so")).exists())
        .map(|name| format!("LoadModule {name}_module {}/mod_{name}.so\n", modules.display()))
        .collect();
    let config = format!(
        "{loads}ServerRoot {root}\nPidFile {root}/httpd.pid\nErrorLog {root}/logs/error.log\n\
         ServerName localhost\nListen 127.0.0.1:{0}\nListen 127.0.0.1:{1}\n\
         User nobody\nGroup nogroup\nDocumentRoot {root}/www\nProtocols h2 h2c http/1.1\n\
         KeepAlive On\nMaxKeepAliveRequests 50\nTypesConfig /etc/mime.types\n\
         AddOutputFilterByType DEFLATE text/plain\n\
         <Directory {root}/www>\nRequire all granted\n</Directory>\n\
         <VirtualHost 127.0.0.1:{1}>\nSSLEngine on\nSSLCertificateFile {root}/chain.pem\n\
         SSLCertificateKeyFile {root}/key.pem\n</VirtualHost>\n",
        ports.0, ports.1
    );
    fs::write(directory.join("httpd.conf"), config).unwrap();
    let mut command = Command::new(program);
    command.arg("-X").arg("-f").arg(directory.join("httpd.conf"));
    Some(start(command, directory, ports))
}

/// nghttpd speaks HTTP/2 only: with prior knowledge here, with ALPN on its other port.
fn nghttpd() -> Option<(Running, Running)> {
    let program = find("nghttpd")?;
    let begin = |secure: bool| {
        let (directory, (port, _)) = (site("nghttpd"), free_ports());
        let mut command = Command::new(&program);
        command.args(["-a", "127.0.0.1", "-d"]).arg(directory.join("www"));
        if secure {
            command.arg(port.to_string());
            command.arg(directory.join("key.pem")).arg(directory.join("chain.pem"));
        } else {
            command.arg("--no-tls").arg(port.to_string());
        }
        start(command, directory, (port, port))
    };
    Some((begin(false), begin(true)))
}

/// What every server can do, asked for in every face.
fn check(base: &str, versions: Versions, version: http::Version) {
    for face in FACES {
        let manager = manager_for(versions);
        let get = |path: &str| fetch(face, &manager, Ask::get(format!("{base}{path}"))).unwrap();
        let got = get("/small.txt");
        assert_eq!((got.status, got.text(), got.version), (200, "It works.\n", version), "{base}");
        assert!(get("/small.txt").reused, "{base} {face:?}");
        let head = fetch(face, &manager, Ask::new("HEAD", format!("{base}/small.txt"))).unwrap();
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(get("/missing").status, 404);
        assert_eq!(get("/text.txt").text(), text_of(50_000), "gzip or not");
        assert_eq!(sha256_hex(&get("/big.bin").body), sha256_hex(&bytes_of(6_000_000, 9)));
        assert!(get("/small.txt").reused, "{base} {face:?}");
    }
}

fn check_ranges(base: &str, versions: Versions) {
    for face in FACES {
        let ask = Ask::get(format!("{base}/big.bin")).header("Range", "bytes=1000000-1000099");
        let got = fetch(face, &manager_for(versions), ask).unwrap();
        assert_eq!(
            (got.status, got.header("content-range")),
            (206, "bytes 1000000-1000099/6000000")
        );
        assert_eq!(got.body, bytes_of(6_000_000, 9).slice(1_000_000..1_000_100));
    }
}

const ONE: http::Version = http::Version::HTTP_11;
const TWO: http::Version = http::Version::HTTP_2;

#[test]
fn nginx_is_understood() {
    let Some(server) = nginx("") else { return };
    check(&server.plain, Versions::Any, ONE);
    check(&server.secure, Versions::Any, TWO);
    check(&server.secure, Versions::Http1, ONE);
    for versions in [Versions::Http1, Versions::Any] {
        check_ranges(&server.secure, versions);
        for face in FACES {
            let manager = manager_for(versions);
            let url = format!("{}/dav/put-{face:?}-{versions:?}", server.secure);
            let put = fetch(face, &manager, Ask::put(&url, bytes_of(3_000_000, 2))).unwrap();
            assert_eq!(put.status, 201);
            assert_eq!(fetch(face, &manager, Ask::get(&url)).unwrap().body, bytes_of(3_000_000, 2));
            let post = Ask::post(format!("{}/echo", server.secure), "a=b");
            assert_eq!(fetch(face, &manager, post).unwrap().text(), "posted\n");
            let gone = fetch(face, &manager, Ask::new("DELETE", &url)).unwrap();
            assert_eq!(gone.status, 204);
        }
    }
}

#[test]
fn apache_is_understood() {
    let Some(server) = apache() else { return };
    check(&server.plain, Versions::Any, ONE);
    check(&server.plain, Versions::Http2, TWO);
    check(&server.secure, Versions::Any, TWO);
    check(&server.secure, Versions::Http1, ONE);
    check_ranges(&server.plain, Versions::Any);
    check_ranges(&server.secure, Versions::Any);
}

#[test]
fn nghttpd_is_understood() {
    let Some((plain, secure)) = nghttpd() else { return };
    check(&plain.plain, Versions::Http2, TWO);
    check(&secure.secure, Versions::Any, TWO);
}

#[test]
fn nginx_takes_early_data_and_asks_again_for_what_came_too_early() {
    let Some(server) = nginx("ssl_protocols TLSv1.3; ssl_early_data on;") else { return };
    for (face, versions) in FACES
        .into_iter()
        .flat_map(|face| [Versions::Http1, Versions::Http2].map(|versions| (face, versions)))
    {
        // nginx calls early what it gets to before the handshake is over, which a busy machine may
        // keep it from; then it is asked anew.
        let is_seen = (0..50).any(|_| is_asked_again(face, versions, &server));
        assert!(is_seen, "{face:?} {versions:?}");
    }
}

/// False if nginx came to a request too late to find that it was early.
fn is_asked_again(face: Face, versions: Versions, server: &Running) -> bool {
    // Connections are closed before a ticket comes after early data; the first sends two.
    let (tls, idle) = (it::trust().with_early_data(EarlyData::Safe), Duration::ZERO);
    let connections = Connections { versions, idle, ..Connections::default() };
    let manager = Manager::builder().tls(tls).connections(connections).build();
    let get = |path: &str| {
        let got = fetch(face, &manager, Ask::get(format!("{}{path}", server.secure))).unwrap();
        (got.status, got.text().to_owned(), got.early)
    };
    assert_eq!(get("/told"), (200, "\n".to_owned(), EarlyOutcome::NotSent), "{face:?}: no session");
    let (status, told, early) = get("/told");
    assert_eq!((status, early), (200, EarlyOutcome::Accepted), "{face:?}");
    let (status, text, again) = get("/early");
    assert_eq!((status, &*text), (200, "late\n"), "{face:?}");
    if told != "1\n" || again == EarlyOutcome::Accepted {
        return false;
    }
    let spared = (200, "\n".to_owned(), EarlyOutcome::NotSent);
    assert_eq!(get("/told"), spared, "{face:?}: not for an hour");
    let post = Ask::post(format!("{}/told", server.secure), "x");
    assert_eq!(fetch(face, &manager, post).unwrap().text(), "\n");
    true
}

/// Sends many GETs and some POSTs at once; none may fail.
fn hammer(base: &str, versions: Versions, requests: usize) {
    let manager = manager_for(versions);
    runtime().block_on(async {
        let tasks: Vec<_> = (0..16)
            .map(|task| {
                let (manager, base) = (manager.clone(), base.to_owned());
                tokio::spawn(async move {
                    for number in 0..requests / 16 {
                        let ask = match number % 4 {
                            3 => Ask::post(format!("{base}/echo"), "x"),
                            _ => Ask::get(format!("{base}/small.txt")),
                        };
                        let got = fetch_awaited(&manager, ask).await;
                        let got = got.unwrap_or_else(|why| panic!("{task}/{number}: {why:?}"));
                        assert_eq!(got.status, 200);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..requests / 16 {
                    let ask = Ask::get(format!("{base}/small.txt"));
                    fetch(Face::Waited, &manager, ask).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_connection_that_nginx_ends_after_some_requests_costs_no_error() {
    let Some(server) = nginx("keepalive_requests 7;") else { return };
    hammer(&server.plain, Versions::Any, 3_200);
    hammer(&server.secure, Versions::Http1, 800);
    // Over HTTP/2 more requests than that are under way at once, and most of them are refused
    // many times; but each connection answers some.
    hammer(&server.secure, Versions::Any, 1_600);
    at_once(&server.secure, 200);
    let Some(server) = nginx("keepalive_requests 100;") else { return };
    hammer(&server.secure, Versions::Any, 6_400);
}

/// Sends so many GETs in one burst; none may fail.
fn at_once(base: &str, requests: usize) {
    let manager = manager_for(Versions::Any);
    runtime().block_on(async {
        let start = |_| {
            let (manager, url) = (manager.clone(), format!("{base}/small.txt"));
            tokio::spawn(async move { fetch_awaited(&manager, Ask::get(url)).await })
        };
        let tasks: Vec<_> = (0..requests).map(start).collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap().status, 200);
        }
    });
}

#[test]
fn a_connection_that_nginx_ends_when_it_is_idle_costs_no_error() {
    let Some(server) = nginx("keepalive_timeout 1s;") else { return };
    let kinds = [
        (&server.plain, Versions::Any),
        (&server.secure, Versions::Http1),
        (&server.secure, Versions::Any),
    ];
    std::thread::scope(|scope| {
        for (base, versions) in kinds {
            for face in FACES {
                scope.spawn(move || {
                    let manager = manager_for(versions);
                    for round in 0..8 {
                        let get = fetch(face, &manager, Ask::get(format!("{base}/small.txt")));
                        get.unwrap_or_else(|why| panic!("{face:?} {round}: {why:?}"));
                        // Around the moment at which the server closes.
                        std::thread::sleep(Duration::from_millis(985 + 5 * round));
                    }
                });
            }
        }
    });
}
