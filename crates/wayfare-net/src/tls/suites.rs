//! Cipher suites and key exchange groups by their standard names.

use std::fmt;

use rustls::crypto::SupportedKxGroup;
use rustls::{NamedGroup, SupportedCipherSuite};

/// A cipher suite.
#[derive(Clone, Copy, PartialEq)]
pub struct CipherSuite(SupportedCipherSuite);

/// A key exchange group.
#[derive(Clone, Copy)]
pub struct Group(&'static dyn SupportedKxGroup);

/// A name that is none of a suite or group, or of one that is not to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    what: &'static str,
    name: String,
    known: Vec<String>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, name, known } = self;
        write!(f, "\"{}\" is no {what}; there are {}", name.escape_debug(), known.join(", "))
    }
}

impl std::error::Error for UnknownName {}

impl CipherSuite {
    /// The suite with this name, as the IANA registry or OpenSSL writes it.
    ///
    /// # Errors
    /// [`UnknownName`], with all names there are.
    pub fn named(name: &str) -> Result<Self, UnknownName> {
        let all = rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
        let wanted = name.trim();
        let is_wanted = |suite: &&SupportedCipherSuite| {
            let standard = standard_name(suite);
            standard.eq_ignore_ascii_case(wanted)
                || openssl_name(&standard).eq_ignore_ascii_case(wanted)
        };
        all.iter().find(is_wanted).map(|suite| Self(*suite)).ok_or_else(|| UnknownName {
            what: "cipher suite",
            name: name.to_owned(),
            known: all.iter().map(standard_name).collect(),
        })
    }

    /// The name in the IANA registry, for example `TLS_AES_256_GCM_SHA384`.
    #[must_use]
    pub fn name(&self) -> String {
        standard_name(&self.0)
    }

    pub(super) fn engine(&self) -> SupportedCipherSuite {
        self.0
    }
}

impl Eq for CipherSuite {}

impl fmt::Debug for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Group {
    /// The group with this name: `X25519MLKEM768`, `X25519`, `P-256` (`secp256r1`, `prime256v1`),
    /// `P-384` (`secp384r1`), `SecP256r1MLKEM768`, `MLKEM768`, `MLKEM1024`.
    ///
    /// # Errors
    /// [`UnknownName`], with all names there are.
    pub fn named(name: &str) -> Result<Self, UnknownName> {
        let all = rustls::crypto::aws_lc_rs::ALL_KX_GROUPS;
        let wanted = match name.trim().to_ascii_lowercase().as_str() {
            "p-256" | "prime256v1" => "secp256r1".to_owned(),
            "p-384" => "secp384r1".to_owned(),
            other => other.to_owned(),
        };
        let found = all.iter().find(|group| group_name(group.name()).to_lowercase() == wanted);
        found.map(|group| Self(*group)).ok_or_else(|| UnknownName {
            what: "key exchange group",
            name: name.to_owned(),
            known: all.iter().map(|group| group_name(group.name())).collect(),
        })
    }

    /// Its standard name.
    #[must_use]
    pub fn name(&self) -> String {
        group_name(self.0.name())
    }

    pub(super) fn engine(&self) -> &'static dyn SupportedKxGroup {
        self.0
    }
}

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for Group {}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// The engine says which version a suite of TLS 1.3 is for; the registry does not.
fn standard_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
}

/// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256` there; the suites of TLS
/// 1.3 have one name only.
fn openssl_name(standard: &str) -> String {
    let Some(rest) = standard.strip_prefix("TLS_ECDHE_") else { return standard.to_owned() };
    let short = rest.replace("_WITH_", "_").replace("AES_", "AES").replace("_SHA256", "-SHA256");
    let short = short.replace("CHACHA20_POLY1305-SHA256", "CHACHA20-POLY1305");
    format!("ECDHE-{}", short.replace('_', "-"))
}

fn group_name(group: NamedGroup) -> String {
    match group {
        NamedGroup::secp256r1MLKEM768 => "SecP256r1MLKEM768".to_owned(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_found_by_both_of_their_names() {
        for (standard, openssl) in [
            ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
            ("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
            ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"),
            ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
        ] {
            assert_eq!(CipherSuite::named(standard).unwrap().name(), standard);
            assert_eq!(CipherSuite::named(openssl).unwrap().name(), standard);
        }
        let why = CipherSuite::named("RC4-MD5").unwrap_err().to_string();
        assert!(why.contains("RC4-MD5") && why.contains("TLS_AES_128_GCM_SHA256"), "{why}");
    }

    #[test]
    fn groups_are_found_by_all_of_their_names() {
        for (name, standard) in [
            ("x25519", "X25519"),
            ("P-256", "secp256r1"),
            ("prime256v1", "secp256r1"),
            ("secp384r1", "secp384r1"),
            ("X25519MLKEM768", "X25519MLKEM768"),
        ] {
            assert_eq!(Group::named(name).unwrap().name(), standard);
        }
        assert!(Group::named("ffdhe2048").unwrap_err().to_string().contains("X25519"));
    }
}
