//! What a `Set-Cookie` field says (RFC 6265bis §5.6), before anybody asks whether it may.

use std::fmt;

use super::cookie_date;
use super::field::trim;

/// A cookie as a server words it; bytes are kept as they are and nothing is decoded.
///
/// ```
/// # use wayfare_proto::syntax::set_cookie::SetCookie;
/// let set = SetCookie::parse(b"sid=31d4; Path=/; Secure").unwrap();
/// assert_eq!((&*set.name, &*set.value), (&b"sid"[..], &b"31d4"[..]));
/// assert!(set.secure);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetCookie {
    /// The name; empty if there was no `=`.
    pub name: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// The last `Domain`, without a leading dot; nothing if that was empty.
    pub domain: Option<Vec<u8>>,
    /// The last `Path`, if it begins with a slash.
    pub path: Option<Vec<u8>>,
    /// How long it is good; nothing for as long as the session.
    pub lifetime: Option<Lifetime>,
    /// Whether it only goes over protected connections.
    pub secure: bool,
    /// Whether it is kept from scripts.
    pub http_only: bool,
    /// Whether it belongs to the site embedding the one that sets it (CHIPS).
    pub partitioned: bool,
    /// With whose requests it goes.
    pub same_site: SameSite,
}

/// How long a cookie is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// `Max-Age`: so many seconds from now; what is not positive deletes it.
    For(i64),
    /// `Expires`: until so many seconds since 1970.
    Until(i64),
}

/// With whose requests a cookie goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SameSite {
    /// Nothing was said, or nothing known: as [`SameSite::Lax`].
    #[default]
    Default,
    /// Those from its own site, and navigations to it.
    Lax,
    /// Those from any site.
    None,
    /// Those from its own site only.
    Strict,
}

impl fmt::Display for SameSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "Default",
            Self::Lax => "Lax",
            Self::None => "None",
            Self::Strict => "Strict",
        })
    }
}

/// Why a field sets no cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A control character other than the tab.
    ControlCharacter,
    /// Neither a name nor a value.
    Empty,
    /// A character that would end the name or the value, or white space around either.
    Separator,
    /// Name and value are longer than 4096 bytes together.
    TooLong,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ControlCharacter => "it has a control character",
            Self::Empty => "it has neither a name nor a value",
            Self::Separator => "it has a `;`, a `=` or white space where none can stand",
            Self::TooLong => "its name and value are longer than 4096 bytes",
        })
    }
}

impl std::error::Error for Flaw {}

impl SetCookie {
    /// A cookie without attributes.
    ///
    /// # Errors
    /// [`Flaw`] if a field could not say it, or would say something else.
    pub fn new(name: &[u8], value: &[u8]) -> Result<Self, Flaw> {
        let forbidden = |bytes: &[u8]| bytes.contains(&b';') || trim(bytes) != bytes;
        if forbidden(name) || forbidden(value) || name.contains(&b'=') {
            return Err(Flaw::Separator);
        }
        Self::parse(&[name, b"=", value].concat())
    }

    /// Reads the value of a `Set-Cookie` field.
    ///
    /// # Errors
    /// [`Flaw`] if the whole field is to be passed over; attributes that cannot be understood are
    /// passed over by themselves.
    pub fn parse(field: &[u8]) -> Result<Self, Flaw> {
        if field.iter().any(|&byte| byte != b'\t' && byte.is_ascii_control()) {
            return Err(Flaw::ControlCharacter);
        }
        let mut parts = field.split(|&byte| byte == b';');
        let pair = parts.next().unwrap_or_default();
        let (name, value) = match split_at_equals(pair) {
            (value, None) => (&b""[..], value),
            (name, Some(value)) => (name, value),
        };
        if name.len() + value.len() > LONGEST_PAIR {
            return Err(Flaw::TooLong);
        }
        if name.is_empty() && value.is_empty() {
            return Err(Flaw::Empty);
        }
        let mut read = Self { name: name.to_vec(), value: value.to_vec(), ..Self::default() };
        for part in parts {
            let (name, value) = split_at_equals(part);
            read.take(name, value.unwrap_or_default());
        }
        Ok(read)
    }

    /// Takes an attribute in; of several with one name the last one counts.
    fn take(&mut self, name: &[u8], value: &[u8]) {
        if value.len() > LONGEST_ATTRIBUTE {
            return;
        }
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("expires") {
            if !matches!(self.lifetime, Some(Lifetime::For(_)))
                && let Some(at) = cookie_date::parse(value)
            {
                self.lifetime = Some(Lifetime::Until(at));
            }
        } else if is("max-age") {
            if let Some(seconds) = age(value) {
                self.lifetime = Some(Lifetime::For(seconds));
            }
        } else if is("domain") {
            let domain = value.strip_prefix(b".").unwrap_or(value);
            self.domain = (!domain.is_empty()).then(|| domain.to_ascii_lowercase());
        } else if is("path") {
            self.path = value.starts_with(b"/").then(|| value.to_vec());
        } else if is("secure") {
            self.secure = true;
        } else if is("httponly") {
            self.http_only = true;
        } else if is("partitioned") {
            self.partitioned = true;
        } else if is("samesite") {
            self.same_site = same_site(value);
        }
    }
}

/// What is before and after the first `=`, without white space around either.
fn split_at_equals(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&byte| byte == b'=') {
        None => (trim(text), None),
        Some(at) => (trim(&text[..at]), Some(trim(&text[at + 1..]))),
    }
}

/// `-`, digits, and nothing else; what is too large for a number is the largest.
fn age(value: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match value {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if is_negative {
        return Some(0);
    }
    let add =
        |value: i64, digit: &u8| value.saturating_mul(10).saturating_add((digit - b'0').into());
    Some(digits.iter().fold(0, add))
}

fn same_site(value: &[u8]) -> SameSite {
    [SameSite::Lax, SameSite::None, SameSite::Strict]
        .into_iter()
        .find(|known| value.eq_ignore_ascii_case(known.to_string().as_bytes()))
        .unwrap_or_default()
}

/// The longest name and value together, in bytes.
pub const LONGEST_PAIR: usize = 4096;
/// The longest value of an attribute, in bytes; a longer one is passed over.
const LONGEST_ATTRIBUTE: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(field: &str) -> SetCookie {
        SetCookie::parse(field.as_bytes()).unwrap()
    }

    fn pair(field: &str) -> (String, String) {
        let read = read(field);
        (String::from_utf8(read.name).unwrap(), String::from_utf8(read.value).unwrap())
    }

    #[test]
    fn names_and_values_are_taken_as_they_stand() {
        for (field, name, value) in [
            ("a=b", "a", "b"),
            ("  a \t= b c ;x", "a", "b c"),
            ("a", "", "a"),
            ("=a", "", "a"),
            ("a=", "a", ""),
            ("==a", "", "=a"),
            ("a=b=c", "a", "b=c"),
            ("a=\"b\"", "a", "\"b\""),
            ("a=\"b;c\"", "a", "\"b"),
            ("a=%0d%0ab", "a", "%0d%0ab"),
            ("__%48ost-a=1", "__%48ost-a", "1"),
            ("a\tb=c\td", "a\tb", "c\td"),
            ("a=b, c=d", "a", "b, c=d"),
        ] {
            assert_eq!(pair(field), (name.to_owned(), value.to_owned()), "{field}");
        }
        assert_eq!(SetCookie::parse(b"a=\xff\x80").unwrap().value, b"\xff\x80");
    }

    #[test]
    fn what_would_be_read_otherwise_by_others_sets_nothing() {
        for byte in (0..32).chain([127]).filter(|&byte| byte != 9) {
            for field in [vec![b'a', b'=', byte], [b"a=b; path=/", &[byte][..]].concat()] {
                assert_eq!(SetCookie::parse(&field), Err(Flaw::ControlCharacter), "{byte}");
            }
        }
        for field in ["", " ", "=", " = ", ";", "; path=/"] {
            assert_eq!(SetCookie::parse(field.as_bytes()), Err(Flaw::Empty), "{field:?}");
        }
    }

    #[test]
    fn a_pair_may_have_4096_bytes_and_an_attribute_1024() {
        let value = "v".repeat(4095);
        assert_eq!(pair(&format!("a={value}")).1, value);
        assert_eq!(SetCookie::parse(format!("ab={value}").as_bytes()), Err(Flaw::TooLong));
        let path = format!("/{}", "p".repeat(1023));
        assert_eq!(read(&format!("a=b; path={path}")).path, Some(path.clone().into()));
        // One that is passed over leaves an earlier one in its place.
        let longer = read(&format!("a=b; path=/x; path={path}p; domain={path}p"));
        assert_eq!((longer.path, longer.domain), (Some(b"/x".to_vec()), None));
    }

    #[test]
    fn the_last_attribute_of_a_name_counts() {
        assert_eq!(read("a=b; domain=x.test; DOMAIN = .Y.test").domain, Some(b"y.test".to_vec()));
        assert_eq!(read("a=b; domain=x.test; domain=").domain, None);
        assert_eq!(read("a=b; domain=.").domain, None);
        assert_eq!(read("a=b; domain=..").domain, Some(b".".to_vec()));
        assert_eq!(read("a=b; path=/x; path=y").path, None);
        assert_eq!(read("a=b; samesite=strict; samesite=lax").same_site, SameSite::Lax);
        assert!(read("a=b; secure=0; httponly=false; partitioned").secure);
        assert!(read("a=b; ; =; httponly=false").http_only);
        assert!(read("a=b; Partitioned ").partitioned);
    }

    #[test]
    fn a_part_of_a_word_is_not_that_word() {
        for value in ["StrictLax", "LaxNone", "None ;", "\"None\"", "", "unknown"] {
            let expected = if value == "None ;" { SameSite::None } else { SameSite::Default };
            assert_eq!(read(&format!("a=b; samesite={value}")).same_site, expected, "{value}");
        }
    }

    #[test]
    fn max_age_comes_before_expires_in_whichever_order() {
        let date = "Wed, 09 Dec 2009 16:27:23 GMT";
        for (attributes, expected) in [
            (format!("expires={date}; max-age=5"), Some(Lifetime::For(5))),
            (format!("max-age=5; expires={date}"), Some(Lifetime::For(5))),
            (format!("max-age=5x; expires={date}"), Some(Lifetime::Until(1_260_376_043))),
            ("max-age=; max-age=-; max-age=+1".into(), None),
            ("max-age=-99".into(), Some(Lifetime::For(0))),
            ("max-age=99999999999999999999".into(), Some(Lifetime::For(i64::MAX))),
            ("max-age=1; max-age=2".into(), Some(Lifetime::For(2))),
            (format!("expires={date}; expires=x"), Some(Lifetime::Until(1_260_376_043))),
        ] {
            assert_eq!(read(&format!("a=b; {attributes}")).lifetime, expected, "{attributes}");
        }
    }

    #[test]
    fn a_made_cookie_brings_no_attributes_along() {
        for (name, value) in
            [("a", "b; path=/"), ("a=c", "b"), ("a", "b\r\n"), ("a", " b"), ("a;b", "c")]
        {
            assert!(SetCookie::new(name.as_bytes(), value.as_bytes()).is_err(), "{name:?}");
        }
        assert_eq!(SetCookie::new(b"a", b"b=c").unwrap(), read("a=b=c"));
        assert_eq!(SetCookie::new(b"", b"b").unwrap(), read("b"));
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_read_again_from_its_pair(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            if let Ok(read) = SetCookie::parse(&bytes) {
                let again = [&read.name[..], b"=", &read.value].concat();
                let again = SetCookie::parse(&again).unwrap();
                prop_assert_eq!((again.name, again.value), (read.name, read.value));
            }
        }

        /// The crate `cookie` reads what is well-formed in the same way.
        #[test]
        fn well_formed_fields_are_read_as_another_implementation_reads_them(
            name in "[a-zA-Z0-9_-]{1,8}", value in "[a-zA-Z0-9_%.-]{0,8}",
            age in proptest::option::of(1_u32..10_000_000), path in "(/[a-z]{0,4}){1,3}",
            flags in 0_u8..16,
        ) {
            let mut field = format!("{name}={value}; Path={path}");
            if let Some(age) = age {
                field += &format!("; Max-Age={age}");
            }
            for (bit, word) in ["Secure", "HttpOnly", "Partitioned", "SameSite=Strict"].iter().enumerate() {
                if flags >> bit & 1 == 1 {
                    field += &format!("; {word}");
                }
            }
            let ours = read(&field);
            let theirs = cookie::Cookie::parse(&field).unwrap();
            prop_assert_eq!(&ours.name, theirs.name().as_bytes());
            prop_assert_eq!(&ours.value, theirs.value().as_bytes());
            prop_assert_eq!(ours.path.as_deref(), theirs.path().map(str::as_bytes));
            prop_assert_eq!(ours.secure, theirs.secure() == Some(true));
            prop_assert_eq!(ours.http_only, theirs.http_only() == Some(true));
            prop_assert_eq!(ours.partitioned, theirs.partitioned() == Some(true));
            prop_assert_eq!(
                ours.same_site == SameSite::Strict,
                theirs.same_site() == Some(cookie::SameSite::Strict)
            );
            let theirs = theirs.max_age().map(|age| Lifetime::For(age.whole_seconds()));
            prop_assert_eq!(ours.lifetime, theirs);
        }
    }
}
