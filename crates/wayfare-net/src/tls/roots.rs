//! Whose certificates are trusted to vouch for a server, as the verifier needs them.

use rustls::pki_types::{CertificateDer, TrustAnchor};

use super::policy::{Roots, TlsSettings};

/// The authorities that a policy trusts.
pub(super) struct Trusted {
    pub(super) anchors: Vec<TrustAnchor<'static>>,
    /// The settings' own certificates, any of which a server may also show as its own.
    pub(super) own: Vec<CertificateDer<'static>>,
}

impl Trusted {
    pub(super) fn by(settings: &TlsSettings) -> Self {
        let own: Vec<_> =
            settings.authorities.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let mut anchors = match settings.roots {
            Roots::Own => Vec::new(),
            Roots::Bundled => bundled(),
            Roots::Platform => platform(),
        };
        anchors.extend(anchors_of(&own));
        Self { anchors, own }
    }
}

/// The operating system's store. A machine without one gets the bundled list, instead of failing
/// every handshake; but whoever names a store of their own by `SSL_CERT_FILE` or `SSL_CERT_DIR` gets
/// that and nobody else, also if it is empty.
fn platform() -> Vec<TrustAnchor<'static>> {
    let found = rustls_native_certs::load_native_certs();
    let anchors: Vec<_> = anchors_of(&found.certs).collect();
    let is_named =
        ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    if anchors.is_empty() && !is_named { bundled() } else { anchors }
}

fn bundled() -> Vec<TrustAnchor<'static>> {
    webpki_roots::TLS_SERVER_ROOTS.to_vec()
}

/// Stores hold certificates that cannot be used, which is no reason to use none of the others.
fn anchors_of<'a>(
    certificates: &'a [CertificateDer<'static>],
) -> impl Iterator<Item = TrustAnchor<'static>> + 'a {
    let anchor = |der| webpki::anchor_from_trusted_cert(der).ok().map(|anchor| anchor.to_owned());
    certificates.iter().filter_map(anchor)
}
