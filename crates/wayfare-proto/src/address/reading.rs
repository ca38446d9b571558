//! Reads URLs, and knows the origins of the last ones again: of another URL there, only what follows
//! the origin has to be read.

use url::{ParseError, Url};

/// Reads URLs one after another.
///
/// Nearly all of what it costs to read a short URL is its scheme and its host, and a program asks
/// few servers for many things. What it gives is what [`Url::parse`] gives.
///
/// ```
/// use wayfare_proto::address::reading::UrlReader;
///
/// let mut reader = UrlReader::default();
/// for text in ["http://EXAMPLE.org/a", "http://EXAMPLE.org/b/../c?d"] {
///     assert_eq!(reader.read(text), url::Url::parse(text));
/// }
/// ```
#[derive(Debug, Default)]
pub struct UrlReader {
    known: [Option<Known>; KEPT],
    /// The place of the next one that is new.
    next: usize,
}

/// How a URL began, and what that means.
#[derive(Debug)]
struct Known {
    /// Scheme and authority as they were written.
    beginning: Box<str>,
    root: Url,
}

impl UrlReader {
    /// Reads a URL.
    ///
    /// # Errors
    /// What [`Url::parse`] says of a text that is none.
    pub fn read(&mut self, text: &str) -> Result<Url, ParseError> {
        let known = self.known.iter().flatten().find_map(|known| {
            let rest = text.strip_prefix(&*known.beginning)?;
            is_path(rest).then_some((&known.root, rest))
        });
        if let Some((root, rest)) = known {
            return join(root, rest);
        }
        let url = Url::parse(text)?;
        if let Some(beginning) = beginning(text, &url) {
            self.keep(beginning, &url);
        }
        Ok(url)
    }

    fn keep(&mut self, beginning: &str, url: &Url) {
        let Ok(root) = url.join("/") else { return };
        self.known[self.next] = Some(Known { beginning: beginning.into(), root });
        self.next = (self.next + 1) % KEPT;
    }
}

/// As `root.join(rest)`. The engine sets aside as much as its input is long, and would have to grow it
/// twice; blanks at the end of a URL mean nothing.
fn join(root: &Url, rest: &str) -> Result<Url, ParseError> {
    let spare = root.as_str().len();
    let mut padded = String::with_capacity(spare + rest.len());
    padded.push_str(rest);
    padded.extend(std::iter::repeat_n(' ', spare));
    root.join(&padded)
}

/// True if this means after an authority what it means relative to a root: it begins with one slash.
/// A second one would begin another authority, and tabs and line breaks are passed over when a URL
/// is read.
fn is_path(rest: &str) -> bool {
    let mut bytes = rest.bytes();
    bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\' | b'\t' | b'\n' | b'\r'))
}

/// Scheme and authority of `text`, if there is nothing odd about how they are written, and no secret
/// in them.
fn beginning<'a>(text: &'a str, url: &Url) -> Option<&'a str> {
    // `http:` may stand without slashes, and then another `://` says nothing.
    let after_scheme = url.scheme().len() + "://".len();
    if !text.get(..after_scheme)?.ends_with("://") {
        return None;
    }
    let length = text[after_scheme..].find(['/', '\\', '?', '#'])?;
    let beginning = &text[..after_scheme + length];
    let is_plain = length > 0
        && beginning.len() <= LONGEST
        && beginning.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@');
    (is_plain && matches!(url.scheme(), "http" | "https")).then_some(beginning)
}

/// So many origins are known at a time; each one costs a comparison.
const KEPT: usize = 4;
/// Longer ones are rare, and are read anew.
const LONGEST: usize = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_known_origin_is_read_as_an_unknown_one() {
        let beginnings = ["http://h", "https://H:443", "http://[::1]:80", "http://1.2", "ftp://h"];
        let rests = [
            "/",
            "//x/y",
            "/\t/x",
            "/\\x",
            "/../a/./b",
            "/%2e%2e/a",
            "/a?b#c",
            "/a b",
            "?q",
            "#f",
            "",
            "/\n",
            "\\a",
            "/ü?ü#ü",
            "/a\tb ",
            "/.",
            "/?",
            ":1/",
            "@x/",
            ".org/",
        ];
        let mut reader = UrlReader::default();
        for (beginning, rest) in beginnings.iter().flat_map(|one| rests.map(|rest| (one, rest))) {
            reader.read(&format!("{beginning}/known")).unwrap();
            let text = format!("{beginning}{rest}");
            assert_eq!(reader.read(&text), Url::parse(&text), "{text:?}");
        }
    }

    #[test]
    fn slashes_that_begin_no_authority_are_not_taken_for_any() {
        let pairs = [
            ("http:a://x/1", "http:a://x/zzz"),
            ("http:/a#://c/p", "http:/a#://c/admin"),
            ("http:/a?u=https://z/p", "http:/a?u=https://z/q"),
            ("http:\\a://z/p", "http:\\a://z/q"),
            (" http://a/p", " http://a/q"),
            ("http:///a://b/p", "http:///a://b/q"),
            ("ht\ttp://a/b://c/p", "ht\ttp://a/b://c/q"),
        ];
        for (first, second) in pairs {
            let mut reader = UrlReader::default();
            for text in [first, second, first] {
                assert_eq!(reader.read(text), Url::parse(text), "{text:?} after {first:?}");
            }
        }
    }

    #[test]
    fn what_may_be_a_secret_is_not_kept() {
        let mut reader = UrlReader::default();
        reader.read("http://user:secret@h/").unwrap();
        assert!(!format!("{reader:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn whatever_was_read_before_makes_no_difference(
            texts in prop::collection::vec(
                "[ \t]?(http|https|HTTP|ws|file):(//|/|)[a@:.%]{0,3}(://|)[a/]{0,2}[/\\\\?#@:\t\n a.%2eü]{0,6}",
                1..40,
            ),
        ) {
            let mut reader = UrlReader::default();
            for text in &texts {
                prop_assert_eq!(reader.read(text), Url::parse(text), "{:?}", text);
            }
        }
    }
}
