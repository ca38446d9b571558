//! Writes request heads and the chunked coding of request bodies (RFC 9112 §3, §6, §7.1).

use std::error::Error;
use std::fmt;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::trailer::is_forbidden;
use crate::wire::field_line::write_field_line;

/// How the body of a request is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// In chunks, for a body whose length is not known.
    Chunked,
    /// No body.
    Nothing,
    /// By its length in bytes.
    Sized(u64),
}

/// A request that cannot be put on the wire as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The host is empty or holds a byte that no authority has.
    BadHost,
    /// The target is empty or holds a byte outside visible ASCII.
    BadTarget,
    /// The caller's `Content-Length` is not the length of the body.
    ContentLength,
    /// There is more than one `Host` field.
    SeveralHosts,
    /// The caller gave a `Transfer-Encoding`; the framing is not the caller's.
    TransferEncoding,
}

/// What a request's head begins with.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    method: &'a Method,
    target: &'a str,
    host: &'a str,
    written: &'a [u8],
}

impl<'a> Opening<'a> {
    /// The request line, and the `Host` of requests that have none of their own.
    #[must_use]
    pub const fn new(method: &'a Method, target: &'a str, host: &'a str) -> Self {
        Self { method, target, host, written: &[] }
    }

    /// The same, followed by fields that are written already.
    #[must_use]
    pub fn with(self, written: &'a WrittenFields) -> Self {
        Self { written: &written.0, ..self }
    }
}

/// Field lines that go with many requests, and so are written once.
///
/// ```
/// use http::{HeaderMap, HeaderValue, header};
/// use wayfare_proto::wire::http1::request::WrittenFields;
///
/// let mut fields = HeaderMap::new();
/// fields.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
/// assert!(WrittenFields::of(&fields).is_some());
/// fields.insert(header::HOST, HeaderValue::from_static("example.org"));
/// assert!(WrittenFields::of(&fields).is_none());
/// ```
#[derive(Clone, Debug)]
pub struct WrittenFields(Bytes);

impl WrittenFields {
    /// Writes `fields`; nothing if one of them has to agree with the rest of a request: `Host`,
    /// `Content-Length`, `Transfer-Encoding`.
    #[must_use]
    pub fn of(fields: &HeaderMap) -> Option<Self> {
        if [HOST, CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| fields.contains_key(name)) {
            return None;
        }
        let mut out = BytesMut::new();
        for (name, value) in fields {
            write_field_line(&mut out, name, value.as_bytes());
        }
        Some(Self(out.freeze()))
    }
}

/// Appends the head of a request, with its framing field.
///
/// `fields` are looked at twice, and may be a map's reference or whatever gives the same fields each
/// time. `Host` comes first: the caller's own if `fields` has one, the opening's otherwise. The other
/// fields follow in their order, their names in title case. A `Content-Length` in `fields` must
/// agree with `sending`, and is written once. Nothing is appended on an error.
///
/// # Errors
///
/// A [`Refusal`] where the bytes would not be one well-formed head (RFC 9112 §3.2, §6.2).
///
/// ```
/// use bytes::BytesMut;
/// use http::{HeaderMap, Method};
/// use wayfare_proto::wire::http1::request::{Opening, Sending, write_head};
///
/// let mut out = BytesMut::new();
/// let opening = Opening::new(&Method::GET, "/", "example.org");
/// write_head(&mut out, opening, &HeaderMap::new(), Sending::Nothing)?;
/// assert_eq!(out, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
/// # Ok::<(), wayfare_proto::wire::http1::request::Refusal>(())
/// ```
pub fn write_head<'a>(
    out: &mut BytesMut,
    opening: Opening<'a>,
    fields: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)> + Copy,
    sending: Sending,
) -> Result<(), Refusal> {
    let Opening { method, target, host, written } = opening;
    if target.is_empty() || !target.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return Err(Refusal::BadTarget);
    }
    let checked = check_fields(host, fields)?;
    let length = length_field(method, sending, checked.length)?;
    out.reserve(target.len() + checked.host.len() + written.len() + checked.bytes + FIXED);
    for part in [method.as_str().as_bytes(), b" ", target.as_bytes(), b" HTTP/1.1\r\nHost: "] {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(checked.host);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(written);
    for (name, value) in fields {
        if name != HOST && name != CONTENT_LENGTH {
            write_field_line(out, name, value.as_bytes());
        }
    }
    if let Some(length) = length {
        out.extend_from_slice(b"Content-Length: ");
        write_decimal(out, length);
        out.extend_from_slice(b"\r\n");
    } else if sending == Sending::Chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Appends the line that opens a chunk of `len` bytes, which must not be zero.
///
/// The data follows, and then [`CHUNK_END`].
pub fn write_chunk_header(out: &mut BytesMut, len: usize) {
    debug_assert_ne!(len, 0, "an empty chunk would end the body");
    let mut digits = [0; 16];
    let mut at = digits.len();
    let mut rest = len;
    while rest > 0 {
        at -= 1;
        digits[at] = HEX[rest % 16];
        rest /= 16;
    }
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(CHUNK_END);
}

/// Appends the last chunk and the trailers, which end the body.
///
/// Fields that may not be trailers (RFC 9110 §6.5.1) are left out.
pub fn write_last_chunk(out: &mut BytesMut, trailers: Option<&HeaderMap>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        if !is_forbidden(name) {
            write_field_line(out, name, value.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// What stands between the data of a chunk and the next chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::BadHost => "the host is empty or holds a forbidden byte",
            Refusal::BadTarget => "the request target is empty or holds a forbidden byte",
            Refusal::ContentLength => "the Content-Length given is not that of the body",
            Refusal::SeveralHosts => "more than one Host field was given",
            Refusal::TransferEncoding => "a Transfer-Encoding cannot be given",
        })
    }
}

impl Error for Refusal {}

struct Checked<'a> {
    host: &'a [u8],
    length: Length,
    bytes: usize,
}

/// What the caller's `Content-Length` fields say.
#[derive(Clone, Copy)]
enum Length {
    Bad,
    Known(u64),
    Unsaid,
}

fn check_fields<'a>(
    host: &'a str,
    headers: impl IntoIterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) -> Result<Checked<'a>, Refusal> {
    let mut own_host = None;
    let mut length = Length::Unsaid;
    let mut bytes = 0;
    for (name, value) in headers {
        bytes += name.as_str().len() + value.len() + 4;
        if name == HOST && own_host.replace(value.as_bytes()).is_some() {
            return Err(Refusal::SeveralHosts);
        } else if name == CONTENT_LENGTH {
            length = length.and(value.as_bytes());
        } else if name == TRANSFER_ENCODING {
            return Err(Refusal::TransferEncoding);
        }
    }
    let host = own_host.unwrap_or(host.as_bytes());
    if host.is_empty() || !host.iter().all(|&byte| is_host_byte(byte)) {
        return Err(Refusal::BadHost);
    }
    Ok(Checked { host, length, bytes })
}

impl Length {
    fn and(self, value: &[u8]) -> Length {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        match (self, number) {
            (Length::Unsaid, Some(number)) if digits => Length::Known(number),
            (Length::Known(known), Some(number)) if digits && known == number => self,
            _ => Length::Bad,
        }
    }
}

fn length_field(method: &Method, sending: Sending, given: Length) -> Result<Option<u64>, Refusal> {
    match (sending, given) {
        (Sending::Sized(length), Length::Unsaid) => Ok(Some(length)),
        (Sending::Sized(length), Length::Known(given)) if given == length => Ok(Some(length)),
        (Sending::Nothing, Length::Known(0)) => Ok(Some(0)),
        // RFC 9110 §8.6: these methods have a meaning for a body, so say that there is none.
        (Sending::Nothing, Length::Unsaid) => {
            Ok(matches!(*method, Method::POST | Method::PUT | Method::PATCH).then_some(0))
        }
        (Sending::Chunked, Length::Unsaid) => Ok(None),
        _ => Err(Refusal::ContentLength),
    }
}

/// RFC 3986 §3.2: what a host and a port are made of, and nothing that could end either.
fn is_host_byte(byte: u8) -> bool {
    matches!(byte,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'[' | b']'
        | b'%' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=')
}

fn write_decimal(out: &mut BytesMut, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        // The remainder is a digit, so the cast keeps it.
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

const HEX: &[u8; 16] = b"0123456789abcdef";
/// The method's usual length, the fixed text, and the framing field with its number.
const FIXED: usize = 96;
