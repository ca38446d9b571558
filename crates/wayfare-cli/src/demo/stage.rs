//! The servers of the demo, and the files it needs.

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;

use wayfare_testkit::content::bytes_of;
use wayfare_testkit::{Authority, FaultServer, Protocols, Server};

/// Everything that the day is played against.
pub(super) struct Stage {
    pub(super) authority: Authority,
    /// HTTP/1.1 without TLS: every transfer takes a connection.
    pub(super) files: Server,
    /// HTTP/2 with TLS: all transfers share one.
    pub(super) api: Server,
    pub(super) stalling: FaultServer,
    pub(super) cutting: FaultServer,
    /// A port where nobody listens.
    pub(super) closed: u16,
    pub(super) note: PathBuf,
}

impl Stage {
    pub(super) fn build() -> io::Result<Self> {
        let authority = Authority::new();
        let identity = authority.issue(&["localhost", "127.0.0.1"]);
        let files = Server::builder().protocols(Protocols::Http1).rate(FILES_RATE);
        let api = Server::builder().tls(&identity).rate(API_RATE);
        let note = std::env::temp_dir().join(format!("wayfare-demo-{}.bin", std::process::id()));
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&note)?;
        io::Write::write_all(&mut file, &bytes_of(NOTE_LENGTH, NOTE_SEED))?;
        Ok(Self {
            authority,
            files: files.bind_on_thread("127.0.0.1:0")?,
            api: api.bind_on_thread("127.0.0.1:0")?,
            stalling: FaultServer::named("stall-body").bind_on_thread("127.0.0.1:0")?,
            cutting: FaultServer::named("short-length").bind_on_thread("127.0.0.1:0")?,
            closed: TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
            note,
        })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A file that is left over is the lesser evil.
        let _ = std::fs::remove_file(&self.note);
    }
}

/// Bytes a second for each connection to the file server, and to the API.
pub(super) const FILES_RATE: u64 = 350_000;
pub(super) const API_RATE: u64 = 2_500_000;

pub(super) const NOTE_LENGTH: u64 = 64_000;
pub(super) const NOTE_SEED: u64 = 77;
