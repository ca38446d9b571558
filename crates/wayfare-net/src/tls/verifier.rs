//! The one verifier of a policy: collects what is wrong, and asks the exceptions.
//!
//! All connections of a policy share it, because sessions are resumed only between configurations
//! with the same verifier.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use sha2::Digest as _;
use wayfare_proto::certificate::ocsp::{self, Issuer, Status};
use wayfare_proto::certificate::problem::{Problem, ProblemKind};
use wayfare_proto::certificate::{AlternativeName, Certificate};

use super::examine::{Findings, Judge, Shown, StapleState};
use super::exceptions::{Exception, Exceptions};
use super::handshake::TlsFailure;
use super::policy::{Revocation, Verify};
use super::responder::believe;
use super::sessions::{Grant, LONGEST, Sessions};

/// Why a server's certificates were refused: everything that is wrong, and the certificates.
#[derive(Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The name the server had to prove.
    pub host: String,
    /// Everything that is wrong, in order of depth.
    pub problems: Vec<Problem>,
    /// The certificates in DER, the server's own first.
    pub certificates: Vec<Vec<u8>>,
}

impl Rejection {
    /// The host names and addresses of the server's certificate, the first eight of them, without
    /// anything that could act on a terminal.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let leaf = self.certificates.first().and_then(|der| Certificate::from_der(der).ok());
        let names = leaf.map(|leaf| leaf.alternative_names()).unwrap_or_default();
        let shown = names.iter().filter_map(|name| match name {
            AlternativeName::Dns(name) => Some(name.escape_debug().to_string()),
            AlternativeName::Ip(address) => Some(address.to_string()),
            _ => None,
        });
        shown.take(MOST_NAMES).collect()
    }

    /// The exception that would accept exactly this.
    #[must_use]
    pub fn exception(&self) -> Exception {
        let leaf = self.certificates.first().map_or(&[][..], Vec::as_slice);
        Exception {
            host: self.host.clone(),
            certificate: sha2::Sha256::digest(leaf).into(),
            problems: self.problems.iter().map(|problem| problem.kind).collect(),
        }
    }
}

/// Everything that is wrong, and for whom a certificate of another name is.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.problems.iter().enumerate() {
            let comma = if place > 0 { "; " } else { "" };
            write!(f, "{comma}{problem}")?;
            if problem.kind == ProblemKind::HostNameMismatch {
                match self.names() {
                    names if names.is_empty() => f.write_str(" (it is for no host)")?,
                    names => write!(f, " (it is for {})", names.join(", "))?,
                }
            }
        }
        Ok(())
    }
}

/// Without the certificates' bytes.
impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("host", &self.host)
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Rejection {}

/// What has to be asked about a certificate that is in order otherwise.
pub(crate) struct Inquiry {
    /// The question as a responder takes it.
    pub(crate) request: Vec<u8>,
    /// Where to ask.
    pub(crate) responders: Vec<String>,
    leaf: Certificate,
    issuer: Issuer,
    /// Without what is wrong, which is still to be found out.
    rejection: Rejection,
}

impl Inquiry {
    pub(crate) fn revoked(&self) -> TlsFailure {
        self.rejected(ProblemKind::Revoked, "")
    }

    pub(crate) fn unknown(&self, why: &str) -> TlsFailure {
        self.rejected(ProblemKind::RevocationUnknown, why)
    }

    fn rejected(&self, kind: ProblemKind, why: &str) -> TlsFailure {
        let problems = vec![Problem { kind, depth: 0 }];
        let rejection = Rejection { problems, ..self.rejection.clone() };
        TlsFailure::rejected(rejection, why)
    }
}

/// What was accepted although something is wrong, or is worth telling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) problems: Vec<Problem>,
    pub(super) exception: Option<Exception>,
    pub(super) staple: StapleState,
}

/// A host and the digest of the certificate it showed.
type Shower = (String, [u8; 32]);

/// What decides besides the certificates, and what is told of the decision.
pub(super) struct Granting {
    pub(super) exceptions: Exceptions,
    pub(super) sessions: Arc<Sessions>,
}

pub(super) struct Verifier {
    judge: Judge,
    mode: Verify,
    exceptions: Exceptions,
    sessions: Arc<Sessions>,
    provider: Arc<CryptoProvider>,
    /// What is in order leaves nothing here.
    accepted: Mutex<HashMap<Shower, Arc<Accepted>>>,
    /// Until when (since 1970) a certificate was said to be good by an answer that was fetched.
    answers: Mutex<HashMap<[u8; 32], Duration>>,
}

impl Verifier {
    pub(super) fn new(
        judge: Judge,
        mode: Verify,
        granting: Granting,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        let Granting { exceptions, sessions } = granting;
        let (accepted, answers) = Default::default();
        Self { judge, mode, exceptions, sessions, provider, accepted, answers }
    }

    /// What was told of this host's certificate when it was accepted, be it in an earlier handshake
    /// that this one resumed.
    pub(super) fn recall(&self, host: &str, leaf: &[u8]) -> Accepted {
        let accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        if accepted.is_empty() {
            return Accepted::default();
        }
        let key = (host.to_owned(), sha2::Sha256::digest(leaf).into());
        accepted.get(&key).map_or_else(Accepted::default, |found| (**found).clone())
    }

    fn accept(&self, host: String, leaf: &[u8], accepted: Accepted) {
        let key = (host, sha2::Sha256::digest(leaf).into());
        let mut known = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        if accepted == Accepted::default() {
            known.remove(&key);
            return;
        }
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert(key, Arc::new(accepted));
    }

    /// What to ask about the first of `chain`, unless a good answer is still at hand or there is
    /// nobody to ask about it, as for a certificate that the settings themselves name.
    pub(super) fn inquire(&self, host: &str, chain: &[Vec<u8>]) -> Option<Inquiry> {
        let leaf = Certificate::from_der(chain.first()?).ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let known = self.answers().get(&leaf.sha256()).copied();
        if known.is_some_and(|until| now < until) {
            return None;
        }
        let issuer = self.judge.issuer_of(chain, UnixTime::since_unix_epoch(now))?;
        Some(Inquiry {
            request: ocsp::request(&leaf, &issuer),
            responders: ocsp::responders(&leaf),
            rejection: Rejection {
                host: host.to_owned(),
                problems: Vec::new(),
                certificates: chain.to_vec(),
            },
            leaf,
            issuer,
        })
    }

    pub(super) fn hear(
        &self,
        inquiry: &Inquiry,
        answer: &[u8],
        now: UnixTime,
    ) -> Result<Status, String> {
        let status = believe(self.judge.algorithms, answer, &inquiry.leaf, &inquiry.issuer, now)?;
        if let Status::Good { next_update } = &status {
            let now = Duration::from_secs(now.as_secs());
            let ends = next_update.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let until = ends.unwrap_or(now).min(now + KEPT_ANSWER);
            let mut answers = self.answers();
            if answers.len() >= MOST_REMEMBERED {
                answers.clear();
            }
            answers.insert(inquiry.leaf.sha256(), until);
        }
        Ok(status)
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<[u8; 32], Duration>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that is wrong with certificates at hand.
    pub(super) fn examine(&self, shown: &Shown<'_>) -> Vec<Problem> {
        self.judge.examine(shown).problems.into_iter().collect()
    }

    /// For how long sessions of this handshake may be resumed: as long as every certificate shown
    /// holds, and no longer than a proof of its state counts where one is demanded.
    fn grant(&self, host: &str, shown: &Shown<'_>, exception: Option<Exception>) {
        let now = UNIX_EPOCH + Duration::from_secs(shown.now.as_secs());
        let mut until = now + LONGEST;
        if self.mode == Verify::Peer && exception.is_none() {
            let ders = std::iter::once(shown.leaf).chain(shown.others);
            let ends = ders.filter_map(|der| Some(Certificate::from_der(der).ok()?.not_after()));
            // Some that nobody needed may be over already.
            until = ends.filter(|end| *end > now).fold(until, SystemTime::min);
        }
        if self.judge.revocation != Revocation::AsKnown {
            until = until.min(now + KEPT_ANSWER);
        }
        self.sessions.grant(host, Grant { until, exception });
    }

    fn decide(&self, shown: &Shown<'_>, host: String) -> Result<(), Rejection> {
        let Findings { problems, staple } = self.judge.examine(shown);
        let problems: Vec<_> = problems.into_iter().collect();
        let is_pinned_elsewhere =
            problems.iter().any(|problem| problem.kind == ProblemKind::PinMismatch);
        if problems.is_empty() || (self.mode != Verify::Peer && !is_pinned_elsewhere) {
            self.grant(&host, shown, None);
            self.accept(host, shown.leaf, Accepted { problems, exception: None, staple });
            return Ok(());
        }
        // Who asks for nothing else is told of nothing else.
        let told = |problem: &Problem| {
            self.mode == Verify::Peer || problem.kind == ProblemKind::PinMismatch
        };
        let problems: Vec<_> = problems.into_iter().filter(told).collect();
        let others = shown.others.iter().map(|der| der.to_vec());
        let certificates = std::iter::once(shown.leaf.to_vec()).chain(others).collect();
        let rejection = Rejection { host, problems, certificates };
        let exception = rejection.exception();
        if !self.exceptions.holds(&exception) {
            self.sessions.revoke(&rejection.host);
            return Err(rejection);
        }
        let Rejection { host, problems, .. } = rejection;
        self.grant(&host, shown, Some(exception.clone()));
        self.accept(host, shown.leaf, Accepted { problems, exception: Some(exception), staple });
        Ok(())
    }
}

/// The name as exceptions have it.
pub(super) fn host_of(name: &ServerName<'_>) -> String {
    name.to_str().trim_end_matches('.').to_ascii_lowercase()
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        staple: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // Whoever wants no verification still gets what was pinned.
        if self.mode == Verify::Nobody && self.judge.pins.is_empty() {
            let shown = Shown { leaf, others, name: Some(name), staple, now };
            self.grant(&host_of(name), &shown, None);
            return Ok(ServerCertVerified::assertion());
        }
        match self.decide(&Shown { leaf, others, name: Some(name), staple, now }, host_of(name)) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(rejection) => {
                let other = OtherError(Arc::new(rejection));
                Err(Error::InvalidCertificate(CertificateError::Other(other)))
            }
        }
    }

    // Whatever was accepted, the server must hold the certificate's key: without that the
    // encryption itself would be with anybody on the path.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, leaf, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, leaf, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("mode", &self.mode).finish_non_exhaustive()
    }
}

const MOST_NAMES: usize = 8;
const MOST_REMEMBERED: usize = 1_000;
/// An authority may take a certificate back at any time, whatever it said for how long.
const KEPT_ANSWER: Duration = Duration::from_secs(3_600);
