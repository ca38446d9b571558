//! Whether an OCSP answer is to be believed: who signed it.

use std::time::{Duration, UNIX_EPOCH};

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use wayfare_proto::certificate::Certificate;
use wayfare_proto::certificate::ocsp::{Answer, Issuer, Status, Unusable};
use webpki::{EndEntityCert, KeyUsage};

/// What an OCSP answer says, if it is signed by whom it must be (RFC 6960 §4.2.2.2): the issuer,
/// or somebody to whom the issuer itself delegated that.
pub(super) fn believe(
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    answer: &[u8],
    leaf: &Certificate,
    issuer: &Issuer,
    now: UnixTime,
) -> Result<Status, String> {
    let words = |why: Unusable| why.to_string();
    let answer = Answer::read(answer).map_err(words)?;
    let signed_by = |signer: &Issuer| is_signed_by(algorithms, &answer, signer);
    let by_delegate = || {
        answer.certificates.iter().any(|der| {
            let der = CertificateDer::from(der.as_slice());
            let Ok(delegate) = Certificate::from_der(&der) else { return false };
            is_delegate(algorithms, &der, issuer, now) && signed_by(&Issuer::of(&delegate))
        })
    };
    if !signed_by(issuer) && !by_delegate() {
        return Err("the OCSP answer is not signed by the certificate's authority".into());
    }
    let now = UNIX_EPOCH + Duration::from_secs(now.as_secs());
    answer.status(leaf, issuer, now).map_err(words)
}

fn is_signed_by(
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    answer: &Answer,
    signer: &Issuer,
) -> bool {
    let Ok(key_algorithm) = signer.key_algorithm() else { return false };
    algorithms
        .iter()
        .filter(|one| one.signature_alg_id().as_ref() == answer.algorithm)
        .filter(|one| one.public_key_alg_id().as_ref() == key_algorithm)
        .any(|one| one.verify_signature(signer.key(), &answer.signed, &answer.signature).is_ok())
}

fn is_delegate(
    algorithms: &[&dyn SignatureVerificationAlgorithm],
    der: &CertificateDer<'_>,
    issuer: &Issuer,
    now: UnixTime,
) -> bool {
    let (subject, info) = issuer.contents();
    let anchor = TrustAnchor {
        subject: subject.into(),
        subject_public_key_info: info.into(),
        name_constraints: None,
    };
    let Ok(entity) = EndEntityCert::try_from(der) else { return false };
    let usage = KeyUsage::required(OCSP_SIGNING);
    entity.verify_for_usage(algorithms, &[anchor], &[], now, usage, None, None).is_ok()
}

/// id-kp-OCSPSigning, 1.3.6.1.5.5.7.3.9.
const OCSP_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];
