//! What comes back: the head at once, the body as it is read.

mod pace;
pub(crate) mod pipe;
mod save;

use std::io;
use std::net::SocketAddr;
use std::path::{Component, Path};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, StatusCode, Version, header};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use url::Url;
use wayfare_net::runtime::Home;
use wayfare_net::tls::facts::TlsFacts;
use wayfare_proto::policy::early_data::EarlyOutcome;
use wayfare_proto::policy::retry::Age;
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::syntax::media_type::MediaType;
use wayfare_proto::trace::timeline::Timings;

use crate::error::{Error, ErrorKind, Stage};
use crate::protocol::{ConnectionFacts, Upload};
use pace::Pace;
use pipe::{Next, Pipe};
use save::Named;

/// The answer to a request: its head, and its body still to be read.
///
/// Dropping it aborts what has not arrived yet. The turn in the queue is held until the body has
/// been read to its end or dropped.
///
/// ```no_run
/// # async fn run(manager: wayfare::Manager) -> Result<(), wayfare::Error> {
/// let mut reply = manager.get("https://example.org/").send().await?;
/// println!("{} {:?}", reply.status(), reply.headers());
/// while let Some(chunk) = reply.chunk().await? {
///     println!("{} bytes", chunk.len());
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Reply {
    /// In one piece of memory, because every exchange makes one.
    parts: Box<Parts>,
    /// Bytes that a reader with a small buffer has left over.
    rest: Bytes,
    pace: Option<Box<Pace>>,
}

#[derive(Debug)]
struct Parts {
    head: Head,
    pipe: Pipe,
}

#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) reason: Bytes,
    pub(crate) headers: HeaderMap,
    pub(crate) url: Arc<Url>,
    pub(crate) redirects: Vec<Redirect>,
    pub(crate) way: Chain,
    pub(crate) connection: ConnectionFacts,
    pub(crate) upload: Upload,
    pub(crate) most_collected: u64,
    pub(crate) home: Home,
}

/// One redirect that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redirect {
    /// Where the request went.
    pub url: Url,
    /// The status that sent it on.
    pub status: StatusCode,
}

impl Redirect {
    pub(crate) fn new(url: Url, status: StatusCode) -> Self {
        Self { url, status }
    }
}

impl Reply {
    #[inline(always)]
    pub(crate) fn new(head: Head, pipe: pipe::Parts) -> Self {
        let parts = Box::new(Parts { head, pipe: Pipe::new(pipe) });
        Self { parts, rest: Bytes::new(), pace: None }
    }

    /// Has the body read no faster than this. What waits meanwhile is bounded by
    /// [`Bodies::read_buffer`](crate::options::Bodies::read_buffer), and beyond it the server is
    /// held back.
    #[must_use]
    pub fn paced(mut self, bytes_per_second: u64) -> Self {
        self.pace = Some(Box::new(Pace::new(bytes_per_second, self.parts.head.home.clone())));
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.parts.head.status
    }

    /// The protocol version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.parts.head.version
    }

    /// The reason phrase; empty over HTTP/2, which has none.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        &self.parts.head.reason
    }

    /// The fields, as the server sent them.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.parts.head.headers
    }

    /// The URL that answered, after redirects.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.parts.head.url
    }

    /// The redirects that were followed, first to last.
    #[must_use]
    pub fn redirects(&self) -> &[Redirect] {
        &self.parts.head.redirects
    }

    /// The proxies it came through.
    #[must_use]
    pub fn way(&self) -> &Chain {
        &self.parts.head.way
    }

    /// The length that the server announced for the body as it was sent.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        let value = self.parts.head.headers.get(header::CONTENT_LENGTH)?;
        value.to_str().ok()?.trim().parse().ok()
    }

    /// Bytes of the body read so far, decoded.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.parts.pipe.received()
    }

    /// The fields after the body, once it has been read to its end.
    #[must_use]
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.parts.pipe.trailers()
    }

    /// How long each phase took, so far.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.parts.pipe.timings()
    }

    /// The address that answered, if it came over a network.
    #[must_use]
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.parts.head.connection.peer
    }

    /// The address it was asked from, if it came over a network.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.parts.head.connection.local
    }

    /// What the TLS handshake agreed on, if there was one.
    #[must_use]
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.parts.head.connection.tls.as_deref()
    }

    /// What became of sending the request as early data; see
    /// [`Tls::with_early_data`](crate::options::Tls::with_early_data).
    #[must_use]
    pub fn early_data(&self) -> EarlyOutcome {
        self.parts.head.connection.early_data()
    }

    /// True if it came over a connection kept from an earlier request.
    #[must_use]
    pub fn is_on_reused_connection(&self) -> bool {
        self.parts.head.connection.age == Some(Age::Reused)
    }

    /// False if the answer came before the request's body was sent to its end, which was then
    /// stopped.
    #[must_use]
    pub fn is_upload_complete(&self) -> bool {
        self.parts.head.upload == Upload::Complete
    }

    /// The reply itself, unless its status is 400 or higher.
    ///
    /// # Errors
    /// [`ErrorKind::Status`] with the status; the body is dropped.
    pub fn error_for_status(self) -> Result<Self, Error> {
        let status = self.parts.head.status;
        if status.as_u16() < 400 {
            return Ok(self);
        }
        let reason = match self.parts.head.reason.escape_ascii().to_string() {
            reason if reason.is_empty() => status.canonical_reason().unwrap_or("").to_owned(),
            reason => reason,
        };
        let message = format!("the server answered {} {reason}", status.as_u16());
        let kind = ErrorKind::Status(status);
        Err(Error::new(kind, Stage::Receive, message.trim_end()).at(&self.parts.head.url))
    }

    /// The next bytes of the body; nothing at its end.
    ///
    /// # Errors
    /// The body was cut off, damaged, too slow or too large. What had been given before is what
    /// the server sent; a clean end is only ever told for a complete body.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped; call it again.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// As [`Reply::chunk`], for those who write their own futures.
    ///
    /// # Errors
    /// As [`Reply::chunk`].
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Ok(Some(std::mem::take(&mut self.rest))));
        }
        match &mut self.pace {
            None => self.parts.pipe.poll_chunk(cx),
            Some(pace) => pace.poll_chunk(&mut self.parts.pipe, cx),
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`Reply::chunk`]; also [`ErrorKind::TooLarge`] above
    /// [`Bodies::most_collected`](crate::options::Bodies::most_collected).
    ///
    /// # Cancel safety
    /// Dropping the future drops the reply.
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        self.collect().await
    }

    /// Has bytes read already be read once more.
    pub(crate) fn put_back(&mut self, bytes: Bytes) {
        self.rest = bytes;
    }

    pub(crate) async fn collect(&mut self) -> Result<Bytes, Error> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        self.check_collected(first.len())?;
        let Some(second) = self.chunk().await? else { return Ok(first) };
        self.check_collected(first.len() + second.len())?;
        let announced = self.content_length().unwrap_or(0).min(COLLECT_AHEAD);
        let mut all = BytesMut::with_capacity(usize::try_from(announced).unwrap_or(0));
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.chunk().await? {
            self.check_collected(all.len() + chunk.len())?;
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    fn check_collected(&self, length: usize) -> Result<(), Error> {
        let limit = self.parts.head.most_collected;
        if length as u64 <= limit {
            return Ok(());
        }
        let message = format!("the body is larger than the {limit} bytes to collect");
        Err(Error::new(ErrorKind::TooLarge, Stage::Body, message).at(&self.parts.head.url))
    }

    /// The whole body as text, by its byte order mark, else the `charset` of its `Content-Type`,
    /// else UTF-8. What is no letter in that encoding becomes U+FFFD.
    ///
    /// # Errors
    /// As [`Reply::bytes`].
    ///
    /// # Cancel safety
    /// Dropping the future drops the reply.
    pub async fn text(mut self) -> Result<String, Error> {
        let encoding = self
            .parts
            .head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| MediaType::parse(value.as_bytes()))
            .and_then(|media_type| {
                encoding_rs::Encoding::for_label(media_type.charset()?.as_bytes())
            })
            .unwrap_or(encoding_rs::UTF_8);
        let bytes = self.collect().await?;
        let (text, _, _) = encoding.decode(&bytes);
        Ok(text.into_owned())
    }

    /// The whole body read as JSON.
    ///
    /// # Errors
    /// As [`Reply::bytes`]; also [`ErrorKind::Decode`] if it is not JSON, or not of this shape.
    ///
    /// # Cancel safety
    /// Dropping the future drops the reply.
    pub async fn json<T: DeserializeOwned>(mut self) -> Result<T, Error> {
        let bytes = self.collect().await?;
        serde_json::from_slice(&bytes).map_err(|why| {
            let message = format!("the body is not the JSON that was expected: {why}");
            Error::new(ErrorKind::Decode, Stage::Body, message)
                .because(why)
                .at(&self.parts.head.url)
        })
    }

    /// Writes the whole body to `writer` and says how many bytes it was.
    ///
    /// # Errors
    /// As [`Reply::chunk`]; also [`ErrorKind::FileSystem`] if the writer fails.
    ///
    /// # Cancel safety
    /// Dropping the future drops the reply; what was written stays written.
    pub async fn copy_to<W>(mut self, writer: &mut W) -> Result<u64, Error>
    where
        W: AsyncWrite + Unpin + ?Sized,
    {
        let failed = |why: io::Error| {
            let message = format!("the body could not be written: {why}");
            Error::new(ErrorKind::FileSystem, Stage::Store, message).because(why)
        };
        while let Some(chunk) = self.chunk().await? {
            writer.write_all(&chunk).await.map_err(failed)?;
        }
        writer.flush().await.map_err(failed)?;
        Ok(self.received())
    }

    /// Saves the whole body as the file `path` and says how many bytes it was.
    ///
    /// The bytes go to a new file beside it, which is made durable and renamed when the body is
    /// complete: under `path` there is never a part of a body, and on an error there is what was
    /// there before. A link is followed, a file that is replaced lends its mode, and a device or a
    /// pipe is written to as it is. For a name that others have chosen there is
    /// [`Reply::save_in`].
    ///
    /// # Errors
    /// As [`Reply::chunk`]; also [`ErrorKind::FileForbidden`], [`ErrorKind::FileNotFound`] (no such
    /// directory) and [`ErrorKind::FileSystem`].
    ///
    /// # Cancel safety
    /// Dropping the future drops the reply and removes the unfinished file.
    pub async fn save_to(mut self, path: impl AsRef<Path>) -> Result<u64, Error> {
        save::save(&mut self, path.as_ref(), Named::ByCaller).await
    }

    /// Saves the whole body as the file `name` in `directory`, where the name comes from a URL or a
    /// server, and says how many bytes it was.
    ///
    /// As [`Reply::save_to`], but a link of that name is replaced instead of followed, what is no
    /// regular file is refused, and so is a name that is not just a name; see
    /// [`names::of_path`](crate::names::of_path).
    ///
    /// # Errors
    /// As [`Reply::save_to`].
    ///
    /// # Cancel safety
    /// Dropping the future drops the reply and removes the unfinished file.
    pub async fn save_in(
        mut self,
        directory: impl AsRef<Path>,
        name: impl AsRef<Path>,
    ) -> Result<u64, Error> {
        let name = name.as_ref();
        let mut parts = name.components();
        let is_name = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
        if !is_name {
            let message = format!("\"{}\" is not the name of a file", name.display());
            return Err(Error::invalid_request(message).at(&self.parts.head.url));
        }
        let path = directory.as_ref().join(name);
        save::save(&mut self, &path, Named::ByOthers).await
    }
}

impl AsyncRead for Reply {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            let filled = buffer.filled().len();
            // Only what needs no clearing first: that would cost as much as the detour.
            let place = &mut buffer.initialized_mut()[filled..];
            let next = match &mut this.pace {
                None => this.parts.pipe.poll_next(place, cx),
                Some(pace) => {
                    let chunk = pace.poll_chunk(&mut this.parts.pipe, cx);
                    chunk.map_ok(|chunk| chunk.map_or(Next::End, Next::Chunk))
                }
            };
            match ready!(next)? {
                Next::Chunk(chunk) => this.rest = chunk,
                Next::End => return Poll::Ready(Ok(())),
                Next::Filled(length) => {
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
            }
        }
        let taken = this.rest.len().min(buffer.remaining());
        buffer.put_slice(&this.rest[..taken]);
        this.rest.advance(taken);
        Poll::Ready(Ok(()))
    }
}

/// At most so much memory is set aside on the word of a `Content-Length`.
const COLLECT_AHEAD: u64 = 8 * 1024 * 1024;
