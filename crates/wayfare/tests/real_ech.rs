//! Hidden names that servers take which the world runs: BoringSSL's own and Caddy.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod daemon;
mod hiding;
mod it;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use daemon::{PROGRAMS, Running, find, place, start};
use hiding::{PRIVATE, PUBLIC, dns};
use it::{Ask, Directory, FACES, Face, free_port, hold, identity, trust};
use wayfare::Manager;
use wayfare::event::What;
use wayfare::options::Dns;
use wayfare::tls::{EchOutcome, Session, TlsFacts};

/// A server, where it listens, and what a name server tells of how to hide the names on it.
struct Hiding {
    running: Running,
    port: u16,
    list: Vec<u8>,
}

/// An empty directory with an identity for both names.
fn place_for_both(name: &str) -> Directory {
    let directory = place(name, &[]);
    let both = identity().0.issue(&[PUBLIC, PRIVATE]);
    fs::write(directory.join("chain.pem"), both.chain_pem()).unwrap();
    fs::write(directory.join("key.pem"), both.key_pem()).unwrap();
    directory
}

/// Makes a key, its configuration, and a list of that one only.
fn generate(program: &str, directory: &Directory, name: &str, id: u8) -> Vec<u8> {
    let file = |kind: &str| directory.join(&format!("{name}.{kind}"));
    let made = Command::new(program)
        .args(["generate-ech", "-public-name", PUBLIC, "-max-name-length", "64"])
        .args(["-config-id", &id.to_string(), "-out-ech-config-list"])
        .arg(file("list"))
        .arg("-out-ech-config")
        .arg(file("config"))
        .arg("-out-private-key")
        .arg(file("secret"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    fs::read(file("list")).unwrap()
}

/// BoringSSL's server, with an older list that it has no key of any more.
fn boringssl() -> Option<(Hiding, Vec<u8>)> {
    let program = find("bssl-tool", PROGRAMS)?;
    let (directory, port) = (place_for_both("boringssl"), free_port());
    let older = generate(&program, &directory, "older", 1);
    let list = generate(&program, &directory, "newer", 2);
    let mut command = Command::new(program);
    command.args(["server", "-loop", "-www", "-accept", &port.to_string()]);
    for (option, file) in [
        ("-key", "key.pem"),
        ("-cert", "chain.pem"),
        ("-ech-key", "newer.secret"),
        ("-ech-config", "newer.config"),
    ] {
        command.arg(option).arg(directory.join(file));
    }
    let running = start(command, directory, &[port]);
    Some((Hiding { running, port, list }, older))
}

/// The web server Caddy, which makes its own key and configuration.
fn caddy() -> Option<Hiding> {
    // Debian's own is too old to know of it.
    let program = find("caddy", &["/usr/local/bin"])?;
    let (directory, port) = (place_for_both("caddy"), free_port());
    let root = directory.0.display();
    let config = format!(
        "{{\n admin off\n auto_https off\n skip_install_trust\n ech {PUBLIC}\n\
         storage file_system {root}/store\n http_port {}\n https_port {port}\n\
         servers {{\n protocols h1 h2\n }}\n}}\n\
         https://{PRIVATE}:{port}, https://{PUBLIC}:{port} {{\n bind 127.0.0.1\n\
         tls {root}/chain.pem {root}/key.pem\n\
         respond \"{{http.request.tls.server_name}} hidden: {{http.request.tls.ech}}\"\n}}\n",
        free_port()
    );
    fs::write(directory.join("Caddyfile"), config).unwrap();
    let mut command = Command::new(program);
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(directory.join("Caddyfile"));
    for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(variable, &directory.0);
    }
    let running = start(command, directory, &[port]);
    let config = made_config(&running.directory.join("store/ech/configs"));
    let length = u16::try_from(config.len()).unwrap();
    let list = [&length.to_be_bytes()[..], &config].concat();
    Some(Hiding { running, port, list })
}

/// The configuration that the server has put into a folder of its own in this one.
fn made_config(folder: &Path) -> Vec<u8> {
    let began = Instant::now();
    loop {
        let folders = fs::read_dir(folder).into_iter().flatten().flatten();
        if let Some(config) = folders.map(|one| fs::read(one.path().join("config.bin"))).next() {
            return config.unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(10), "it has made no configuration");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn manager(list: &[u8]) -> Manager {
    Manager::builder().tls(trust()).dns(dns(Some(list.to_vec()))).build()
}

/// Fetches over a new connection; tells the facts of that, and what the server says of it.
fn fetch(face: Face, manager: &Manager, server: &Hiding) -> (TlsFacts, String) {
    manager.clear_connections();
    let url = format!("https://{PRIVATE}:{}/", server.port);
    let mut held = hold(face, manager, Ask::get(url)).unwrap_or_else(|why| {
        let said = fs::read_to_string(server.running.directory.join("stderr")).unwrap();
        panic!("{why}: {said}")
    });
    let facts = held.reply().tls().unwrap().clone();
    let mut said = Vec::new();
    // BoringSSL's server hangs up where it should say good-bye, which is an error of the body.
    while let Ok(Some(piece)) = held.chunk() {
        said.extend(piece);
    }
    (facts, String::from_utf8(said).unwrap())
}

#[test]
fn boringssl_takes_the_hidden_name() {
    let Some((server, _)) = boringssl() else { return };
    for face in FACES {
        let manager = manager(&server.list);
        for session in [Session::Full, Session::Resumed] {
            let (facts, said) = fetch(face, &manager, &server);
            assert_eq!((facts.ech, facts.session), (EchOutcome::Accepted, session), "{face:?}");
            assert!(said.contains("Encrypted ClientHello: yes"), "{said}");
        }
        // Who does not know how to hide it is served as well.
        let plain = Manager::builder().tls(trust()).dns(dns(None)).build();
        let (facts, said) = fetch(face, &plain, &server);
        assert_eq!(facts.ech, EchOutcome::NotOffered, "{face:?}");
        assert!(said.contains("Encrypted ClientHello: no"), "{said}");
    }
}

#[test]
fn boringssl_tells_its_new_keys_to_those_who_have_old_ones() {
    let Some((server, older)) = boringssl() else { return };
    for face in FACES {
        let again = Arc::new(AtomicUsize::new(0));
        let counted = again.clone();
        let dns: Dns = dns(Some(older.clone()));
        let manager = Manager::builder().tls(trust()).dns(dns).on_event(move |event| {
            let is_it = matches!(event.what, What::Retried { why } if why.contains("hidden"));
            counted.fetch_add(usize::from(is_it), Ordering::SeqCst);
        });
        let (facts, said) = fetch(face, &manager.build(), &server);
        assert_eq!(facts.ech, EchOutcome::Accepted, "{face:?}");
        assert!(said.contains("Encrypted ClientHello: yes"), "{said}");
        assert_eq!(again.load(Ordering::SeqCst), 1, "{face:?}");
    }
}

#[test]
fn caddy_takes_the_hidden_name() {
    let Some(server) = caddy() else { return };
    for face in FACES {
        let manager = manager(&server.list);
        for session in [Session::Full, Session::Resumed] {
            let (facts, said) = fetch(face, &manager, &server);
            assert_eq!((facts.ech, facts.session), (EchOutcome::Accepted, session), "{face:?}");
            assert_eq!(facts.protocol.as_deref(), Some(&b"h2"[..]), "{face:?}");
            assert_eq!(said, format!("{PRIVATE} hidden: true"));
        }
    }
}
