//! Bundles of a private key and its certificates under one passphrase (PKCS#12, RFC 7292).

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error;
use zeroize::Zeroizing;

use super::key::Key;
use super::ocsp::Issuer;
use super::{Certificate, Damaged};

/// What a bundle holds: a key, and the certificates that say whose it is.
///
/// ```no_run
/// # use wayfare_proto::certificate::bundle::Bundle;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bundle = Bundle::from_der(&std::fs::read("me.p12")?, "secret")?;
/// println!("{} by {}", bundle.chain[0].subject(), bundle.chain[0].issuer());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The first private key.
    pub key: Key,
    /// The key's certificate, then those that vouch for it, each for the one before; never empty.
    pub chain: Vec<Certificate>,
    /// The certificates that have no part in that, for example authorities to be trusted.
    pub others: Vec<Certificate>,
}

impl Bundle {
    /// Reads a bundle with its passphrase, which is empty where there is none.
    ///
    /// Both the ciphers of today and those of old bundles are known (RFC 7292 appendix C: triple
    /// DES and 40-bit RC2 with SHA-1). Deriving keys takes as long as the bundle asks for, at most
    /// a million rounds each.
    ///
    /// # Errors
    /// [`Damaged`] if it is no bundle, the passphrase is wrong, or there is no key or no
    /// certificate in it.
    pub fn from_der(der: &[u8], passphrase: &str) -> Result<Self, Damaged> {
        let mut archive = Pkcs12Archive::from_pkcs12(der, passphrase).map_err(|why| told(&why))?;
        if archive.keys.is_empty() {
            return Err(Damaged("there is no private key in the bundle".into()));
        }
        let found = archive.keys.swap_remove(0);
        let secret = Zeroizing::new(found.key.as_der().to_vec());
        let key = Key::from_der(&secret, None)?;
        let id = found.local_key_id.as_ref().map(|id| id.0.as_slice());
        let (mut named, mut certificates) = (None, Vec::new());
        for bag in &archive.certs {
            if named.is_none() && id.is_some() && bag.local_key_id.as_deref() == id {
                named = Some(certificates.len());
            }
            certificates.push(Certificate::from_der(bag.cert.as_der())?);
        }
        let (chain, others) = in_order(certificates, named)?;
        Ok(Self { key, chain, others })
    }
}

/// The key's certificate with those that vouch for it, and the rest.
fn in_order(
    mut rest: Vec<Certificate>,
    named: Option<usize>,
) -> Result<(Vec<Certificate>, Vec<Certificate>), Damaged> {
    // Where none is named as the key's, it is the one that vouches for nobody.
    let is_leaf = |one: &Certificate| {
        let name = Issuer::of(one).name().to_vec();
        !rest.iter().any(|other| other != one && other.issuer_der() == name)
    };
    let leaf = named.or_else(|| rest.iter().position(is_leaf)).unwrap_or(0);
    if leaf >= rest.len() {
        return Err(Damaged("there is no certificate in the bundle".into()));
    }
    let mut chain = vec![rest.remove(leaf)];
    while let Some(last) = chain.last() {
        let above = last.issuer_der();
        let next = rest.iter().position(|one| Issuer::of(one).name() == above);
        let Some(next) = next else { break };
        chain.push(rest.remove(next));
    }
    Ok((chain, rest))
}

fn told(why: &Error) -> Damaged {
    Damaged(match why {
        Error::MacError(_) => "the bundle does not open with this passphrase".to_owned(),
        Error::UnsupportedEncryptionScheme | Error::UnsupportedMacAlgorithm => {
            "the bundle is encrypted or signed in a way that is not known here".to_owned()
        }
        Error::InvalidParameters => {
            "the bundle asks for a derivation of keys beyond reason".to_owned()
        }
        why => format!("not a PKCS#12 bundle: {why}"),
    })
}
