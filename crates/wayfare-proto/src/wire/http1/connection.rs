//! Whether a message lets its connection live on (RFC 9112 §9.3).

use http::header::CONNECTION;
use http::{HeaderMap, Version};

use crate::syntax::field::has_token;

/// What the head alone says; the framing of the body may still forbid it.
pub(super) fn may_persist(version: Version, headers: &HeaderMap) -> bool {
    let mut close = false;
    let mut keep = version == Version::HTTP_11;
    for value in headers.get_all(CONNECTION) {
        close |= has_token([value.as_bytes()], "close");
        keep |= has_token([value.as_bytes()], "keep-alive");
    }
    keep && !close
}
