//! Runs the test servers as a tool, until it is interrupted.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;
use tokio::io::AsyncReadExt;
use wayfare_testkit::endpoints::{HELP, PASSWORD, USER};
use wayfare_testkit::{Authority, Server};

use crate::arguments::Serve;
use crate::{ending, exit, output};

/// Serves until Ctrl-C or another signal, or the end of standard input if that is asked for.
pub(crate) fn run(asked: &Serve) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            output::complain(&format!("cannot start: {why}"));
            return exit::with(1);
        }
    };
    let served = runtime.block_on(async {
        let house = House::open(asked)?;
        let asked_to_end = ending::asked();
        let said = if asked.json { house.in_json() } else { house.in_words() };
        if output::print(&said) {
            until_end(asked.until_eof, asked_to_end).await;
        }
        house.close().await;
        Ok::<(), String>(())
    });
    // A read of standard input may never end.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            output::complain(&why);
            exit::with(1)
        }
    }
}

/// The servers that run.
struct House {
    plain: Server,
    tls: Server,
    authority: PathBuf,
    is_authority_ours: bool,
}

impl House {
    fn open(asked: &Serve) -> Result<Self, String> {
        let authority = Authority::new();
        let own = asked.address.to_string();
        let identity = authority.issue(&["localhost", "127.0.0.1", "::1", &own]);
        let plain = limited(Server::builder(), asked.rate);
        let plain = listen(plain, SocketAddr::new(asked.address, asked.port))?;
        let tls = limited(Server::builder().tls(&identity), asked.rate);
        let tls = listen(tls, SocketAddr::new(asked.address, asked.tls_port))?;
        let path = match &asked.authority {
            Some(path) => path.clone(),
            None => {
                std::env::temp_dir().join(format!("wayfare-authority-{}.pem", tls.address().port()))
            }
        };
        write_pem(&authority, &path, asked.authority.is_some())
            .map_err(|why| format!("cannot write {}: {why}", path.display()))?;
        Ok(Self { plain, tls, authority: path, is_authority_ours: asked.authority.is_none() })
    }

    fn in_json(&self) -> String {
        let facts = json!({
            "http": self.plain.url(""),
            "https": self.tls.url(""),
            "authority": self.authority,
        });
        format!("{facts}\n")
    }

    fn in_words(&self) -> String {
        let (http, https) = (self.plain.url(""), self.tls.url(""));
        let pem = self.authority.display();
        format!(
            "http    {http}\nhttps   {https}\nboth speak HTTP/1.1 and HTTP/2; trust the CA in {pem}\n\n\
             Try:\n  wayfare get {http}/\n  \
             wayfare get -v --cacert {pem} {https}/json\n  \
             wayfare get -d /tmp {http}/bytes/1000000 {http}/gzip/5000\n  \
             wayfare get -u {USER}:{PASSWORD} {http}/auth-basic\n  \
             wayfare get -m 2 {http}/fault/stall-body\n\n{endpoints}\n\
             Ctrl-C ends it.\n",
            endpoints = HELP.as_str(),
        )
    }

    async fn close(self) {
        self.plain.shutdown().await;
        self.tls.shutdown().await;
        if self.is_authority_ours {
            // Nobody needs it any more; one that is left over does no harm.
            let _ = std::fs::remove_file(&self.authority);
        }
    }
}

fn limited(
    builder: wayfare_testkit::server::Builder,
    rate: Option<u64>,
) -> wayfare_testkit::server::Builder {
    match rate {
        Some(rate) => builder.rate(rate),
        None => builder,
    }
}

fn listen(
    builder: wayfare_testkit::server::Builder,
    address: SocketAddr,
) -> Result<Server, String> {
    builder.bind(address).map_err(|why| format!("cannot listen on {address}: {why}"))
}

/// A file of its own choosing must not be one that somebody has laid there.
fn write_pem(authority: &Authority, path: &Path, is_chosen: bool) -> io::Result<()> {
    if is_chosen {
        return authority.write_pem(path);
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    io::Write::write_all(&mut file, authority.pem().as_bytes())
}

async fn until_end(until_eof: bool, asked_to_end: impl Future<Output = u8>) {
    let input_ends = async {
        if !until_eof {
            return std::future::pending().await;
        }
        let mut input = tokio::io::stdin();
        let mut ignored = [0; 512];
        while matches!(input.read(&mut ignored).await, Ok(1..)) {}
    };
    tokio::select! {
        () = input_ends => {}
        _ = asked_to_end => {}
    }
}
