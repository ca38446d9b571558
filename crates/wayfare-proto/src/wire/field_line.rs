//! Writes one field line, as request heads, trailers and multipart bodies hold them.

use bytes::BytesMut;
use http::HeaderName;

/// Appends `Name: value` and a line end, the name in title case.
///
/// Many old servers look for `Content-Type` and find no `content-type`.
pub(super) fn write_field_line(out: &mut BytesMut, name: &HeaderName, value: &[u8]) {
    let start = out.len();
    out.extend_from_slice(name.as_str().as_bytes());
    let mut after_hyphen = true;
    for byte in &mut out[start..] {
        if after_hyphen {
            byte.make_ascii_uppercase();
        }
        after_hyphen = *byte == b'-';
    }
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
