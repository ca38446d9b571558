//! Parameters of the form `name=value` or `name="value"` (RFC 9110 §5.6.6), read leniently.

use std::fmt::{self, Write};

use super::field::{is_token, is_value_byte, trim};

/// Reads one parameter, its name in lower case; nothing if it has no name or no value.
///
/// A quoted value may lack its closing quote, and what follows the closing quote is left out.
/// Inside quotes a backslash escapes only a quote or a backslash, so that the paths which some
/// servers send as file names keep theirs. Bytes that are no UTF-8 are taken as Latin-1.
pub(super) fn read(part: &[u8]) -> Option<(String, String)> {
    let equals = part.iter().position(|&byte| byte == b'=')?;
    let name = trim_start(&part[..equals]);
    let raw = &part[equals + 1..];
    let value = match trim(raw).strip_prefix(b"\"") {
        Some(inside) => unquote(inside),
        None => Some(trim(raw).to_vec()).filter(|value| !value.is_empty())?,
    };
    if name.is_empty() || !value.iter().all(|&byte| is_value_byte(byte)) {
        return None;
    }
    Some((text(name.to_ascii_lowercase()), text(value)))
}

/// The value of the first parameter with this name.
pub(super) fn find<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// Writes a value, quoted unless it is a token.
pub(super) fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    if is_token(text.as_bytes()) {
        return f.write_str(text);
    }
    f.write_char('"')?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(character)?;
    }
    f.write_char('"')
}

fn unquote(inside: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    let mut rest = inside;
    loop {
        match rest {
            [] | [b'"', ..] => return value,
            [b'\\', byte @ (b'"' | b'\\'), after @ ..] | [byte, after @ ..] => {
                value.push(*byte);
                rest = after;
            }
        }
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|&byte| char::from(byte)).collect())
}

fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}
