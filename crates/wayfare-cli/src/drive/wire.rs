//! How bytes, fields and errors are written in JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use wayfare::{Error, ErrorKind, ProxyProblem};

/// Why an operation has no result.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) kind: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The asker's line is wrong.
    pub(super) fn adapter(message: impl Into<String>) -> Self {
        Self::new("adapter", message)
    }

    /// What is asked does not exist here.
    pub(super) fn unsupported(what: &str) -> Self {
        Self::new("unsupported", format!("not supported: {what}"))
    }
}

impl From<&Error> for Refusal {
    fn from(error: &Error) -> Self {
        Self::new(kind(error), error.to_string())
    }
}

/// The protocol's word for an error.
fn kind(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::UnknownScheme if error.url().is_some_and(|url| url.scheme() == "ftp") => {
            "unsupported"
        }
        ErrorKind::InvalidUrl | ErrorKind::UnknownScheme => "url",
        ErrorKind::NameNotFound => "dns",
        ErrorKind::ConnectionRefused | ErrorKind::Unreachable => "connect",
        ErrorKind::Tls(_) | ErrorKind::Proxy(ProxyProblem::Tls(_)) => "tls",
        ErrorKind::Timeout(_) | ErrorKind::Proxy(ProxyProblem::Timeout) => "timeout",
        ErrorKind::Proxy(_) => "proxy",
        ErrorKind::RedirectInvalid | ErrorKind::RedirectLimit | ErrorKind::RedirectUnsafe => {
            "redirect"
        }
        ErrorKind::Decode => "decode",
        ErrorKind::Truncated => "truncated",
        ErrorKind::Protocol => "protocol",
        ErrorKind::FileForbidden | ErrorKind::InvalidRequest | ErrorKind::UnsupportedMethod => {
            "denied"
        }
        ErrorKind::FileNotFound => "notfound",
        ErrorKind::TooLarge => "too_large",
        ErrorKind::Aborted => "cancelled",
        _ => "network",
    }
}

/// A text in which each character is one byte.
pub(super) fn to_text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The bytes of a text in which each character is one byte.
pub(super) fn to_bytes(text: &str) -> Result<Vec<u8>, Refusal> {
    text.chars()
        .map(u8::try_from)
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::adapter("a character above U+00FF stands for no byte"))
}

/// Bytes in base64.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of a base64 text.
pub(super) fn from_base64(text: &str) -> Result<Vec<u8>, Refusal> {
    STANDARD.decode(text).map_err(|why| Refusal::adapter(format!("not base64: {why}")))
}

/// Fields as a list of pairs.
pub(super) fn to_pairs(fields: &HeaderMap) -> Value {
    fields.iter().map(|(name, value)| json!([name.as_str(), to_text(value.as_bytes())])).collect()
}

/// Fields from a list of pairs, if there is one.
pub(super) fn to_fields(pairs: &Value) -> Result<HeaderMap, Refusal> {
    let mut fields = HeaderMap::new();
    for pair in pairs.as_array().into_iter().flatten() {
        let (Some(name), Some(value)) = (pair[0].as_str(), pair[1].as_str()) else {
            return Err(Refusal::adapter("a field must be a pair of strings"));
        };
        let name = HeaderName::from_bytes(&to_bytes(name)?)
            .map_err(|_| Refusal::new("denied", "a field's name is no token"))?;
        let value = HeaderValue::from_bytes(&to_bytes(value)?)
            .map_err(|_| Refusal::new("denied", "a field's value has forbidden characters"))?;
        fields.append(name, value);
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_one_character_and_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(to_bytes(&to_text(&all)).unwrap(), all);
        assert!(to_bytes("\u{100}").is_err());
    }

    #[test]
    fn fields_cannot_bring_lines_along() {
        assert!(to_fields(&json!([["a", "b\r\nX: y"]])).is_err());
        assert!(to_fields(&json!([["a b", "c"]])).is_err());
        let fields = to_fields(&json!([["a", "\u{e9}"], ["A", "2"]])).unwrap();
        assert_eq!(to_pairs(&fields), json!([["a", "\u{e9}"], ["a", "2"]]));
    }
}
