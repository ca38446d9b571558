//! Who the client is, out of a PKCS#12 bundle.

use wayfare_proto::certificate::bundle::Bundle;

use wayfare_net::tls::policy::Identity;

use super::tls::Tls;
use crate::error::Error;

impl Tls {
    /// As [`with_client_certificate`](Self::with_client_certificate), with a PKCS#12 bundle
    /// (RFC 7292) and its passphrase; an empty one where there is none. Needs the feature `pkcs12`.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tls = wayfare::options::Tls::default();
    /// let tls = tls.with_client_bundle(std::fs::read("me.p12")?, "secret")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) if it cannot be read, the passphrase
    /// is wrong, or there is no certificate of the key in it.
    pub fn with_client_bundle(
        self,
        bundle: impl AsRef<[u8]>,
        passphrase: &str,
    ) -> Result<Self, Error> {
        let Bundle { key, chain, .. } =
            Bundle::from_der(bundle.as_ref(), passphrase).map_err(|why| {
                Error::invalid_request(format!("the client's bundle: {why}")).because(why)
            })?;
        let chain = chain.iter().map(|one| one.der().to_vec()).collect();
        self.with_identity(Identity { chain, key })
    }
}
