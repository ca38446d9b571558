//! Who the client is, out of a PKCS#12 bundle.

use wayfare::options::Tls;

use super::refused;
use crate::fetch::Stop;

/// The settings with what the bundle holds.
pub(super) fn with(tls: Tls, bundle: &[u8], passphrase: &str) -> Result<Tls, Stop> {
    tls.with_client_bundle(bundle, passphrase).map_err(|error| refused(&error, "--cert", 58))
}
