//! Whether a message lets its connection live on (RFC 9112 §9.3).

use http::Version;

use super::section::Fields;
use crate::syntax::field::has_token;

/// What the head alone says; the framing of the body may still forbid it.
pub(super) fn may_persist(version: Version, fields: &Fields) -> bool {
    let mut close = false;
    let mut keep = version == Version::HTTP_11;
    for value in fields.connection() {
        close |= has_token([value.as_bytes()], "close");
        keep |= has_token([value.as_bytes()], "keep-alive");
    }
    keep && !close
}
