//! One HTTP/2 connection, shared by many exchanges.
//!
//! In a runtime the connection is driven by a task of its own. On the calling thread whoever
//! waits for an exchange drives it: each waiting thread polls the connection under its lock, so
//! the frames of all are moved by whichever thread is awake.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};
use tokio::sync::Notify;
use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, Timer};
use wayfare_net::socket::Stream;
use wayfare_net::tls::facts::TlsFacts;
use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::policy::retry::{Age, Break};
use wayfare_proto::policy::schedule::Priority;
use wayfare_proto::trace::event::What;
use wayfare_proto::trace::timeline::Moment;

use super::upload::Upload;
use super::{Surroundings, authority, target, unwritable};
use crate::body::incoming::{Content, Piece, Wire};
use crate::error::{Error, ErrorKind, Phase, Retry, Stage};
use crate::events::Emitter;
use crate::options::Options;
use crate::pool::Shared;
use crate::protocol::{
    Answer, ConnectionFacts, ContentOrBody, Failure, Outcome, Outgoing, Upload as Uploaded,
};
use crate::queue::{LaneKey, Queue};

mod driver;

use driver::{Driven, Observed};

/// A shared HTTP/2 connection.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Inner>);

struct Inner {
    /// Only cloned from; every exchange sends with a clone of its own.
    send: Mutex<SendRequest<Bytes>>,
    driven: Driven,
    facts: ConnectionFacts,
    state: Arc<State>,
    news: Arc<Notify>,
    home: Home,
    /// Alarms of ended exchanges, for the next ones.
    timers: Mutex<Vec<Timer>>,
}

/// What the connection's users and its driver tell each other.
pub(super) struct State {
    active: AtomicUsize,
    /// Exchanges so far, of which a connection has a limited number.
    begun: AtomicU32,
    most: AtomicUsize,
    closing: AtomicBool,
    started: Instant,
    /// Milliseconds after `started` at which the last exchange ended.
    idle_since: AtomicU64,
    /// Milliseconds after `started` at which bytes last came; 0 before the first.
    heard: Arc<AtomicU64>,
}

impl Connection {
    fn timer(&self) -> Timer {
        let kept = self.0.timers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| Timer::new(self.0.home.clone()))
    }

    fn refuse_more(&self) {
        self.0.state.closing.store(true, Ordering::Release);
        self.0.news.notify_waiters();
    }
}

impl Shared for Connection {
    fn claim(&self) -> bool {
        let state = &self.0.state;
        let most = state.most.load(Ordering::Relaxed).max(1);
        let claimed = state.active.fetch_update(Ordering::AcqRel, Ordering::Acquire, |active| {
            (active < most).then_some(active + 1)
        });
        if claimed.is_ok() && state.begun.fetch_add(1, Ordering::Relaxed) >= MOST_EXCHANGES {
            // This one still has a number; the next goes on another connection.
            state.closing.store(true, Ordering::Release);
        }
        claimed.is_ok()
    }

    fn is_closing(&self) -> bool {
        self.0.state.closing.load(Ordering::Acquire)
    }

    fn is_settling(&self) -> bool {
        // RFC 9113 §3.4: the first thing a server sends is its settings.
        self.0.state.heard.load(Ordering::Acquire) == 0 && !self.is_closing()
    }

    fn idle_since(&self) -> Option<Instant> {
        let state = &self.0.state;
        (state.active.load(Ordering::Acquire) == 0).then(|| {
            state.started + Duration::from_millis(state.idle_since.load(Ordering::Relaxed))
        })
    }
}

/// The right to one exchange on a shared connection.
pub(crate) struct Claim {
    connection: Connection,
    age: Age,
    timer: Timer,
}

impl Claim {
    /// A claim on the connection just opened, which the opener has by right.
    pub(super) fn first(connection: Connection) -> Self {
        connection.0.state.active.fetch_add(1, Ordering::AcqRel);
        let timer = connection.timer();
        Self { connection, age: Age::Fresh, timer }
    }

    /// A claim that the pool made.
    pub(super) fn reused(connection: Connection) -> Self {
        let timer = connection.timer();
        Self { connection, age: Age::Reused, timer }
    }

    /// On the calling thread: moves frames in both directions.
    fn drive(&self, cx: &mut Context<'_>) {
        if let Driven::ByWaiters(driver) = &self.connection.0.driven {
            let mut driver = driver.lock().unwrap_or_else(PoisonError::into_inner);
            if driver.as_mut().poll(cx).is_ready() {
                self.connection.refuse_more();
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let timer = std::mem::replace(&mut self.timer, Timer::new(Home::Caller));
        let mut timers = self.connection.0.timers.lock().unwrap_or_else(PoisonError::into_inner);
        if timers.len() < KEPT_TIMERS {
            timers.push(timer);
        }
        drop(timers);
        let state = &self.connection.0.state;
        let elapsed = now().saturating_duration_since(state.started).as_millis();
        state.idle_since.store(u64::try_from(elapsed).unwrap_or(u64::MAX), Ordering::Relaxed);
        state.active.fetch_sub(1, Ordering::AcqRel);
        self.connection.0.news.notify_waiters();
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("age", &self.age).finish_non_exhaustive()
    }
}

/// Begins HTTP/2 on an open pipe.
pub(super) async fn open(
    stream: Box<dyn Stream>,
    tls: Option<Arc<TlsFacts>>,
    news: Arc<Notify>,
    around: &Surroundings<'_>,
) -> Result<Connection, Error> {
    let facts = ConnectionFacts {
        age: None,
        peer: stream.peer_address(),
        local: stream.local_address(),
        tls,
    };
    let started = now();
    let heard = Arc::new(AtomicU64::new(0));
    let stream = Observed::new(stream, heard.clone(), started);
    let (send, connection) = builder(around.options).handshake(stream).await.map_err(|why| {
        let message = format!("HTTP/2 could not begin: {why}");
        Error::new(ErrorKind::Protocol, Stage::Connect, message).because(why)
    })?;
    let state = Arc::new(State {
        active: AtomicUsize::new(0),
        begun: AtomicU32::new(0),
        most: AtomicUsize::new(send.current_max_send_streams()),
        closing: AtomicBool::new(false),
        started,
        idle_since: AtomicU64::new(0),
        heard,
    });
    let room = Room {
        queue: around.queue.clone(),
        key: around.key.clone(),
        connections: around.options.connections.per_origin.max(1),
        news: news.clone(),
    };
    let driven = driver::start(
        connection,
        state.clone(),
        room,
        around.options.connections.ping,
        around.home,
    );
    let (home, timers) = (around.home.clone(), Mutex::default());
    let send = Mutex::new(send);
    Ok(Connection(Arc::new(Inner { send, driven, facts, state, news, home, timers })))
}

/// Tells the queue how many exchanges the lane can carry, and those who wait that it changed.
struct Room {
    queue: Arc<Queue>,
    key: Arc<LaneKey>,
    connections: usize,
    /// Told to those who wait for an exchange.
    news: Arc<Notify>,
}

impl Room {
    fn set(&self, streams: usize) {
        self.queue.set_room(&self.key, streams.saturating_mul(self.connections));
        self.news.notify_waiters();
    }

    fn reset(&self) {
        self.queue.reset_room(&self.key);
        self.news.notify_waiters();
    }
}

fn builder(options: &Options) -> h2::client::Builder {
    let window = u32::try_from(options.bodies.read_buffer).unwrap_or(LARGEST_WINDOW);
    let head = u32::try_from(options.heads.head_bytes).unwrap_or(u32::MAX);
    let mut builder = h2::client::Builder::new();
    builder
        .initial_window_size(window.clamp(SMALLEST_WINDOW, LARGEST_WINDOW))
        // One slow reader must not hold up the others, so only streams have a real limit.
        .initial_connection_window_size(LARGEST_WINDOW)
        .max_header_list_size(head)
        .max_frame_size(LARGEST_FRAME)
        .max_send_buffer_size(SEND_BUFFER)
        .enable_push(false);
    builder
}

/// Makes one exchange.
pub(super) async fn exchange(
    claim: Claim,
    outgoing: Outgoing,
    around: &Surroundings<'_>,
    emitter: &mut Emitter,
) -> Outcome {
    let age = claim.age;
    let fail = |error: Error, how, untouched| {
        Outcome::Failed(Failure { error: error.with_retry(hint(how)), how, age, untouched })
    };
    let Outgoing { method, url, headers, body } = outgoing;
    let request = match head(&method, &url, headers, &body, around.priority) {
        Ok(request) => request,
        Err(error) => return Outcome::Failed(Failure::before_sending(error, body)),
    };
    emitter.mark(Moment::SendBegan);
    let ended = body.is_none() || body.length() == Some(0);
    let opened = match open_stream(&claim, request, ended, around).await {
        Ok(opened) => opened,
        Err(error) => {
            claim.connection.refuse_more();
            let how = if error.kind() == ErrorKind::ConnectionLost {
                Break::Refused
            } else {
                Break::Answering
            };
            return fail(error, how, Some(body));
        }
    };
    let mut exchange = Exchange {
        claim,
        response: opened.0,
        stream: opened.1,
        upload: Upload::new(body),
        sending: if ended { Sending::Sent } else { Sending::Ready },
        home: around.home.clone(),
        options: around.options.clone(),
        moved: now(),
        interim: 0,
    };
    if ended {
        emitter.mark(Moment::SendEnded);
        emitter.emit(|| What::Sent);
    }
    match std::future::poll_fn(|cx| exchange.poll(emitter, cx)).await {
        Ok(response) => {
            emitter.mark(Moment::Head);
            Outcome::Answered(Box::new(exchange.into_answer(response, emitter)))
        }
        Err((error, how)) => {
            if how == Break::Refused && exchange.claim.connection.0.state.is_draining() {
                exchange.claim.connection.refuse_more();
            }
            let untouched = exchange.upload.into_untouched();
            fail(error, how, untouched)
        }
    }
}

impl State {
    fn is_draining(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }
}

fn hint(how: Break) -> Retry {
    match how {
        Break::Refused | Break::Unsent => Retry::Safe,
        Break::Silent => Retry::OnReusedConnection,
        Break::Answering => Retry::Never,
    }
}

async fn open_stream(
    claim: &Claim,
    request: Request<()>,
    ended: bool,
    around: &Surroundings<'_>,
) -> Result<(ResponseFuture, SendStream<Bytes>), Error> {
    let mut send = claim.connection.0.send.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut timer = Timer::new(around.home.clone());
    let began = now();
    let wait = around.options.timeouts.first_byte;
    std::future::poll_fn(|cx| {
        claim.drive(cx);
        if let Poll::Ready(ready) = send.poll_ready(cx) {
            return Poll::Ready(ready.map_err(|why| failed(why, Stage::Send)));
        }
        match (wait.deadline(began), wait) {
            (Some(deadline), Wait::AtMost(limit)) => timer
                .poll_until(deadline, cx)
                .map(|()| Err(Error::timeout(Phase::FirstByte, Stage::Send, limit))),
            _ => Poll::Pending,
        }
    })
    .await?;
    send.send_request(request, ended).map_err(|why| failed(why, Stage::Send))
}

/// The request's head as HTTP/2 has it (RFC 9113 §8.3.1).
fn head(
    method: &Method,
    url: &url::Url,
    headers: HeaderMap,
    body: &crate::body::Body,
    priority: Priority,
) -> Result<Request<()>, Error> {
    let mut headers = headers;
    let host = headers.remove(header::HOST);
    let authority = match &host {
        Some(host) => host.to_str().map_err(unwritable)?,
        None => authority(url),
    };
    let uri = Uri::builder()
        .scheme(url.scheme())
        .authority(authority)
        .path_and_query(target(url))
        .build()
        .map_err(unwritable)?;
    // RFC 9113 §8.2.2: fields that speak of a connection are malformed here.
    if headers.keys().any(|name| CONNECTION_FIELDS.contains(&name.as_str())) {
        for name in CONNECTION_FIELDS {
            headers.remove(name);
        }
    }
    if let (false, Some(length)) = (body.is_none(), body.length()) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    } else if body.is_none() && matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(0u64));
    }
    if priority != Priority::Normal && !headers.contains_key("priority") {
        let value = if priority == Priority::High { "u=1" } else { "u=5" };
        headers.insert("priority", HeaderValue::from_static(value));
    }
    let mut request = Request::new(());
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = headers;
    Ok(request)
}

/// An exchange until its answer's head is there.
struct Exchange {
    claim: Claim,
    response: ResponseFuture,
    stream: SendStream<Bytes>,
    upload: Upload,
    sending: Sending,
    home: Home,
    options: Arc<Options>,
    moved: Instant,
    interim: u8,
}

enum Sending {
    /// A piece is to be fetched.
    Ready,
    /// A piece waits for the peer's window.
    Waiting(Bytes),
    Sent,
    Stopped,
}

type Stop = (Error, Break);

impl Exchange {
    fn poll(
        &mut self,
        emitter: &mut Emitter,
        cx: &mut Context<'_>,
    ) -> Poll<Result<http::Response<RecvStream>, Stop>> {
        if let Poll::Ready(Err(stop)) = self.poll_send(emitter, cx) {
            self.sending = Sending::Stopped;
            if stop.0.kind() == ErrorKind::BodySource {
                // RFC 9113 §8.1: an incomplete request must not look like a whole one.
                self.stream.send_reset(Reason::CANCEL);
                self.claim.drive(cx);
                return Poll::Ready(Err(stop));
            }
        }
        self.claim.drive(cx);
        let polled = self.poll_response(emitter, cx);
        if polled.is_ready() {
            self.claim.drive(cx);
            return polled;
        }
        self.poll_deadline(cx).map(|error| Err((error, Break::Answering)))
    }

    fn poll_response(
        &mut self,
        emitter: &Emitter,
        cx: &mut Context<'_>,
    ) -> Poll<Result<http::Response<RecvStream>, Stop>> {
        while let Poll::Ready(Some(interim)) = self.response.poll_informational(cx) {
            let (parts, ()) = interim.map_err(stop)?.into_parts();
            self.interim = self.interim.saturating_add(1);
            self.moved = now();
            if self.interim > self.options.heads.interim {
                let limit = self.options.heads.interim;
                let message = format!("more than {limit} interim responses");
                let error = Error::new(ErrorKind::Protocol, Stage::Receive, message);
                return Poll::Ready(Err((error, Break::Answering)));
            }
            emitter.emit(|| What::Interim { status: parts.status, headers: parts.headers });
        }
        let response = ready!(Pin::new(&mut self.response).poll(cx)).map_err(stop)?;
        let fields = response.headers().len();
        if fields > self.options.heads.fields {
            let message = format!("more than {} fields in a head", self.options.heads.fields);
            let error = Error::new(ErrorKind::Protocol, Stage::Receive, message);
            return Poll::Ready(Err((error, Break::Answering)));
        }
        Poll::Ready(Ok(response))
    }

    fn poll_send(&mut self, emitter: &mut Emitter, cx: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        loop {
            match &mut self.sending {
                Sending::Sent | Sending::Stopped => return Poll::Ready(Ok(())),
                Sending::Ready => {
                    let piece = ready!(self.upload.poll_piece(&self.home, cx))
                        .map_err(|error| (error, Break::Answering))?;
                    match piece {
                        Some(piece) => self.sending = Sending::Waiting(piece),
                        None => {
                            self.stream.send_data(Bytes::new(), true).map_err(stop)?;
                            self.sending = Sending::Sent;
                            self.moved = now();
                            emitter.timeline.mark(Moment::SendEnded, self.moved);
                            emitter.emit(|| What::Sent);
                        }
                    }
                }
                Sending::Waiting(piece) => {
                    self.stream.reserve_capacity(piece.len());
                    let capacity = match ready!(self.stream.poll_capacity(cx)) {
                        Some(capacity) => capacity.map_err(stop)?,
                        // The stream was reset; the response says why.
                        None => {
                            self.sending = Sending::Stopped;
                            return Poll::Ready(Ok(()));
                        }
                    };
                    let now_sent = piece.split_to(capacity.min(piece.len()));
                    let done = piece.is_empty();
                    self.stream.send_data(now_sent, false).map_err(stop)?;
                    self.moved = now();
                    if done {
                        self.sending = Sending::Ready;
                        let (sent, total) = (self.upload.sent(), self.upload.total());
                        emitter.progress(|| What::UploadProgress { sent, total });
                    }
                }
            }
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let timeouts = &self.options.timeouts;
        let (wait, phase, stage) = match self.sending {
            Sending::Sent | Sending::Stopped => {
                (timeouts.first_byte, Phase::FirstByte, Stage::Receive)
            }
            _ => (timeouts.between_bytes, Phase::BetweenBytes, Stage::Send),
        };
        let (Some(deadline), Wait::AtMost(limit)) = (wait.deadline(self.moved), wait) else {
            return Poll::Pending;
        };
        self.claim.timer.poll_until(deadline, cx).map(|()| Error::timeout(phase, stage, limit))
    }

    fn into_answer(self, response: http::Response<RecvStream>, emitter: &Emitter) -> Answer {
        let complete = matches!(self.sending, Sending::Sent);
        if !complete {
            let (sent, total) = (self.upload.sent(), self.upload.total());
            emitter.emit(|| What::UploadStopped { sent, total });
        }
        let (parts, stream) = response.into_parts();
        let facts =
            ConnectionFacts { age: Some(self.claim.age), ..self.claim.connection.0.facts.clone() };
        let content = if stream.is_end_stream() {
            Content::Memory(Bytes::new(), None)
        } else {
            let unfinished = (!complete).then_some(self.stream);
            Content::Wire(Box::new(Incoming {
                claim: self.claim,
                stream,
                data_ended: false,
                _unfinished: unfinished,
            }))
        };
        Answer {
            status: parts.status,
            version: Version::HTTP_2,
            reason: Bytes::new(),
            headers: parts.headers,
            content: ContentOrBody::Content(content),
            connection: facts,
            upload: if complete { Uploaded::Complete } else { Uploaded::Stopped },
        }
    }
}

/// A body on its way in over an HTTP/2 stream.
struct Incoming {
    claim: Claim,
    stream: RecvStream,
    data_ended: bool,
    /// An upload that was stopped: letting go of it would reset the stream, answer and all.
    _unfinished: Option<SendStream<Bytes>>,
}

impl Wire for Incoming {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>> {
        self.claim.drive(cx);
        let polled = self.poll_stream(cx);
        if polled.is_ready() {
            // What was read may have opened the window again; the peer should hear of it.
            self.claim.drive(cx);
        }
        polled
    }

    fn timer(&mut self) -> Option<&mut Timer> {
        Some(&mut self.claim.timer)
    }
}

impl Incoming {
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>> {
        if !self.data_ended {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    // The window was made for these bytes; giving them back cannot overflow it.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Ok(Piece::Data(data)));
                }
                Some(Err(why)) => return Poll::Ready(Err(broken_body(why))),
                None => self.data_ended = true,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx)).map_err(broken_body)?;
        Poll::Ready(Ok(Piece::End(trailers)))
    }
}

/// How bad an error is for the request that met it.
fn stop(why: h2::Error) -> Stop {
    // RFC 9113 §6.8: streams above a GOAWAY's last one, and only those get this error, were not
    // processed, whatever the reason for the farewell.
    let refused =
        why.reason() == Some(Reason::REFUSED_STREAM) || (why.is_go_away() && why.is_remote());
    let how = if refused {
        Break::Refused
    } else if why.is_io() || why.is_go_away() {
        Break::Silent
    } else {
        Break::Answering
    };
    (failed(why, Stage::Receive), how)
}

fn failed(why: h2::Error, stage: Stage) -> Error {
    let kind = if why.is_io() || why.is_go_away() || (why.is_reset() && why.is_remote()) {
        ErrorKind::ConnectionLost
    } else {
        ErrorKind::Protocol
    };
    Error::new(kind, stage, format!("HTTP/2: {why}")).because(why)
}

fn broken_body(why: h2::Error) -> Error {
    let lost = why.is_io() || why.is_go_away() || why.is_reset();
    let kind = if lost && why.reason() != Some(Reason::PROTOCOL_ERROR) {
        ErrorKind::Truncated
    } else {
        ErrorKind::Protocol
    };
    Error::new(kind, Stage::Body, format!("the body was cut off: HTTP/2: {why}")).because(why)
}

const CONNECTION_FIELDS: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];
const SMALLEST_WINDOW: u32 = 16 * 1024;
/// RFC 9113 §5.1.1: stream numbers are odd, below 2^31, and never used again; some are kept for
/// those who have claimed one already.
const MOST_EXCHANGES: u32 = (1 << 30) - 1_000_000;
/// RFC 9113 §6.9.1.
const LARGEST_WINDOW: u32 = (1 << 31) - 1;
/// Frames of up to this size may come; larger ones only delay the others.
const LARGEST_FRAME: u32 = 16 * 1024;
/// So many alarms are kept for later exchanges.
const KEPT_TIMERS: usize = 256;
const SEND_BUFFER: usize = 256 * 1024;
