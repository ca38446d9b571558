//! Multipart bodies, written: forms with files, and parts that belong together (RFC 2046 §5.1,
//! RFC 7578).
//!
//! A body is, for each part, its [head](Multipart::part_head), its content and [`PART_END`], and
//! then the [close](Multipart::close). All but the contents are known beforehand, so the exact
//! [length](Multipart::length) is known when those of the contents are.

use std::error::Error;
use std::fmt;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::field_line::write_field_line;
use crate::syntax::content_disposition::form_data;

/// A multipart body to be.
///
/// ```
/// use wayfare_proto::wire::multipart::{Boundary, Multipart, MultipartKind, PartHead};
/// let form = Multipart::new(MultipartKind::FormData, Boundary::from_random(&[7; 16])?);
/// let head = form.part_head(&PartHead::form("name", None));
/// assert!(head.ends_with(b"\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n"));
/// let length = form.length([(head.len(), 5)]);
/// assert_eq!(length, Some(head.len() as u64 + 5 + 2 + form.close().len() as u64));
/// # Ok::<(), wayfare_proto::wire::multipart::BadBoundary>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multipart {
    kind: MultipartKind,
    boundary: Boundary,
}

/// How the parts of a body belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultipartKind {
    /// The same content in several forms, the best one last.
    Alternative,
    /// The fields and files of a form.
    FormData,
    /// Independent contents.
    Mixed,
    /// One content that consists of several.
    Related,
}

/// The line that separates the parts, which no part may contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary(String);

/// A text that cannot be a boundary, or too few random bytes to make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadBoundary;

/// The fields of one part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartHead {
    headers: HeaderMap,
}

/// What follows the content of each part.
pub const PART_END: &[u8] = b"\r\n";

impl Multipart {
    /// A body of this kind, with this boundary.
    pub fn new(kind: MultipartKind, boundary: Boundary) -> Self {
        Multipart { kind, boundary }
    }

    /// The value for the `Content-Type` of the whole.
    pub fn content_type(&self) -> String {
        let kind = match self.kind {
            MultipartKind::Alternative => "alternative",
            MultipartKind::FormData => "form-data",
            MultipartKind::Mixed => "mixed",
            MultipartKind::Related => "related",
        };
        let boundary = self.boundary.as_str();
        if boundary.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return format!("multipart/{kind}; boundary={boundary}");
        }
        // No boundary holds a quote or a backslash.
        format!("multipart/{kind}; boundary=\"{boundary}\"")
    }

    /// The bytes before the content of a part.
    pub fn part_head(&self, head: &PartHead) -> Bytes {
        let mut out = BytesMut::new();
        self.write_delimiter(&mut out, "\r\n");
        for (name, value) in &head.headers {
            write_field_line(&mut out, name, value.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out.freeze()
    }

    /// The bytes after the last part.
    pub fn close(&self) -> Bytes {
        let mut out = BytesMut::new();
        self.write_delimiter(&mut out, "--\r\n");
        out.freeze()
    }

    /// The length of the whole, from the lengths of each part's head and content; nothing if it
    /// is beyond 64 bits.
    pub fn length(&self, parts: impl IntoIterator<Item = (usize, u64)>) -> Option<u64> {
        let frame = PART_END.len() as u64;
        parts.into_iter().try_fold(self.close().len() as u64, |sum, (head, content)| {
            sum.checked_add(head as u64)?.checked_add(content)?.checked_add(frame)
        })
    }

    fn write_delimiter(&self, out: &mut BytesMut, end: &str) {
        out.extend_from_slice(b"--");
        out.extend_from_slice(self.boundary.as_str().as_bytes());
        out.extend_from_slice(end.as_bytes());
    }
}

impl Boundary {
    /// Makes a boundary from at least 16 random bytes, of which 24 are used at most.
    ///
    /// So many random bits do not happen to stand in a part, which is why parts need not be
    /// searched for the boundary.
    ///
    /// # Errors
    ///
    /// [`BadBoundary`] for fewer bytes.
    pub fn from_random(bytes: &[u8]) -> Result<Boundary, BadBoundary> {
        if bytes.len() < 16 {
            return Err(BadBoundary);
        }
        let digits = bytes.iter().take(24).map(|byte| format!("{byte:02x}"));
        Ok(Boundary(format!("----wayfare-{}", digits.collect::<String>())))
    }

    /// Takes a boundary of the caller's choice.
    ///
    /// # Errors
    ///
    /// [`BadBoundary`] unless it has 1 to 70 of the bytes that RFC 2046 §5.1.1 allows, the last
    /// one being no space.
    pub fn from_text(text: &str) -> Result<Boundary, BadBoundary> {
        let is_sized = (1..=70).contains(&text.len());
        if is_sized && text.bytes().all(is_boundary_byte) && !text.ends_with(' ') {
            return Ok(Boundary(text.to_owned()));
        }
        Err(BadBoundary)
    }

    /// The boundary as it stands in the `Content-Type`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartHead {
    /// A part without fields.
    pub fn new() -> Self {
        PartHead::default()
    }

    /// A part of a form: a field, or a file if it has a file name.
    ///
    /// Whatever the names hold, they stay names: see [`form_data`].
    pub fn form(name: &str, file_name: Option<&str>) -> Self {
        let value = HeaderValue::from_str(&form_data(name, file_name));
        // `form_data` encodes every control byte but tab, and a value may hold all others. Were
        // that ever untrue, the part would go nameless rather than be broken out of.
        let value = value.unwrap_or_else(|_| HeaderValue::from_static("form-data"));
        PartHead::new().with_header(CONTENT_DISPOSITION, value)
    }

    /// Sets a field, in place of any of the same name.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets the media type of the content.
    pub fn with_media_type(self, media_type: HeaderValue) -> Self {
        self.with_header(CONTENT_TYPE, media_type)
    }

    /// The fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

impl fmt::Display for BadBoundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a multipart boundary")
    }
}

impl Error for BadBoundary {}

fn is_boundary_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'\'' | b'(' | b')' | b'+' | b'_' | b',' | b'-' | b'.' | b'/')
        || matches!(byte, b':' | b'=' | b'?' | b' ')
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyDataStream, Full};
    use proptest::prelude::*;

    use super::*;

    type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

    fn form() -> Multipart {
        Multipart::new(MultipartKind::FormData, Boundary::from_random(&[0xa5; 16]).unwrap())
    }

    fn body_of(multipart: &Multipart, parts: &[Part<'_>]) -> Vec<u8> {
        let mut body = Vec::new();
        let mut lengths = Vec::new();
        for (name, file_name, content) in parts {
            let head = multipart.part_head(&PartHead::form(name, *file_name));
            lengths.push((head.len(), content.len() as u64));
            body.extend_from_slice(&head);
            body.extend_from_slice(content);
            body.extend_from_slice(PART_END);
        }
        body.extend_from_slice(&multipart.close());
        assert_eq!(multipart.length(lengths), Some(body.len() as u64));
        body
    }

    /// What multer, a parser for servers, makes of a body: names, file names and contents.
    fn read_with_multer(body: Vec<u8>) -> Vec<(Option<String>, Option<String>, Vec<u8>)> {
        let boundary = multer::parse_boundary(form().content_type()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let body = BodyDataStream::new(Full::new(Bytes::from(body)));
            let mut reader = multer::Multipart::new(body, boundary);
            let mut parts = Vec::new();
            while let Some(field) = reader.next_field().await.unwrap() {
                let name = field.name().map(str::to_owned);
                let file_name = field.file_name().map(str::to_owned);
                parts.push((name, file_name, field.bytes().await.unwrap().to_vec()));
            }
            parts
        })
    }

    #[test]
    fn a_body_is_written_byte_for_byte() {
        let multipart = Multipart::new(MultipartKind::Mixed, Boundary::from_text("b").unwrap());
        let text = PartHead::new().with_media_type(HeaderValue::from_static("text/plain"));
        assert_eq!(multipart.content_type(), "multipart/mixed; boundary=b");
        assert_eq!(multipart.part_head(&text), "--b\r\nContent-Type: text/plain\r\n\r\n");
        assert_eq!(multipart.part_head(&PartHead::new()), "--b\r\n\r\n");
        assert_eq!(multipart.close(), "--b--\r\n");
        assert_eq!(multipart.length([]), Some(7));
        assert_eq!(multipart.length([(10, u64::MAX)]), None);
    }

    #[test]
    fn a_boundary_is_quoted_where_it_must_be() {
        let content_type =
            |kind, text| Multipart::new(kind, Boundary::from_text(text).unwrap()).content_type();
        let related = content_type(MultipartKind::Related, "a b:c");
        assert_eq!(related, "multipart/related; boundary=\"a b:c\"");
        let alternative = content_type(MultipartKind::Alternative, "--x");
        assert_eq!(alternative, "multipart/alternative; boundary=--x");
    }

    #[test]
    fn a_bad_boundary_is_refused() {
        for text in ["", " ", "a ", "a\"b", "a\r\nb", "é", "a\\b", "a;b", &"x".repeat(71)] {
            assert_eq!(Boundary::from_text(text), Err(BadBoundary), "{text:?}");
        }
        assert!(Boundary::from_text(&"x".repeat(70)).is_ok());
        assert!(Boundary::from_random(&[1; 15]).is_err());
        let long = Boundary::from_random(&[0xff; 64]).unwrap();
        assert!(Boundary::from_text(long.as_str()).is_ok());
        assert_ne!(Boundary::from_random(&[1; 16]), Boundary::from_random(&[2; 16]));
    }

    #[test]
    fn a_server_reads_the_parts_as_they_were_given() {
        let parts: &[Part<'_>] = &[
            ("plain", None, b"hello"),
            ("empty", None, b""),
            ("é€", Some("naïve 😀.txt"), b"\r\n--\r\n\0\xff"),
            ("a;b=c", Some("x; y=\"z"), b"--b--"),
        ];
        let read = read_with_multer(body_of(&form(), parts));
        let expected: Vec<_> = [
            ("plain", None, &b"hello"[..]),
            ("empty", None, b""),
            ("é€", Some("naïve 😀.txt"), b"\r\n--\r\n\0\xff"),
            ("a;b=c", Some("x; y=%22z"), b"--b--"),
        ]
        .map(|(name, file, content): Part<'_>| {
            (Some(name.to_owned()), file.map(str::to_owned), content.to_vec())
        })
        .into();
        assert_eq!(read, expected);
    }

    #[test]
    fn no_name_breaks_out_of_its_field() {
        for name in ["a\r\nX-Evil: y", "a\"; filename=\"x", "a\r\n\r\nbody", "a\n", "\0", "\x7f"] {
            let head = form().part_head(&PartHead::form(name, Some(name)));
            assert_eq!(head.iter().filter(|&&byte| byte == b'\n').count(), 3, "{name:?}");
            assert_eq!(head.iter().filter(|&&byte| byte == b'"').count(), 4, "{name:?}");
            let read = read_with_multer(body_of(&form(), &[(name, None, b"x")]));
            // The server's own search for `filename=` does not heed quotes, so that is not compared.
            assert_eq!((read.len(), &read[0].2[..]), (1, &b"x"[..]));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_form_is_read_back_by_a_server(
            parts in prop::collection::vec(
                ("[^\\\\]{1,12}", prop::option::of("[^\\\\]{1,12}"), any::<Vec<u8>>()), 0..5,
            ),
        ) {
            let escape = |text: &str| {
                let encoded = form_data(text, None);
                encoded["form-data; name=\"".len()..encoded.len() - 1].to_owned()
            };
            let given: Vec<Part<'_>> = parts
                .iter()
                .map(|(name, file, content)| (name.as_str(), file.as_deref(), &content[..]))
                .collect();
            let read = read_with_multer(body_of(&form(), &given));
            prop_assert_eq!(read.len(), parts.len());
            for ((name, file, content), (their_name, their_file, theirs)) in given.iter().zip(&read) {
                prop_assert_eq!(their_name.as_deref(), Some(&*escape(name)));
                prop_assert_eq!(their_file.clone(), file.map(escape));
                prop_assert_eq!(content, theirs);
            }
        }
    }
}
