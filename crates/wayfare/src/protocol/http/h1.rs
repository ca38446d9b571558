//! One HTTP/1.1 connection and the exchanges on it, driven by whoever waits for the answer.
//!
//! Nothing is spawned: the task (or thread) that wants the answer polls the socket itself, so an
//! exchange costs one write, one read, and no hand-over between tasks.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, header};
use tokio::io::{AsyncReadExt, AsyncWrite};
use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, Timer};
use wayfare_net::socket::Stream;
use wayfare_net::tls::facts::TlsFacts;
use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::policy::retry::{Age, Break};
use wayfare_proto::trace::event::What;
use wayfare_proto::trace::timeline::Moment;
use wayfare_proto::wire::http1::body::{BodyReader, Piece as Part};
use wayfare_proto::wire::http1::request::{
    CHUNK_END, Sending, write_chunk_header, write_head, write_last_chunk,
};
use wayfare_proto::wire::http1::response::{Framing, Head, HeadReader, ResponseHead};

use super::upload::Upload;
use super::{Connections, Surroundings, authority, target, unwritable};
use crate::body::incoming::{Content, Piece, Wire};
use crate::error::{Error, ErrorKind, Phase, Retry, Stage};
use crate::events::Emitter;
use crate::options::Options;
use crate::pool::Exclusive;
use crate::protocol::{
    Answer, ConnectionFacts, ContentOrBody, Failure, Outcome, Outgoing, Upload as Uploaded,
};
use crate::queue::LaneKey;

/// An open HTTP/1.1 connection.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    input: BytesMut,
    output: BytesMut,
    timer: Timer,
    facts: ConnectionFacts,
    age: Age,
}

impl Connection {
    pub(crate) fn new(stream: Box<dyn Stream>, tls: Option<Arc<TlsFacts>>, home: Home) -> Self {
        // Asked once: each of these is a system call.
        let (peer, local) = (stream.peer_address(), stream.local_address());
        Self {
            stream,
            input: BytesMut::new(),
            output: BytesMut::new(),
            timer: Timer::new(home),
            facts: ConnectionFacts { age: None, peer, local, tls },
            age: Age::Fresh,
        }
    }

    /// From now on the server may close it at any time, as one that waits for its next request.
    pub(super) fn will_wait(&mut self) {
        self.age = Age::Reused;
    }

    fn facts(&self) -> ConnectionFacts {
        ConnectionFacts { age: Some(self.age), ..self.facts.clone() }
    }

    /// Reads at most about `room` bytes; 0 is the end.
    fn poll_fill(&mut self, room: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.reserve(room);
        pin!(self.stream.read_buf(&mut self.input)).poll(cx)
    }

    /// Writes what is in `output`.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.output))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(written);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

impl Exclusive for Box<Connection> {
    fn is_quiet(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.input.is_empty() && self.poll_fill(FIRST_READ, &mut cx).is_pending()
    }
}

/// Makes one exchange on `connection`.
pub(super) async fn exchange(
    connection: Box<Connection>,
    outgoing: Outgoing,
    around: &Surroundings<'_>,
    emitter: &mut Emitter,
) -> Outcome {
    let mut exchange = match Exchange::new(connection, outgoing, around) {
        Ok(exchange) => exchange,
        Err((error, body)) => return Outcome::Failed(Failure::before_sending(error, body)),
    };
    emitter.timeline.mark(Moment::SendBegan, exchange.moved);
    let ended = std::future::poll_fn(|cx| exchange.poll(emitter, cx)).await;
    match ended {
        Ok(head) => Outcome::Answered(Box::new(exchange.into_answer(head, around, emitter))),
        Err(error) => Outcome::Failed(exchange.into_failure(error)),
    }
}

/// An exchange until its answer's head is there.
struct Exchange {
    connection: Box<Connection>,
    reader: HeadReader,
    upload: Upload,
    sending: SendState,
    framing: Sending,
    home: Home,
    options: Arc<Options>,
    /// What broke the sending; an answer that explains it may still be on its way.
    send_error: Option<Error>,
    answering: bool,
    written: bool,
    /// When something last moved.
    moved: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SendState {
    /// The head is being written; the body waits for `100 Continue` after it.
    HeadThenWait,
    /// The head, or a piece of the body, is being written.
    Writing,
    /// Waits for `100 Continue` until then (RFC 9110 §10.1.1: not indefinitely).
    AwaitContinue(Instant),
    /// The last bytes are being written.
    Finishing,
    /// Everything is written.
    Sent,
    /// Broken, or not wanted any more.
    Stopped,
}

impl Exchange {
    fn new(
        mut connection: Box<Connection>,
        outgoing: Outgoing,
        around: &Surroundings<'_>,
    ) -> Result<Self, (Error, crate::body::Body)> {
        let Outgoing { method, url, headers, body } = outgoing;
        let framing = match (body.is_none(), body.length()) {
            (true, _) => Sending::Nothing,
            (false, Some(length)) => Sending::Sized(length),
            (false, None) => Sending::Chunked,
        };
        connection.output.clear();
        let host = authority(&url);
        let written =
            write_head(&mut connection.output, &method, target(&url), host, &headers, framing);
        if let Err(why) = written {
            return Err((unwritable(why), body));
        }
        let expects = framing != Sending::Nothing && expects_continue(&headers);
        Ok(Self {
            reader: HeadReader::new(&method, around.options.heads),
            upload: Upload::new(body),
            sending: if expects { SendState::HeadThenWait } else { SendState::Writing },
            framing,
            home: around.home.clone(),
            options: around.options.clone(),
            send_error: None,
            answering: false,
            written: false,
            moved: now(),
            connection,
        })
    }

    fn poll(
        &mut self,
        emitter: &mut Emitter,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, Error>> {
        if let Poll::Ready(Err(error)) = self.poll_send(emitter, cx) {
            self.sending = SendState::Stopped;
            if error.kind() == ErrorKind::BodySource {
                return Poll::Ready(Err(error));
            }
            // RFC 9112 §9.5: the server may have answered before it closed.
            self.send_error = Some(error);
        }
        match self.poll_head(emitter, cx) {
            Poll::Ready(Ok(head)) => {
                emitter.timeline.mark(Moment::Head, self.moved);
                Poll::Ready(Ok(head))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.send_error.take().unwrap_or(error))),
            Poll::Pending => self.poll_deadline(cx).map(Err),
        }
    }

    fn poll_send(
        &mut self,
        emitter: &mut Emitter,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        loop {
            match self.sending {
                SendState::Sent | SendState::Stopped => return Poll::Ready(Ok(())),
                SendState::AwaitContinue(until) => {
                    ready!(self.connection.timer.poll_until(until, cx));
                    self.sending = SendState::Writing;
                }
                SendState::HeadThenWait => {
                    ready!(self.poll_write(cx))?;
                    self.sending = SendState::AwaitContinue(now() + CONTINUE_PATIENCE);
                }
                SendState::Writing => {
                    // A small body that is at hand leaves together with the head.
                    if self.connection.output.len() > COALESCE {
                        ready!(self.poll_write(cx))?;
                    }
                    ready!(self.poll_body(emitter, cx))?;
                }
                SendState::Finishing => {
                    ready!(self.poll_write(cx))?;
                    self.sending = SendState::Sent;
                    emitter.timeline.mark(Moment::SendEnded, self.moved);
                    emitter.emit(|| What::Sent);
                }
            }
        }
    }

    /// Puts the next piece of the body into the output.
    fn poll_body(
        &mut self,
        emitter: &mut Emitter,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        if self.framing == Sending::Nothing {
            self.sending = SendState::Finishing;
            return Poll::Ready(Ok(()));
        }
        let piece = match self.upload.poll_piece(&self.home, cx) {
            Poll::Ready(piece) => piece?,
            Poll::Pending => {
                // What is there goes out while the source is slow.
                ready!(self.poll_write(cx))?;
                return Poll::Pending;
            }
        };
        let output = &mut self.connection.output;
        match (piece, self.framing) {
            (Some(piece), Sending::Chunked) => {
                write_chunk_header(output, piece.len());
                output.extend_from_slice(&piece);
                output.extend_from_slice(CHUNK_END);
            }
            (Some(piece), _) => output.extend_from_slice(&piece),
            (None, Sending::Chunked) => {
                write_last_chunk(output, None);
                self.sending = SendState::Finishing;
            }
            (None, _) => self.sending = SendState::Finishing,
        }
        let (sent, total) = (self.upload.sent(), self.upload.total());
        emitter.progress(|| What::UploadProgress { sent, total });
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let before = self.connection.output.len();
        let written = self.connection.poll_drain(cx);
        if self.connection.output.len() < before {
            self.written = true;
            self.moved = now();
        }
        written.map_err(|why| lost(why, Stage::Send))
    }

    fn poll_head(
        &mut self,
        emitter: &Emitter,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, Error>> {
        loop {
            let wrong = |violation| Error::violation(&violation, Stage::Receive);
            if !self.connection.input.is_empty() {
                match self.reader.read(&mut self.connection.input).map_err(wrong)? {
                    Some(Head::Final(head)) => return Poll::Ready(Ok(head)),
                    Some(Head::Interim { status, headers }) => {
                        self.take_interim(status, headers, emitter, cx);
                        continue;
                    }
                    None => {}
                }
            }
            let read = ready!(self.connection.poll_fill(FIRST_READ, cx));
            match read {
                Ok(0) => {
                    return Poll::Ready(Err(wrong(self.reader.handle_end(&self.connection.input))));
                }
                Ok(_) => {
                    self.answering = true;
                    self.moved = now();
                }
                Err(why) => return Poll::Ready(Err(lost(why, Stage::Receive))),
            }
        }
    }

    fn take_interim(
        &mut self,
        status: http::StatusCode,
        headers: HeaderMap,
        emitter: &Emitter,
        cx: &Context<'_>,
    ) {
        if status == http::StatusCode::CONTINUE
            && matches!(self.sending, SendState::AwaitContinue(_) | SendState::HeadThenWait)
        {
            self.sending = SendState::Writing;
            // The sending side was polled before this was read.
            cx.waker().wake_by_ref();
        }
        emitter.emit(|| What::Interim { status, headers });
    }

    /// Ready with an error when nothing has moved for too long.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let timeouts = &self.options.timeouts;
        let (wait, phase, stage) = match self.sending {
            SendState::Sent | SendState::Stopped => {
                (timeouts.first_byte, Phase::FirstByte, Stage::Receive)
            }
            _ => (timeouts.between_bytes, Phase::BetweenBytes, Stage::Send),
        };
        // An interim response is a sign of life, but no excuse: their number is limited.
        let (Some(deadline), Wait::AtMost(limit)) = (wait.deadline(self.moved), wait) else {
            return Poll::Pending;
        };
        self.connection.timer.poll_until(deadline, cx).map(|()| Error::timeout(phase, stage, limit))
    }

    fn into_failure(self, error: Error) -> Failure {
        let how = match (self.answering, self.written) {
            (true, _) => Break::Answering,
            (false, true) => Break::Silent,
            (false, false) => Break::Unsent,
        };
        // Only a broken connection is worth another one; a deadline or a bad source is not.
        let broken = error.kind() == ErrorKind::ConnectionLost;
        let how = if broken { how } else { Break::Answering };
        let error = match how {
            Break::Silent | Break::Unsent if self.connection.age == Age::Reused => {
                error.with_retry(Retry::OnReusedConnection)
            }
            _ => error,
        };
        let age = self.connection.age;
        Failure { error, how, age, untouched: self.upload.into_untouched() }
    }

    fn into_answer(
        mut self,
        head: ResponseHead,
        around: &Surroundings<'_>,
        emitter: &Emitter,
    ) -> Answer {
        let complete = self.sending == SendState::Sent;
        if !complete {
            let (sent, total) = (self.upload.sent(), self.upload.total());
            emitter.emit(|| What::UploadStopped { sent, total });
        }
        let connection = self.connection.facts();
        // A connection whose upload was cut short cannot carry another request (RFC 9112 §9.5).
        let giving_back = (complete && head.keep_alive).then(|| GivingBack {
            connections: around.connections.clone(),
            key: around.key.clone(),
            home: self.home.clone(),
        });
        self.connection.output.clear();
        let body = Incoming {
            reader: BodyReader::new(head.framing, around.options.heads),
            piece: first_piece(head.framing, around.options.bodies.read_buffer),
            connection: Some(self.connection),
            giving_back,
        };
        Answer {
            status: head.status,
            version: head.version,
            reason: head.reason,
            headers: head.headers,
            content: ContentOrBody::Content(body.into_content(head.framing, self.moved)),
            connection,
            upload: if complete { Uploaded::Complete } else { Uploaded::Stopped },
        }
    }
}

/// A body on its way in over an HTTP/1.1 connection.
struct Incoming {
    connection: Option<Box<Connection>>,
    reader: BodyReader,
    giving_back: Option<GivingBack>,
    /// How much to ask the socket for.
    piece: usize,
}

/// Where a connection goes when its exchange is over.
struct GivingBack {
    connections: Arc<Connections>,
    key: Arc<LaneKey>,
    home: Home,
}

impl Incoming {
    /// A small body that came with the head needs no connection any more.
    fn into_content(mut self, framing: Framing, moment: Instant) -> Content {
        let all_here = match (framing, &self.connection) {
            (Framing::Empty, _) => true,
            (Framing::Sized(length), Some(connection)) => length <= connection.input.len() as u64,
            _ => false,
        };
        if !all_here {
            return Content::Wire(Box::new(self));
        }
        let mut bytes = Bytes::new();
        loop {
            match self.next_buffered(|| moment) {
                Ok(Some(Piece::Data(data))) => bytes = data,
                Ok(Some(Piece::End(trailers))) => return Content::Memory(bytes, trailers),
                Ok(None) | Err(_) => return Content::Wire(Box::new(self)),
            }
        }
    }

    /// What the bytes that are here already give.
    fn next_buffered(&mut self, now: impl Fn() -> Instant) -> Result<Option<Piece>, Error> {
        let Some(connection) = &mut self.connection else { return Ok(Some(Piece::End(None))) };
        let part = self.reader.read(&mut connection.input);
        match part.map_err(|violation| Error::violation(&violation, Stage::Body))? {
            Part::Data(data) => Ok(Some(Piece::Data(data))),
            Part::NeedMore => Ok(None),
            Part::End(trailers) => {
                self.give_back(now());
                Ok(Some(Piece::End(trailers)))
            }
        }
    }

    /// Returns the connection to the pool, unless it must not be used again.
    fn give_back(&mut self, now: Instant) {
        let Some(mut connection) = self.connection.take() else { return };
        let Some(back) = self.giving_back.take() else { return };
        // Bytes after the end of the body were asked for by nobody.
        if connection.input.is_empty() {
            connection.age = Age::Reused;
            if connection.input.capacity() > KEPT_BUFFER {
                connection.input = BytesMut::new();
            }
            back.connections.keep(&back.key, back.home.id(), connection, now);
        }
    }
}

impl Wire for Incoming {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>> {
        loop {
            if let Some(piece) = self.next_buffered(now)? {
                return Poll::Ready(Ok(piece));
            }
            let room = match self.reader.remaining() {
                Some(rest) => self.piece.min(usize::try_from(rest).unwrap_or(usize::MAX)),
                None => self.piece,
            };
            let Some(connection) = &mut self.connection else {
                return Poll::Ready(Ok(Piece::End(None)));
            };
            match ready!(connection.poll_fill(room.max(1), cx)) {
                Ok(0) => {
                    let ended = self.reader.handle_end();
                    self.connection = None;
                    ended.map_err(|violation| Error::violation(&violation, Stage::Body))?;
                    return Poll::Ready(Ok(Piece::End(None)));
                }
                Ok(read) => {
                    // A full read says that there is more where it came from.
                    if read >= self.piece {
                        self.piece = (self.piece * 2).min(LARGEST_READ);
                    }
                }
                Err(why) => {
                    self.connection = None;
                    return Poll::Ready(Err(cut_off(why, &self.reader)));
                }
            }
        }
    }

    fn timer(&mut self) -> Option<&mut Timer> {
        self.connection.as_mut().map(|connection| &mut connection.timer)
    }
}

impl Drop for Incoming {
    /// A body that nobody reads to its end: what is here already may be the whole of it, and then
    /// the connection is worth keeping.
    fn drop(&mut self) {
        while let Ok(Some(Piece::Data(_))) = self.next_buffered(now) {}
    }
}

fn first_piece(framing: Framing, limit: usize) -> usize {
    let wanted = match framing {
        Framing::Sized(length) => usize::try_from(length).unwrap_or(usize::MAX).min(LARGEST_READ),
        _ => FIRST_READ,
    };
    wanted.clamp(FIRST_READ, limit.max(FIRST_READ))
}

fn expects_continue(headers: &HeaderMap) -> bool {
    headers
        .get(header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

fn lost(why: io::Error, stage: Stage) -> Error {
    let message = match why.kind() {
        io::ErrorKind::UnexpectedEof => "the connection was closed before the answer".to_owned(),
        _ => format!("the connection broke: {why}"),
    };
    Error::new(ErrorKind::ConnectionLost, stage, message).because(why)
}

fn cut_off(why: io::Error, reader: &BodyReader) -> Error {
    let received = reader.received();
    let message = match reader.remaining() {
        Some(rest) => {
            format!("the body was cut off after {received} of {} bytes: {why}", received + rest)
        }
        None => format!("the body was cut off after {received} bytes: {why}"),
    };
    Error::new(ErrorKind::Truncated, Stage::Body, message).because(why)
}

/// The first read, which most heads and many bodies fit in.
const FIRST_READ: usize = 8 * 1024;
/// The largest read: what the kernel copies is still in the cache when the reader looks at it.
const LARGEST_READ: usize = 64 * 1024;
/// An unused connection keeps no larger buffer than this.
const KEPT_BUFFER: usize = 32 * 1024;
/// Output up to this size waits for the next piece of the body.
const COALESCE: usize = 16 * 1024;
/// How long `100 Continue` is waited for; curl waits as long.
const CONTINUE_PATIENCE: Duration = Duration::from_secs(1);
