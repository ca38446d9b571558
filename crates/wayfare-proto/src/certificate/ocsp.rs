//! OCSP answers: whether an authority took a certificate back (RFC 6960).
//!
//! Only the basic answer is read, which is the only one in use. Whose signature is on it is for the
//! caller to check, with [`Answer::signed`] and what stands beside it.

use std::fmt;
use std::time::{Duration, SystemTime};

use sha1::Digest as _;
use x509_cert::der::Decode;
use x509_cert::der::asn1::{GeneralizedTime, ObjectIdentifier};

use super::{Certificate, der_of};

/// Whether a certificate was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It is good, says its authority.
    Good {
        /// When its authority says something new; nothing if it is at any time.
        next_update: Option<SystemTime>,
    },
    /// It was taken back.
    Revoked {
        /// When.
        at: SystemTime,
        /// Why, if it is said.
        reason: Option<Reason>,
    },
    /// The responder does not know it.
    Unknown,
}

/// Why a certificate was taken back (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The names are the RFC's own.
#[non_exhaustive]
pub enum Reason {
    AffiliationChanged,
    AuthorityCompromise,
    CertificateHold,
    CessationOfOperation,
    KeyCompromise,
    Other,
    PrivilegeWithdrawn,
    Superseded,
}

/// Why an answer does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unusable {
    /// It is about other certificates.
    ForAnother,
    /// It cannot be read.
    Malformed,
    /// It is older than it may be, or from the future.
    OutOfDate,
    /// The responder gave an error instead, by its number (RFC 6960 §4.2.1).
    Refused(u8),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForAnother => f.write_str("the OCSP answer is about another certificate"),
            Self::Malformed => f.write_str("the OCSP answer cannot be read"),
            Self::OutOfDate => f.write_str("the OCSP answer is out of date"),
            Self::Refused(number) => write!(f, "the OCSP responder refused (error {number})"),
        }
    }
}

impl std::error::Error for Unusable {}

/// The authority that vouches for a certificate, as OCSP knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    name: Vec<u8>,
    key: Vec<u8>,
    info: Vec<u8>,
}

impl Issuer {
    /// The authority whose own certificate is at hand.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        let key = certificate.public_key();
        Self {
            name: der_of(certificate.parsed().tbs_certificate().subject()),
            key: key.key().to_vec(),
            info: key.info().to_vec(),
        }
    }

    /// An authority of which only the content of its subject and of its `SubjectPublicKeyInfo` are
    /// kept, as lists of trusted authorities do.
    ///
    /// # Errors
    /// [`Unusable::Malformed`] if the second is not one.
    pub fn of_anchor(subject: &[u8], info: &[u8]) -> Result<Self, Unusable> {
        let (_, rest) = Walk(info).take(SEQUENCE)?;
        let (key, _) = rest.take(BITS)?;
        let key = key.strip_prefix(&[0]).ok_or(Unusable::Malformed)?.to_vec();
        Ok(Self { name: framed(SEQUENCE, subject), key, info: framed(SEQUENCE, info) })
    }

    /// The contents of its subject and of its `SubjectPublicKeyInfo`, as [`Issuer::of_anchor`]
    /// takes them.
    #[must_use]
    pub fn contents(&self) -> (&[u8], &[u8]) {
        let content = |whole| Walk::into_whole(whole, SEQUENCE).map_or(&[][..], |inside| inside.0);
        (content(&self.name), content(&self.info))
    }

    /// Its name in DER.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Its bare public key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The identifier of its key's algorithm, without the outer frame.
    ///
    /// # Errors
    /// [`Unusable::Malformed`] if it has none.
    pub fn key_algorithm(&self) -> Result<&[u8], Unusable> {
        Ok(Walk::into_whole(&self.info, SEQUENCE)?.take(SEQUENCE)?.0)
    }

    /// The SHA-256 digest of its `SubjectPublicKeyInfo`, which is what a pin names.
    #[must_use]
    pub fn pin(&self) -> [u8; 32] {
        sha2::Sha256::digest(&self.info).into()
    }
}

/// A basic answer, read but not believed yet.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The bytes that are signed.
    pub signed: Vec<u8>,
    /// The signature algorithm's identifier, without the outer frame.
    pub algorithm: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// Certificates that came along, in DER; one of them may be a delegated responder's.
    pub certificates: Vec<Vec<u8>>,
    single: Vec<Single>,
}

#[derive(Clone, Debug)]
struct Single {
    /// Of the issuer's name, key, and the serial number, with the digest's name.
    digest: String,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
    serial: Vec<u8>,
    status: Status,
    this_update: SystemTime,
    next_update: Option<SystemTime>,
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`Unusable`] if it cannot be read or is an error of the responder.
    pub fn read(der: &[u8]) -> Result<Self, Unusable> {
        let outer = Walk::into_whole(der, SEQUENCE)?;
        let (status, rest) = outer.take(ENUMERATED)?;
        match status {
            [0] => {}
            [number] => return Err(Unusable::Refused(*number)),
            _ => return Err(Unusable::Malformed),
        }
        let (bytes, _) = rest.take(CONTEXT_0)?;
        let (kind, rest) = Walk(Walk::into_whole(bytes, SEQUENCE)?.0).take(OID)?;
        if kind != BASIC {
            return Err(Unusable::Malformed);
        }
        let (basic, _) = rest.take(OCTETS)?;
        let basic = Walk::into_whole(basic, SEQUENCE)?;
        let (signed, rest) = basic.whole(SEQUENCE)?;
        let (algorithm, rest) = rest.whole(SEQUENCE)?;
        let (signature, rest) = rest.take(BITS)?;
        let certificates = match rest.take(CONTEXT_0) {
            Ok((listed, _)) => Walk::into_whole(listed, SEQUENCE)?.each(SEQUENCE)?,
            Err(_) => Vec::new(),
        };
        Ok(Self {
            signed: signed.to_vec(),
            // Of the identifier a certificate's has no outer frame.
            algorithm: Walk(algorithm).take(SEQUENCE)?.0.to_vec(),
            // The first byte counts the bits that are not used; a signature has none.
            signature: signature.strip_prefix(&[0]).ok_or(Unusable::Malformed)?.to_vec(),
            certificates: certificates.into_iter().map(<[u8]>::to_vec).collect(),
            single: responses(signed)?,
        })
    }

    /// What it says of `certificate`, which `issuer` vouches for.
    ///
    /// # Errors
    /// [`Unusable`] if it says nothing of it, or not for this time. Clocks may differ by five
    /// minutes; an answer without an end counts for a day.
    pub fn status(
        &self,
        certificate: &Certificate,
        issuer: &Issuer,
        now: SystemTime,
    ) -> Result<Status, Unusable> {
        let serial = certificate.parsed().tbs_certificate().serial_number();
        let about = |single: &&Single| {
            trim(&single.serial) == trim(serial.as_bytes()) && single.is_of(issuer)
        };
        let single = self.single.iter().find(about).ok_or(Unusable::ForAnother)?;
        let ends = single.next_update.unwrap_or(single.this_update + WITHOUT_END);
        if now + SKEW < single.this_update || now > ends + SKEW {
            return Err(Unusable::OutOfDate);
        }
        Ok(single.status.clone())
    }
}

/// The request for the state of `certificate`, which `issuer` vouches for (RFC 6960 §4.1.1), with
/// SHA-1 as every responder knows it.
#[must_use]
pub fn request(certificate: &Certificate, issuer: &Issuer) -> Vec<u8> {
    let serial = certificate.parsed().tbs_certificate().serial_number();
    let sha1 = [0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00];
    let mut id = sha1.to_vec();
    id.extend(framed(OCTETS, &sha1::Sha1::digest(&issuer.name)));
    id.extend(framed(OCTETS, &sha1::Sha1::digest(&issuer.key)));
    id.extend(framed(INTEGER, serial.as_bytes()));
    let one = framed(SEQUENCE, &framed(SEQUENCE, &id));
    framed(SEQUENCE, &framed(SEQUENCE, &framed(SEQUENCE, &one)))
}

/// Where the authority of `certificate` answers, as its certificate says.
#[must_use]
pub fn responders(certificate: &Certificate) -> Vec<String> {
    super::extension::ocsp_responders(certificate.parsed())
}

impl Single {
    fn is_of(&self, issuer: &Issuer) -> bool {
        let digest = |bytes: &[u8]| match self.digest.as_str() {
            "1.3.14.3.2.26" => Some(sha1::Sha1::digest(bytes).to_vec()),
            "2.16.840.1.101.3.4.2.1" => Some(sha2::Sha256::digest(bytes).to_vec()),
            _ => None,
        };
        digest(&issuer.name).as_ref() == Some(&self.name_hash)
            && digest(&issuer.key).as_ref() == Some(&self.key_hash)
    }
}

fn responses(signed: &[u8]) -> Result<Vec<Single>, Unusable> {
    let mut data = Walk::into_whole(signed, SEQUENCE)?;
    if let Ok((_version, rest)) = data.take(CONTEXT_0) {
        data = rest;
    }
    let (_tag, _responder, rest) = data.any()?;
    let (_produced, rest) = rest.take(TIME)?;
    let (list, _) = rest.take(SEQUENCE)?;
    Walk(list).each(SEQUENCE)?.into_iter().map(single).collect()
}

fn single(whole: &[u8]) -> Result<Single, Unusable> {
    let inner = Walk::into_whole(whole, SEQUENCE)?;
    let (id, rest) = inner.take(SEQUENCE)?;
    let (algorithm, id) = Walk(id).take(SEQUENCE)?;
    let (digest, _) = Walk(algorithm).whole(OID)?;
    let (name_hash, id) = id.take(OCTETS)?;
    let (key_hash, id) = id.take(OCTETS)?;
    let (serial, _) = id.take(INTEGER)?;
    let (tag, status, rest) = rest.any()?;
    let (this_update, rest) = rest.whole(TIME)?;
    let next_update = match rest.take(CONTEXT_0) {
        Ok((next, _)) => Some(time(next)?),
        Err(_) => None,
    };
    let oid = <ObjectIdentifier>::from_der(digest);
    Ok(Single {
        digest: oid.map_err(|_| Unusable::Malformed)?.to_string(),
        name_hash: name_hash.to_vec(),
        key_hash: key_hash.to_vec(),
        serial: serial.to_vec(),
        status: match tag {
            0x80 => Status::Good { next_update },
            CONTEXT_1 => revoked(status)?,
            0x82 => Status::Unknown,
            _ => return Err(Unusable::Malformed),
        },
        this_update: time(this_update)?,
        next_update,
    })
}

fn revoked(info: &[u8]) -> Result<Status, Unusable> {
    let (at, rest) = Walk(info).whole(TIME)?;
    let reason = match rest.take(CONTEXT_0) {
        Ok((reason, _)) => Some(match Walk(reason).take(ENUMERATED)?.0 {
            [1] => Reason::KeyCompromise,
            [2] => Reason::AuthorityCompromise,
            [3] => Reason::AffiliationChanged,
            [4] => Reason::Superseded,
            [5] => Reason::CessationOfOperation,
            [6] => Reason::CertificateHold,
            [9] => Reason::PrivilegeWithdrawn,
            _ => Reason::Other,
        }),
        Err(_) => None,
    };
    Ok(Status::Revoked { at: time(at)?, reason })
}

fn time(whole: &[u8]) -> Result<SystemTime, Unusable> {
    let time = GeneralizedTime::from_der(whole).map_err(|_| Unusable::Malformed)?;
    Ok(time.to_system_time())
}

fn trim(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros.min(number.len().saturating_sub(1))..]
}

/// Elements of DER one after another, of known tags and definite lengths.
#[derive(Clone, Copy)]
struct Walk<'a>(&'a [u8]);

impl<'a> Walk<'a> {
    /// What is inside of the one element that `bytes` are.
    fn into_whole(bytes: &'a [u8], tag: u8) -> Result<Self, Unusable> {
        match Walk(bytes).take(tag)? {
            (inside, Walk([])) => Ok(Walk(inside)),
            _ => Err(Unusable::Malformed),
        }
    }

    /// The tag and inside of the next element, and what follows it.
    fn any(self) -> Result<(u8, &'a [u8], Self), Unusable> {
        let [tag, first, rest @ ..] = self.0 else { return Err(Unusable::Malformed) };
        let (length, rest) = match *first {
            length @ 0..=0x7f => (usize::from(length), rest),
            // A length of up to four bytes; a form without one is not DER.
            count @ 0x81..=0x84 => {
                let count = usize::from(count & 0x7f);
                let bytes = rest.get(..count).ok_or(Unusable::Malformed)?;
                let length = bytes.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
                (length, &rest[count..])
            }
            _ => return Err(Unusable::Malformed),
        };
        let inside = rest.get(..length).ok_or(Unusable::Malformed)?;
        Ok((*tag, inside, Walk(&rest[length..])))
    }

    /// The inside of the next element, which must have this tag.
    fn take(self, tag: u8) -> Result<(&'a [u8], Self), Unusable> {
        match self.any()? {
            (found, inside, rest) if found == tag => Ok((inside, rest)),
            _ => Err(Unusable::Malformed),
        }
    }

    /// The whole next element, which must have this tag.
    fn whole(self, tag: u8) -> Result<(&'a [u8], Self), Unusable> {
        let (_, rest) = self.take(tag)?;
        Ok((&self.0[..self.0.len() - rest.0.len()], rest))
    }

    /// All elements whole, each of which must have this tag.
    fn each(self, tag: u8) -> Result<Vec<&'a [u8]>, Unusable> {
        let (mut rest, mut all) = (self, Vec::new());
        while !rest.0.is_empty() {
            let (one, after) = rest.whole(tag)?;
            all.push(one);
            rest = after;
        }
        Ok(all)
    }
}

/// An element of DER.
fn framed(tag: u8, inside: &[u8]) -> Vec<u8> {
    let mut whole = vec![tag];
    match u8::try_from(inside.len()) {
        Ok(short @ 0..=0x7f) => whole.push(short),
        Ok(length) => whole.extend([0x81, length]),
        // Names of more than 64 KiB do not come here: digests stand for them.
        Err(_) => {
            let length = u16::try_from(inside.len()).unwrap_or(u16::MAX);
            whole.push(0x82);
            whole.extend(length.to_be_bytes());
        }
    }
    whole.extend_from_slice(inside);
    whole
}

const SEQUENCE: u8 = 0x30;
const ENUMERATED: u8 = 0x0a;
const OID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const BITS: u8 = 0x03;
const INTEGER: u8 = 0x02;
const TIME: u8 = 0x18;
const CONTEXT_0: u8 = 0xa0;
const CONTEXT_1: u8 = 0xa1;
/// id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1.
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
const SKEW: Duration = Duration::from_secs(300);
const WITHOUT_END: Duration = Duration::from_secs(24 * 3600);
