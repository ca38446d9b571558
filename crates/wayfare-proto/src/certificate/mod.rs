//! X.509 certificates as their holders, issuers and readers see them (RFC 5280).

#[cfg(feature = "pkcs12")]
pub mod bundle;
pub mod extension;
pub mod key;
pub mod name;
pub mod ocsp;
pub mod problem;
mod text;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};

use extension::Extension;
use key::PublicKey;
use name::DistinguishedName;

/// An X.509 certificate.
///
/// ```
/// # fn read(pem: &str) -> Result<(), wayfare_proto::certificate::Damaged> {
/// # use wayfare_proto::certificate::Certificate;
/// for certificate in Certificate::all_from_pem(pem)? {
///     println!("{} until {:?}", certificate.subject(), certificate.not_after());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
}

/// A name that a certificate is valid for besides its subject (RFC 5280 §4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AlternativeName {
    /// A host name, perhaps with a `*` as its first label.
    Dns(String),
    /// A mail address.
    Email(String),
    /// An address of the network.
    Ip(std::net::IpAddr),
    /// A name of another kind, in words.
    Other(String),
    /// A URI.
    Uri(String),
}

/// Why bytes are no certificate or key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged(pub(crate) String);

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Damaged {}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`Damaged`] says what is wrong with the bytes.
    pub fn from_der(der: &[u8]) -> Result<Self, Damaged> {
        let parsed = x509_cert::Certificate::from_der(der)
            .map_err(|why| Damaged(format!("not a certificate in DER: {why}")))?;
        Ok(Self { der: der.to_vec(), parsed })
    }

    /// Reads the first certificate of a PEM text (RFC 7468).
    ///
    /// # Errors
    /// [`Damaged`] if there is none, or the first is not whole.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, Damaged> {
        Ok(Self::all_from_pem(pem)?.swap_remove(0))
    }

    /// Reads every certificate of a PEM text; other blocks are passed over.
    ///
    /// # Errors
    /// [`Damaged`] if there is none, or one is not whole.
    pub fn all_from_pem(pem: impl AsRef<[u8]>) -> Result<Vec<Self>, Damaged> {
        let mut found = Vec::new();
        for block in pem_blocks(pem.as_ref()) {
            let (label, der) = block?;
            if matches!(label, "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE") {
                found.push(Self::from_der(&der)?);
            }
        }
        if found.is_empty() {
            return Err(Damaged("no \"BEGIN CERTIFICATE\" block in the PEM text".into()));
        }
        Ok(found)
    }

    /// The bytes it was read from.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// It as a PEM block, with lines of 64 characters.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem_block("CERTIFICATE", &self.der)
    }

    /// Whom it is for.
    #[must_use]
    pub fn subject(&self) -> DistinguishedName {
        DistinguishedName::of(self.parsed.tbs_certificate().subject())
    }

    /// Who vouches for it.
    #[must_use]
    pub fn issuer(&self) -> DistinguishedName {
        DistinguishedName::of(self.parsed.tbs_certificate().issuer())
    }

    /// Who vouches for it, in DER.
    #[must_use]
    pub fn issuer_der(&self) -> Vec<u8> {
        der_of(self.parsed.tbs_certificate().issuer())
    }

    /// The host names, addresses and other names it is valid for.
    #[must_use]
    pub fn alternative_names(&self) -> Vec<AlternativeName> {
        let found = self.decode::<SubjectAltName>();
        found.map_or_else(Vec::new, |names| names.0.iter().map(AlternativeName::of).collect())
    }

    /// The first moment of its validity.
    #[must_use]
    pub fn not_before(&self) -> SystemTime {
        self.parsed.tbs_certificate().validity().not_before.to_system_time()
    }

    /// The last moment of its validity.
    #[must_use]
    pub fn not_after(&self) -> SystemTime {
        self.parsed.tbs_certificate().validity().not_after.to_system_time()
    }

    /// The serial number, in upper-case hexadecimal pairs with colons between them.
    #[must_use]
    pub fn serial(&self) -> String {
        hex(self.parsed.tbs_certificate().serial_number().as_bytes())
    }

    /// The bytes of the serial number, as revocation lists have them.
    #[must_use]
    pub fn serial_bytes(&self) -> Vec<u8> {
        self.parsed.tbs_certificate().serial_number().as_bytes().to_vec()
    }

    /// True if it is only good together with a proof that it was not revoked (RFC 7633).
    #[must_use]
    pub fn must_staple(&self) -> bool {
        let all = self.parsed.tbs_certificate().extensions().into_iter().flatten();
        let mut features = all.filter(|one| one.extn_id.to_string() == "1.3.6.1.5.5.7.1.24");
        features.any(|one| extension::has_status_request(one.extn_value.as_bytes()))
    }

    /// The version, 1 to 3.
    #[must_use]
    pub fn version(&self) -> u8 {
        self.parsed.tbs_certificate().version() as u8 + 1
    }

    /// The name of the algorithm it is signed with, as OpenSSL writes it.
    #[must_use]
    pub fn signature_algorithm(&self) -> String {
        extension::algorithm_name(&self.parsed.signature_algorithm().oid)
    }

    /// What stands for a server in the proof of a connection: the hash of `tls-server-end-point`
    /// (RFC 5929 §4.1); nothing for signatures without a hash of their own.
    #[must_use]
    pub fn end_point_hash(&self) -> Option<Vec<u8>> {
        let name = self.signature_algorithm().to_ascii_lowercase();
        let has = |hash: &str| name.contains(hash);
        Some(match () {
            // Weak ones are replaced.
            () if has("sha256") || has("sha1") || has("md5") => {
                sha2::Sha256::digest(&self.der).to_vec()
            }
            () if has("sha384") => sha2::Sha384::digest(&self.der).to_vec(),
            () if has("sha512") => sha2::Sha512::digest(&self.der).to_vec(),
            () => return None,
        })
    }

    /// The key it binds to its subject.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey::of(self.parsed.tbs_certificate().subject_public_key_info())
    }

    /// The extensions, in their order.
    #[must_use]
    pub fn extensions(&self) -> Vec<Extension> {
        let found = self.parsed.tbs_certificate().extensions();
        found.map_or_else(Vec::new, |all| all.iter().map(Extension::of).collect())
    }

    /// The SHA-256 digest of the whole certificate, by which exceptions know it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        sha2::Sha256::digest(&self.der).into()
    }

    /// The SHA-1 digest of the whole certificate, which older lists go by.
    #[must_use]
    pub fn sha1(&self) -> [u8; 20] {
        sha1::Sha1::digest(&self.der).into()
    }

    /// True if it names itself as its issuer; whether it signed itself is not checked.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        let tbs = self.parsed.tbs_certificate();
        tbs.issuer() == tbs.subject()
    }

    /// True if it may vouch for others (RFC 5280 §4.2.1.9).
    #[must_use]
    pub fn is_authority(&self) -> bool {
        self.decode::<BasicConstraints>().is_some_and(|limits| limits.ca)
    }

    /// Everything in it in words, in the form of `openssl x509 -text`.
    #[must_use]
    pub fn to_text(&self) -> String {
        text::of(self)
    }

    pub(crate) fn parsed(&self) -> &x509_cert::Certificate {
        &self.parsed
    }

    fn decode<'a, T: Decode<'a> + AssociatedOid>(&'a self) -> Option<T> {
        let all = self.parsed.tbs_certificate().extensions()?;
        let one = all.iter().find(|extension| extension.extn_id == T::OID)?;
        T::from_der(one.extn_value.as_bytes()).ok()
    }
}

impl AlternativeName {
    fn of(name: &GeneralName) -> Self {
        match name {
            GeneralName::DnsName(name) => Self::Dns(name.to_string()),
            GeneralName::Rfc822Name(name) => Self::Email(name.to_string()),
            GeneralName::UniformResourceIdentifier(name) => Self::Uri(name.to_string()),
            GeneralName::IpAddress(bytes) => Self::ip(bytes.as_bytes()),
            GeneralName::DirectoryName(name) => {
                Self::Other(format!("DirName:{}", DistinguishedName::of(name)))
            }
            GeneralName::RegisteredId(id) => Self::Other(format!("Registered ID:{id}")),
            GeneralName::OtherName(other) => Self::Other(format!("othername:{}", other.type_id)),
            GeneralName::EdiPartyName(_) => Self::Other("EdiPartyName".into()),
        }
    }

    fn ip(bytes: &[u8]) -> Self {
        if let Ok(four) = <[u8; 4]>::try_from(bytes) {
            return Self::Ip(Ipv4Addr::from(four).into());
        }
        match <[u8; 16]>::try_from(bytes) {
            Ok(sixteen) => Self::Ip(Ipv6Addr::from(sixteen).into()),
            Err(_) => Self::Other(format!("IP Address:{}", hex(bytes))),
        }
    }
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Email(name) => write!(f, "email:{name}"),
            Self::Ip(address) => write!(f, "IP Address:{address}"),
            Self::Other(words) => f.write_str(words),
            Self::Uri(uri) => write!(f, "URI:{uri}"),
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject().to_string())
            .field("issuer", &self.issuer().to_string())
            .field("sha256", &hex(&self.sha256()))
            .finish_non_exhaustive()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl Hash for Certificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.der.hash(state);
    }
}

/// Upper-case hexadecimal pairs with colons between them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// A PEM block with lines of 64 characters.
pub(crate) fn pem_block(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|&byte| char::from(byte)));
        pem.push('\n');
    }
    pem + &format!("-----END {label}-----\n")
}

/// The revocation lists of a PEM text, in DER.
///
/// # Errors
/// [`Damaged`] if there is none, or one is not whole.
pub fn list_ders_from_pem(pem: &[u8]) -> Result<Vec<Vec<u8>>, Damaged> {
    let mut found = Vec::new();
    for block in pem_blocks(pem) {
        let (label, der) = block?;
        if label == "X509 CRL" {
            found.push(der);
        }
    }
    if found.is_empty() {
        return Err(Damaged("no \"BEGIN X509 CRL\" block in the PEM text".into()));
    }
    Ok(found)
}

/// The blocks of a PEM text (RFC 7468 §3, the lax form): what stands between blocks is explanation,
/// and so are header lines such as `Proc-Type:`, which are refused because they mean a cipher.
pub(crate) fn pem_blocks(
    pem: &[u8],
) -> impl Iterator<Item = Result<(&str, Vec<u8>), Damaged>> + '_ {
    let text = std::str::from_utf8(pem);
    let mut lines = text.unwrap_or_default().lines();
    let mut broken = text.err().map(|_| Damaged("the PEM text is not text".into()));
    std::iter::from_fn(move || {
        if let Some(broken) = broken.take() {
            return Some(Err(broken));
        }
        let label = lines
            .by_ref()
            .find_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))?;
        let mut content = String::new();
        for line in lines.by_ref() {
            let line = line.trim();
            if let Some(ended) = line.strip_prefix("-----END ") {
                if ended.strip_suffix("-----") != Some(label) {
                    break;
                }
                let der = STANDARD.decode(&content);
                return Some(match der {
                    Ok(der) => Ok((label, der)),
                    Err(why) => Err(Damaged(format!("the PEM block \"{label}\": {why}"))),
                });
            }
            if line.contains(':') {
                let message = format!(
                    "the PEM block \"{label}\" is encrypted in the old way (\"{line}\"); \
                     convert it to PKCS#8"
                );
                return Some(Err(Damaged(message)));
            }
            content.push_str(line);
        }
        Some(Err(Damaged(format!("the PEM block \"{label}\" has no end"))))
    })
}

/// The DER of `value`, which was read from DER and so can be written.
pub(crate) fn der_of(value: &impl Encode) -> Vec<u8> {
    value.to_der().unwrap_or_default()
}
