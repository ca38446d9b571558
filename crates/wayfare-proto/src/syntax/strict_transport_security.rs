//! What a `Strict-Transport-Security` field says (RFC 6797 §6.1).

use std::borrow::Cow;

use super::field::{self, trim};

/// For how long a host is only to be reached over TLS, and whether all below it are, too.
///
/// ```
/// # use wayfare_proto::syntax::strict_transport_security::{Reach, Strict};
/// let strict = Strict::parse(b"max-age=31536000; includeSubDomains").unwrap();
/// assert_eq!(strict.max_age, 31_536_000);
/// assert_eq!(strict.reach, Reach::Subdomains);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strict {
    /// For so many seconds from now; 0 ends it.
    pub max_age: u64,
    /// Whom it holds for.
    pub reach: Reach,
}

/// Whom a host's strictness holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// The host alone.
    Host,
    /// The host and every name below it.
    Subdomains,
}

impl Strict {
    /// Reads the value of a field; nothing for one that breaks a rule of §6.1, which is to be
    /// passed over whole: of an answer's fields only the first counts (§8.1).
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        let (mut max_age, mut reach) = (None, Reach::Host);
        let mut rest = trim(value);
        while !rest.is_empty() {
            if let [b';', after @ ..] = rest {
                rest = trim(after);
                continue;
            }
            let (name, after) = token(rest)?;
            let (value, after) = match trim(after) {
                [b'=', after @ ..] => {
                    let (value, after) = word(trim(after))?;
                    (Some(value), trim(after))
                }
                after => (None, after),
            };
            if !matches!(after, [] | [b';', ..]) {
                return None;
            }
            let name = name.to_ascii_lowercase();
            if names.contains(&name) || names.len() == MOST_DIRECTIVES {
                return None;
            }
            match (&*name, value) {
                (b"max-age", value) => max_age = Some(seconds(&value?)?),
                (b"includesubdomains", None) => reach = Reach::Subdomains,
                (b"includesubdomains", Some(_)) => return None,
                // Directives that are not known are passed over, and may be there.
                _ => {}
            }
            names.push(name);
            rest = after;
        }
        Some(Self { max_age: max_age?, reach })
    }
}

fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take_while(|&&byte| field::is_token_byte(byte)).count();
    (length > 0).then(|| text.split_at(length))
}

/// A token or a quoted string, as its content.
fn word(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    match text {
        [b'"', ..] => field::read_quoted(text),
        text => token(text).map(|(token, rest)| (Cow::Borrowed(token), rest)),
    }
}

/// Digits only; what is too large for a number is the largest.
fn seconds(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add =
        |value: u64, digit: &u8| value.saturating_mul(10).saturating_add((digit - b'0').into());
    Some(digits.iter().fold(0, add))
}

/// Only two are known; a field with very many is not worth comparing.
const MOST_DIRECTIVES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(u64, Reach)> {
        Strict::parse(value.as_bytes()).map(|strict| (strict.max_age, strict.reach))
    }

    #[test]
    fn fields_are_read_as_rfc_6797_words_them() {
        use Reach::{Host, Subdomains};
        for (value, expected) in [
            ("max-age=31536000", (31_536_000, Host)),
            ("max-age=15768000 ; includeSubDomains", (15_768_000, Subdomains)),
            ("max-age=\"31536000\"", (31_536_000, Host)),
            ("max-age=\"3\\1\"", (31, Host)),
            ("max-age=0; includeSubDomains", (0, Subdomains)),
            ("INCLUDESUBDOMAINS;MAX-AGE = 1", (1, Subdomains)),
            (" ;; max-age=1 ;; preload ; x=\"a;b\" ;", (1, Host)),
            ("max-age=99999999999999999999999", (u64::MAX, Host)),
        ] {
            assert_eq!(read(value), Some(expected), "{value}");
        }
    }

    #[test]
    fn a_field_that_breaks_a_rule_is_passed_over_whole() {
        for value in [
            "",
            ";",
            "includeSubDomains",
            "max-age",
            "max-age=",
            "max-age=-1",
            "max-age=+1",
            "max-age=1.0",
            "max-age=1s",
            "max-age=\"1",
            "max-age=1; max-age=1",
            "max-age=1; preload; preload",
            "max-age=1; includeSubDomains; includesubdomains",
            "max-age=1; includeSubDomains=true",
            "max-age=1 includeSubDomains",
            "max-age=1, max-age=2",
            "max-age=1; a b",
            "max-age=1; =b",
            "max-age=1; a=b c",
            "max-age=1; a=\"b\"c",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
    }
}
