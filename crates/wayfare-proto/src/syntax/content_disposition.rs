//! `Content-Disposition`: read from responses (RFC 6266), written into form parts (RFC 7578).

use percent_encoding::percent_decode_str;

use super::field::{is_token, split, trim};
use super::{file_name, parameter};

/// How a body is to be presented, and under which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentDisposition {
    kind: String,
    parameters: Vec<(String, String)>,
}

impl ContentDisposition {
    /// Reads the field, or nothing if its type is no token.
    ///
    /// Parameters are read leniently; of several with one name the first counts.
    ///
    /// ```
    /// # use wayfare_proto::syntax::content_disposition::ContentDisposition;
    /// let field = b"attachment; filename=\"E.txt\"; filename*=UTF-8''%E2%82%AC.txt";
    /// let read = ContentDisposition::parse(field).unwrap();
    /// assert!(read.is_attachment());
    /// assert_eq!(read.file_name().as_deref(), Some("€.txt"));
    /// ```
    pub fn parse(value: &[u8]) -> Option<ContentDisposition> {
        let mut parts = split(value, b';');
        let kind = trim(parts.next()?);
        if !is_token(kind) {
            return None;
        }
        let kind = String::from_utf8(kind.to_ascii_lowercase()).ok()?;
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, text) in parts.filter_map(parameter::read) {
            let name = name.trim_end().to_owned();
            if parameters.iter().all(|(known, _)| *known != name) {
                parameters.push((name, text));
            }
        }
        Some(ContentDisposition { kind, parameters })
    }

    /// The type in lower case: `inline`, `attachment`, `form-data`, or another one.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether the body is to be saved: every type but `inline` says so (RFC 6266 §4.2).
    pub fn is_attachment(&self) -> bool {
        self.kind != "inline"
    }

    /// The value of the parameter with this lower-case name, as given.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameter::find(&self.parameters, name)
    }

    /// The suggested file name, made harmless by [`file_name::safe`].
    ///
    /// `filename*` goes before `filename` (RFC 6266 §4.3) unless it cannot be decoded.
    pub fn file_name(&self) -> Option<String> {
        let extended = self.parameter("filename*").and_then(decode_extended);
        let suggested = extended.as_deref().or_else(|| self.parameter("filename"))?;
        file_name::safe(suggested)
    }
}

/// Writes the field of a form part, as browsers do (RFC 7578 §4.2, WHATWG HTML §4.10.21.8).
///
/// In both names `"` becomes `%22`, CR `%0D` and LF `%0A`; all else is UTF-8 as it is. Other
/// control characters, which the standard forgets and no field may hold, are encoded as well.
pub fn form_data(name: &str, file_name: Option<&str>) -> String {
    let mut field = String::from("form-data; name=\"");
    push_escaped(&mut field, name);
    if let Some(file_name) = file_name {
        field.push_str("\"; filename=\"");
        push_escaped(&mut field, file_name);
    }
    field.push('"');
    field
}

/// Reads `charset'language'percent-encoded` (RFC 8187 §3.2).
fn decode_extended(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes: Vec<u8> = percent_decode_str(encoded).collect();
    if charset.eq_ignore_ascii_case("utf-8") {
        return String::from_utf8(bytes).ok();
    }
    let is_latin = charset.eq_ignore_ascii_case("iso-8859-1");
    is_latin.then(|| bytes.into_iter().map(char::from).collect())
}

fn push_escaped(field: &mut String, name: &str) {
    for character in name.chars() {
        match character {
            '\t' => field.push(character),
            '"' | '\0'..='\x1f' | '\x7f' => {
                field.push_str(&format!("%{:02X}", u32::from(character)));
            }
            _ => field.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_in(value: &str) -> Option<String> {
        ContentDisposition::parse(value.as_bytes())?.file_name()
    }

    #[test]
    fn the_file_name_is_found_in_every_form() {
        let cases = [
            ("attachment; filename=a.txt", "a.txt"),
            ("attachment;filename=\"a b.txt\"", "a b.txt"),
            ("attachment; FileName = \"a.txt\"", "a.txt"),
            ("attachment; filename=a b.txt", "a b.txt"),
            ("attachment; filename=\"a;b.txt\"; x=y", "a;b.txt"),
            ("attachment; filename=\"a\\\"b.txt\"", "a_b.txt"),
            ("attachment; filename=\"open.txt", "open.txt"),
            ("attachment; filename=\"é.txt\"", "é.txt"),
            ("inline; filename=a.txt; filename=b.txt", "a.txt"),
            ("attachment; filename=b.txt; filename*=UTF-8''%c3%a9.txt", "é.txt"),
            ("attachment; filename*=UTF-8'en'%c3%a9.txt; filename=b.txt", "é.txt"),
            ("attachment; filename*=iso-8859-1''%e9.txt", "é.txt"),
            ("attachment; filename*=UTF-8''%ff.txt; filename=b.txt", "b.txt"),
            ("attachment; filename*=koi8-r''%c1.txt; filename=b.txt", "b.txt"),
            ("attachment; filename*=junk; filename=b.txt", "b.txt"),
            ("attachment; filename=\"../../x\"", "x"),
            ("attachment; filename=\"..\\\\..\\\\x\"", "x"),
            ("attachment; filename=\"..\\..\\x\"", "x"),
            ("attachment; filename=\"C:\\dir\\x.txt\"", "x.txt"),
            ("attachment; filename*=UTF-8''..%2f..%2fx", "x"),
            ("attachment; filename*=UTF-8''..%5c..%5cx", "x"),
            ("attachment; filename*=UTF-8''a%00%0d%0ab", "a___b"),
            ("attachment; filename=CON", "_CON"),
            ("attachment; filename=a:b", "a_b"),
        ];
        for (value, name) in cases {
            assert_eq!(name_in(value).as_deref(), Some(name), "{value}");
        }
    }

    #[test]
    fn no_usable_name_is_nothing() {
        for value in [
            "attachment",
            "attachment; filename=",
            "attachment; filename=\"\"",
            "",
            ";filename=a",
            "attachment; filename=..",
            "attachment; filename=\"/\"",
            "attachment; name=a",
            "attachment; filename*=UTF-8''",
            "attachment; filename=\"a\0b\"",
        ] {
            assert_eq!(name_in(value), None, "{value:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_latin_1() {
        let read = ContentDisposition::parse(b"attachment; filename=\"\xe9.txt\"").unwrap();
        assert_eq!(read.file_name().as_deref(), Some("é.txt"));
    }

    #[test]
    fn only_inline_is_not_saved() {
        let saved = |value: &[u8]| ContentDisposition::parse(value).unwrap().is_attachment();
        assert!(saved(b"attachment") && saved(b"Foo") && saved(b"form-data; name=x"));
        assert!(!saved(b"INLINE; filename=x"));
    }

    #[test]
    fn the_field_of_a_form_part_cannot_be_broken_out_of() {
        assert_eq!(form_data("a", None), "form-data; name=\"a\"");
        assert_eq!(form_data("é", Some("€.txt")), "form-data; name=\"é\"; filename=\"€.txt\"");
        assert_eq!(
            form_data("a\"; x=\"y", Some("b\r\nX: y\0\t")),
            "form-data; name=\"a%22; x=%22y\"; filename=\"b%0D%0AX: y%00\t\""
        );
    }
}
