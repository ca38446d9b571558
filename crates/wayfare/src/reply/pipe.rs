//! The body of an answer as one pipe: wire, then decoder, then reader.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use url::Url;
use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, Timer};
use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::trace::event::What;
use wayfare_proto::trace::timeline::{Moment, Timings};
use wayfare_proto::wire::coding::decoder::{Decoder, Progress};
use wayfare_proto::wire::coding::fault::Fault;

use crate::body::incoming::{Content, Given, Piece};
use crate::error::{Error, ErrorKind, Phase, Stage};
use crate::events::Emitter;
use crate::options::Options;
use crate::queue::Turn;

/// A body being read, with the rest of its transfer.
pub(crate) struct Pipe {
    content: Content,
    coding: Coding,
    flow: Flow,
    timer: Timer,
    clock: Clock,
    emitter: Box<Emitter>,
    turn: Option<Turn>,
    received: u64,
    /// How much of it was told as progress.
    told: u64,
    expected: Option<u64>,
    trailers: Option<HeaderMap>,
    url: Arc<Url>,
    method: Method,
    way: Chain,
}

/// What a pipe gives next.
pub(crate) enum Next {
    /// Bytes, at least one.
    Chunk(Bytes),
    /// Nothing more.
    End,
    /// So many bytes, at least one, in the place that was offered.
    Filled(usize),
}

/// Everything a pipe is made of.
pub(crate) struct Parts {
    pub(crate) content: Content,
    pub(crate) decoder: Option<Decoder>,
    pub(crate) emitter: Box<Emitter>,
    pub(crate) turn: Option<Turn>,
    pub(crate) expected: Option<u64>,
    pub(crate) url: Arc<Url>,
    pub(crate) method: Method,
    pub(crate) way: Chain,
    pub(crate) home: Home,
    pub(crate) options: Arc<Options>,
    pub(crate) deadline: Option<Instant>,
}

enum Coding {
    Identity,
    Undo(Box<Undoing>),
}

struct Undoing {
    decoder: Decoder,
    input: Bytes,
    output: BytesMut,
    input_ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Ended,
    Failed,
    Open,
}

/// The deadlines of a body.
struct Clock {
    between: Wait,
    whole: Option<Instant>,
    whole_wait: Wait,
    moved: Instant,
    /// Since when a reader waits: time in which nobody read does not count against the server.
    waiting: Option<Instant>,
}

impl Pipe {
    // Inlined, so that it is made where it stays.
    #[inline(always)]
    pub(crate) fn new(parts: Parts) -> Self {
        let timeouts = &parts.options.timeouts;
        let clock = Clock {
            between: timeouts.between_bytes,
            whole: parts.deadline,
            whole_wait: timeouts.whole,
            moved: parts.emitter.timeline.newest().unwrap_or_else(now),
            waiting: None,
        };
        let coding = match parts.decoder {
            None => Coding::Identity,
            Some(decoder) => Coding::Undo(Box::new(Undoing {
                decoder,
                input: Bytes::new(),
                output: BytesMut::new(),
                input_ended: false,
            })),
        };
        // A body that is all here no longer needs its place among the connections.
        let turn = match parts.content {
            Content::Memory(..) => None,
            _ => parts.turn,
        };
        Self {
            content: parts.content,
            coding,
            flow: Flow::Open,
            timer: Timer::new(parts.home),
            clock,
            emitter: parts.emitter,
            turn,
            received: 0,
            told: 0,
            expected: parts.expected,
            trailers: None,
            url: parts.url,
            method: parts.method,
            way: parts.way,
        }
    }

    /// When the whole transfer must be over.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.clock.whole
    }

    pub(crate) fn timings(&self) -> Timings {
        self.emitter.timings()
    }

    pub(crate) fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// The next bytes, never none of them; nothing at the end.
    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        self.poll_next(&mut [], cx).map_ok(|next| match next {
            Next::Chunk(bytes) => Some(bytes),
            // There is no place to fill.
            Next::End | Next::Filled(_) => None,
        })
    }

    /// The next bytes, in `place` if they can go there without a detour.
    pub(crate) fn poll_next(
        &mut self,
        place: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Poll<Result<Next, Error>> {
        match self.flow {
            Flow::Ended => return Poll::Ready(Ok(Next::End)),
            Flow::Failed => {
                let message = "the body has failed already";
                let error = Error::new(ErrorKind::Truncated, Stage::Body, message);
                return Poll::Ready(Err(error.at(&self.url).through(&self.way)));
            }
            Flow::Open => {}
        }
        if let Some(late) = self.clock.whole_is_over() {
            return Poll::Ready(Err(self.fail(late)));
        }
        let next = ready!(self.poll_open(place, cx));
        match &next {
            Ok(Next::Chunk(bytes)) => self.note_received(bytes.len()),
            Ok(Next::Filled(length)) => self.note_received(*length),
            Ok(Next::End) => self.end(),
            Err(_) => {}
        }
        Poll::Ready(next.map_err(|error| self.fail(error)))
    }

    fn note_received(&mut self, length: usize) {
        self.received += length as u64;
        self.emitter.timeline.mark(Moment::Body, self.clock.moved);
        let (received, total) = (self.received, self.expected);
        let told = &mut self.told;
        self.emitter.progress(|| {
            *told = received;
            What::DownloadProgress { received, total }
        });
    }

    fn poll_open(&mut self, place: &mut [u8], cx: &mut Context<'_>) -> Poll<Result<Next, Error>> {
        for _ in 0..FRUITLESS {
            if let Coding::Undo(undoing) = &mut self.coding {
                if let Some(decoded) = undoing.next()? {
                    return Poll::Ready(Ok(Next::Chunk(decoded)));
                }
                // Input can go on for ever without giving a single byte.
                if let Some(late) = self.clock.whole_is_over() {
                    return Poll::Ready(Err(late));
                }
                if undoing.input_ended {
                    return Poll::Ready(Ok(Next::End));
                }
            }
            let given = match (&self.coding, place.is_empty()) {
                (Coding::Identity, false) => self.content.poll_into(place, cx),
                _ => self.content.poll_piece(cx).map_ok(Given::Piece),
            };
            let given = match given {
                Poll::Ready(given) => given?,
                Poll::Pending => {
                    self.clock.waiting.get_or_insert_with(now);
                    let timer = self.content.timer().unwrap_or(&mut self.timer);
                    return self.clock.poll_late(timer, cx).map(Err);
                }
            };
            if !matches!(self.content, Content::Memory(..)) {
                self.clock.moved = self.content.arrived().unwrap_or_else(now);
                self.clock.waiting = None;
            }
            let piece = match given {
                Given::Filled(length) => return Poll::Ready(Ok(Next::Filled(length))),
                Given::Piece(piece) => piece,
            };
            match (piece, &mut self.coding) {
                (Piece::Data(data), Coding::Identity) if data.is_empty() => {}
                (Piece::Data(data), Coding::Identity) => return Poll::Ready(Ok(Next::Chunk(data))),
                (Piece::Data(data), Coding::Undo(undoing)) => undoing.input = data,
                (Piece::End(trailers), coding) => {
                    self.trailers = trailers;
                    match coding {
                        Coding::Identity => return Poll::Ready(Ok(Next::End)),
                        Coding::Undo(undoing) => undoing.end_input()?,
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn end(&mut self) {
        self.flow = Flow::Ended;
        self.release();
        self.emitter.timeline.mark(Moment::Body, self.clock.moved);
        if let Some(headers) = &self.trailers {
            self.emitter.emit(|| What::Trailers { headers: headers.clone() });
        }
        let (received, total) = (self.received, self.expected);
        // The last word on progress comes however recent the one before was.
        if received > self.told {
            self.emitter.emit(|| What::DownloadProgress { received, total });
        }
        self.emitter.emit(|| What::Finished { received });
        self.emitter.close();
    }

    fn fail(&mut self, error: Error) -> Error {
        self.flow = Flow::Failed;
        self.release();
        let error = error
            .at(&self.url)
            .through(&self.way)
            .for_method(&self.method)
            .after(self.emitter.timings());
        self.emitter.emit(|| What::Failed { message: error.to_string() });
        self.emitter.close();
        error
    }

    /// Lets go of the connection first, so that whoever gets the turn finds it.
    fn release(&mut self) {
        self.content = Content::Memory(Bytes::new(), None);
        self.turn = None;
    }
}

impl Clock {
    /// The error of a transfer whose overall time is over, however fast its bytes come.
    fn whole_is_over(&self) -> Option<Error> {
        let limit = match self.whole_wait {
            Wait::AtMost(limit) => limit,
            Wait::Forever => return None,
        };
        let over = self.whole.is_some_and(|whole| now() >= whole);
        over.then(|| Error::timeout(Phase::Whole, Stage::Body, limit))
    }

    fn poll_late(&self, timer: &mut Timer, cx: &mut Context<'_>) -> Poll<Error> {
        let quiet_since = self.waiting.map_or(self.moved, |waiting| waiting.max(self.moved));
        let between = self.between.deadline(quiet_since);
        let Some(deadline) = [between, self.whole].into_iter().flatten().min() else {
            return Poll::Pending;
        };
        ready!(timer.poll_until(deadline, cx));
        let (phase, wait) = match self.whole {
            Some(whole) if whole <= deadline => (Phase::Whole, self.whole_wait),
            _ => (Phase::BetweenBytes, self.between),
        };
        let limit = match wait {
            Wait::AtMost(limit) => limit,
            Wait::Forever => deadline.saturating_duration_since(self.moved),
        };
        Poll::Ready(Error::timeout(phase, Stage::Body, limit))
    }
}

impl Undoing {
    fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let progress = self
                .decoder
                .push(&mut self.input, &mut self.output, DECODED)
                .map_err(undecodable)?;
            if !self.output.is_empty() {
                return Ok(Some(self.output.split().freeze()));
            }
            match progress {
                Progress::OutputFull => {}
                Progress::NeedInput | Progress::Done => return Ok(None),
            }
        }
    }

    fn end_input(&mut self) -> Result<(), Error> {
        self.input_ended = true;
        self.decoder.finish().map_err(undecodable)
    }
}

fn undecodable(fault: Fault) -> Error {
    let kind = match fault {
        Fault::Bomb { .. } | Fault::TooLarge { .. } => ErrorKind::TooLarge,
        _ => ErrorKind::Decode,
    };
    Error::new(kind, Stage::Body, format!("the body cannot be decoded: {fault}")).because(fault)
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if self.flow != Flow::Open {
            return;
        }
        if matches!(self.content, Content::Memory(..)) {
            let received = self.received;
            self.emitter.emit(|| What::Finished { received });
        } else {
            self.emitter.emit(|| What::Failed { message: "the reply was dropped".to_owned() });
        }
        self.release();
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("flow", &self.flow)
            .field("received", &self.received)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

/// So many pieces in turn that give nothing are read before others are looked at, the caller's own
/// deadline among them.
const FRUITLESS: usize = 64;
/// How much is decoded at a time.
const DECODED: usize = 64 * 1024;
