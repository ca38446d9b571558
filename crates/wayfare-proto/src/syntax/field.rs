//! Field names, values, lists and quoted strings, as all HTTP versions write them (RFC 9110 §5).

use std::borrow::Cow;

/// Whether these bytes are a token, such as a field name or a method (RFC 9110 §5.6.2).
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

/// Whether this byte may stand in a token (RFC 9110 §5.6.2).
pub fn is_token_byte(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
        | b'`' | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
}

/// Whether these bytes may be sent as a field value (RFC 9110 §5.5).
///
/// Visible ASCII, bytes above 0x7f, and inner spaces and tabs may; CR, LF, NUL and every other
/// control byte may not, nor may the value start or end in white space.
pub fn is_value(bytes: &[u8]) -> bool {
    trim(bytes).len() == bytes.len() && bytes.iter().all(|&byte| is_value_byte(byte))
}

/// Whether this byte may stand inside a field value (RFC 9110 §5.5).
pub fn is_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Cuts optional white space, which is space and tab only, off both ends (RFC 9110 §5.6.3).
pub fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The trimmed, non-empty elements of a comma-separated list (RFC 9110 §5.6.1).
///
/// A comma inside a quoted string does not split.
///
/// ```
/// use wayfare_proto::syntax::field::list;
/// let items: Vec<&[u8]> = list(b"a, , b;q=\"x,y\" ,c").collect();
/// assert_eq!(items, [&b"a"[..], b"b;q=\"x,y\"", b"c"]);
/// ```
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    split(value, b',').map(trim).filter(|item| !item.is_empty())
}

/// The parts of `value` between separators that stand outside quoted strings, untrimmed.
///
/// A quoted string that never ends reaches to the end of the value.
pub fn split(value: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let whole = rest?;
        match find_unquoted(whole, separator) {
            Some(at) => {
                rest = Some(&whole[at + 1..]);
                Some(&whole[..at])
            }
            None => rest.take(),
        }
    })
}

/// Whether a list over several field lines names `token`, in any case (RFC 9110 §5.6.1).
pub fn has_token<'a>(values: impl IntoIterator<Item = &'a [u8]>, token: &str) -> bool {
    values
        .into_iter()
        .any(|value| list(value).any(|item| item.eq_ignore_ascii_case(token.as_bytes())))
}

/// Reads the quoted string that `input` starts with (RFC 9110 §5.6.4).
///
/// Gives the text without quotes and escapes, and the rest behind the closing quote; or nothing
/// if there is no opening or no closing quote, or a control byte inside.
pub fn read_quoted(input: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let inside = input.strip_prefix(b"\"")?;
    let plain = inside.iter().position(|&byte| matches!(byte, b'"' | b'\\'))?;
    if inside[plain] == b'"' {
        let text = &inside[..plain];
        return is_text(text).then_some((Cow::Borrowed(text), &inside[plain + 1..]));
    }
    read_escaped(inside)
}

/// Appends `text` as a quoted string, or nothing if it cannot be one (RFC 9110 §5.6.4).
///
/// Returns whether it could: a text with a control byte cannot.
#[must_use]
pub fn write_quoted(out: &mut String, text: &str) -> bool {
    if !is_text(text.as_bytes()) {
        return false;
    }
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    true
}

fn find_unquoted(value: &[u8], separator: u8) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    value.iter().position(|&byte| {
        if escaped {
            escaped = false;
            return false;
        }
        match byte {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return byte == separator && !quoted,
        }
        false
    })
}

fn read_escaped(inside: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let mut text = Vec::new();
    let mut rest = inside;
    loop {
        match rest {
            [b'"', after @ ..] => return Some((Cow::Owned(text), after)),
            [b'\\', byte, after @ ..] | [byte, after @ ..] if is_value_byte(*byte) => {
                text.push(*byte);
                rest = after;
            }
            _ => return None,
        }
    }
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| is_value_byte(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_no_separators_controls_or_high_bytes() {
        assert!(is_token(b"X-Custom_1~!#$%&'*+.^`|"));
        for bad in [&b""[..], b"a b", b"a:b", b"a\r", b"\xc3\xa9", b"a\0", b"a,b", b"\x7f"] {
            assert!(!is_token(bad), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn a_value_has_no_line_breaks_and_no_outer_space() {
        assert!(is_value(b"a \t b \xff"));
        assert!(is_value(b""));
        for bad in [&b"a\r\nX: y"[..], b"a\nb", b"a\0b", b" a", b"a\t", b"\x7f", b"\x1b[1m"] {
            assert!(!is_value(bad), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn a_list_splits_outside_quotes_only() {
        let items: Vec<_> = list(br#"a="x,\",y", b,,  ,c"#).collect();
        assert_eq!(items, [&br#"a="x,\",y""#[..], b"b", b"c"]);
        assert_eq!(list(b"a=\"x,y").count(), 1);
        assert_eq!(list(b"").count(), 0);
    }

    #[test]
    fn a_token_is_found_over_several_lines_in_any_case() {
        assert!(has_token([&b"keep-alive"[..], b"foo, CLOSE"], "close"));
        assert!(!has_token([&b"closed, \"close\""[..]], "close"));
    }

    #[test]
    fn a_quoted_string_is_read_back_as_it_was_written() {
        for text in ["", "plain", "a\"b\\c", "é,;", "\\"] {
            let mut out = String::new();
            assert!(write_quoted(&mut out, text));
            out.push_str(" rest");
            let (read, rest) = read_quoted(out.as_bytes()).unwrap();
            assert_eq!((&*read, rest), (text.as_bytes(), &b" rest"[..]));
        }
    }

    #[test]
    fn a_broken_quoted_string_is_nothing() {
        for bad in [&b"a"[..], b"\"a", b"\"a\\", b"\"a\\\"", b"\"a\nb\"", b"\"a\\\n\"", b""] {
            assert!(read_quoted(bad).is_none(), "{}", bad.escape_ascii());
        }
        assert!(!write_quoted(&mut String::new(), "a\r\nb"));
    }
}
