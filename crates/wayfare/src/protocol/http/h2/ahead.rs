//! The beginning of a connection and its first request, written before there is a pipe to send them
//! over (RFC 8446 §2.3, RFC 8470): the engine writes into a place that becomes the pipe later.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::SendStream;
use h2::client::ResponseFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wayfare_net::clock::now;
use wayfare_net::socket::Stream;

use super::exchange::{head, with_priority};
use super::observed::Observed;
use super::{Opened, builder, unwritable};
use crate::body::Body;
use crate::protocol::http::Surroundings;
use crate::protocol::http::early::Early;

/// A connection that has begun, and its first request.
pub(in crate::protocol::http) struct Ahead {
    opened: Opened,
    begun: Begun,
    place: Arc<Place>,
}

/// A request whose head has been sent.
pub(in crate::protocol::http) type Begun = (ResponseFuture, SendStream<Bytes>);

impl Ahead {
    /// Writes `early` as the first request of a connection; nothing if it cannot be written, which
    /// is told by the exchange that tries the same.
    pub(in crate::protocol::http) async fn begin(
        early: Early<'_>,
        around: &Surroundings<'_>,
    ) -> Option<Self> {
        let place = Arc::new(Place::default());
        let started = now();
        let joint = Joint { here: None, place: place.clone() };
        let stream = Observed::new(Box::new(joint), started, around.home.clone());
        let heard = stream.heard();
        let (mut send, mut connection) = builder(around.options).handshake(stream).await.ok()?;
        let Early { method, url, fields } = early;
        let read = |named: &str| named.parse().map_err(unwritable);
        let request = head(read, method, url, fields.to_map(), &Body::empty()).ok()?;
        let request = with_priority(request, around.priority);
        let begun = send.send_request(request, true).ok()?;
        // Nothing is ever heard here, so this ends when all has been written.
        let ended =
            std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut connection).poll(cx).is_ready()));
        if ended.await {
            return None;
        }
        let opened = Opened { send, connection, heard, started };
        Some(Self { opened, begun, place })
    }

    /// All that was written.
    pub(in crate::protocol::http) fn written(&self) -> Bytes {
        Bytes::copy_from_slice(&self.place.lock().written)
    }

    /// Goes on over `stream`, whose other end has been given what was written.
    pub(super) fn join(self, stream: Box<dyn Stream>) -> (Opened, Begun) {
        let Self { opened, begun, place } = self;
        let mut held = place.lock();
        held.written = Vec::new();
        held.stream = Some(stream);
        drop(held);
        (opened, begun)
    }
}

/// Where the pipe will be.
#[derive(Default)]
struct Place(Mutex<Held>);

#[derive(Default)]
struct Held {
    written: Vec<u8>,
    stream: Option<Box<dyn Stream>>,
}

impl Place {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pipe that may not be there yet: what is written then is kept, and nothing can be read.
struct Joint {
    here: Option<Box<dyn Stream>>,
    place: Arc<Place>,
}

impl Joint {
    fn stream(&mut self) -> Option<&mut Box<dyn Stream>> {
        if self.here.is_none() {
            self.here = self.place.lock().stream.take();
        }
        self.here.as_mut()
    }
}

impl Stream for Joint {
    fn local_address(&self) -> Option<SocketAddr> {
        self.here.as_ref()?.local_address()
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.here.as_ref()?.peer_address()
    }
}

impl AsyncRead for Joint {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.stream() {
            Some(stream) => Pin::new(stream).poll_read(cx, buffer),
            // Whoever drives the connection begins to only when there is a pipe.
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Joint {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(stream) = self.stream() {
            return Pin::new(stream).poll_write(cx, bytes);
        }
        self.place.lock().written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(stream) = self.stream() {
            return Pin::new(stream).poll_write_vectored(cx, pieces);
        }
        let first = pieces.iter().find(|piece| !piece.is_empty());
        self.poll_write(cx, first.map_or(&[][..], |piece| piece))
    }

    fn is_write_vectored(&self) -> bool {
        self.here.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stream() {
            Some(stream) => Pin::new(stream).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stream() {
            Some(stream) => Pin::new(stream).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}
