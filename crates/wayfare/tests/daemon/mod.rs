//! Programs that tests run: found, started on ports of their own, and ended with the test.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::print_stderr)] // Each test file uses its own part.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::it::{Directory, identity};

/// A program that is ended with the test.
pub struct Running {
    process: Child,
    pub directory: Directory,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Finds a file in one of these places, or says that its tests are skipped; where tests are the
/// point, that is an error.
pub fn find(name: &str, places: &[&str]) -> Option<String> {
    let mut paths = places.iter().map(|place| format!("{place}/{name}"));
    let found = paths.find(|path| Path::new(path).exists());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{name} is not installed");
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// Where programs are.
pub const PROGRAMS: &[&str] = &["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin"];

/// An empty directory with these folders and an identity for `localhost`, open to all, because
/// servers may go on as another user.
pub fn place(name: &str, folders: &[&str]) -> Directory {
    let directory = Directory::new(name);
    let open: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(&directory.0, open.clone()).unwrap();
    for folder in folders {
        fs::create_dir_all(directory.join(folder)).unwrap();
        fs::set_permissions(directory.join(folder), open.clone()).unwrap();
    }
    let (_, server) = identity();
    fs::write(directory.join("chain.pem"), server.chain_pem()).unwrap();
    fs::write(directory.join("key.pem"), server.key_pem()).unwrap();
    directory
}

/// Starts it and waits until it listens.
pub fn start(mut command: Command, directory: Directory, ports: &[u16]) -> Running {
    let said = directory.join("stderr");
    let stderr = fs::File::create(&said).unwrap();
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    let running = Running { process: process.spawn().unwrap(), directory };
    let began = Instant::now();
    for port in ports {
        while TcpStream::connect(("127.0.0.1", *port)).is_err() {
            let said = fs::read_to_string(&said).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(20), "it does not listen: {said}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    running
}
