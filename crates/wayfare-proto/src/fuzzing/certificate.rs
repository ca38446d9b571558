//! Harnesses for certificates, keys and OCSP answers: no panic, and what was read can be shown.

use std::time::UNIX_EPOCH;

use crate::certificate::Certificate;
use crate::certificate::key::Key;
use crate::certificate::ocsp::{Answer, Issuer};

/// Reads a certificate in DER or PEM and shows all of it.
pub fn certificate(data: &[u8]) {
    let mut found = Certificate::all_from_pem(data).unwrap_or_default();
    found.extend(Certificate::from_der(data));
    for certificate in found {
        let text = certificate.to_text();
        let hidden = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(hidden), "control characters in the text form");
        let again = Certificate::from_pem(certificate.to_pem());
        assert_eq!(again.as_ref(), Ok(&certificate), "PEM does not come back");
        let _ = (certificate.alternative_names(), certificate.public_key().pin());
    }
}

/// Reads a private key, which must not be encrypted: deriving keys is slow by intent.
pub fn private_key(data: &[u8]) {
    let _ = (Key::from_pem(data, None), Key::from_der(data, None));
}

/// Reads an OCSP answer and asks it about a certificate.
pub fn ocsp(data: &[u8]) {
    let Ok(answer) = Answer::read(data) else { return };
    let authority = include_str!("../../tests/certificates/authority.pem");
    if let Ok(authority) = Certificate::from_pem(authority) {
        let _ = answer.status(&authority, &Issuer::of(&authority), UNIX_EPOCH);
    }
}
