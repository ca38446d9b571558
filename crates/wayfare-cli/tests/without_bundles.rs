//! `--cert-type P12` in a command that does not know bundles.

#![cfg(not(feature = "pkcs12"))]
#![allow(clippy::unwrap_used)]

mod command;

use command::{Scratch, run};

#[test]
fn a_bundle_is_refused_with_a_way_out() {
    let scratch = Scratch::new();
    let path = scratch.text("me.p12");
    std::fs::write(&path, "anything").unwrap();
    let get = ["get", "https://127.0.0.1:1/", "--cert", &path, "--cert-type"];
    let ended = run(&[&get[..], &["P12"]].concat());
    assert!(ended.code == 2 && ended.err.contains("openssl pkcs12"), "{}", ended.err);
    let ended = run(&[&get[..], &["DER"]].concat());
    assert!(ended.code == 2 && ended.err.contains("PEM or P12"), "{} {}", ended.code, ended.err);
}
