//! Keys: what is known of a certificate's, and the private ones that prove who a client is.

use std::fmt;

use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use sha2::Digest as _;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use zeroize::Zeroizing;

use super::extension::algorithm_name;
use super::{Damaged, der_of, pem_blocks};

/// The kind of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// An elliptic curve, by its name (`prime256v1`).
    Ec(String),
    /// Edwards-curve 25519 (RFC 8410).
    Ed25519,
    /// Another kind, by its name or object identifier.
    Other(String),
    /// RSA.
    Rsa,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ec(curve) => write!(f, "EC {curve}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(name) => f.write_str(name),
            Self::Rsa => f.write_str("RSA"),
        }
    }
}

/// The public key of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey {
    algorithm: Algorithm,
    bits: usize,
    modulus: Option<Vec<u8>>,
    exponent: Option<u64>,
    key: Vec<u8>,
    info: Vec<u8>,
}

impl PublicKey {
    pub(super) fn of(info: &SubjectPublicKeyInfoOwned) -> Self {
        let key = info.subject_public_key.raw_bytes();
        let parameter = info.algorithm.parameters.as_ref();
        let curve = parameter.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        let algorithm = algorithm_of(&info.algorithm.oid, curve.as_ref());
        let (mut modulus, mut exponent) = (None, None);
        let bits = match &algorithm {
            Algorithm::Rsa => {
                // RFC 8017 A.1.1
                if let Some(mut found) = numbers(key, 2) {
                    exponent = found.pop().and_then(|exponent| small(&exponent));
                    modulus = found.pop();
                }
                modulus.as_deref().map_or(0, bit_length)
            }
            Algorithm::Ec(curve) => curve_bits(curve),
            Algorithm::Ed25519 => 256,
            Algorithm::Other(_) => key.len() * 8,
        };
        Self { algorithm, bits, modulus, exponent, key: key.to_vec(), info: der_of(info) }
    }

    /// The kind of key.
    #[must_use]
    pub fn algorithm(&self) -> &Algorithm {
        &self.algorithm
    }

    /// Its size in bits; 0 where that is not known.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// The modulus of an RSA key, without leading zeros.
    #[must_use]
    pub fn modulus(&self) -> Option<&[u8]> {
        self.modulus.as_deref()
    }

    /// The public exponent of an RSA key, if it is not beyond reason.
    #[must_use]
    pub fn exponent(&self) -> Option<u64> {
        self.exponent
    }

    /// The bare key: for RSA in PKCS#1, for elliptic curves the point.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The whole `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn info(&self) -> &[u8] {
        &self.info
    }

    /// The SHA-256 digest of the `SubjectPublicKeyInfo`, which is what a pin names (RFC 7469 §2.4).
    #[must_use]
    pub fn pin(&self) -> [u8; 32] {
        sha2::Sha256::digest(&self.info).into()
    }
}

/// A private key, for a client that proves who it is.
///
/// It is wiped from memory when dropped, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    form: Form,
    algorithm: Algorithm,
    der: Zeroizing<Vec<u8>>,
}

/// How the bytes of a private key are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// RSA only (RFC 8017 A.1.2).
    Pkcs1,
    /// Any kind (RFC 5958).
    Pkcs8,
    /// Elliptic curves only (RFC 5915).
    Sec1,
}

impl Key {
    /// Reads the first private key of a PEM text: PKCS#1, PKCS#8, SEC1, or encrypted PKCS#8 with its
    /// passphrase.
    ///
    /// # Errors
    /// [`Damaged`] if there is none, it is not whole, or the passphrase is missing or wrong.
    pub fn from_pem(pem: impl AsRef<[u8]>, passphrase: Option<&str>) -> Result<Self, Damaged> {
        for block in pem_blocks(pem.as_ref()) {
            let (label, der) = block?;
            let der = Zeroizing::new(der);
            return match label {
                "PRIVATE KEY" => Self::from_form(Form::Pkcs8, &der),
                "RSA PRIVATE KEY" => Self::from_form(Form::Pkcs1, &der),
                "EC PRIVATE KEY" => Self::from_form(Form::Sec1, &der),
                "ENCRYPTED PRIVATE KEY" => Self::from_encrypted(&der, passphrase),
                _ => continue,
            };
        }
        Err(Damaged("no \"BEGIN PRIVATE KEY\" block in the PEM text".into()))
    }

    /// Reads a private key in DER, whose form is found out.
    ///
    /// # Errors
    /// [`Damaged`] if it is in none of the forms, or the passphrase is missing or wrong.
    pub fn from_der(der: &[u8], passphrase: Option<&str>) -> Result<Self, Damaged> {
        if EncryptedPrivateKeyInfoRef::from_der(der).is_ok() {
            return Self::from_encrypted(der, passphrase);
        }
        let forms = [Form::Pkcs8, Form::Sec1, Form::Pkcs1];
        forms
            .into_iter()
            .find_map(|form| Self::from_form(form, der).ok())
            .ok_or_else(|| Damaged("not a private key in PKCS#8, SEC1 or PKCS#1".into()))
    }

    /// The kind of key.
    #[must_use]
    pub fn algorithm(&self) -> &Algorithm {
        &self.algorithm
    }

    /// How [`der`](Self::der) is laid out.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The secret itself.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    fn from_encrypted(der: &[u8], passphrase: Option<&str>) -> Result<Self, Damaged> {
        let sealed = EncryptedPrivateKeyInfoRef::from_der(der)
            .map_err(|why| Damaged(format!("not an encrypted private key: {why}")))?;
        let passphrase =
            passphrase.ok_or_else(|| Damaged("the private key needs its passphrase".into()))?;
        let opened = sealed.decrypt(passphrase.as_bytes()).map_err(|why| {
            Damaged(format!("the private key does not open with this passphrase: {why}"))
        })?;
        Self::from_form(Form::Pkcs8, opened.as_bytes())
    }

    fn from_form(form: Form, der: &[u8]) -> Result<Self, Damaged> {
        let algorithm = match form {
            Form::Pkcs8 => {
                let info = PrivateKeyInfoRef::try_from(der)
                    .map_err(|why| Damaged(format!("not a private key in PKCS#8: {why}")))?;
                let curve = info.algorithm.parameters_oid().ok();
                algorithm_of(&info.algorithm.oid, curve.as_ref())
            }
            Form::Pkcs1 => {
                numbers(der, 4).ok_or_else(|| Damaged("not an RSA key in PKCS#1".into()))?;
                Algorithm::Rsa
            }
            Form::Sec1 => Algorithm::Ec(
                sec1_curve(der).ok_or_else(|| Damaged("not a private key in SEC1".into()))?,
            ),
        };
        Ok(Self { form, algorithm, der: Zeroizing::new(der.to_vec()) })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

fn algorithm_of(oid: &ObjectIdentifier, curve: Option<&ObjectIdentifier>) -> Algorithm {
    match algorithm_name(oid).as_str() {
        "rsaEncryption" | "rsassaPss" => Algorithm::Rsa,
        "id-ecPublicKey" => Algorithm::Ec(curve.map_or_else(|| "explicit".into(), curve_name)),
        "ED25519" => Algorithm::Ed25519,
        other => Algorithm::Other(other.to_owned()),
    }
}

fn curve_name(oid: &ObjectIdentifier) -> String {
    match oid.to_string().as_str() {
        "1.2.840.10045.3.1.7" => "prime256v1".into(),
        "1.3.132.0.10" => "secp256k1".into(),
        "1.3.132.0.34" => "secp384r1".into(),
        "1.3.132.0.35" => "secp521r1".into(),
        other => other.to_owned(),
    }
}

fn curve_bits(name: &str) -> usize {
    match name {
        "prime256v1" | "secp256k1" => 256,
        "secp384r1" => 384,
        "secp521r1" => 521,
        _ => 0,
    }
}

fn bit_length(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn small(number: &[u8]) -> Option<u64> {
    let fits = number.len() <= 8;
    fits.then(|| number.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
}

/// The first `count` whole numbers of a sequence, without leading zeros.
fn numbers(der: &[u8], count: usize) -> Option<Vec<Vec<u8>>> {
    let mut reader = SliceReader::new(der).ok()?;
    reader
        .sequence(|inner| {
            let mut found = Vec::new();
            for _ in 0..count {
                found.push(inner.decode::<UintRef<'_>>()?.as_bytes().to_vec());
            }
            while !inner.is_finished() {
                inner.decode::<x509_cert::der::AnyRef<'_>>()?;
            }
            Ok::<_, x509_cert::der::Error>(found)
        })
        .ok()
}

/// The curve of an `ECPrivateKey`; a key without its curve is taken with the name of none.
fn sec1_curve(der: &[u8]) -> Option<String> {
    let mut reader = SliceReader::new(der).ok()?;
    reader
        .sequence(|inner| {
            let mut curve = "unnamed".to_owned();
            if inner.decode::<u8>()? != 1 {
                return Err(x509_cert::der::ErrorKind::Failed.into());
            }
            inner.decode::<&x509_cert::der::asn1::OctetStringRef>()?;
            while !inner.is_finished() {
                let any = inner.decode::<x509_cert::der::AnyRef<'_>>()?;
                if let Ok(oid) = <ObjectIdentifier>::from_der(any.value()) {
                    curve = curve_name(&oid);
                }
            }
            Ok::<_, x509_cert::der::Error>(curve)
        })
        .ok()
}
