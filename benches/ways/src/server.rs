//! The server: HTTP/1.1 over TLS on the other core, with a chain of three.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::measure::pin;

/// What the chain is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    Ecdsa,
    Rsa,
}

/// A server process, ended when dropped.
pub struct Running {
    child: Child,
    pub port: u16,
    pub authority: String,
}

impl Running {
    pub fn start(keys: Keys) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program's path"))
            .args(["--server", &format!("{keys:?}")])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server process");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut line = || lines.next().expect("a line").expect("text");
        let port = line().parse().expect("a port");
        let mut authority = String::new();
        while !authority.contains("END CERTIFICATE") {
            authority += &(line() + "\n");
        }
        Self { child, port, authority }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn run() {
    pin(1);
    let keys = match std::env::args().nth(2).as_deref() {
        Some("Rsa") => Keys::Rsa,
        _ => Keys::Ecdsa,
    };
    let (config, authority) = configuration(keys);
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}\n{authority}", listener.local_addr().expect("an address").port());
    std::io::stdout().flush().expect("standard output");
    for stream in listener.incoming().flatten() {
        let config = config.clone();
        std::thread::spawn(move || answer(stream, config));
    }
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) {
    let _ = stream.set_nodelay(true);
    let Ok(connection) = ServerConnection::new(config) else { return };
    let mut stream = StreamOwned::new(connection, stream);
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        head.extend_from_slice(&piece[..count]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    }
}

fn configuration(keys: Keys) -> (ServerConfig, String) {
    let key = || match keys {
        Keys::Ecdsa => KeyPair::generate().expect("a key"),
        Keys::Rsa => KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("a key"),
    };
    let authority = |name: &str| {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters
    };
    let (root_key, middle_key, leaf_key) = (key(), key(), key());
    let root = authority("root").self_signed(&root_key).expect("a root");
    let by_root = Issuer::new(authority("root"), root_key);
    let middle = authority("middle").signed_by(&middle_key, &by_root).expect("an authority");
    let by_middle = Issuer::new(authority("middle"), middle_key);
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .and_then(|parameters| parameters.signed_by(&leaf_key, &by_middle))
        .expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone(), middle.der().clone()],
            PrivateKeyDer::try_from(leaf_key.serialize_der()).expect("a key"),
        )
        .expect("a configuration");
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().expect("tickets");
    (config, root.pem())
}
