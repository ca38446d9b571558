//! Everything that is wrong with a server's certificates, not only the first thing.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, TrustAnchor, UnixTime,
};
use wayfare_proto::certificate::Certificate;
use wayfare_proto::certificate::key::Algorithm;
use wayfare_proto::certificate::ocsp::{Issuer, Status};
use wayfare_proto::certificate::problem::{Problem, ProblemKind};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

use super::policy::{Revocation, TlsSettings};
use super::responder::believe;
use super::roots::Trusted;

/// What a policy judges by.
pub(super) struct Judge {
    pub(super) trusted: Trusted,
    pub(super) lists: Vec<CertRevocationList<'static>>,
    pub(super) algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    pub(super) depth: Option<usize>,
    pub(super) revocation: Revocation,
    pub(super) pins: Vec<super::pins::Pins>,
}

/// What a server showed.
pub(super) struct Shown<'a> {
    pub(super) leaf: &'a CertificateDer<'a>,
    pub(super) others: &'a [CertificateDer<'a>],
    /// Nothing asks for no name.
    pub(super) name: Option<&'a ServerName<'a>>,
    pub(super) staple: &'a [u8],
    pub(super) now: UnixTime,
}

/// What came of looking at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    pub(super) problems: BTreeSet<Problem>,
    pub(super) staple: StapleState,
}

/// What a stapled OCSP answer said (RFC 6066 §8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StapleState {
    /// Its authority says that the certificate is good.
    Good,
    /// There was none.
    #[default]
    None,
    /// Its authority took the certificate back.
    Revoked,
    /// The responder does not know the certificate.
    Unknown,
    /// There was one that does not count, and why.
    Unusable(String),
}

/// A chain that leads to a trusted authority: who vouches for each, from the server's own up.
struct Path {
    certificates: Vec<Vec<u8>>,
    issuers: Vec<Issuer>,
}

impl Judge {
    pub(super) fn by(
        settings: &TlsSettings,
        algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, String> {
        let list = |der: &Vec<u8>| {
            webpki::OwnedCertRevocationList::from_der(der).map(CertRevocationList::from).map_err(
                |why| {
                    format!(
                        "a revocation list cannot be used (version 2, direct and whole?): {why}"
                    )
                },
            )
        };
        Ok(Self {
            trusted: Trusted::by(settings),
            lists: settings.revocation_lists.iter().map(list).collect::<Result<_, _>>()?,
            algorithms,
            depth: settings.depth,
            revocation: settings.revocation,
            pins: settings.pins.clone(),
        })
    }

    pub(super) fn examine(&self, shown: &Shown<'_>) -> Findings {
        let mut findings = Findings::default();
        let problems = &mut findings.problems;
        let at_leaf = |kind| Problem { kind, depth: 0 };
        let leaf = match (Certificate::from_der(shown.leaf), EndEntityCert::try_from(shown.leaf)) {
            (Ok(leaf), Ok(entity)) => {
                let proves = |name| entity.verify_is_valid_for_subject_name(name).is_ok();
                if !shown.name.is_none_or(proves) {
                    problems.insert(at_leaf(ProblemKind::HostNameMismatch));
                }
                problems.extend(out_of_time(&leaf, shown.now).map(at_leaf));
                let key = leaf.public_key();
                if *key.algorithm() == Algorithm::Rsa && key.bits() < SMALLEST_RSA {
                    problems.insert(at_leaf(ProblemKind::WeakAlgorithm));
                }
                leaf
            }
            (leaf, entity) => {
                let unread = leaf.err().map(|_| ProblemKind::Damaged);
                let kind = entity.err().map(|why| kind_of(&why)).or(unread);
                problems.extend(kind.map(at_leaf));
                // What cannot be read holds no pinned key either.
                self.check_pins(shown, None, problems);
                return findings;
            }
        };
        if shown.others.len() > MOST_OTHERS {
            problems.insert(at_leaf(ProblemKind::PathLengthExceeded));
            self.check_pins(shown, None, problems);
            return findings;
        }
        let path = self.trace(shown, &leaf, problems);
        if let Some(path) = &path {
            self.check_depth(path, problems);
            findings.staple = self.read_staple(shown, &leaf, path);
        }
        self.check_staple(&leaf, path.is_some(), &mut findings);
        self.check_pins(shown, path.as_ref(), &mut findings.problems);
        findings
    }

    /// The way up to a trusted authority, and what is wrong with it or why there is none.
    fn trace(
        &self,
        shown: &Shown<'_>,
        leaf: &Certificate,
        problems: &mut BTreeSet<Problem>,
    ) -> Option<Path> {
        if self.trusted.own.contains(&shown.leaf.clone().into_owned()) {
            // Named in the settings itself: it needs nobody to vouch for it.
            return Some(Path { certificates: vec![shown.leaf.to_vec()], issuers: Vec::new() });
        }
        let others: Vec<_> =
            shown.others.iter().map(|der| Certificate::from_der(der).ok()).collect();
        let (mut first, mut late) = (None, None);
        for time in self.moments(shown, leaf, &others) {
            match self.build(shown, time, Lists::Ignored) {
                Ok(path) => {
                    let depth_of = |der: &Vec<u8>| depth_in(shown, der);
                    for der in path.certificates.iter().skip(1) {
                        let wrong = match Certificate::from_der(der) {
                            Ok(one) => out_of_time(&one, shown.now),
                            // Its time is not known, so it is not in order.
                            Err(_) => Some(ProblemKind::Damaged),
                        };
                        problems.extend(wrong.map(|kind| Problem { kind, depth: depth_of(der) }));
                    }
                    // Apart, so that what is revoked is told beside what else is wrong.
                    if !self.lists.is_empty()
                        && let Err(why) = self.build(shown, time, Lists::Asked)
                    {
                        let depth = self.revoked_depth(&path);
                        problems.insert(Problem { kind: kind_of(&why), depth });
                    }
                    return Some(path);
                }
                // Being out of time hides what else is wrong, and is told in any case.
                Err(why) if is_about_time(&why) => late.get_or_insert(why),
                Err(why) => {
                    // Another moment would cost as much again, and lead no further.
                    let is_too_much = kind_of(&why) == ProblemKind::PathLengthExceeded;
                    first.get_or_insert(why);
                    if is_too_much {
                        break;
                    }
                    continue;
                }
            };
        }
        // Certificates that were never valid at the same time hide it at every moment.
        let leads_nowhere = first.is_none() && !self.leads_to_trust(leaf, &others);
        let late = late.filter(|_| !leads_nowhere);
        let why = first.or(late).unwrap_or(webpki::Error::UnknownIssuer);
        problems.insert(untrusted(&why, leaf, &others));
        None
    }

    /// True if by its names, whatever else is wrong, the chain leads to a trusted authority.
    fn leads_to_trust(&self, leaf: &Certificate, others: &[Option<Certificate>]) -> bool {
        let anchors: Vec<_> = self.trusted.anchors.iter().filter_map(issuer_of).collect();
        let named = |one: &Certificate| (Issuer::of(one).name().to_vec(), one.issuer_der());
        let others: Vec<_> = others.iter().flatten().map(named).collect();
        let mut wanted = vec![leaf.issuer_der()];
        let mut seen = 0;
        while let Some(name) = wanted.get(seen).cloned() {
            if anchors.iter().any(|anchor| anchor.name() == name) {
                return true;
            }
            for (_, above) in others.iter().filter(|(own, _)| *own == name) {
                if !wanted.contains(above) {
                    wanted.push(above.clone());
                }
            }
            seen += 1;
        }
        false
    }

    /// The moments at which the chain may have been in order: now, and each moment at which the
    /// leaf and as many others as possible were valid. An expired chain may be untrusted as well.
    fn moments(
        &self,
        shown: &Shown<'_>,
        leaf: &Certificate,
        others: &[Option<Certificate>],
    ) -> Vec<UnixTime> {
        let unix = |time: SystemTime| {
            UnixTime::since_unix_epoch(time.duration_since(UNIX_EPOCH).unwrap_or_default())
        };
        let mut moments = vec![shown.now];
        let known = others.iter().flatten().chain([leaf]);
        // Every window of time in which something changes ends or begins with one of these.
        for certificate in known {
            moments.push(unix(certificate.not_after()));
            moments.push(unix(certificate.not_before()));
        }
        moments[1..].sort_by_key(UnixTime::as_secs);
        moments.dedup();
        moments.truncate(MOST_MOMENTS);
        moments
    }

    fn build(
        &self,
        shown: &Shown<'_>,
        time: UnixTime,
        lists: Lists,
    ) -> Result<Path, webpki::Error> {
        let entity = EndEntityCert::try_from(shown.leaf)?;
        let lists: Vec<_> = match lists {
            Lists::Asked => self.lists.iter().collect(),
            Lists::Ignored => Vec::new(),
        };
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
            let unknown = match self.revocation {
                Revocation::Demanded => UnknownStatusPolicy::Deny,
                Revocation::AsKnown | Revocation::Fetched => UnknownStatusPolicy::Allow,
            };
            options
                .with_depth(RevocationCheckDepth::Chain)
                .with_status_policy(unknown)
                .with_expiration_policy(ExpirationPolicy::Ignore)
                .build()
        });
        let usage = KeyUsage::server_auth();
        let path = entity.verify_for_usage(
            self.algorithms,
            &self.trusted.anchors,
            shown.others,
            time,
            usage,
            revocation,
            None,
        )?;
        let mut certificates = vec![shown.leaf.to_vec()];
        certificates.extend(path.intermediate_certificates().map(|one| one.der().to_vec()));
        let above = certificates[1..].iter();
        let above = above.map(|der| Some(Issuer::of(&Certificate::from_der(der).ok()?)));
        // One that is missing would put another in its place.
        let mut issuers = above.collect::<Option<Vec<_>>>().unwrap_or_default();
        if issuers.len() + 1 == certificates.len() {
            issuers.extend(issuer_of(path.anchor()));
        }
        Ok(Path { certificates, issuers })
    }

    /// Who vouches for the first of `chain`, by a path that holds now.
    pub(super) fn issuer_of(&self, chain: &[Vec<u8>], now: UnixTime) -> Option<Issuer> {
        let ders: Vec<_> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let [leaf, others @ ..] = ders.as_slice() else { return None };
        let shown = Shown { leaf, others, name: None, staple: &[], now };
        self.build(&shown, now, Lists::Ignored).ok()?.issuers.into_iter().next()
    }

    fn revoked_depth(&self, path: &Path) -> usize {
        let revoked = |der: &Vec<u8>| {
            let Ok(certificate) = Certificate::from_der(der) else { return false };
            let serial = certificate.serial_bytes();
            let found =
                |list: &CertRevocationList<'_>| matches!(list.find_serial(&serial), Ok(Some(_)));
            self.lists.iter().any(found)
        };
        path.certificates.iter().position(revoked).unwrap_or(0)
    }

    fn check_depth(&self, path: &Path, problems: &mut BTreeSet<Problem>) {
        // As in Qt and OpenSSL: how many authorities below the trusted one there may be.
        if let Some(most) = self.depth.filter(|&most| path.certificates.len() > most + 1) {
            problems.insert(Problem { kind: ProblemKind::PathLengthExceeded, depth: most + 1 });
        }
    }

    fn read_staple(&self, shown: &Shown<'_>, leaf: &Certificate, path: &Path) -> StapleState {
        if shown.staple.is_empty() {
            return StapleState::None;
        }
        let Some(issuer) = path.issuers.first() else {
            return StapleState::Unusable("nobody vouches for this certificate".into());
        };
        match believe(self.algorithms, shown.staple, leaf, issuer, shown.now) {
            Ok(Status::Good { .. }) => StapleState::Good,
            Ok(Status::Revoked { .. }) => StapleState::Revoked,
            Ok(_) => StapleState::Unknown,
            Err(why) => StapleState::Unusable(why),
        }
    }

    fn check_staple(&self, leaf: &Certificate, is_trusted: bool, findings: &mut Findings) {
        let kind = match findings.staple {
            StapleState::Good => return,
            StapleState::Revoked => ProblemKind::Revoked,
            // RFC 7633: a certificate that says it comes with an answer is nothing without one.
            _ if is_trusted && leaf.must_staple() => ProblemKind::RevocationUnknown,
            _ if is_trusted && self.revocation == Revocation::Demanded && self.lists.is_empty() => {
                ProblemKind::RevocationUnknown
            }
            _ => return,
        };
        findings.problems.insert(Problem { kind, depth: 0 });
    }

    /// RFC 7469 §2.6: one key of the chain is pinned. Where there is no chain only the server's own
    /// key counts, which it proves to hold: anybody can show anybody's certificates beside it.
    fn check_pins(&self, shown: &Shown<'_>, path: Option<&Path>, problems: &mut BTreeSet<Problem>) {
        let Some(host) = shown.name.map(ServerName::to_str) else { return };
        let mut wanted = self.pins.iter().filter(|pins| pins.is_for(&host)).peekable();
        if wanted.peek().is_none() {
            return;
        }
        let mut keys: Vec<[u8; 32]> = Vec::new();
        match path {
            Some(path) => {
                let leaf = path.certificates.first();
                keys.extend(leaf.and_then(|der| pin_of(der)));
                keys.extend(path.issuers.iter().map(Issuer::pin));
            }
            None => keys.extend(pin_of(shown.leaf)),
        }
        if !wanted.all(|pins| keys.iter().any(|key| pins.contains(key))) {
            problems.insert(Problem { kind: ProblemKind::PinMismatch, depth: 0 });
        }
    }
}

#[derive(Clone, Copy)]
enum Lists {
    Asked,
    Ignored,
}

fn issuer_of(anchor: &TrustAnchor<'_>) -> Option<Issuer> {
    Issuer::of_anchor(&anchor.subject, &anchor.subject_public_key_info).ok()
}

fn pin_of(der: &[u8]) -> Option<[u8; 32]> {
    Some(Certificate::from_der(der).ok()?.public_key().pin())
}

fn depth_in(shown: &Shown<'_>, der: &[u8]) -> usize {
    let place = shown.others.iter().position(|other| other.as_ref() == der);
    place.map_or(shown.others.len() + 1, |place| place + 1)
}

fn out_of_time(certificate: &Certificate, now: UnixTime) -> Option<ProblemKind> {
    let now = UNIX_EPOCH + Duration::from_secs(now.as_secs());
    if now > certificate.not_after() {
        return Some(ProblemKind::Expired);
    }
    (now < certificate.not_before()).then_some(ProblemKind::NotYetValid)
}

/// Why no chain leads to a trusted authority, and at which certificate it ends.
fn untrusted(why: &webpki::Error, leaf: &Certificate, others: &[Option<Certificate>]) -> Problem {
    let kind = kind_of(why);
    if kind != ProblemKind::UnknownIssuer {
        return Problem { kind, depth: 0 };
    }
    if leaf.is_self_issued() {
        return Problem { kind: ProblemKind::SelfSigned, depth: 0 };
    }
    // Up from the leaf as far as what was shown leads.
    let (mut top, mut depth) = (leaf, 0);
    for _ in others {
        let above = others.iter().position(|other| {
            other.as_ref().is_some_and(|other| other != top && other.subject() == top.issuer())
        });
        let Some(place) = above else { break };
        let Some(other) = &others[place] else { break };
        (top, depth) = (other, place + 1);
        if top.is_self_issued() {
            return Problem { kind: ProblemKind::SelfSignedInChain, depth };
        }
    }
    Problem { kind, depth }
}

fn is_about_time(why: &webpki::Error) -> bool {
    matches!(kind_of(why), ProblemKind::Expired | ProblemKind::NotYetValid)
}

fn kind_of(why: &webpki::Error) -> ProblemKind {
    use webpki::Error as E;
    #[allow(deprecated)] // Still given by older paths of the verifier.
    match why {
        E::CaUsedAsEndEntity
        | E::RequiredEkuNotFound
        | E::RequiredEkuNotFoundContext(_)
        | E::EmptyEkuExtension => ProblemKind::InvalidPurpose,
        E::CertExpired { .. } | E::InvalidCertValidity => ProblemKind::Expired,
        E::CertNotValidForName(_) => ProblemKind::HostNameMismatch,
        E::CertNotValidYet { .. } => ProblemKind::NotYetValid,
        E::CertRevoked => ProblemKind::Revoked,
        E::CertDistrusted | E::UnknownIssuer => ProblemKind::UnknownIssuer,
        E::EndEntityUsedAsCa => ProblemKind::InvalidAuthority,
        E::InvalidSignatureForPublicKey => ProblemKind::SignatureFailed,
        E::NameConstraintViolation
        | E::MaximumNameConstraintComparisonsExceeded
        | E::MalformedNameConstraint => ProblemKind::NameConstraint,
        E::MaximumPathDepthExceeded
        | E::MaximumPathBuildCallsExceeded
        | E::MaximumSignatureChecksExceeded
        | E::PathLenConstraintViolated => ProblemKind::PathLengthExceeded,
        E::UnknownRevocationStatus | E::CrlExpired { .. } => ProblemKind::RevocationUnknown,
        E::UnsupportedCertVersion => ProblemKind::Unsupported,
        E::UnsupportedCriticalExtension => ProblemKind::CriticalExtension,
        E::SignatureAlgorithmMismatch
        | E::UnsupportedSignatureAlgorithm
        | E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKey
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => ProblemKind::WeakAlgorithm,
        _ => ProblemKind::Damaged,
    }
}

/// The engine takes no signature of a smaller key either.
const SMALLEST_RSA: usize = 2048;
/// A server could show a great many certificates.
const MOST_MOMENTS: usize = 17;
/// No honest chain has more.
const MOST_OTHERS: usize = 16;
