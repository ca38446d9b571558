//! A certificate authority made on the spot, and the good and bad certificates it can issue.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::content::sha256_hex;

/// A certificate authority that exists only for this process.
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate chain with its key, ready to serve TLS with (or to present as a client).
#[derive(Debug)]
pub struct ServerIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivatePkcs8KeyDer<'static>,
    chain_pem: String,
    key_pem: String,
}

/// From when until when a certificate holds.
#[derive(Clone, Copy)]
enum Validity {
    Current,
    Over,
    Coming,
}

#[derive(Clone, Copy)]
enum Use {
    Server,
    Client,
}

impl Authority {
    /// Generates a new authority with its own key.
    ///
    /// # Panics
    /// When the system has no randomness to make a key of.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Validity::Current.put(&mut params);
        let key = new_key();
        // Two authorities of one name would look like one with a broken signature.
        let mark = &sha256_hex(key.public_key_raw())[..8];
        params.distinguished_name = distinguished(&format!("Wayfare test authority {mark}"));
        let certificate = params.self_signed(&key).expect("an authority's fields are all ASCII");
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// The authority's certificate as PEM: what a client has to trust.
    #[must_use]
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The authority's certificate as DER.
    #[must_use]
    pub fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// Writes [`pem`](Self::pem) to a file.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write_pem(&self, path: impl AsRef<Path>) -> std::io::Result<()> {
        std::fs::write(path, self.pem())
    }

    /// A root store with this authority alone in it.
    #[must_use]
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.der()).expect("the authority's own certificate is well formed");
        roots
    }

    /// Issues a server certificate for these host names and IP addresses.
    ///
    /// # Panics
    /// When a name is not ASCII.
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> ServerIdentity {
        self.sign(names, Validity::Current, Use::Server)
    }

    /// Issues a server certificate that ended in 2002.
    #[must_use]
    pub fn issue_expired(&self, names: &[&str]) -> ServerIdentity {
        self.sign(names, Validity::Over, Use::Server)
    }

    /// Issues a server certificate that begins in 2095.
    #[must_use]
    pub fn issue_not_yet_valid(&self, names: &[&str]) -> ServerIdentity {
        self.sign(names, Validity::Coming, Use::Server)
    }

    /// Issues a server certificate for a name that nobody asks for.
    #[must_use]
    pub fn issue_for_wrong_name(&self) -> ServerIdentity {
        self.issue(&["wrong-name.invalid"])
    }

    /// Issues a client certificate, for servers that ask for one.
    #[must_use]
    pub fn issue_client(&self, name: &str) -> ServerIdentity {
        self.sign(&[name], Validity::Current, Use::Client)
    }

    fn sign(&self, names: &[&str], validity: Validity, purpose: Use) -> ServerIdentity {
        let params = leaf(names, validity, purpose);
        let key = new_key();
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("a leaf with ASCII names can be signed by any authority");
        ServerIdentity::from_parts(&[&certificate, &self.certificate], &key)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl ServerIdentity {
    /// Makes a certificate that signed itself and that no authority knows.
    #[must_use]
    pub fn self_signed(names: &[&str]) -> Self {
        let params = leaf(names, Validity::Current, Use::Server);
        let key = new_key();
        let certificate =
            params.self_signed(&key).expect("a leaf with ASCII names can sign itself");
        Self::from_parts(&[&certificate], &key)
    }

    /// The certificate chain as PEM, the server's own certificate first.
    #[must_use]
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// The private key as PEM (PKCS #8).
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The certificate chain as DER, the server's own certificate first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The private key as DER.
    #[must_use]
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone_key())
    }

    /// A TLS server that presents this identity and offers these protocols by ALPN.
    #[must_use]
    pub fn server_config(&self, alpn: &[&str]) -> ServerConfig {
        let config = server_builder().with_no_client_auth();
        self.finish(config, alpn)
    }

    /// As [`server_config`](Self::server_config), for a server that speaks TLS 1.2 only.
    ///
    /// # Panics
    /// Never: the provider has suites for it.
    #[must_use]
    pub fn server_config_tls12(&self, alpn: &[&str]) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .expect("the provider has suites for TLS 1.2");
        self.finish(config.with_no_client_auth(), alpn)
    }

    /// As [`server_config`](Self::server_config), for a server that insists on a client
    /// certificate issued by `authority`.
    #[must_use]
    pub fn server_config_asking_clients(
        &self,
        alpn: &[&str],
        authority: &Authority,
    ) -> ServerConfig {
        let verifier = WebPkiClientVerifier::builder_with_provider(
            Arc::new(authority.roots()),
            Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
        )
        .build()
        .expect("one authority is enough for a verifier");
        self.finish(server_builder().with_client_cert_verifier(verifier), alpn)
    }

    fn finish(
        &self,
        config: rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert>,
        alpn: &[&str],
    ) -> ServerConfig {
        let mut config = config
            .with_single_cert(self.chain.clone(), self.key())
            .expect("the key was made for this certificate");
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }

    fn from_parts(chain: &[&Certificate], key: &KeyPair) -> Self {
        Self {
            chain: chain.iter().map(|certificate| certificate.der().clone()).collect(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
            chain_pem: chain.iter().map(|certificate| certificate.pem()).collect(),
            key_pem: key.serialize_pem(),
        }
    }
}

impl Validity {
    fn put(self, params: &mut CertificateParams) {
        // Some platforms refuse private certificates that hold longer than 825 days.
        let this_year = this_year();
        let (from, to) = match self {
            Self::Current => {
                (date_time_ymd(this_year - 1, 12, 1), date_time_ymd(this_year + 1, 1, 31))
            }
            Self::Over => (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1)),
            Self::Coming => (date_time_ymd(2095, 1, 1), date_time_ymd(2096, 1, 1)),
        };
        params.not_before = from;
        params.not_after = to;
    }
}

fn server_builder() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for TLS 1.2 and 1.3")
}

fn leaf(names: &[&str], validity: Validity, purpose: Use) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let common_name = names.first().map_or("unnamed", String::as_str).to_owned();
    let mut params = CertificateParams::new(names).expect("names in certificates are ASCII");
    params.distinguished_name = distinguished(&common_name);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![match purpose {
        Use::Server => ExtendedKeyUsagePurpose::ServerAuth,
        Use::Client => ExtendedKeyUsagePurpose::ClientAuth,
    }];
    validity.put(&mut params);
    params
}

fn distinguished(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system has randomness")
}

fn this_year() -> i32 {
    const SECONDS_PER_YEAR: u64 = 31_556_952;
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    1970 + i32::try_from(since_1970.as_secs() / SECONDS_PER_YEAR).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issued_certificate_comes_with_its_authority_and_key() {
        let authority = Authority::new();
        let identity = authority.issue(&["localhost", "127.0.0.1", "::1"]);
        assert_eq!(identity.chain().len(), 2);
        assert_eq!(identity.chain()[1], authority.der());
        assert!(identity.key_pem().starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_eq!(identity.chain_pem().matches("BEGIN CERTIFICATE").count(), 2);
        assert!(authority.pem().contains("BEGIN CERTIFICATE"));
    }

    #[test]
    fn a_self_signed_certificate_stands_alone() {
        assert_eq!(ServerIdentity::self_signed(&["localhost"]).chain().len(), 1);
    }
}
