//! dante as a proxy of a test: open to everybody, or for its own users.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::print_stderr)] // Failing here fails the test; skips are told.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A proxy that is ended with the test.
pub struct Dante {
    process: Child,
    folder: PathBuf,
    pub port: u16,
}

impl Dante {
    /// It asks nobody who is asking.
    pub fn open() -> Option<Self> {
        let danted = find("danted")?;
        Some(Self::start("none", |root| format!("exec {danted} -f {root}/config -p {root}/pid")))
    }

    /// It asks for users of the system, so it sees others than the system has: `ada` with the
    /// password `secret`, in a mount namespace of its own.
    pub fn with_users() -> Option<Self> {
        let danted = find("danted")?;
        let may = Command::new("unshare").args(["-m", "true"]).stderr(Stdio::null()).status();
        if !may.is_ok_and(|status| status.success()) {
            assert!(std::env::var_os("CI").is_none(), "there are no mount namespaces");
            eprintln!("skipped: no mount namespaces to be had");
            return None;
        }
        Some(Self::start("username", |root| {
            let known = fs::read_to_string("/etc/passwd").unwrap();
            let ada = "ada:x:54321:54321::/:/bin/false\n";
            fs::write(format!("{root}/passwd"), known + ada).unwrap();
            let line = format!("ada:{SECRET}:20000:0:99999:7:::\n");
            fs::write(format!("{root}/shadow"), line).unwrap();
            format!(
                "exec unshare -m sh -c 'mount --bind {root}/passwd /etc/passwd && \
                 mount --bind {root}/shadow /etc/shadow && \
                 exec {danted} -f {root}/config -p {root}/pid'"
            )
        }))
    }

    fn start(method: &str, line: impl Fn(&str) -> String) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("wayfare-dante-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        // The proxy may go on as another user.
        let open: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(&folder, open).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let root = folder.display().to_string();
        let config = format!(
            "logoutput: {root}/log\n\
             internal: 127.0.0.1 port = {port}\n\
             external: 127.0.0.1\n\
             user.privileged: root\n\
             clientmethod: none\n\
             socksmethod: {method}\n\
             client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}\n\
             socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0\n\
             command: bind connect udpassociate bindreply udpreply }}\n"
        );
        fs::write(folder.join("config"), config).unwrap();
        let mut command = Command::new("sh");
        command.arg("-c").arg(line(&root)).stdin(Stdio::null()).stdout(Stdio::null());
        let running =
            Self { process: command.stderr(Stdio::null()).spawn().unwrap(), folder, port };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "the proxy does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        running
    }
}

impl Drop for Dante {
    fn drop(&mut self) {
        // In order, so that it ends its own children; by force if it does not.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(5) {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
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

/// `secret`, as crypt(3) has it with SHA-512.
const SECRET: &str = "$6$wayfare$GdeqgPPvoHBzkGA2U6USdZfY8LQOUFDnhaeOuY5IzDS8GITu92GHAEVQlfsb6iyaFYU\
                      hq6GV6ekbHPOwx4uWj/";
