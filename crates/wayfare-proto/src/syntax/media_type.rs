//! Media types such as `text/html; charset=utf-8` (RFC 9110 §8.3, and the WHATWG MIME Sniffing
//! standard for what is lenient here).

use std::fmt;

use super::field::{is_token, split, trim};
use super::parameter;

/// A media type with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    essence: String,
    slash: usize,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Reads a media type, or nothing if type or subtype are no tokens.
    ///
    /// Broken parameters are left out, and of several with one name the first counts, as
    /// browsers do.
    ///
    /// ```
    /// use wayfare_proto::syntax::media_type::MediaType;
    /// let html = MediaType::parse(b"Text/HTML; Charset=\"utf-8\"").unwrap();
    /// assert_eq!((html.essence(), html.charset()), ("text/html", Some("utf-8")));
    /// ```
    pub fn parse(value: &[u8]) -> Option<MediaType> {
        let mut parts = split(value, b';');
        let full = trim(parts.next()?);
        let slash = full.iter().position(|&byte| byte == b'/')?;
        if !is_token(&full[..slash]) || !is_token(&full[slash + 1..]) {
            return None;
        }
        let essence = String::from_utf8(full.to_ascii_lowercase()).ok()?;
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, text) in parts.filter_map(parameter::read) {
            let is_new = parameters.iter().all(|(known, _)| *known != name);
            if is_new && is_token(name.as_bytes()) {
                parameters.push((name, text));
            }
        }
        Some(MediaType { essence, slash, parameters })
    }

    /// Type and subtype in lower case, without parameters.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The part before the slash, in lower case.
    pub fn kind(&self) -> &str {
        &self.essence[..self.slash]
    }

    /// The part after the slash, in lower case.
    pub fn subtype(&self) -> &str {
        &self.essence[self.slash + 1..]
    }

    /// The value of the parameter with this lower-case name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameter::find(&self.parameters, name)
    }

    /// The label of the text encoding, as given.
    pub fn charset(&self) -> Option<&str> {
        self.parameter("charset")
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.essence)?;
        for (name, text) in &self.parameters {
            write!(f, ";{name}=")?;
            parameter::write_text(f, text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_parameters_are_read_leniently_and_written_strictly() {
        let cases = [
            ("text/html", "text/html"),
            ("TEXT/Html;charset=UTF-8", "text/html;charset=UTF-8"),
            (" text/html ; charset = utf-8", "text/html"),
            ("text/html; charset=\"utf-8\"", "text/html;charset=utf-8"),
            ("text/html;charset=\"a\\\"b\";x=y", "text/html;charset=\"a\\\"b\";x=y"),
            ("text/html;charset=a;charset=b", "text/html;charset=a"),
            ("text/html;;;x=y;", "text/html;x=y"),
            ("text/html;x", "text/html"),
            ("text/html;=y;x=", "text/html"),
            ("text/html;x=\"\"", "text/html;x=\"\""),
            ("text/html;x=\"a;b\";c=d", "text/html;x=\"a;b\";c=d"),
            ("text/html;x=\"open", "text/html;x=open"),
            ("multipart/mixed; boundary=\"a b\"", "multipart/mixed;boundary=\"a b\""),
            ("application/vnd.api+json", "application/vnd.api+json"),
        ];
        for (value, written) in cases {
            let read = MediaType::parse(value.as_bytes()).unwrap();
            assert_eq!(read.to_string(), written, "{value:?}");
        }
    }

    #[test]
    fn what_is_no_media_type_is_nothing() {
        for value in ["", "text", "/", "text/", "/html", "te xt/html", "text/ht ml", "a/b/c", "é/x"]
        {
            assert!(MediaType::parse(value.as_bytes()).is_none(), "{value:?}");
        }
    }

    #[test]
    fn the_parts_of_a_media_type_are_given() {
        let svg = MediaType::parse(b"image/svg+xml; Charset=x").unwrap();
        assert_eq!((svg.kind(), svg.subtype(), svg.charset()), ("image", "svg+xml", Some("x")));
        assert_eq!(svg.parameter("boundary"), None);
    }
}
