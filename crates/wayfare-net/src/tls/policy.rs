//! What a client trusts and offers, as values, and the rustls configuration made from them once.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use wayfare_proto::certificate::key::{Form, Key};
use wayfare_proto::certificate::ocsp::Status;
use wayfare_proto::certificate::problem::Problem;
use wayfare_proto::policy::early_data::EarlyData;

use super::ech::{self, Ech, Hidden};
use super::examine::{Judge, Shown};
use super::exceptions::Exceptions;
use super::key_log::key_log;
use super::pins::Pins;
use super::sessions::Sessions;
use super::suites::{CipherSuite, Group};
use super::verifier::{Granting, Inquiry, Verifier, host_of};

/// Whose certificates are trusted to vouch for a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Roots {
    /// The list compiled into this library (Mozilla's); for machines without a store.
    Bundled,
    /// Only the authorities in [`TlsSettings::authorities`].
    Own,
    /// The operating system's store; where it has none, the bundled list.
    #[default]
    Platform,
}

/// Whether the server must prove who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Any certificate is taken: the connection is private, but nobody knows with whom. Only pins
    /// still hold.
    Nobody,
    /// The chain and the name must be right (RFC 9525).
    #[default]
    Peer,
    /// Any certificate is taken, but what is wrong with it is found out and told.
    Query,
}

/// What is asked of the state of certificates that may have been revoked.
///
/// A stapled answer or a list that says "revoked" is an error in any case, and so is a certificate
/// that must come with an answer (RFC 7633) and does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revocation {
    /// What is known counts; what is not known is no error.
    #[default]
    AsKnown,
    /// The state must be known and good: from the lists given, or else from a stapled answer.
    Demanded,
    /// As [`Demanded`](Self::Demanded), but where nothing is stapled the authority is asked before
    /// anything of a request is sent, over plain HTTP and past any proxy. Good answers are kept for
    /// as long as they say, at most an hour.
    Fetched,
}

/// Who a client is, for servers that ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its certificate in DER, then those that vouch for it.
    pub chain: Vec<Vec<u8>>,
    /// The key of the certificate.
    pub key: Key,
}

/// Where the secrets of sessions are written, for those who debug with a network sniffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyLog {
    /// Into the file that the environment variable `SSLKEYLOGFILE` names, if it is set.
    Environment,
    /// To the end of this file.
    File(PathBuf),
    /// Nowhere.
    #[default]
    Off,
}

/// The protocol versions that are offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersions {
    /// TLS 1.2 and 1.3.
    #[default]
    Any,
    /// TLS 1.2 only (RFC 5246).
    Tls12,
    /// TLS 1.3 only (RFC 8446).
    Tls13,
}

/// Whether sessions are continued on later connections (RFC 8446 §2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Resumption {
    /// Every handshake is a full one.
    Off,
    /// Tickets are kept in memory.
    #[default]
    On,
}

/// Everything that decides a TLS handshake besides the name and the protocols offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// The store to begin with.
    pub roots: Roots,
    /// Further certificate authorities, in DER.
    pub authorities: Vec<Vec<u8>>,
    /// Whether the server must prove who it is.
    pub verify: Verify,
    /// The name the server must prove instead of the host's; also told to it (SNI).
    pub peer_name: Option<String>,
    /// How many authorities below a trusted one there may be.
    pub depth: Option<usize>,
    /// Accepted although something is wrong.
    pub exceptions: Exceptions,
    /// Pinned keys.
    pub pins: Vec<Pins>,
    /// Certificate revocation lists, in DER.
    pub revocation_lists: Vec<Vec<u8>>,
    /// What is asked of revocation.
    pub revocation: Revocation,
    /// Who this client is.
    pub identity: Option<Identity>,
    /// The protocol versions.
    pub versions: TlsVersions,
    /// The cipher suites in order of preference; all if there is none.
    pub cipher_suites: Vec<CipherSuite>,
    /// The key exchange groups in order of preference; all if there is none.
    pub groups: Vec<Group>,
    /// The application protocols offered instead of those of HTTP (RFC 7301).
    pub protocols: Vec<Vec<u8>>,
    /// Where secrets are written.
    pub key_log: KeyLog,
    /// Whether sessions are continued.
    pub resumption: Resumption,
    /// Whether the name of the server is hidden.
    pub ech: Ech,
    /// Which requests may be sent as early data.
    pub early_data: EarlyData,
}

/// The application protocols a handshake offers, in order of preference (RFC 7301).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offer {
    /// `http/1.1` only.
    Http1,
    /// `h2` only.
    Http2,
    /// `h2`, then `http/1.1`.
    Http2OrHttp1,
    /// No protocol names.
    Nothing,
}

impl Offer {
    fn names(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Self::Http1 => &[b"http/1.1"],
            Self::Http2 => &[b"h2"],
            Self::Http2OrHttp1 => &[b"h2", b"http/1.1"],
            Self::Nothing => &[],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }
}

/// Settings with the configuration made from them.
///
/// All connections of one policy share one verifier and one session store, or resumption would
/// never happen; connections of different policies share nothing.
#[derive(Debug, Default)]
pub struct TlsPolicy {
    settings: TlsSettings,
    made: OnceLock<Result<Made, String>>,
}

#[derive(Debug)]
struct Made {
    configs: [Arc<ClientConfig>; 4],
    verifier: Arc<Verifier>,
    hidden: Hidden,
    sessions: Arc<Sessions>,
}

impl TlsPolicy {
    /// A policy that is turned into a configuration at its first handshake, because reading the
    /// platform's store takes milliseconds that a plain connection should not pay.
    #[must_use]
    pub fn new(settings: TlsSettings) -> Self {
        Self { settings, made: OnceLock::new() }
    }

    /// The settings this policy was made from.
    #[must_use]
    pub fn settings(&self) -> &TlsSettings {
        &self.settings
    }

    /// True if the name of a server is hidden where its records say how.
    #[must_use]
    pub fn hides_names(&self) -> bool {
        self.settings.ech != Ech::Off && self.settings.versions != TlsVersions::Tls12
    }

    pub(super) fn config(&self, offer: Offer) -> io::Result<(Arc<ClientConfig>, Arc<Verifier>)> {
        let made = self.made()?;
        Ok((made.configs[offer as usize].clone(), made.verifier.clone()))
    }

    /// As [`config`](Self::config), with the name of the server hidden by a list of
    /// configurations; nothing if it cannot be or is not to be.
    pub(super) fn hiding(
        &self,
        offer: Offer,
        list: &[u8],
    ) -> io::Result<Option<Arc<ClientConfig>>> {
        let made = self.made()?;
        if !self.hides_names() {
            return Ok(None);
        }
        let plain = (&*made.configs[offer as usize], &made.verifier);
        Ok(made.hidden.config(plain, offer, list))
    }

    /// As [`config`](Self::config) with early data; nothing if there is no session with `host` that is
    /// beyond doubt, or none may be trusted with it.
    pub(super) fn early(&self, host: &str, offer: Offer) -> io::Result<Option<Arc<ClientConfig>>> {
        let made = self.made()?;
        if !self.takes_early_data() || !made.sessions.is_unconditional(host) {
            return Ok(None);
        }
        // Made for one handshake, which is cheaper than to keep it: all in it is shared.
        let mut config = ClientConfig::clone(&made.configs[offer as usize]);
        config.enable_early_data = true;
        Ok(Some(Arc::new(config)))
    }

    /// True if early data is for servers that are known for certain, whatever is sent.
    #[must_use]
    pub fn takes_early_data(&self) -> bool {
        let settings = &self.settings;
        let shows_client =
            settings.early_data == EarlyData::Anonymous && settings.identity.is_some();
        settings.early_data != EarlyData::Off
            && settings.verify == Verify::Peer
            // What is asked of the authority then is asked before anything is sent.
            && settings.revocation != Revocation::Fetched
            && settings.resumption == Resumption::On
            && settings.versions != TlsVersions::Tls12
            && settings.ech != Ech::Grease
            // Of other protocols nobody knows how they begin.
            && settings.protocols.is_empty()
            && !shows_client
    }

    fn made(&self) -> io::Result<&Made> {
        let made = self.made.get_or_init(|| make(&self.settings));
        made.as_ref().map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why.clone()))
    }

    /// Everything that is wrong with a chain of certificates in DER, the server's own first, at a
    /// moment and for a host; without one, no name is asked for.
    ///
    /// # Errors
    /// If the settings cannot be used, the chain is empty or the host cannot be a name.
    pub fn examine(
        &self,
        chain: &[Vec<u8>],
        host: Option<&str>,
        at: SystemTime,
    ) -> io::Result<Vec<Problem>> {
        let (_, verifier) = self.config(Offer::Nothing)?;
        let name = host.map(server_name).transpose()?;
        let ders: Vec<_> = chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let [leaf, others @ ..] = ders.as_slice() else {
            let why = "there is no certificate to look at";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        };
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(since);
        let shown = Shown { leaf, others, name: name.as_ref(), staple: &[], now };
        Ok(verifier.examine(&shown))
    }

    /// What has to be asked about the certificates of a finished handshake with `host`; nothing if
    /// a good answer was heard not long ago.
    pub(crate) fn inquire(&self, host: &str, chain: &[Vec<u8>]) -> io::Result<Option<Inquiry>> {
        let (_, verifier) = self.config(Offer::Nothing)?;
        let host = self.settings.peer_name.as_deref().unwrap_or(host);
        Ok(verifier.inquire(&host_of(&server_name(host)?), chain))
    }

    /// What an answer says, if it is to be believed.
    pub(crate) fn hear(
        &self,
        inquiry: &Inquiry,
        answer: &[u8],
        now: Duration,
    ) -> Result<Status, String> {
        let (_, verifier) = self.config(Offer::Nothing).map_err(|why| why.to_string())?;
        verifier.hear(inquiry, answer, UnixTime::since_unix_epoch(now))
    }

    /// Finds out now, and not at the first handshake, whether the settings can be used.
    ///
    /// # Errors
    /// In words: a key that does not fit its certificate, a damaged revocation list, suites that
    /// need another protocol version.
    pub fn check(&self) -> io::Result<()> {
        self.config(Offer::Nothing).map(drop)
    }
}

/// Reads every certificate of a PEM text.
///
/// # Errors
/// Says what is wrong when the text holds no certificate or a damaged one.
pub fn authorities_from_pem(pem: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let found = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|why| invalid(format!("not a PEM certificate: {why}")))?;
    if found.is_empty() {
        return Err(invalid("no \"BEGIN CERTIFICATE\" block in the PEM text".into()));
    }
    // Told now, by whoever gave it, and not by the first handshake.
    let mut store = RootCertStore::empty();
    for der in &found {
        store.add(der.clone()).map_err(|why| invalid(format!("a damaged certificate: {why}")))?;
    }
    Ok(found.iter().map(|der| der.to_vec()).collect())
}

pub(super) fn server_name(host: &str) -> io::Result<ServerName<'static>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("\"{}\" cannot be a name in a certificate", host.escape_default()),
        )
    })
}

fn make(settings: &TlsSettings) -> Result<Made, String> {
    let provider = Arc::new(provider(settings));
    let algorithms = provider.signature_verification_algorithms.all;
    let judge = Judge::by(settings, algorithms)?;
    let exceptions = settings.exceptions.clone();
    let sessions = Arc::new(Sessions::new(exceptions.clone()));
    let granting = Granting { exceptions, sessions: sessions.clone() };
    let kept = sessions.clone();
    let verifier = Arc::new(Verifier::new(judge, settings.verify, granting, provider.clone()));
    let builder = speaking(settings, provider)?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone());
    // Who takes any certificate only to look at it must not show its own to whoever that is.
    let identity = settings.identity.as_ref().filter(|_| settings.verify != Verify::Query);
    let mut base = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = identity.parts();
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|why| format!("the client's certificate and key cannot be used: {why}"))?
        }
    };
    base.key_log = key_log(&settings.key_log)?;
    base.resumption = match settings.resumption {
        Resumption::Off => rustls::client::Resumption::disabled(),
        Resumption::On => rustls::client::Resumption::store(sessions),
    };
    base.enable_early_data = false;
    let offering = |offer: Offer| {
        let mut config = base.clone();
        config.alpn_protocols = match settings.protocols.is_empty() {
            true => offer.names(),
            false => settings.protocols.clone(),
        };
        Arc::new(config)
    };
    // In the order of `Offer`'s declaration, which `config` indexes by.
    let offers = [Offer::Http1, Offer::Http2, Offer::Http2OrHttp1, Offer::Nothing];
    let configs = offers.map(offering);
    Ok(Made { configs, verifier, hidden: Hidden::default(), sessions: kept })
}

/// The versions, and whether something is sent that looks like a hidden name.
fn speaking(
    settings: &TlsSettings,
    provider: Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, String> {
    let words = |why: rustls::Error| why.to_string();
    let builder = ClientConfig::builder_with_provider(provider);
    let versions: &[_] = match settings.versions {
        TlsVersions::Any | TlsVersions::Tls13 if settings.ech == Ech::Grease => {
            return builder.with_ech(ech::grease().map_err(words)?).map_err(words);
        }
        TlsVersions::Any => &[&rustls::version::TLS13, &rustls::version::TLS12],
        TlsVersions::Tls12 => &[&rustls::version::TLS12],
        TlsVersions::Tls13 => &[&rustls::version::TLS13],
    };
    builder.with_protocol_versions(versions).map_err(words)
}

fn provider(settings: &TlsSettings) -> CryptoProvider {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    if !settings.cipher_suites.is_empty() {
        provider.cipher_suites = settings.cipher_suites.iter().map(CipherSuite::engine).collect();
    }
    if !settings.groups.is_empty() {
        provider.kx_groups = settings.groups.iter().map(Group::engine).collect();
    }
    provider
}

impl Identity {
    fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = self.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let secret = self.key.der().to_vec();
        let key = match self.key.form() {
            Form::Pkcs1 => PrivateKeyDer::Pkcs1(secret.into()),
            Form::Pkcs8 => PrivateKeyDer::Pkcs8(secret.into()),
            Form::Sec1 => PrivateKeyDer::Sec1(secret.into()),
        };
        (chain, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn post_quantum_key_exchange_is_offered_first() {
        let policy = TlsPolicy::new(TlsSettings { roots: Roots::Bundled, ..Default::default() });
        let config = policy.config(Offer::Http2OrHttp1).unwrap().0;
        let first = config.crypto_provider().kx_groups[0].name();
        assert_eq!(first, rustls::NamedGroup::X25519MLKEM768);
    }

    #[test]
    fn each_offer_names_its_protocols() {
        let policy = TlsPolicy::new(TlsSettings { roots: Roots::Bundled, ..Default::default() });
        let names = |offer| policy.config(offer).unwrap().0.alpn_protocols.clone();
        assert_eq!(names(Offer::Http1), [b"http/1.1".to_vec()]);
        assert_eq!(names(Offer::Http2), [b"h2".to_vec()]);
        assert_eq!(names(Offer::Http2OrHttp1), [b"h2".to_vec(), b"http/1.1".to_vec()]);
        assert!(names(Offer::Nothing).is_empty());
    }

    #[test]
    fn a_pem_text_without_a_certificate_says_so() {
        let why = authorities_from_pem(b"hello").unwrap_err().to_string();
        assert!(why.contains("BEGIN CERTIFICATE"), "{why}");
    }
}
