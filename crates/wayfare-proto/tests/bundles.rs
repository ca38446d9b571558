//! PKCS#12 bundles that OpenSSL made, with ciphers of today and of old.

#![cfg(feature = "pkcs12")]
#![allow(clippy::unwrap_used)]

use wayfare_proto::certificate::bundle::Bundle;
use wayfare_proto::certificate::key::Algorithm;

const MODERN: &[u8] = include_bytes!("certificates/bundle-modern.p12");
const LEGACY: &[u8] = include_bytes!("certificates/bundle-legacy.p12");
const EMPTY: &[u8] = include_bytes!("certificates/bundle-empty.p12");
const OPEN: &[u8] = include_bytes!("certificates/bundle-open.p12");
const QUICK: &[u8] = include_bytes!("certificates/bundle-quick.p12");
const QUICK_LEGACY: &[u8] = include_bytes!("certificates/bundle-quick-legacy.p12");
const NO_KEY: &[u8] = include_bytes!("certificates/bundle-no-key.p12");
const NO_CERTIFICATE: &[u8] = include_bytes!("certificates/bundle-no-certificate.p12");
const KEY: &[u8] = include_bytes!("certificates/bundle-key.p8");

#[test]
fn bundles_of_every_kind_give_their_key_and_chain() {
    for (name, bundle, passphrase) in [
        ("modern", MODERN, "secret"),
        ("legacy", LEGACY, "secret"),
        ("an empty passphrase", EMPTY, ""),
        ("no cipher at all", OPEN, ""),
    ] {
        let Bundle { key, chain, others } = Bundle::from_der(bundle, passphrase).expect(name);
        assert_eq!(key.algorithm(), &Algorithm::Ec("prime256v1".into()), "{name}");
        assert_eq!(key.der(), KEY, "{name}");
        let names: Vec<_> = chain.iter().map(|one| one.subject().display_name()).collect();
        assert_eq!(names, ["me", "ca"], "{name}");
        assert!(others.is_empty(), "{name}");
    }
}

#[test]
fn what_is_wrong_with_a_bundle_is_said() {
    for (bundle, passphrase, wanted) in [
        (MODERN, "wrong", "does not open with this passphrase"),
        (LEGACY, "", "does not open with this passphrase"),
        (NO_KEY, "secret", "no private key"),
        (NO_CERTIFICATE, "secret", "no certificate"),
        (&b"-----BEGIN CERTIFICATE-----"[..], "secret", "not a PKCS#12 bundle"),
        (&MODERN[..MODERN.len() / 2], "secret", "not a PKCS#12 bundle"),
        (b"", "", "not a PKCS#12 bundle"),
    ] {
        let why = Bundle::from_der(bundle, passphrase).unwrap_err().to_string();
        assert!(why.contains(wanted), "{why}");
    }
}

#[test]
fn a_bundle_never_shows_its_key() {
    let bundle = Bundle::from_der(OPEN, "").unwrap();
    let shown = format!("{bundle:?}");
    let secret = format!("{:?}", &KEY[40..60]);
    assert!(!shown.contains(secret.trim_matches(['[', ']'])), "{shown}");
}

#[test]
fn no_damage_to_a_bundle_is_a_panic() {
    let mut opened = 0;
    for (bundle, passphrase) in [(OPEN, ""), (QUICK, "secret"), (QUICK_LEGACY, "secret")] {
        for place in 0..bundle.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = bundle.to_vec();
                damaged[place] ^= change;
                opened += usize::from(Bundle::from_der(&damaged, passphrase).is_ok());
            }
            let _ = Bundle::from_der(&bundle[..place], passphrase);
        }
    }
    // Where nothing is signed, damage to a certificate's signature or a name shows only later.
    assert!(opened > 0);
}
