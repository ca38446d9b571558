//! `--cert-type P12` in a command that knows bundles.

#![cfg(feature = "pkcs12")]
#![allow(clippy::unwrap_used)]

mod command;

use command::{Scratch, run};

#[test]
fn a_bundle_is_read_with_its_passphrase() {
    let scratch = Scratch::new();
    let path = scratch.text("me.p12");
    let modern = include_bytes!("../../wayfare-proto/tests/certificates/bundle-modern.p12");
    std::fs::write(&path, modern).unwrap();
    // Nobody is there: what counts is how far it comes.
    let get = ["get", "https://127.0.0.1:1/", "--cert", &path, "--cert-type", "p12"];
    let ended = run(&[&get[..], &["--pass", "secret"]].concat());
    assert_eq!(ended.code, 7, "{}", ended.err);
    let ended = run(&[&get[..], &["--pass", "wrong"]].concat());
    assert!(ended.code == 58 && ended.err.contains("passphrase"), "{} {}", ended.code, ended.err);
}
