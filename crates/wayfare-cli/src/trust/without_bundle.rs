//! Stands in for PKCS#12 bundles in a command that was built without them.

use wayfare::options::Tls;

use super::wrong;
use crate::fetch::Stop;

/// Says that there are none, and what to do.
pub(super) fn with(_: Tls, _: &[u8], _: &str) -> Result<Tls, Stop> {
    Err(wrong(
        "--cert-type P12: this command was built without PKCS#12 (the feature pkcs12); \
         `openssl pkcs12 -in FILE -out both.pem` makes PEM of the bundle"
            .to_owned(),
    ))
}
