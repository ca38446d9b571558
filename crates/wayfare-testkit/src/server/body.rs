//! Response bodies: made while they are sent, as fast or as slowly as the endpoint says.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::{BoxError, InFlight};
use crate::content;

/// Where a body's bytes come from.
pub(crate) enum Source {
    /// The pseudo-random text of this seed, from this offset on.
    Made { seed: u64, offset: u64, left: u64 },
    /// Bytes that are there already.
    Ready(Bytes),
}

/// A body sent in chunks, with a pause before each, that may break off.
pub(crate) struct Paced {
    source: Source,
    chunk: u64,
    first_pause: Duration,
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    begun: bool,
    /// After so many bytes the body fails.
    cut: Option<u64>,
    length: Length,
    trailers: Option<HeaderMap>,
}

/// Whether the head announces the length.
enum Length {
    Announced,
    Unsaid,
}

impl Source {
    fn left(&self) -> u64 {
        match self {
            Self::Made { left, .. } => *left,
            Self::Ready(bytes) => bytes.len() as u64,
        }
    }

    fn take(&mut self, n: u64) -> Bytes {
        let n = n.min(self.left());
        match self {
            Self::Made { seed, offset, left } => {
                let bytes = content::bytes_at(*offset, n, *seed);
                *offset += n;
                *left -= n;
                bytes
            }
            // At most the bytes' own length, so it fits.
            Self::Ready(bytes) => bytes.split_to(n as usize),
        }
    }
}

impl Paced {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            chunk: 64 * 1024,
            first_pause: Duration::ZERO,
            pause: Duration::ZERO,
            sleep: None,
            begun: false,
            cut: None,
            length: Length::Announced,
            trailers: None,
        }
    }

    pub(crate) fn made(n: u64, seed: u64) -> Self {
        Self::new(Source::Made { seed, offset: 0, left: n })
    }

    pub(crate) fn with_chunk(mut self, chunk: u64) -> Self {
        self.chunk = chunk.clamp(1, 1 << 20);
        self
    }

    pub(crate) fn with_first_pause(mut self, pause: Duration) -> Self {
        self.first_pause = pause;
        self
    }

    /// The pause before every chunk but the first.
    pub(crate) fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    pub(crate) fn with_cut(mut self, after: u64) -> Self {
        self.cut = Some(after);
        self
    }

    pub(crate) fn without_length(mut self) -> Self {
        self.length = Length::Unsaid;
        self
    }

    pub(crate) fn with_trailers(mut self, trailers: HeaderMap) -> Self {
        self.trailers = Some(trailers);
        self.without_length()
    }

    fn pause_before_next(&mut self) -> Duration {
        match (self.begun, self.cut) {
            // Lets what was sent before the cut leave for the network.
            (_, Some(0)) => SETTLE,
            (false, _) => self.first_pause,
            (true, _) => self.pause,
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.source.left() == 0 {
            return Poll::Ready(this.trailers.take().map(|fields| Ok(Frame::trailers(fields))));
        }
        let pause = this.pause_before_next();
        if !pause.is_zero() {
            ready!(this.sleep.get_or_insert_with(|| Box::pin(sleep(pause))).as_mut().poll(cx));
            this.sleep = None;
        }
        this.begun = true;
        if this.cut == Some(0) {
            return Poll::Ready(Some(Err("the body is cut off on purpose".into())));
        }
        let bytes = this.source.take(this.chunk.min(this.cut.unwrap_or(u64::MAX)));
        this.cut = this.cut.map(|left| left - bytes.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.source.left() == 0 && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Length::Announced => SizeHint::with_exact(self.source.left()),
            Length::Unsaid => SizeHint::default(),
        }
    }
}

/// A body that keeps its request counted as being answered until it is sent or dropped.
pub(crate) struct Guarded<B> {
    pub(crate) body: B,
    pub(crate) _in_flight: InFlight,
}

impl<B: Body + Unpin> Body for Guarded<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

const SETTLE: Duration = Duration::from_millis(30);
