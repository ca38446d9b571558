//! A client that proves who it is with a PKCS#12 bundle that the `openssl` command makes.

#![cfg(feature = "pkcs12")]
#![allow(clippy::unwrap_used, clippy::print_stderr)] // Failing here fails the test; skips are told.

mod it;

use std::fs;
use std::process::Command;

use it::{Ask, Directory, FACES, fetch, identity, trust};
use wayfare::Manager;
use wayfare_testkit::{Authority, Server};

/// A bundle of these PEM texts; nothing where there is no `openssl`.
fn bundle(folder: &Directory, texts: (&str, &str), options: &[&str]) -> Option<Vec<u8>> {
    fs::write(folder.join("chain.pem"), texts.0).unwrap();
    fs::write(folder.join("key.pem"), texts.1).unwrap();
    let mut command = Command::new("openssl");
    command.args(["pkcs12", "-export", "-in", "chain.pem", "-inkey", "key.pem"]);
    command.args(["-out", "made.p12", "-passout", "pass:secret"]).args(options);
    match command.current_dir(&folder.0).output() {
        Ok(made) => {
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            Some(fs::read(folder.join("made.p12")).unwrap())
        }
        Err(_) => {
            assert!(std::env::var_os("CI").is_none(), "openssl is not installed");
            eprintln!("skipped: openssl is not installed");
            None
        }
    }
}

#[test]
fn a_bundle_is_shown_to_a_server_that_asks() {
    let (clients, folder) = (Authority::new(), Directory::new("bundles"));
    let client = clients.issue_client("a client");
    let builder = Server::builder().tls_asking_clients(&identity().1, &clients);
    let server = builder.bind_on_thread("127.0.0.1:0").unwrap();
    for options in [&[][..], &["-legacy"]] {
        let texts = (client.chain_pem(), client.key_pem());
        let Some(bundle) = bundle(&folder, texts, options) else { return };
        let tls = trust().with_client_bundle(&bundle, "secret").unwrap();
        for face in FACES {
            let manager = Manager::builder().tls(tls.clone()).build();
            let got = fetch(face, &manager, Ask::get(server.url("/get"))).unwrap();
            assert_eq!(got.status, 200, "{face:?} {options:?}");
        }
        let why = trust().with_client_bundle(&bundle, "wrong").unwrap_err().to_string();
        assert!(why.contains("the client's bundle") && why.contains("passphrase"), "{why}");
    }
    // Without it nobody gets in, so that it was the bundle.
    let manager = Manager::builder().tls(trust()).build();
    assert!(fetch(FACES[0], &manager, Ask::get(server.url("/get"))).is_err());
}
