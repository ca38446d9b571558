//! Challenges of `WWW-Authenticate` and `Proxy-Authenticate` fields (RFC 9110 §11.3, §11.6.1).

use super::field::{is_token, is_token_byte, read_quoted};

/// One way to authenticate that a server or a proxy takes.
///
/// ```
/// # use wayfare_proto::syntax::challenge::Challenge;
/// let read = Challenge::parse(br#"Negotiate, Basic realm="office, 2nd floor""#);
/// assert_eq!(read[1].realm(), Some("office, 2nd floor"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme in lower case, for example `basic`.
    pub scheme: String,
    /// The parameters in order, their names in lower case.
    pub parameters: Vec<(String, String)>,
    /// The one token that some schemes have in place of parameters.
    pub token: Option<String>,
}

impl Challenge {
    /// Reads the challenges of one field value, up to the first that breaks the grammar: what
    /// follows there cannot be told apart. Bytes that are no UTF-8 are taken as Latin-1.
    #[must_use]
    pub fn parse(value: &[u8]) -> Vec<Self> {
        let mut rest = value;
        let mut read: Vec<Self> = Vec::new();
        loop {
            rest = skip(rest, b" \t,");
            let (word, after) = word(rest);
            if word.is_empty() || read.len() >= MOST {
                return read;
            }
            let spaced = skip(after, b" \t");
            match (spaced.first(), read.last_mut()) {
                // `name = value` belongs to the challenge before it.
                (Some(b'='), Some(challenge)) => {
                    let Some((text, after)) = parameter_value(skip(&spaced[1..], b" \t")) else {
                        return read;
                    };
                    if challenge.parameters.len() < MOST {
                        challenge.parameters.push((lower(word), text));
                    }
                    rest = after;
                }
                (Some(b'='), None) => return read,
                _ => {
                    let mut challenge =
                        Self { scheme: lower(word), parameters: Vec::new(), token: None };
                    rest = challenge.take_token(after, spaced);
                    read.push(challenge);
                }
            }
        }
    }

    /// The parameter called `realm`.
    #[must_use]
    pub fn realm(&self) -> Option<&str> {
        let found = self.parameters.iter().find(|(name, _)| name == "realm");
        found.map(|(_, value)| value.as_str())
    }

    /// Takes the token after a scheme, if that is what stands there; gives what is left.
    fn take_token<'a>(&mut self, after: &'a [u8], spaced: &'a [u8]) -> &'a [u8] {
        let end = spaced.iter().position(|byte| !is_token68(*byte)).unwrap_or(spaced.len());
        let equals = spaced[end..].iter().take_while(|byte| **byte == b'=').count();
        let left = skip(&spaced[end + equals..], b" \t");
        // A token stands alone up to the comma; anything else is a parameter's name.
        if end > 0 && after.len() > spaced.len() && (left.is_empty() || left[0] == b',') {
            self.token = Some(text(&spaced[..end + equals]));
            return left;
        }
        spaced
    }
}

fn parameter_value(rest: &[u8]) -> Option<(String, &[u8])> {
    if rest.first() == Some(&b'"') {
        let (value, after) = read_quoted(rest)?;
        return Some((text(&value), after));
    }
    let (value, after) = word(rest);
    is_token(value).then(|| (text(value), after))
}

fn word(rest: &[u8]) -> (&[u8], &[u8]) {
    rest.split_at(rest.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(rest.len()))
}

fn skip<'a>(rest: &'a [u8], these: &[u8]) -> &'a [u8] {
    &rest[rest.iter().take_while(|byte| these.contains(byte)).count()..]
}

fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte)
}

fn lower(word: &[u8]) -> String {
    text(word).to_ascii_lowercase()
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// The most challenges in a field, and the most parameters of one.
const MOST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> String {
        let read = Challenge::parse(value.as_bytes());
        let one = |challenge: &Challenge| {
            let mut text = challenge.scheme.clone();
            if let Some(token) = &challenge.token {
                text += &format!(" <{token}>");
            }
            for (name, value) in &challenge.parameters {
                text += &format!(" {name}=[{value}]");
            }
            text
        };
        read.iter().map(one).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn challenges_are_told_apart() {
        let table = [
            ("", ""),
            ("Basic", "basic"),
            ("Basic realm=\"a\"", "basic realm=[a]"),
            ("basic realm=a", "basic realm=[a]"),
            ("Basic realm=\"a, b\", charset=\"UTF-8\"", "basic realm=[a, b] charset=[UTF-8]"),
            ("Negotiate, Basic realm=\"x\"", "negotiate | basic realm=[x]"),
            ("Negotiate YWJj==, Basic realm=\"x\"", "negotiate <YWJj==> | basic realm=[x]"),
            ("Negotiate YWJj", "negotiate <YWJj>"),
            (
                "Digest realm=a , nonce=\"q\\\"r\",Basic realm = b",
                "digest realm=[a] nonce=[q\"r] | basic realm=[b]",
            ),
            (", ,Basic realm=a,,", "basic realm=[a]"),
            ("realm=a", ""),
            ("Basic realm=\"never closed", "basic"),
            ("Basic \u{e4}", "basic"),
        ];
        for (value, expected) in table {
            assert_eq!(shown(value), expected, "{value}");
        }
    }
}
