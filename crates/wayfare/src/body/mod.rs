//! Bodies of requests: where the bytes come from, how many, and whether they can be had again.

pub(crate) mod draft;
pub(crate) mod incoming;
pub(crate) mod multipart;
pub(crate) mod random;
mod source;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;
use tokio::io::AsyncRead;
use url::form_urlencoded;
use wayfare_net::runtime::Home;

use crate::error::Error;
pub use source::Source;
use source::{AsyncSource, BlockingSource, ChainSource};

/// The body of a request.
///
/// A body made of bytes or of a file can be sent again, when a redirect or a retry asks for it;
/// one made of a reader cannot, and then the transfer fails with
/// [`crate::ErrorKind::BodyNotReplayable`] instead of sending an empty one.
///
/// ```
/// use wayfare::Body;
/// assert_eq!(Body::from("hello").length(), Some(5));
/// ```
#[derive(Default)]
pub struct Body {
    content: Content,
    media_type: Option<HeaderValue>,
}

#[derive(Default)]
enum Content {
    Again {
        length: Option<u64>,
        open: Opener,
    },
    Bytes(Bytes),
    Chain(Vec<Body>),
    #[default]
    Nothing,
    Once {
        length: Option<u64>,
        source: OnceSource,
    },
    /// A stream that a former attempt has taken.
    Spent,
}

type Opener = Arc<dyn Fn(&Home) -> io::Result<Box<dyn Source>> + Send + Sync>;

enum OnceSource {
    Blocking(Box<dyn io::Read + Send>),
    Stream(Box<dyn Source>),
}

impl Body {
    /// No body at all.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The bytes of a file, read while they are sent.
    ///
    /// # Errors
    /// The operating system's error, with the path in its text, if the file cannot be opened; also
    /// if it is not a regular file.
    pub fn file(path: impl AsRef<Path>) -> io::Result<Self> {
        let path: PathBuf = path.as_ref().to_owned();
        let named =
            |why: io::Error| io::Error::new(why.kind(), format!("{}: {why}", path.display()));
        let facts = std::fs::metadata(&path).map_err(named)?;
        if !facts.is_file() {
            let what = format!("{} is not a regular file", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        drop(std::fs::File::open(&path).map_err(named)?);
        let open: Opener = Arc::new(move |home| {
            let file = std::fs::File::open(&path)?;
            Ok(Box::new(BlockingSource::new(Box::new(file), home.clone())) as Box<dyn Source>)
        });
        Ok(Self::of(Content::Again { length: Some(facts.len()), open }))
    }

    /// The bytes of an async reader; `length` if it is known beforehand.
    pub fn reader(reader: impl AsyncRead + Send + 'static, length: Option<u64>) -> Self {
        Self::stream(AsyncSource::new(reader), length)
    }

    /// The bytes of a blocking reader; `length` if it is known beforehand. In an async transfer it
    /// is read on a thread for blocking work.
    pub fn blocking_reader(reader: impl io::Read + Send + 'static, length: Option<u64>) -> Self {
        Self::of(Content::Once { length, source: OnceSource::Blocking(Box::new(reader)) })
    }

    /// The pieces of a source; `length` if it is known beforehand.
    pub fn stream(source: impl Source + 'static, length: Option<u64>) -> Self {
        Self::of(Content::Once { length, source: OnceSource::Stream(Box::new(source)) })
    }

    /// The pieces of a source that can be opened as often as the body has to be sent.
    pub fn replayable<S, F>(length: Option<u64>, open: F) -> Self
    where
        S: Source + 'static,
        F: Fn() -> io::Result<S> + Send + Sync + 'static,
    {
        let open: Opener = Arc::new(move |_| Ok(Box::new(open()?) as Box<dyn Source>));
        Self::of(Content::Again { length, open })
    }

    /// A value as JSON, with `Content-Type: application/json`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidRequest`] if the value cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, Error> {
        let text = serde_json::to_vec(value).map_err(|why| {
            Error::invalid_request(format!("the value cannot be written as JSON: {why}"))
                .because(why)
        })?;
        Ok(Self::from(text).with_media_type(HeaderValue::from_static("application/json")))
    }

    /// Names and values as a form, with `Content-Type: application/x-www-form-urlencoded`.
    pub fn form<I, N, V>(pairs: I) -> Self
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        Self::from(form.finish())
            .with_media_type(HeaderValue::from_static("application/x-www-form-urlencoded"))
    }

    /// One body after another.
    pub(crate) fn chain(parts: Vec<Self>) -> Self {
        Self::of(Content::Chain(parts))
    }

    /// Says what the bytes are; used as `Content-Type` unless the request names its own.
    #[must_use]
    pub fn with_media_type(mut self, media_type: HeaderValue) -> Self {
        self.media_type = Some(media_type);
        self
    }

    /// What the bytes are, if the body knows.
    #[must_use]
    pub fn media_type(&self) -> Option<&HeaderValue> {
        self.media_type.as_ref()
    }

    /// How many bytes there are, if that is known beforehand.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match &self.content {
            Content::Again { length, .. } | Content::Once { length, .. } => *length,
            Content::Bytes(bytes) => Some(bytes.len() as u64),
            Content::Chain(parts) => {
                parts.iter().try_fold(0u64, |sum, part| sum.checked_add(part.length()?))
            }
            Content::Nothing => Some(0),
            Content::Spent => None,
        }
    }

    /// True if the request has no body, which is not the same as an empty one.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self.content, Content::Nothing)
    }

    /// True if the same bytes can be sent again.
    #[must_use]
    pub fn is_replayable(&self) -> bool {
        match &self.content {
            Content::Again { .. } | Content::Bytes(_) | Content::Nothing => true,
            Content::Chain(parts) => parts.iter().all(Self::is_replayable),
            Content::Once { .. } | Content::Spent => false,
        }
    }

    /// True if the bytes can be sent now, be it for the first or for another time.
    pub(crate) fn is_sendable(&self) -> bool {
        match &self.content {
            Content::Spent => false,
            Content::Chain(parts) => parts.iter().all(Self::is_sendable),
            _ => true,
        }
    }

    /// The body to send now: a copy if there can be one, else the only one.
    pub(crate) fn take_for_sending(&mut self) -> Self {
        self.copy().unwrap_or_else(|| {
            let spent = Self { content: Content::Spent, media_type: self.media_type.clone() };
            std::mem::replace(self, spent)
        })
    }

    fn copy(&self) -> Option<Self> {
        let content = match &self.content {
            Content::Again { length, open } => {
                Content::Again { length: *length, open: open.clone() }
            }
            Content::Bytes(bytes) => Content::Bytes(bytes.clone()),
            Content::Chain(parts) => {
                Content::Chain(parts.iter().map(Self::copy).collect::<Option<_>>()?)
            }
            Content::Nothing => Content::Nothing,
            Content::Once { .. } | Content::Spent => return None,
        };
        Some(Self { content, media_type: self.media_type.clone() })
    }

    /// The bytes themselves, if they are all at hand.
    pub(crate) fn at_hand(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Every byte that will be sent, if they are all at hand.
    pub(crate) fn known_bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes),
            Content::Nothing => Some(&[]),
            _ => None,
        }
    }

    /// Starts giving the bytes.
    pub(crate) fn open(self, home: &Home) -> io::Result<Box<dyn Source>> {
        match self.content {
            Content::Again { open, .. } => open(home),
            Content::Bytes(bytes) => Ok(Box::new(source::BytesSource::new(bytes))),
            Content::Chain(parts) => Ok(Box::new(ChainSource::new(parts, home.clone()))),
            Content::Nothing => Ok(Box::new(source::BytesSource::new(Bytes::new()))),
            Content::Once { source: OnceSource::Stream(source), .. } => Ok(source),
            Content::Once { source: OnceSource::Blocking(reader), .. } => {
                Ok(Box::new(BlockingSource::new(reader, home.clone())))
            }
            Content::Spent => Err(io::Error::other("the body has been read already")),
        }
    }

    fn of(content: Content) -> Self {
        Self { content, media_type: None }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("length", &self.length())
            .field("replayable", &self.is_replayable())
            .field("media_type", &self.media_type)
            .finish()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::of(Content::Bytes(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::from(Bytes::from(text))
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::from(Bytes::from_static(text.as_bytes()))
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Self::from(Bytes::from_static(bytes))
    }
}
