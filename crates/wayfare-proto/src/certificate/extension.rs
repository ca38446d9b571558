//! Extensions of certificates: what they are called and what they say (RFC 5280 §4.2).

use x509_cert::der::Decode;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::Extension as Parsed;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
    CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, SubjectAltName, SubjectKeyIdentifier,
};

use super::{AlternativeName, hex};

/// One extension of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Extension {
    /// The object identifier in dots.
    pub oid: String,
    /// The name people know it by; the object identifier where there is none.
    pub name: String,
    /// Whether a reader who does not understand it must refuse the certificate.
    pub critical: bool,
    /// What it says, in words where it is understood, else its bytes in hexadecimal.
    pub value: String,
}

impl Extension {
    pub(super) fn of(parsed: &Parsed) -> Self {
        let bytes = parsed.extn_value.as_bytes();
        let oid = parsed.extn_id.to_string();
        Self {
            name: extension_name(&oid),
            critical: parsed.critical,
            value: words(&oid, bytes).unwrap_or_else(|| hex(bytes)),
            oid,
        }
    }
}

fn words(oid: &str, bytes: &[u8]) -> Option<String> {
    Some(match oid {
        "2.5.29.14" => hex(SubjectKeyIdentifier::from_der(bytes).ok()?.0.as_bytes()),
        "2.5.29.15" => key_usage(&KeyUsage::from_der(bytes).ok()?),
        "2.5.29.17" => {
            let names = SubjectAltName::from_der(bytes).ok()?;
            joined(names.0.iter().map(|name| AlternativeName::of(name).to_string()))
        }
        "2.5.29.19" => basic_constraints(&BasicConstraints::from_der(bytes).ok()?),
        "2.5.29.31" => {
            let points = CrlDistributionPoints::from_der(bytes).ok()?;
            lines(points.0.iter().filter_map(|point| match point.distribution_point.as_ref()? {
                DistributionPointName::FullName(names) => {
                    let names = names.iter().map(|name| format!("  {}", AlternativeName::of(name)));
                    Some(format!("Full Name:\n{}", lines(names)))
                }
                DistributionPointName::NameRelativeToCRLIssuer(_) => None,
            }))
        }
        "2.5.29.32" => {
            let policies = CertificatePolicies::from_der(bytes).ok()?;
            lines(policies.0.iter().map(|policy| format!("Policy: {}", policy.policy_identifier)))
        }
        "2.5.29.35" => {
            let id = AuthorityKeyIdentifier::from_der(bytes).ok()?;
            hex(id.key_identifier.as_ref()?.as_bytes())
        }
        "2.5.29.37" => {
            let uses = ExtendedKeyUsage::from_der(bytes).ok()?;
            joined(uses.0.iter().map(|purpose| purpose_name(&purpose.to_string())))
        }
        "1.3.6.1.5.5.7.1.1" => {
            let access = AuthorityInfoAccessSyntax::from_der(bytes).ok()?;
            lines(access.0.iter().map(|one| {
                let method = access_name(&one.access_method.to_string());
                format!("{method} - {}", AlternativeName::of(&one.access_location))
            }))
        }
        "1.3.6.1.5.5.7.1.24" if has_status_request(bytes) => "status_request".into(),
        _ => return None,
    })
}

/// True if `status_request` (5) is in a list of TLS features (RFC 7633 §4.1).
pub(super) fn has_status_request(bytes: &[u8]) -> bool {
    Vec::<u16>::from_der(bytes).is_ok_and(|features| features.contains(&5))
}

/// Where the authority answers for the state of a certificate (RFC 6960 §3.1).
pub(super) fn ocsp_responders(certificate: &x509_cert::Certificate) -> Vec<String> {
    let extensions = certificate.tbs_certificate().extensions().into_iter().flatten();
    let access = extensions
        .filter(|one| one.extn_id.to_string() == "1.3.6.1.5.5.7.1.1")
        .filter_map(|one| AuthorityInfoAccessSyntax::from_der(one.extn_value.as_bytes()).ok());
    access
        .flat_map(|access| access.0)
        .filter(|one| one.access_method.to_string() == "1.3.6.1.5.5.7.48.1")
        .filter_map(|one| match one.access_location {
            GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()),
            _ => None,
        })
        .collect()
}

fn lines(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("\n")
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn key_usage(usage: &KeyUsage) -> String {
    let flags = [
        (usage.digital_signature(), "Digital Signature"),
        (usage.non_repudiation(), "Non Repudiation"),
        (usage.key_encipherment(), "Key Encipherment"),
        (usage.data_encipherment(), "Data Encipherment"),
        (usage.key_agreement(), "Key Agreement"),
        (usage.key_cert_sign(), "Certificate Sign"),
        (usage.crl_sign(), "CRL Sign"),
        (usage.encipher_only(), "Encipher Only"),
        (usage.decipher_only(), "Decipher Only"),
    ];
    joined(flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_owned()))
}

fn basic_constraints(limits: &BasicConstraints) -> String {
    match (limits.ca, limits.path_len_constraint) {
        (false, _) => "CA:FALSE".into(),
        (true, None) => "CA:TRUE".into(),
        (true, Some(length)) => format!("CA:TRUE, pathlen:{length}"),
    }
}

fn extension_name(oid: &str) -> String {
    let name = match oid {
        "2.5.29.9" => "X509v3 Subject Directory Attributes",
        "2.5.29.14" => "X509v3 Subject Key Identifier",
        "2.5.29.15" => "X509v3 Key Usage",
        "2.5.29.16" => "X509v3 Private Key Usage Period",
        "2.5.29.17" => "X509v3 Subject Alternative Name",
        "2.5.29.18" => "X509v3 Issuer Alternative Name",
        "2.5.29.19" => "X509v3 Basic Constraints",
        "2.5.29.30" => "X509v3 Name Constraints",
        "2.5.29.31" => "X509v3 CRL Distribution Points",
        "2.5.29.32" => "X509v3 Certificate Policies",
        "2.5.29.33" => "X509v3 Policy Mappings",
        "2.5.29.35" => "X509v3 Authority Key Identifier",
        "2.5.29.36" => "X509v3 Policy Constraints",
        "2.5.29.37" => "X509v3 Extended Key Usage",
        "2.5.29.54" => "X509v3 Inhibit Any Policy",
        "1.3.6.1.5.5.7.1.1" => "Authority Information Access",
        "1.3.6.1.5.5.7.1.24" => "TLS Feature",
        "1.3.6.1.4.1.11129.2.4.2" => "CT Precertificate SCTs",
        "1.3.6.1.4.1.11129.2.4.3" => "CT Precertificate Poison",
        "2.16.840.1.113730.1.1" => "Netscape Cert Type",
        "2.16.840.1.113730.1.13" => "Netscape Comment",
        other => other,
    };
    name.to_owned()
}

fn purpose_name(oid: &str) -> String {
    let name = match oid {
        "1.3.6.1.5.5.7.3.1" => "TLS Web Server Authentication",
        "1.3.6.1.5.5.7.3.2" => "TLS Web Client Authentication",
        "1.3.6.1.5.5.7.3.3" => "Code Signing",
        "1.3.6.1.5.5.7.3.4" => "E-mail Protection",
        "1.3.6.1.5.5.7.3.8" => "Time Stamping",
        "1.3.6.1.5.5.7.3.9" => "OCSP Signing",
        "2.5.29.37.0" => "Any Extended Key Usage",
        other => other,
    };
    name.to_owned()
}

fn access_name(oid: &str) -> String {
    match oid {
        "1.3.6.1.5.5.7.48.1" => "OCSP".to_owned(),
        "1.3.6.1.5.5.7.48.2" => "CA Issuers".to_owned(),
        other => other.to_owned(),
    }
}

/// An algorithm's name as OpenSSL writes it; the object identifier where there is none.
pub(super) fn algorithm_name(oid: &ObjectIdentifier) -> String {
    let oid = oid.to_string();
    let name = match oid.as_str() {
        "1.2.840.113549.1.1.1" => "rsaEncryption",
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.10045.2.1" => "id-ecPublicKey",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.2.840.10040.4.1" => "dsaEncryption",
        "1.3.101.110" => "X25519",
        "1.3.101.112" => "ED25519",
        "1.3.101.113" => "ED448",
        other => other,
    };
    name.to_owned()
}
