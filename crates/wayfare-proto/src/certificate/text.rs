//! A certificate in words, in the form of `openssl x509 -text`.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use super::key::Algorithm;
use super::{Certificate, hex};
use crate::syntax::date;

pub(super) fn of(certificate: &Certificate) -> String {
    let mut text = String::from("Certificate:\n    Data:\n");
    // Writing to a string does not fail.
    let _ = write_data(&mut text, certificate);
    text
}

fn write_data(text: &mut String, certificate: &Certificate) -> std::fmt::Result {
    let version = certificate.version();
    writeln!(text, "        Version: {version} (0x{:x})", version - 1)?;
    write_serial(text, certificate)?;
    writeln!(text, "        Signature Algorithm: {}", certificate.signature_algorithm())?;
    writeln!(text, "        Issuer: {}", certificate.issuer())?;
    writeln!(text, "        Validity")?;
    writeln!(text, "            Not Before: {}", moment(certificate.not_before()))?;
    writeln!(text, "            Not After : {}", moment(certificate.not_after()))?;
    writeln!(text, "        Subject: {}", certificate.subject())?;
    write_key(text, certificate)?;
    let extensions = certificate.extensions();
    if !extensions.is_empty() {
        writeln!(text, "        X509v3 extensions:")?;
    }
    for extension in extensions {
        let critical = if extension.critical { "critical" } else { "" };
        writeln!(text, "            {}: {critical}", extension.name)?;
        for line in extension.value.split('\n') {
            let shown: String = line
                .chars()
                .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
                .collect();
            writeln!(text, "                {shown}")?;
        }
    }
    writeln!(text, "    Signature Algorithm: {}", certificate.signature_algorithm())?;
    writeln!(text, "    Signature Value:")?;
    let signature = certificate.parsed().signature().raw_bytes();
    write_bytes(text, signature, "        ", 18)
}

/// Numbers that fit a machine word are written in decimal too.
fn write_serial(text: &mut String, certificate: &Certificate) -> std::fmt::Result {
    let bytes = certificate.parsed().tbs_certificate().serial_number();
    let bytes = bytes.as_bytes();
    let significant = &bytes[bytes.iter().take_while(|&&byte| byte == 0).count()..];
    if significant.len() < 8 {
        let number = significant.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
        return writeln!(text, "        Serial Number: {number} (0x{number:x})");
    }
    writeln!(text, "        Serial Number:\n            {}", hex(bytes).to_lowercase())
}

fn write_key(text: &mut String, certificate: &Certificate) -> std::fmt::Result {
    let key = certificate.public_key();
    writeln!(text, "        Subject Public Key Info:")?;
    let name = match key.algorithm() {
        Algorithm::Rsa => "rsaEncryption",
        Algorithm::Ec(_) => "id-ecPublicKey",
        Algorithm::Ed25519 => "ED25519",
        Algorithm::Other(name) => name,
    };
    writeln!(text, "            Public Key Algorithm: {name}")?;
    writeln!(text, "                Public-Key: ({} bit)", key.bits())?;
    match key.modulus() {
        Some(modulus) => {
            writeln!(text, "                Modulus:")?;
            // A number of which the first bit is set is written with a zero before it.
            let zero = modulus.first().is_some_and(|first| first & 0x80 != 0);
            let shown = [&[0][usize::from(!zero)..], modulus].concat();
            write_bytes(text, &shown, "                    ", 15)?;
        }
        None => {
            writeln!(text, "                pub:")?;
            write_bytes(text, key.key(), "                    ", 15)?;
        }
    }
    if let Some(exponent) = key.exponent() {
        writeln!(text, "                Exponent: {exponent} (0x{exponent:x})")?;
    }
    if let Algorithm::Ec(curve) = key.algorithm() {
        writeln!(text, "                ASN1 OID: {curve}")?;
        let nist = match curve.as_str() {
            "prime256v1" => "P-256",
            "secp384r1" => "P-384",
            "secp521r1" => "P-521",
            _ => return Ok(()),
        };
        writeln!(text, "                NIST CURVE: {nist}")?;
    }
    Ok(())
}

fn write_bytes(text: &mut String, bytes: &[u8], indent: &str, width: usize) -> std::fmt::Result {
    let mut lines = bytes.chunks(width).peekable();
    while let Some(line) = lines.next() {
        let colon = if lines.peek().is_some() { ":" } else { "" };
        writeln!(text, "{indent}{}{colon}", hex(line).to_lowercase())?;
    }
    Ok(())
}

/// `Nov 20 15:09:45 2026 GMT`.
pub(super) fn moment(time: SystemTime) -> String {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
    };
    let http = date::format(seconds);
    // `Fri, 20 Nov 2026 15:09:45 GMT`
    match http.split(' ').collect::<Vec<_>>()[..] {
        [_, day, month, year, clock, zone] => {
            format!("{month} {:>2} {clock} {year} {zone}", day.trim_start_matches('0'))
        }
        _ => http,
    }
}
