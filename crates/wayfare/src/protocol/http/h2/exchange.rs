//! One exchange on a shared connection: its request out, its answer's head in.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::uri::{self, Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version, header};
use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, Timer};
use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::policy::retry::{Age, Break};
use wayfare_proto::policy::schedule::Priority;
use wayfare_proto::trace::event::What;
use wayfare_proto::trace::timeline::Moment;

use super::incoming::{Credit, Incoming, too_large};
use super::{Begun, Claim};
use crate::body::Body;
use crate::body::incoming::Content;
use crate::error::{Error, ErrorKind, Phase, Retry, Stage};
use crate::events::Emitter;
use crate::options::Options;
use crate::protocol::http::upload::{CONTINUE_PATIENCE, Upload, expects_continue};
use crate::protocol::http::{Surroundings, authority, target, unwritable};
use crate::protocol::{
    Answer, ConnectionFacts, ContentOrBody, Failure, Outcome, Planned, Upload as Uploaded,
};

/// Makes one exchange with `claim`, which was got `began`.
pub(in crate::protocol::http) async fn exchange(
    claim: Claim,
    began: Instant,
    planned: Box<Planned>,
    around: &Surroundings<'_>,
    emitter: &mut Emitter,
) -> Outcome {
    let age = claim.age;
    let mut send = claim.connection.sender();
    if claim.begun.is_none()
        && let Err(error) = room(&claim, &mut send, began, around).await
    {
        return Outcome::Failed(not_opened(&claim, error, planned.body).into());
    }
    // Built only now, so that who waits for room holds no more than the request.
    let mut exchange = match Exchange::open(claim, send, *planned, around) {
        Ok(exchange) => exchange,
        Err(failure) => return Outcome::Failed(failure.into()),
    };
    emitter.timeline.mark(Moment::SendBegan, began);
    if matches!(exchange.sending, Sending::Sent) {
        emitter.timeline.mark(Moment::SendEnded, exchange.moved);
        emitter.emit(|| What::Sent);
    }
    match std::future::poll_fn(|cx| exchange.poll(emitter, cx)).await {
        Ok(response) => {
            emitter.mark(Moment::Head);
            Outcome::Answered(Box::new(exchange.into_answer(response, began, emitter)))
        }
        Err((error, how)) => exchange.into_failure(error, how, age),
    }
}

/// The connection would not take one more stream.
fn not_opened(claim: &Claim, error: Error, body: Body) -> Failure {
    let how = match error.kind() {
        ErrorKind::ConnectionLost => {
            claim.connection.refuse_more();
            claim.connection.refusal()
        }
        _ => Break::Answering,
    };
    let error = error.with_retry(hint(how));
    Failure { error, how, age: claim.age, untouched: Some(body) }
}

fn hint(how: Break) -> Retry {
    match how {
        Break::Overtaken | Break::Refused | Break::Unsent => Retry::Safe,
        Break::Silent => Retry::OnReusedConnection,
        Break::Answering => Retry::Never,
    }
}

/// Waits until the connection takes one more stream. Nearly always that is at once; who must wait
/// keeps what that needs elsewhere.
async fn room(
    claim: &Claim,
    send: &mut SendRequest<Bytes>,
    began: Instant,
    around: &Surroundings<'_>,
) -> Result<(), Error> {
    let polled = std::future::poll_fn(|cx| {
        claim.drive(cx);
        Poll::Ready(send.poll_ready(cx))
    });
    match polled.await {
        Poll::Ready(ready) => ready.map_err(|why| failed(why, Stage::Send)),
        Poll::Pending => Box::pin(wait_for_room(claim, send, began, around)).await,
    }
}

async fn wait_for_room(
    claim: &Claim,
    send: &mut SendRequest<Bytes>,
    began: Instant,
    around: &Surroundings<'_>,
) -> Result<(), Error> {
    let mut timer = Timer::new(around.home.clone());
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
    .await
}

/// The request's head as HTTP/2 has it (RFC 9113 §8.3.1); `read` makes an authority of a host.
pub(super) fn head(
    read: impl FnOnce(&str) -> Result<Authority, Error>,
    method: &Method,
    url: &url::Url,
    mut headers: HeaderMap,
    body: &Body,
) -> Result<Request<()>, Error> {
    let host = headers.remove(header::HOST);
    let named = match &host {
        Some(host) => host.to_str().map_err(unwritable)?,
        None => authority(url),
    };
    let mut parts = uri::Parts::default();
    parts.scheme = Some(if url.scheme() == "https" { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(read(named)?);
    parts.path_and_query = Some(target(url).parse().map_err(unwritable)?);
    // RFC 9113 §8.2.2: fields that speak of a connection are malformed here, but for this one.
    let trailers = headers.get(header::TE).filter(|te| te.as_bytes() == b"trailers").cloned();
    if headers.keys().any(speaks_of_connection) {
        for name in CONNECTION_FIELDS {
            headers.remove(name);
        }
    }
    if let Some(trailers) = trailers {
        headers.insert(header::TE, trailers);
    }
    check_length(&headers, body)?;
    if let (false, Some(length)) = (body.is_none(), body.length()) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    } else if body.is_none() && matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(0u64));
    }
    let mut request = Request::new(());
    *request.method_mut() = method.clone();
    *request.uri_mut() = Uri::from_parts(parts).map_err(unwritable)?;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = headers;
    Ok(request)
}

fn speaks_of_connection(name: &HeaderName) -> bool {
    // None of them begins otherwise, and most names do.
    matches!(name.as_str().as_bytes().first(), Some(b'c' | b'k' | b'p' | b't' | b'u'))
        && CONNECTION_FIELDS.contains(&name.as_str())
}

/// RFC 9218 §5: the server is told, too, who goes first.
pub(super) fn with_priority(mut request: Request<()>, priority: Priority) -> Request<()> {
    let value = match priority {
        Priority::High => "u=1",
        Priority::Normal => return request,
        Priority::Low => "u=5",
    };
    request.headers_mut().entry("priority").or_insert(HeaderValue::from_static(value));
    request
}

/// A caller's own `Content-Length` must say what the body says, as over HTTP/1.1.
fn check_length(headers: &HeaderMap, body: &Body) -> Result<(), Error> {
    let Some(given) = headers.get(header::CONTENT_LENGTH) else { return Ok(()) };
    let known = body.length().map(|length| length.to_string());
    if known.as_deref().map(str::as_bytes) == Some(given.as_bytes()) {
        return Ok(());
    }
    Err(Error::invalid_request("the Content-Length given is not the body's length"))
}

/// An exchange until its answer's head is there.
struct Exchange {
    response: ResponseFuture,
    stream: SendStream<Bytes>,
    upload: Upload,
    sending: Sending,
    home: Home,
    options: Arc<Options>,
    moved: Instant,
    interim: u8,
    /// The server has said that it takes no more (GOAWAY).
    farewell: bool,
    /// Last, so that the place is given on when the stream has been given up.
    claim: Claim,
}

enum Sending {
    /// The body waits for `100 Continue` until then (RFC 9110 §10.1.1: not indefinitely).
    AwaitContinue(Instant),
    /// A piece is to be fetched.
    Ready,
    /// A piece waits for the peer's window.
    Waiting(Bytes),
    Sent,
    Stopped,
}

type Stop = (Error, Break);

impl Exchange {
    /// Opens a stream with the request's head.
    fn open(
        mut claim: Claim,
        mut send: SendRequest<Bytes>,
        planned: Planned,
        around: &Surroundings<'_>,
    ) -> Result<Self, Failure> {
        let Planned { method, url, fields, body } = planned;
        if let Some(begun) = claim.begun.take() {
            return Ok(Self::of(*begun, Sending::Sent, body, claim, around));
        }
        let read = |named: &str| claim.connection.authority(named);
        let request = match head(read, &method, &url, fields.into_map(), &body) {
            Ok(request) => with_priority(request, around.priority),
            Err(error) => return Err(Failure::before_sending(error, body)),
        };
        let ended = body.is_none() || body.length() == Some(0);
        let sending = match (ended, expects_continue(request.headers())) {
            (true, _) => Sending::Sent,
            (false, true) => Sending::AwaitContinue(now() + CONTINUE_PATIENCE),
            (false, false) => Sending::Ready,
        };
        match send.send_request(request, ended) {
            Ok(begun) => Ok(Self::of(begun, sending, body, claim, around)),
            Err(why) => Err(not_opened(&claim, failed(why, Stage::Send), body)),
        }
    }

    fn of(
        (response, stream): Begun,
        sending: Sending,
        body: Body,
        claim: Claim,
        around: &Surroundings<'_>,
    ) -> Self {
        Self {
            response,
            stream,
            upload: Upload::new(body),
            sending,
            home: around.home.clone(),
            options: around.options.clone(),
            moved: now(),
            interim: 0,
            farewell: false,
            claim,
        }
    }

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
            let (parts, ()) = interim.map_err(|why| self.stopped(why))?.into_parts();
            let message = match parts.status {
                // RFC 9113 §8.6: there is nothing to switch to.
                StatusCode::SWITCHING_PROTOCOLS => Some("a 101 over HTTP/2".to_owned()),
                _ => too_large(&parts.headers, &self.options.heads),
            };
            if let Some(message) = message {
                let error = Error::new(ErrorKind::Protocol, Stage::Receive, message);
                return Poll::Ready(Err((error, Break::Answering)));
            }
            self.interim = self.interim.saturating_add(1);
            self.moved = now();
            if parts.status == StatusCode::CONTINUE
                && matches!(self.sending, Sending::AwaitContinue(_))
            {
                self.sending = Sending::Ready;
                // The sending side was polled before this was read.
                cx.waker().wake_by_ref();
            }
            if self.interim > self.options.heads.interim {
                let limit = self.options.heads.interim;
                let message = format!("more than {limit} interim responses");
                let error = Error::new(ErrorKind::Protocol, Stage::Receive, message);
                return Poll::Ready(Err((error, Break::Answering)));
            }
            emitter.emit(|| What::Interim { status: parts.status, headers: parts.headers });
        }
        let response =
            ready!(Pin::new(&mut self.response).poll(cx)).map_err(|why| self.stopped(why))?;
        if let Some(message) = too_large(response.headers(), &self.options.heads) {
            let error = Error::new(ErrorKind::Protocol, Stage::Receive, message);
            return Poll::Ready(Err((error, Break::Answering)));
        }
        Poll::Ready(Ok(response))
    }

    fn poll_send(&mut self, emitter: &mut Emitter, cx: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        loop {
            match &mut self.sending {
                Sending::Sent | Sending::Stopped => return Poll::Ready(Ok(())),
                Sending::AwaitContinue(until) => {
                    let until = *until;
                    ready!(self.claim.timer.poll_until(until, cx));
                    self.sending = Sending::Ready;
                }
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
                            let (sent, total) = (self.upload.sent(), self.upload.total());
                            emitter.last_progress(|| What::UploadProgress { sent, total });
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

    /// What an error means here: after an interim answer it is no longer silence.
    fn stopped(&mut self, why: h2::Error) -> Stop {
        let farewell = why.is_go_away() && why.is_remote();
        self.farewell |= farewell;
        let (error, mut how) = stop(why);
        if farewell {
            how = self.claim.connection.refusal();
        }
        let answering = how == Break::Silent && self.interim > 0;
        (error, if answering { Break::Answering } else { how })
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

    fn into_failure(self, error: Error, how: Break, age: Age) -> Outcome {
        if self.farewell && matches!(how, Break::Refused | Break::Overtaken) {
            // The next go must not come back to a connection that said good-bye.
            self.claim.connection.refuse_more();
        }
        let untouched = self.upload.into_untouched();
        let error = error.with_retry(hint(how));
        Outcome::Failed(Failure { error, how, age, untouched }.into())
    }

    fn into_answer(
        self,
        response: http::Response<RecvStream>,
        began: Instant,
        emitter: &Emitter,
    ) -> Answer {
        let given = self.upload.has_given_all() && !matches!(self.sending, Sending::Waiting(_));
        let complete = matches!(self.sending, Sending::Sent) || given;
        if !complete {
            let (sent, total) = (self.upload.sent(), self.upload.total());
            emitter.emit(|| What::UploadStopped { sent, total });
        }
        self.claim.connection.0.state.served.store(true, Ordering::Relaxed);
        let (parts, mut stream) = response.into_parts();
        let facts =
            ConnectionFacts { age: Some(self.claim.age), ..self.claim.connection.0.facts.clone() };
        // RFC 9110 §15.3.5, §15.4.5: these have no body, whatever follows.
        let bodiless = matches!(parts.status.as_u16(), 204 | 304);
        let content = if bodiless || stream.is_end_stream() {
            Content::Memory(Bytes::new(), None)
        } else {
            let after = emitter.timeline.newest().unwrap_or(began).saturating_duration_since(began);
            let unfinished = (!matches!(self.sending, Sending::Sent)).then_some(self.stream);
            Content::Wire(Box::new(Incoming {
                claim: self.claim,
                credit: Credit::of(&mut stream, after),
                stream,
                data_ended: false,
                _unfinished: unfinished,
                limits: self.options.heads,
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
            untouched: self.upload.into_untouched(),
        }
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
    } else if why.is_io() {
        Break::Silent
    } else {
        Break::Answering
    };
    (failed(why, Stage::Receive), how)
}

fn failed(why: h2::Error, stage: Stage) -> Error {
    let kind = if why.is_io() || ((why.is_go_away() || why.is_reset()) && why.is_remote()) {
        ErrorKind::ConnectionLost
    } else {
        ErrorKind::Protocol
    };
    Error::new(kind, stage, format!("HTTP/2: {why}")).because(why)
}

const CONNECTION_FIELDS: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];
