//! What a client trusts and offers, as values, and the rustls configuration made from them once.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::unverified::Unverified;

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
    /// Any certificate is taken: the connection is private, but nobody knows with whom.
    Nobody,
    /// The chain and the name must be right (RFC 9525).
    #[default]
    Peer,
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
    made: OnceLock<Result<[Arc<ClientConfig>; 4], String>>,
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

    pub(super) fn config(&self, offer: Offer) -> io::Result<Arc<ClientConfig>> {
        let made = self.made.get_or_init(|| make(&self.settings).map_err(|why| why.to_string()));
        match made {
            Ok(configs) => Ok(configs[offer as usize].clone()),
            Err(why) => Err(io::Error::new(io::ErrorKind::InvalidInput, why.clone())),
        }
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

fn make(settings: &TlsSettings) -> Result<[Arc<ClientConfig>; 4], rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut base = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier(settings, provider)?)
        .with_no_client_auth();
    base.enable_early_data = false;
    let offering = |offer: Offer| {
        let mut config = base.clone();
        config.alpn_protocols = offer.names();
        Arc::new(config)
    };
    // In the order of `Offer`'s declaration, which `config` indexes by.
    Ok([Offer::Http1, Offer::Http2, Offer::Http2OrHttp1, Offer::Nothing].map(offering))
}

fn verifier(
    settings: &TlsSettings,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    if settings.verify == Verify::Nobody {
        return Ok(Arc::new(Unverified::new(provider)));
    }
    let own = || settings.authorities.iter().map(|der| CertificateDer::from(der.clone()));
    match settings.roots {
        Roots::Own => webpki(RootCertStore::empty(), own(), provider),
        Roots::Bundled => webpki(bundled(), own(), provider),
        Roots::Platform => platform(own(), provider),
    }
}

/// The platform's verifier; a machine without a store gets the bundled list instead of failing
/// every handshake.
fn platform(
    own: impl Iterator<Item = CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    use rustls_platform_verifier::Verifier;
    let own: Vec<_> = own.collect();
    // With extra authorities the constructor succeeds on an empty store too, so ask without first.
    let bare = Verifier::new(provider.clone());
    match bare {
        Err(_) => webpki(bundled(), own.into_iter(), provider),
        Ok(verifier) if own.is_empty() => Ok(Arc::new(verifier)),
        Ok(_) => Ok(Arc::new(Verifier::new_with_extra_roots(own, provider)?)),
    }
}

fn bundled() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

fn webpki(
    mut store: RootCertStore,
    own: impl Iterator<Item = CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    for authority in own {
        store.add(authority)?;
    }
    let built = rustls::client::WebPkiServerVerifier::builder_with_provider(store.into(), provider)
        .build()
        .map_err(|why| rustls::Error::General(why.to_string()))?;
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn post_quantum_key_exchange_is_offered_first() {
        let policy = TlsPolicy::new(TlsSettings { roots: Roots::Bundled, ..Default::default() });
        let config = policy.config(Offer::Http2OrHttp1).unwrap();
        let first = config.crypto_provider().kx_groups[0].name();
        assert_eq!(first, rustls::NamedGroup::X25519MLKEM768);
    }

    #[test]
    fn each_offer_names_its_protocols() {
        let policy = TlsPolicy::new(TlsSettings { roots: Roots::Bundled, ..Default::default() });
        let names = |offer| policy.config(offer).unwrap().alpn_protocols.clone();
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
