//! Trust: whose word counts for a server, and how the handshake is made.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use wayfare_net::tls::policy::{Roots, TlsPolicy, TlsSettings, authorities_from_pem};
use wayfare_proto::certificate::key::Key;
use wayfare_proto::certificate::problem::Problem;
use wayfare_proto::certificate::{Certificate, list_ders_from_pem};

use crate::error::{Error, ErrorKind, Stage};
pub use wayfare_net::tls::ech::Ech;
pub use wayfare_net::tls::exceptions::Exceptions;
pub use wayfare_net::tls::pins::Pins;
use wayfare_net::tls::policy::{Identity, Verify};
pub use wayfare_net::tls::policy::{KeyLog, Resumption, Revocation, TlsVersions};
pub use wayfare_net::tls::suites::{CipherSuite, Group};
pub use wayfare_proto::policy::early_data::EarlyData;

/// Whom to trust.
///
/// Connections made under one value share sessions; a changed value starts afresh, so a
/// connection is never reused under other rules than it was made with.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pem = std::fs::read("company-ca.pem")?;
/// let tls = wayfare::options::Tls::default().with_authority_pem(pem)?;
/// let manager = wayfare::Manager::builder().tls(tls).build();
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Tls {
    policy: Arc<TlsPolicy>,
    /// Made from the same settings but for what is the origin's alone, with sessions of its own.
    towards_proxies: Arc<TlsPolicy>,
}

impl Tls {
    /// Trusts the authorities of a PEM text too.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the text holds no certificate or a damaged one.
    pub fn with_authority_pem(self, pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        let mut settings = self.policy.settings().clone();
        settings.authorities.extend(read_pem(pem.as_ref(), "the PEM text")?);
        Ok(Self::from(settings))
    }

    /// Trusts the authorities of a PEM text and nobody else.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the text holds no certificate or a damaged one.
    pub fn with_only_authority_pem(self, pem: impl AsRef<[u8]>) -> Result<Self, Error> {
        let mut settings = self.policy.settings().clone();
        settings.authorities = read_pem(pem.as_ref(), "the PEM text")?;
        settings.roots = Roots::Own;
        Ok(Self::from(settings))
    }

    /// Trusts the authorities of a PEM file and nobody else, as `curl --cacert` does.
    ///
    /// # Errors
    /// [`ErrorKind::FileSystem`] if the file cannot be read, [`ErrorKind::InvalidRequest`] if it
    /// holds no certificate.
    pub fn with_only_authority_file(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let pem = std::fs::read(path).map_err(|why| {
            let message = format!("cannot read the CA file {}: {why}", path.display());
            Error::new(ErrorKind::FileSystem, Stage::Store, message).because(why)
        })?;
        let mut settings = self.policy.settings().clone();
        settings.authorities = read_pem(&pem, &path.display().to_string())?;
        settings.roots = Roots::Own;
        Ok(Self::from(settings))
    }

    /// Starts from the list of authorities compiled into the library instead of the system's.
    #[must_use]
    pub fn with_bundled_roots(self) -> Self {
        Self::from(TlsSettings { roots: Roots::Bundled, ..self.policy.settings().clone() })
    }

    /// Shows who this client is to servers that ask: its certificate with those that vouch for it,
    /// and its key (PKCS#1, PKCS#8, SEC1), both in PEM; an encrypted key needs its passphrase.
    ///
    /// The certificate is only shown to a server that has proven who it is, unless everybody is
    /// trusted.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if either cannot be read, or the key is another certificate's.
    pub fn with_client_certificate(
        self,
        chain_pem: impl AsRef<[u8]>,
        key_pem: impl AsRef<[u8]>,
        passphrase: Option<&str>,
    ) -> Result<Self, Error> {
        let damaged = |what: &str, why: &dyn std::fmt::Display| {
            Error::invalid_request(format!("the client's {what}: {why}"))
        };
        let chain = Certificate::all_from_pem(chain_pem)
            .map_err(|why| damaged("certificate", &why))?
            .iter()
            .map(|certificate| certificate.der().to_vec())
            .collect();
        let key = Key::from_pem(key_pem, passphrase).map_err(|why| damaged("key", &why))?;
        self.with_identity(Identity { chain, key })
    }

    /// Takes an identity whose key must be its certificate's.
    pub(super) fn with_identity(self, identity: Identity) -> Result<Self, Error> {
        let tls = self.changed(|settings| settings.identity = Some(identity));
        tls.policy.check().map_err(|why| Error::invalid_request(why.to_string()).because(why))?;
        Ok(tls)
    }

    /// Has the server prove this name instead of the host's; it is told the name, too (SNI).
    #[must_use]
    pub fn with_peer_name(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.changed(|settings| settings.peer_name = Some(name))
    }

    /// Takes at most so many authorities below a trusted one; as many as it takes by default.
    #[must_use]
    pub fn with_depth(self, most: usize) -> Self {
        self.changed(|settings| settings.depth = Some(most))
    }

    /// Accepts what these exceptions say, and adds to them what the delegate accepts.
    #[must_use]
    pub fn with_exceptions(self, exceptions: Exceptions) -> Self {
        self.changed(|settings| settings.exceptions = exceptions)
    }

    /// The exceptions that hold.
    #[must_use]
    pub fn exceptions(&self) -> &Exceptions {
        &self.policy.settings().exceptions
    }

    /// True if what a server says has been proven to come from the host of its URL.
    pub(crate) fn proves_hosts(&self) -> bool {
        let settings = self.policy.settings();
        settings.verify == Verify::Peer && settings.peer_name.is_none()
    }

    /// Demands one of the pinned keys in the chain of its host, also where everybody is trusted.
    #[must_use]
    pub fn with_pins(self, pins: Pins) -> Self {
        self.changed(|settings| settings.pins.push(pins))
    }

    /// Refuses what a certificate revocation list names (RFC 5280 §5), in PEM or DER.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if it is none, or of a kind that is not understood (delta and
    /// indirect lists).
    pub fn with_revocation_list(self, list: impl AsRef<[u8]>) -> Result<Self, Error> {
        let list = list.as_ref();
        let ders = match list.starts_with(b"0") {
            true => vec![list.to_vec()],
            false => list_ders_from_pem(list)
                .map_err(|why| Error::invalid_request(format!("the revocation list: {why}")))?,
        };
        let tls = self.changed(|settings| settings.revocation_lists.extend(ders));
        tls.policy.check().map_err(|why| Error::invalid_request(why.to_string()).because(why))?;
        Ok(tls)
    }

    /// Sets what is asked of revocation; by default what is known counts.
    #[must_use]
    pub fn with_revocation(self, revocation: Revocation) -> Self {
        self.changed(|settings| settings.revocation = revocation)
    }

    /// Sets the protocol versions; TLS 1.2 and 1.3 by default.
    #[must_use]
    pub fn with_versions(self, versions: TlsVersions) -> Self {
        self.changed(|settings| settings.versions = versions)
    }

    /// Offers only these cipher suites, in this order, by the names of the IANA registry or of
    /// OpenSSL.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] for an unknown name, and for suites that no version allowed
    /// can use.
    pub fn with_cipher_suites(self, names: &[&str]) -> Result<Self, Error> {
        let suites = names.iter().map(|name| CipherSuite::named(name)).collect::<Result<_, _>>();
        let suites = suites.map_err(|why| Error::invalid_request(why.to_string()).because(why))?;
        let tls = self.changed(|settings| settings.cipher_suites = suites);
        tls.policy.check().map_err(|why| Error::invalid_request(why.to_string()).because(why))?;
        Ok(tls)
    }

    /// Offers only these key exchange groups, in this order; see [`Group::named`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] for an unknown name.
    pub fn with_groups(self, names: &[&str]) -> Result<Self, Error> {
        let groups = names.iter().map(|name| Group::named(name)).collect::<Result<_, _>>();
        let groups = groups.map_err(|why| Error::invalid_request(why.to_string()).because(why))?;
        Ok(self.changed(|settings| settings.groups = groups))
    }

    /// Offers these application protocols instead of those of HTTP (RFC 7301 §3.1). What is agreed
    /// on is spoken only if it is `h2`; anything else is taken for HTTP/1.1.
    #[must_use]
    pub fn with_protocols(self, names: &[&[u8]]) -> Self {
        let names = names.iter().map(|name| name.to_vec()).collect();
        self.changed(|settings| settings.protocols = names)
    }

    /// Sets whether sessions are continued on later connections; they are by default.
    #[must_use]
    pub fn with_resumption(self, resumption: Resumption) -> Self {
        self.changed(|settings| settings.resumption = resumption)
    }

    /// Sets whether the name of a server is hidden from whoever is on the way (RFC 9849); by default
    /// it is where the server's HTTPS record says how.
    #[must_use]
    pub fn with_ech(self, ech: Ech) -> Self {
        self.changed(|settings| settings.ech = ech)
    }

    /// Sets which requests may be sent as early data (RFC 8446 §2.3); none by default.
    ///
    /// Only to a server of which it is known what version of HTTP it speaks, as the continuation of a
    /// session that was agreed on with a valid certificate: never where [`dangerous`](Self::dangerous)
    /// settings, an exception, protocols of one's own or [`Revocation::Fetched`] have a say. What the
    /// server throws away is sent again after the handshake, what it answers with 425 (Too Early) once
    /// more, and then it is spared for an hour.
    /// [`Reply::early_data`](crate::Reply::early_data) tells.
    #[must_use]
    pub fn with_early_data(self, early_data: EarlyData) -> Self {
        self.changed(|settings| settings.early_data = early_data)
    }

    /// Everything that is wrong with a chain, the server's own certificate first, at a moment and
    /// for a host; without one, no name is asked for. Exceptions do not count.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the chain is empty or the host cannot be a name.
    pub fn verify(
        &self,
        chain: &[Certificate],
        host: Option<&str>,
        at: SystemTime,
    ) -> Result<Vec<Problem>, Error> {
        let ders: Vec<_> = chain.iter().map(|one| one.der().to_vec()).collect();
        let found = self.policy.examine(&ders, host, at);
        found.map_err(|why| Error::invalid_request(why.to_string()).because(why))
    }

    fn changed(self, change: impl FnOnce(&mut TlsSettings)) -> Self {
        let mut settings = self.policy.settings().clone();
        change(&mut settings);
        Self::from(settings)
    }

    /// The settings that give up safety.
    #[must_use]
    pub fn dangerous(self) -> DangerousTls {
        DangerousTls(self)
    }

    pub(crate) fn policy(&self) -> &Arc<TlsPolicy> {
        &self.policy
    }

    /// The policy for proxies, which never see a session of an origin.
    pub(crate) fn towards_proxies(&self) -> &Arc<TlsPolicy> {
        &self.towards_proxies
    }
}

impl Default for Tls {
    /// The platform's authorities, TLS 1.2 and 1.3.
    fn default() -> Self {
        // From one set of settings, so that origins and proxies share exceptions.
        Self::from(TlsSettings::default())
    }
}

impl From<TlsSettings> for Tls {
    fn from(settings: TlsSettings) -> Self {
        // Who the client is, who the server must be, and what is spoken are between the two.
        let towards_proxies = TlsSettings {
            identity: None,
            peer_name: None,
            protocols: Vec::new(),
            // Only the origin's records are asked for.
            ech: Ech::Off,
            early_data: EarlyData::Off,
            ..settings.clone()
        };
        let towards_proxies = Arc::new(TlsPolicy::new(towards_proxies));
        Self { policy: Arc::new(TlsPolicy::new(settings)), towards_proxies }
    }
}

/// Settings of [`Tls`] that give up safety.
#[derive(Clone, Debug)]
pub struct DangerousTls(Tls);

impl DangerousTls {
    /// Takes any certificate from anybody: whoever sits on the path can read and change
    /// everything. For tests.
    #[must_use]
    pub fn trust_everybody(self) -> Tls {
        self.0.changed(|settings| settings.verify = Verify::Nobody)
    }

    /// Takes any certificate, but tells what is wrong with it: see
    /// [`TlsFacts::problems`](crate::tls::TlsFacts). For those who only want to look: a client's
    /// certificate is not shown.
    #[must_use]
    pub fn ask_everybody(self) -> Tls {
        self.0.changed(|settings| settings.verify = Verify::Query)
    }

    /// Writes the secrets of all sessions where whoever reads them can read the traffic.
    #[must_use]
    pub fn with_key_log(self, key_log: KeyLog) -> Tls {
        self.0.changed(|settings| settings.key_log = key_log)
    }
}

fn read_pem(pem: &[u8], from: &str) -> Result<Vec<Vec<u8>>, Error> {
    authorities_from_pem(pem)
        .map_err(|why| Error::invalid_request(format!("{from}: {why}")).because(why))
}
