//! Multipart bodies put together from texts, files and streams.

use std::io;
use std::path::Path;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use wayfare_proto::syntax::mime_by_name::media_type_of;
use wayfare_proto::wire::multipart::{
    Boundary, Multipart as Frame, MultipartKind, PART_END, PartHead,
};

use super::{Body, random};

/// A body of several parts: a form with files (RFC 7578), or contents that belong together
/// (RFC 2046 §5.1).
///
/// The parts are sent as they are read; the exact length is announced if every part knows its own.
///
/// ```
/// use wayfare::{Body, Multipart};
/// let form = Multipart::form().text("name", "Ada").part("note", Body::from("hello"));
/// assert!(Body::from(form).length().is_some());
/// ```
#[derive(Debug)]
pub struct Multipart {
    kind: MultipartKind,
    parts: Vec<Part>,
}

/// One part of a [`Multipart`].
#[derive(Debug)]
pub struct Part {
    head: PartHead,
    body: Body,
}

impl Multipart {
    /// The fields and files of a form (`multipart/form-data`).
    #[must_use]
    pub fn form() -> Self {
        Self::of(MultipartKind::FormData)
    }

    /// Independent contents (`multipart/mixed`).
    #[must_use]
    pub fn mixed() -> Self {
        Self::of(MultipartKind::Mixed)
    }

    /// One content that consists of several (`multipart/related`).
    #[must_use]
    pub fn related() -> Self {
        Self::of(MultipartKind::Related)
    }

    /// The same content in several forms, the best one last (`multipart/alternative`).
    #[must_use]
    pub fn alternative() -> Self {
        Self::of(MultipartKind::Alternative)
    }

    /// Adds a form field with a text.
    #[must_use]
    pub fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.part(name, Body::from(value.into()))
    }

    /// Adds a form field with any body; its media type, if it has one, goes along.
    #[must_use]
    pub fn part(self, name: &str, body: Body) -> Self {
        let mut head = PartHead::form(name, None);
        if let Some(media_type) = body.media_type() {
            head = head.with_media_type(media_type.clone());
        }
        self.with_part(Part { head, body })
    }

    /// Adds a form field with a file: its name without directories, its media type by its name.
    ///
    /// # Errors
    /// The operating system's error if the file cannot be opened.
    pub fn file(self, name: &str, path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let file_name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let body = Body::file(path)?;
        Ok(self.file_part(name, &file_name, body))
    }

    /// Adds a form field with any body under a file name.
    #[must_use]
    pub fn file_part(self, name: &str, file_name: &str, body: Body) -> Self {
        let media_type = media_type_of(file_name).unwrap_or("application/octet-stream");
        let media_type = match body.media_type() {
            Some(own) => own.clone(),
            None => HeaderValue::from_static(media_type),
        };
        let head = PartHead::form(name, Some(file_name)).with_media_type(media_type);
        self.with_part(Part { head, body })
    }

    /// Adds a part.
    #[must_use]
    pub fn with_part(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    fn of(kind: MultipartKind) -> Self {
        Self { kind, parts: Vec::new() }
    }
}

impl Part {
    /// A part with this content; its media type, if it has one, goes along.
    #[must_use]
    pub fn new(body: Body) -> Self {
        let head = match body.media_type() {
            Some(media_type) => PartHead::new().with_media_type(media_type.clone()),
            None => PartHead::new(),
        };
        Self { head, body }
    }

    /// Adds a field to the part's head.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.head = self.head.with_header(name, value);
        self
    }
}

impl From<Multipart> for Body {
    fn from(multipart: Multipart) -> Self {
        // 24 bytes are given, 16 are enough.
        let boundary = Boundary::from_random(&random::bytes()).expect("enough random bytes");
        let frame = Frame::new(multipart.kind, boundary);
        let mut pieces = Vec::with_capacity(multipart.parts.len() * 3 + 1);
        for part in multipart.parts {
            pieces.push(Self::from(frame.part_head(&part.head)));
            pieces.push(part.body);
            pieces.push(Self::from(Bytes::from_static(PART_END)));
        }
        pieces.push(Self::from(frame.close()));
        let body = Self::chain(pieces);
        match HeaderValue::from_str(&frame.content_type()) {
            Ok(media_type) => body.with_media_type(media_type),
            Err(_) => body,
        }
    }
}
