//! One nginx with a port for each good and bad certificate, and what is wrong with the bad ones.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::print_stderr)] // Each test file uses its own part.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wayfare::Manager;
use wayfare::options::{Dns, Tls};
use wayfare::tls::{Problem, ProblemKind, TlsProblem};

use ProblemKind as K;

use crate::it::{Directory, free_port};

/// The bad certificates: the name, the error, and all that is wrong.
pub const BAD: &[(&str, TlsProblem, &[Problem])] = &[
    ("expired", TlsProblem::Expired, &[at(K::Expired, 0)]),
    ("notyet", TlsProblem::NotYetValid, &[at(K::NotYetValid, 0)]),
    ("wrongname", TlsProblem::WrongName, &[at(K::HostNameMismatch, 0)]),
    ("untrusted", TlsProblem::UnknownIssuer, &[at(K::SelfSignedInChain, 1)]),
    (
        "everything",
        TlsProblem::UnknownIssuer,
        &[at(K::Expired, 0), at(K::HostNameMismatch, 0), at(K::UnknownIssuer, 0)],
    ),
    ("incomplete", TlsProblem::UnknownIssuer, &[at(K::UnknownIssuer, 0)]),
    ("latechain", TlsProblem::Expired, &[at(K::Expired, 1)]),
    ("constrained", TlsProblem::BadCertificate, &[at(K::NameConstraint, 0)]),
    ("revoked", TlsProblem::Revoked, &[at(K::Revoked, 0)]),
    ("stapledbad", TlsProblem::Revoked, &[at(K::Revoked, 0)]),
    ("muststaple", TlsProblem::BadCertificate, &[at(K::RevocationUnknown, 0)]),
    ("purpose", TlsProblem::BadCertificate, &[at(K::InvalidPurpose, 0)]),
    ("caleaf", TlsProblem::BadCertificate, &[at(K::InvalidPurpose, 0)]),
    ("weak", TlsProblem::BadCertificate, &[at(K::WeakAlgorithm, 0)]),
    ("sha1", TlsProblem::BadCertificate, &[at(K::WeakAlgorithm, 0)]),
    ("selfsigned", TlsProblem::UnknownIssuer, &[at(K::SelfSigned, 0)]),
];

/// One nginx with a port for each certificate.
pub struct Site {
    process: Child,
    responder: Child,
    pub folder: Directory,
    pub ports: HashMap<&'static str, u16>,
}

impl Drop for Site {
    fn drop(&mut self) {
        for process in [&mut self.process, &mut self.responder] {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

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

const NAMES: &[(&str, &str)] = &[
    ("good", ""),
    ("expired", ""),
    ("notyet", ""),
    ("wrongname", ""),
    ("untrusted", ""),
    ("everything", ""),
    ("incomplete", ""),
    ("complete", ""),
    ("latechain", ""),
    ("constrained", ""),
    ("wildcard", ""),
    ("ipwild", ""),
    ("halfwild", ""),
    ("urisan", ""),
    ("otherstaple", "ssl_stapling on; ssl_stapling_file stapled.ocsp;"),
    ("revoked", ""),
    ("stapled", "ssl_stapling on; ssl_stapling_file stapled.ocsp;"),
    ("stapledbad", "ssl_stapling on; ssl_stapling_file stapledbad.ocsp;"),
    ("stapledfalse", "ssl_stapling on; ssl_stapling_file stapledfalse.ocsp;"),
    ("fetched", ""),
    ("fetchedbad", ""),
    ("fetchednone", ""),
    ("muststaple", ""),
    ("purpose", ""),
    ("caleaf", ""),
    ("weak", ""),
    ("sha1", ""),
    ("selfsigned", ""),
    ("beside", ""),
    ("clients", "ssl_verify_client on; ssl_client_certificate ca.pem;"),
    ("old", "ssl_protocols TLSv1.2;"),
    ("new", "ssl_protocols TLSv1.3;"),
];

impl Site {
    pub fn start() -> Option<Self> {
        let (nginx, openssl) = (find("nginx")?, find("openssl")?);
        let folder = Directory::new("pki");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pki/make.sh");
        let answering = free_port().to_string();
        let made = Command::new("sh").arg(script).arg(&folder.0).arg(&answering).status().unwrap();
        assert!(made.success(), "the certificates could not be made");
        fs::create_dir_all(folder.join("tmp")).unwrap();
        let root = folder.0.display();
        let mut ports = HashMap::new();
        let mut servers = String::new();
        for (name, extra) in NAMES {
            let port = free_port();
            ports.insert(*name, port);
            servers += &format!(
                "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {root}/{name}.pem;\n\
                 ssl_certificate_key {root}/{name}.key; {}\n\
                 location / {{ return 200 \"{name}\\n\"; }} }}\n",
                extra
                    .replace("_file ", &format!("_file {root}/"))
                    .replace("_certificate ca", &format!("_certificate {root}/ca"))
            );
        }
        let config = format!(
            "daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/error.log;\n\
             events {{ worker_connections 512; }}\n\
             http {{ access_log {root}/access.log; client_body_temp_path {root}/tmp/a;\n\
             proxy_temp_path {root}/tmp/b; fastcgi_temp_path {root}/tmp/c;\n\
             uwsgi_temp_path {root}/tmp/d; scgi_temp_path {root}/tmp/e;\n\
             ssl_session_cache shared:all:1m;\n{servers} }}\n"
        );
        fs::write(folder.join("nginx.conf"), config).unwrap();
        let mut command = Command::new(nginx);
        command.arg("-c").arg(folder.join("nginx.conf")).arg("-p").arg(&folder.0);
        command
            .arg("-e")
            .arg(folder.join("error.log"))
            .env("OPENSSL_CONF", folder.join("openssl.cnf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut responder = Command::new(openssl);
        responder.current_dir(&folder.0).args(["ocsp", "-port", &answering, "-index", "index"]);
        responder.args(["-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key", "-ndays", "1"]);
        let said = fs::File::create(folder.join("responder.log")).unwrap();
        responder.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        let responder = responder.spawn().unwrap();
        let site = Self { process: command.spawn().unwrap(), responder, folder, ports };
        let began = Instant::now();
        // A connection that says nothing would hold it up for ever.
        let said = || fs::read_to_string(site.folder.join("responder.log")).unwrap();
        while !said().contains("waiting") {
            assert!(began.elapsed() < Duration::from_secs(10), "the responder does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        while TcpStream::connect(("127.0.0.1", site.ports["new"])).is_err() {
            let log = || fs::read_to_string(site.folder.join("error.log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(10), "nginx does not listen: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(site)
    }

    pub fn url(&self, name: &str) -> String {
        self.url_of(name, &format!("{name}.test"))
    }

    pub fn url_of(&self, name: &str, host: &str) -> String {
        format!("https://{host}:{}/", self.ports[name])
    }

    pub fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.folder.join(file)).unwrap()
    }

    pub fn trust(&self) -> Tls {
        let tls = Tls::default().with_only_authority_pem(self.read("ca.pem")).unwrap();
        tls.with_authority_pem(self.read("rsaca.pem")).unwrap()
    }

    /// As [`trust`](Self::trust), with what the authority took back.
    pub fn trust_with_lists(&self) -> Tls {
        self.trust().with_revocation_list(self.read("ca.crl")).unwrap()
    }

    pub fn requests(&self) -> usize {
        fs::read_to_string(self.folder.join("access.log")).unwrap_or_default().lines().count()
    }
}

pub fn manager(tls: Tls) -> Manager {
    builder(tls).build()
}

pub fn builder(tls: Tls) -> wayfare::Builder {
    let here = IpAddr::from([127, 0, 0, 1]);
    Manager::builder().tls(tls).dns(Dns { pins: vec![("*".into(), here)], ..Dns::default() })
}

pub const fn at(kind: ProblemKind, depth: usize) -> Problem {
    Problem { kind, depth }
}
