//! Who is asking, said to servers that the world runs: Apache httpd and nginx.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stderr)] // Failing here fails the test; skips are told.

mod daemon;
mod it;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use daemon::{PROGRAMS, Running, find, place, start};
use it::{Ask, FACES, Face, fetch, free_port, trust};
use wayfare::Manager;
use wayfare::delegate::Credentials;
use wayfare::event::What;
use wayfare::options::{Connections, Proxies, Versions};

/// A server with guarded places.
struct Guarded {
    running: Running,
    plain: String,
    secure: String,
}

impl Guarded {
    /// Ada's password from now on.
    fn set_password(&self, [hash, digest]: [&str; 2]) {
        let write = |name: &str, text: String| {
            fs::write(self.running.directory.join(name), text).unwrap();
        };
        write("passwords", format!("ada:{{SHA}}{hash}\n"));
        write("digests", format!("ada:site:{digest}\n"));
        write("ntlm", "HOME:ada:secret\n".to_owned());
    }
}

/// The hash of `secret`, and that of `ada:site:secret`; then of another password.
const SECRET: [&str; 2] = ["5en6G6MezRroT3XKqkdPOmY/BfQ=", "3456a3bbf7ce202712bea81e204c8adf"];
const OTHER: [&str; 2] = ["0JQeaNqPOBUf+Gph/Fn3xc+fyqI=", "549752e417ae3ed6cb1372ef8c149ccd"];

const FOLDERS: &[&str] = &["www", "www/basic", "www/digest", "www/ntlm", "logs", "tmp"];

fn guarded(command: Command, directory: it::Directory, ports: [u16; 2]) -> Guarded {
    for folder in ["basic", "digest", "ntlm"] {
        fs::write(directory.join(&format!("www/{folder}/in.txt")), "You are in.\n").unwrap();
    }
    let guarded = Guarded {
        running: start(command, directory, &ports),
        plain: format!("http://localhost:{}", ports[0]),
        secure: format!("https://localhost:{}", ports[1]),
    };
    guarded.set_password(SECRET);
    guarded
}

fn apache(modules: &[&str], rules: &str) -> Option<Guarded> {
    let program = find("apache2", PROGRAMS)?;
    let folder = "/usr/lib/apache2/modules";
    for module in modules {
        find(&format!("mod_{module}.so"), &[folder])?;
    }
    let basics = [
        "mpm_event",
        "authn_core",
        "authn_file",
        "authz_core",
        "authz_user",
        "socache_shmcb",
        "ssl",
        "http2",
        "unixd",
    ];
    // Some are built in, depending on who built it.
    let names = basics.iter().chain(modules);
    let loads: String = names
        .filter(|name| Path::new(&format!("{folder}/mod_{name}.so")).exists())
        .map(|name| format!("LoadModule {name}_module {folder}/mod_{name}.so\n"))
        .collect();
    let (directory, ports) = (place("apache", FOLDERS), [free_port(), free_port()]);
    let root = directory.0.display();
    let config = format!(
        "{loads}ServerRoot {root}\nPidFile {root}/httpd.pid\nErrorLog {root}/logs/error.log\n\
         ServerName localhost\nListen 127.0.0.1:{0}\nListen 127.0.0.1:{1}\n\
         User nobody\nGroup nogroup\nDocumentRoot {root}/www\nProtocols h2 h2c http/1.1\n\
         KeepAlive On\nDefaultRuntimeDir {root}/tmp\n\
         {rules}\n\
         <VirtualHost 127.0.0.1:{1}>\nSSLEngine on\nSSLCertificateFile {root}/chain.pem\n\
         SSLCertificateKeyFile {root}/key.pem\n</VirtualHost>\n",
        ports[0],
        ports[1],
        rules = rules.replace("ROOT", &root.to_string()),
    );
    fs::write(directory.join("httpd.conf"), config).unwrap();
    let mut command = Command::new(program);
    command.arg("-X").arg("-f").arg(directory.join("httpd.conf"));
    command.env("NTLM_USER_FILE", directory.join("ntlm"));
    Some(guarded(command, directory, ports))
}

fn nginx() -> Option<Guarded> {
    let program = find("nginx", PROGRAMS)?;
    let (directory, ports) = (place("nginx", FOLDERS), [free_port(), free_port()]);
    let root = directory.0.display();
    let config = format!(
        "daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/logs/error.log;\n\
         events {{ worker_connections 512; }}\n\
         http {{\n\
           access_log off;\n\
           client_body_temp_path {root}/tmp/body; proxy_temp_path {root}/tmp/proxy;\n\
           fastcgi_temp_path {root}/tmp/fcgi; uwsgi_temp_path {root}/tmp/uwsgi;\n\
           scgi_temp_path {root}/tmp/scgi;\n\
           server {{\n\
             listen 127.0.0.1:{}; listen 127.0.0.1:{} ssl http2; root {root}/www;\n\
             ssl_certificate {root}/chain.pem; ssl_certificate_key {root}/key.pem;\n\
             auth_basic site; auth_basic_user_file {root}/passwords;\n\
           }}\n\
         }}\n",
        ports[0], ports[1]
    );
    fs::write(directory.join("nginx.conf"), config).unwrap();
    let mut command = Command::new(program);
    command.arg("-c").arg(directory.join("nginx.conf")).arg("-p").arg(&directory.0);
    command.arg("-e").arg(directory.join("logs/error.log"));
    Some(guarded(command, directory, ports))
}

/// A manager, and what counts the requests that it sends.
struct Counted {
    manager: Manager,
    sent: Arc<AtomicUsize>,
}

impl Counted {
    fn new(versions: Versions) -> Self {
        let sent = Arc::<AtomicUsize>::default();
        let count = sent.clone();
        let connections = Connections { versions, ..Connections::default() };
        let builder = Manager::builder().tls(trust()).proxies(Proxies::off());
        let builder = builder.connections(connections).on_event(move |event| {
            if matches!(event.what, What::Sending { .. }) {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { manager: builder.build(), sent }
    }

    /// How many requests went out since the last look.
    fn sent(&self) -> usize {
        self.sent.swap(0, Ordering::SeqCst)
    }
}

fn ada(password: &str) -> Option<Credentials> {
    Some(Credentials::new("ada", password))
}

/// One guarded place: who is let in, what it costs, and what becomes of a changed password.
fn knock(guarded: &Guarded, url: &str, versions: Versions, face: Face) {
    let counted = Counted::new(versions);
    let manager = &counted.manager;
    let status = || fetch(face, manager, Ask::get(url)).unwrap().status;
    let know = |password| manager.set_credentials(url, None, ada(password)).unwrap();
    let told = format!("{url} {versions:?} {face:?}");
    guarded.set_password(SECRET);
    assert_eq!(status(), 401, "{told}");
    know("wrong");
    assert_eq!([status(), status()], [401, 401], "{told}");
    // Asked, tried in vain; then asked only, because what was refused is not said again.
    assert_eq!(counted.sent(), 4, "{told}");
    know("secret");
    assert_eq!([status(), status(), status()], [200; 3], "{told}");
    assert_eq!(counted.sent(), 4, "{told}");
    let got = fetch(face, manager, Ask::get(url)).unwrap();
    assert!(got.reused && got.text() == "You are in.\n", "{told}");
    let version = match versions {
        Versions::Http1 => http::Version::HTTP_11,
        _ => http::Version::HTTP_2,
    };
    assert_eq!(got.version, version, "{told}");
    assert_eq!(counted.sent(), 1, "{told}");

    guarded.set_password(OTHER);
    assert_eq!(status(), 401, "{told}");
    know("other");
    assert_eq!([status(), status()], [200; 2], "{told}");
    // A proof is made once more with the new nonce; a password is not said twice.
    let vain = if url.contains("digest") { 2 } else { 1 };
    assert_eq!(counted.sent(), vain + 3, "{told}");
}

fn knock_everywhere(guarded: &Guarded, path: &str) {
    for face in FACES {
        for base in [&guarded.plain, &guarded.secure] {
            for versions in [Versions::Http1, Versions::Http2] {
                // nginx of some systems speaks HTTP/2 over TLS only.
                if versions == Versions::Http1 || base.starts_with("https") {
                    knock(guarded, &format!("{base}{path}"), versions, face);
                }
            }
        }
    }
}

#[test]
fn nginx_takes_basic() {
    let Some(nginx) = nginx() else { return };
    knock_everywhere(&nginx, "/basic/in.txt");
}

#[test]
fn apache_takes_basic_and_digest() {
    let rules = "<Location /basic>\nAuthType Basic\nAuthName site\nAuthUserFile ROOT/passwords\n\
        Require valid-user\n</Location>\n\
        <Location /digest>\nAuthType Digest\nAuthName site\nAuthDigestProvider file\n\
        AuthUserFile ROOT/digests\nRequire valid-user\n</Location>";
    let Some(apache) = apache(&["auth_basic", "auth_digest"], rules) else { return };
    knock_everywhere(&apache, "/basic/in.txt");
    knock_everywhere(&apache, "/digest/in.txt");
}

#[test]
fn apache_takes_ntlm_and_the_connection_is_proven() {
    if find("mech.ntlmssp.conf", &["/etc/gss/mech.d"]).is_none() {
        return;
    }
    let rules = "<Location /ntlm>\nAuthType GSSAPI\nAuthName site\nGssapiAllowedMech ntlmssp\n\
        GssapiConnectionBound On\nRequire valid-user\n</Location>";
    let Some(apache) = apache(&["auth_gssapi"], rules) else { return };
    for face in FACES {
        for base in [&apache.plain, &apache.secure] {
            let url = format!("{base}/ntlm/in.txt");
            let counted = Counted::new(Versions::Any);
            let manager = &counted.manager;
            let get = || fetch(face, manager, Ask::get(&url)).unwrap();
            manager.set_credentials(&url, None, ada("wrong")).unwrap();
            assert_eq!(get().status, 401, "{url} {face:?}");
            assert_eq!(counted.sent(), 3, "{url} {face:?}");
            let user = Credentials::new("HOME\\ada", "secret");
            manager.set_credentials(&url, None, Some(user)).unwrap();
            for _ in 0..4 {
                let got = get();
                assert_eq!((got.status, got.text()), (200, "You are in.\n"), "{url}");
                assert_eq!(got.version, http::Version::HTTP_11);
            }
            // Asked; the greeting, the proof; then nothing but requests.
            assert_eq!(counted.sent(), 6, "{url} {face:?}");
        }
    }
}
