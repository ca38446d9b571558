//! Decides where a response's body ends (RFC 9112 §6.3).

use http::{Method, StatusCode, Version};

use super::response::Framing;
use super::section::Fields;
use super::violation::{Excerpt, Violation};
use crate::syntax::field::trim;

/// The body that a final head other than a 101 announces.
///
/// The numbers in the comments are those of the list in RFC 9112 §6.3.
pub(super) fn framing_of(
    method: &Method,
    status: StatusCode,
    version: Version,
    fields: &Fields,
) -> Result<Framing, Violation> {
    // 2: a tunnel; the framing fields of its head must be ignored.
    if *method == Method::CONNECT && status.is_success() {
        return Ok(Framing::Upgraded);
    }
    let chunked = is_chunked(version, fields)?;
    let length = content_length(fields)?;
    // 3: two framings in one message are how responses are smuggled.
    if chunked && length.is_some() {
        return Err(Violation::BothFramings);
    }
    // 1: never a body, whatever the fields say.
    if *method == Method::HEAD || is_bodiless(status) {
        return Ok(Framing::Empty);
    }
    Ok(match length {
        // 4
        None if chunked => Framing::Chunked,
        // 6
        Some(0) => Framing::Empty,
        Some(length) => Framing::Sized(length),
        // 8
        None => Framing::UntilClose,
    })
}

/// Whether a peer that announced a body where none can be might send it all the same.
///
/// Only a 204 is in doubt: the answers to HEAD and the 304 rightly carry the fields of the body
/// that they leave out.
pub(super) fn may_be_followed_by_poison(status: StatusCode, fields: &Fields) -> bool {
    status == StatusCode::NO_CONTENT
        && (fields.transfer_encoding().next().is_some()
            || fields.content_length().next().is_some_and(|length| length != "0"))
}

fn is_bodiless(status: StatusCode) -> bool {
    status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

fn is_chunked(version: Version, fields: &Fields) -> Result<bool, Violation> {
    let mut codings = fields.transfer_encoding();
    let Some(first) = codings.next() else {
        return Ok(false);
    };
    let alone = codings.next().is_none();
    let known = trim(first.as_bytes()).eq_ignore_ascii_case(b"chunked");
    // RFC 9112 §6.1: a Transfer-Encoding in HTTP/1.0 is a faulty framing.
    if alone && known && version == Version::HTTP_11 {
        return Ok(true);
    }
    Err(Violation::BadTransferEncoding(Excerpt::new(first.as_bytes())))
}

/// The one value that all `Content-Length` fields and list elements give (RFC 9110 §8.6).
fn content_length(fields: &Fields) -> Result<Option<u64>, Violation> {
    let mut agreed = None;
    for value in fields.content_length() {
        let bad = || Violation::BadContentLength(Excerpt::new(value.as_bytes()));
        for element in value.as_bytes().split(|&byte| byte == b',') {
            let length = decimal(trim(element)).ok_or_else(bad)?;
            if agreed.is_some_and(|agreed| agreed != length) {
                return Err(bad());
            }
            agreed = Some(length);
        }
    }
    Ok(agreed)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}
