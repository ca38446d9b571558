//! One exchange: its request out, its answer's head in.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method};
use url::Url;
use wayfare_net::clock::now;
use wayfare_net::gss::Failure as Unproven;
use wayfare_net::runtime::Home;
use wayfare_net::tls::policy::Verify;
use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::policy::retry::{Age, Break};
use wayfare_proto::trace::event::What;
use wayfare_proto::trace::timeline::Moment;
use wayfare_proto::wire::http1::body::BodyReader;
use wayfare_proto::wire::http1::request::{
    CHUNK_END, Opening, Refusal, Sending, write_chunk_header, write_head, write_last_chunk,
};
use wayfare_proto::wire::http1::response::{Head, HeadReader, ResponseHead};

use super::incoming::{GivingBack, Incoming, first_piece};
use super::{Connection, FIRST_READ};
use crate::body::Body;
use crate::error::{Error, ErrorKind, Phase, Retry, Stage};
use crate::events::Emitter;
use crate::options::Options;
use crate::protocol::http::proving::{Fate, IsSecure, Proving};
use crate::protocol::http::upload::{CONTINUE_PATIENCE, Upload, expects_continue};
use crate::protocol::http::{Surroundings, absolute_target, authority, target, unwritable};
use crate::protocol::{
    Answer, ContentOrBody, Failure, Fields, Outcome, Planned, Upload as Uploaded,
};

/// Makes one exchange on `connection`, which was got `began`.
pub(in crate::protocol::http) async fn exchange(
    connection: Box<Connection>,
    began: Instant,
    planned: Box<Planned>,
    around: &Surroundings<'_>,
    emitter: &mut Emitter,
) -> Outcome {
    let mut exchange = match Exchange::new(connection, began, planned, around) {
        Ok(exchange) => exchange,
        Err(failure) => return Outcome::Failed(failure.into()),
    };
    emitter.timeline.mark(Moment::SendBegan, began);
    let ended = std::future::poll_fn(|cx| exchange.poll(emitter, cx)).await;
    if around.proving.is_some() {
        // Boxed: few have anything to prove, and a future is as large as all that it may wait for.
        return Box::pin(exchange.prove(ended, around, emitter)).await;
    }
    exchange.conclude(ended, around, emitter)
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
    // Apart from what awaits it, whose memory would have room for all that is here and gone again.
    fn new(
        mut connection: Box<Connection>,
        began: Instant,
        planned: Box<Planned>,
        around: &Surroundings<'_>,
    ) -> Result<Self, Failure> {
        let Planned { method, url, fields, body } = *planned;
        let framing = framing_of(&body);
        let ahead = match write(&mut connection, (&method, &url, &fields), around, framing) {
            Ok(ahead) => ahead,
            Err(why) => return Err(Failure::before_sending(unwritable(why), body)),
        };
        let expects = framing != Sending::Nothing && expects_continue(fields.mapped());
        Ok(Self {
            reader: HeadReader::new(&method, around.options.heads),
            upload: Upload::new(body),
            sending: if expects { SendState::HeadThenWait } else { SendState::Writing },
            framing,
            home: around.home.clone(),
            options: around.options.clone(),
            send_error: None,
            answering: false,
            written: ahead > 0,
            moved: began,
            connection,
        })
    }

    fn poll(
        &mut self,
        emitter: &mut Emitter,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, Error>> {
        let moved_before = self.moved;
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
            Poll::Pending => self.poll_deadline(moved_before, cx).map(Err),
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
                    let (sent, total) = (self.upload.sent(), self.upload.total());
                    emitter.last_progress(|| What::UploadProgress { sent, total });
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
        let has_piece = piece.is_some();
        let more = piece.as_ref().map_or(0, Bytes::len);
        let output = self.connection.output.room_for(more + FRAMING);
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
        if has_piece {
            let (sent, total) = (self.upload.sent(), self.upload.total());
            emitter.progress(|| What::UploadProgress { sent, total });
        }
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
    fn poll_deadline(&mut self, moved_before: Instant, cx: &mut Context<'_>) -> Poll<Error> {
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
        let timer = &mut self.connection.timer;
        let late = match self.moved == moved_before {
            true => timer.poll_until(deadline, cx),
            false => timer.poll_set(deadline, cx),
        };
        late.map(|()| Error::timeout(phase, stage, limit))
    }

    /// Has whoever let a user in prove itself, before anything of its answer is used.
    async fn check_proof(
        &mut self,
        head: &ResponseHead,
        around: &Surroundings<'_>,
    ) -> Result<(), Error> {
        let unheard = |one: &&Arc<Proving>| one.is_unheard(head.status, around.key);
        let Some(proving) = around.proving.filter(|one| !unheard(one)) else { return Ok(()) };
        let verify = around.key.footing.tls.settings().verify;
        let is_secure = match &self.connection.facts.tls {
            Some(facts) if verify == Verify::Peer && facts.problems.is_empty() => IsSecure::Yes,
            _ => IsSecure::No,
        };
        let said = (head.status, &head.headers);
        let checked = proving.handle_head(&mut self.connection, said, is_secure).await;
        checked.map_err(|failure| {
            let message = format!("{failure} (status {})", head.status.as_u16());
            let kind = match failure {
                Unproven::TooLate(_) => ErrorKind::Timeout(Phase::FirstByte),
                _ => ErrorKind::Protocol,
            };
            Error::new(kind, Stage::Receive, message).because(failure)
        })
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

    /// Goes on with an exchange that may prove somebody.
    async fn prove(
        mut self,
        ended: Result<ResponseHead, Error>,
        around: &Surroundings<'_>,
        emitter: &Emitter,
    ) -> Outcome {
        let ended = match ended {
            Ok(head) => self.check_proof(&head, around).await.map(|()| head),
            Err(error) => Err(error),
        };
        self.conclude(ended, around, emitter)
    }

    fn conclude(
        self,
        ended: Result<ResponseHead, Error>,
        around: &Surroundings<'_>,
        emitter: &Emitter,
    ) -> Outcome {
        match ended {
            Ok(head) => Outcome::Answered(self.into_answer(head, around, emitter)),
            Err(error) => Outcome::Failed(self.into_failure(error).into()),
        }
    }

    fn into_answer(
        mut self,
        head: ResponseHead,
        around: &Surroundings<'_>,
        emitter: &Emitter,
    ) -> Box<Answer> {
        // A server that counts answers when it has all, be the source slow to say that it ends.
        let all_written = self.upload.has_given_all() && self.connection.output.is_empty();
        let complete = self.sending == SendState::Sent || all_written;
        if !complete {
            let (sent, total) = (self.upload.sent(), self.upload.total());
            emitter.emit(|| What::UploadStopped { sent, total });
        }
        let connection = self.connection.facts();
        // A connection whose upload was cut short cannot carry another request (RFC 9112 §9.5).
        let fate = match around.proving {
            Some(proving) => {
                let said = (head.status, &head.headers);
                proving.judge(&mut self.connection, said, around.key)
            }
            None => Fate::Pool,
        };
        let giving_back =
            (complete && head.keep_alive && fate != Fate::Close).then(|| GivingBack {
                connections: around.connections.clone(),
                key: around.key.clone(),
                home: self.home.clone(),
                proving: around.proving.filter(|_| fate == Fate::Keep).cloned(),
            });
        self.connection.output.clear();
        let body = Incoming {
            reader: BodyReader::new(head.framing, around.options.heads),
            piece: first_piece(head.framing, around.options.bodies.read_buffer),
            connection: Some(self.connection),
            giving_back,
        };
        Box::new(Answer {
            status: head.status,
            version: head.version,
            reason: head.reason,
            headers: head.headers,
            content: ContentOrBody::Content(body.into_content(head.framing, self.moved)),
            connection,
            upload: if complete { Uploaded::Complete } else { Uploaded::Stopped },
            untouched: self.upload.into_untouched(),
        })
    }
}

fn framing_of(body: &Body) -> Sending {
    match (body.is_none(), body.length()) {
        (true, _) => Sending::Nothing,
        (false, Some(length)) => Sending::Sized(length),
        (false, None) => Sending::Chunked,
    }
}

/// Puts the head into the output, but for so much of it as was sent before, which it gives.
fn write(
    connection: &mut Connection,
    planned: (&Method, &Url, &Fields),
    around: &Surroundings<'_>,
    framing: Sending,
) -> Result<usize, Refusal> {
    let (method, url, fields) = planned;
    let output = &mut connection.output;
    output.clear();
    let target = match around.key.forwarder() {
        Some(_) => absolute_target(url),
        None => target(url),
    };
    let opening = fields.following(Opening::new(method, target, authority(url)));
    // Room for the head is made at once, or not at all.
    write_head(output.room_for(0), opening, fields.unwritten(), framing)?;
    // What is written once for many requests is at hand anyway.
    if fields.unwritten().into_iter().any(|(_, value)| value.is_sensitive()) {
        output.mark_secret();
    }
    let ahead = std::mem::take(&mut connection.ahead).min(output.len());
    output.advance(ahead);
    Ok(ahead)
}

fn lost(why: io::Error, stage: Stage) -> Error {
    let message = match why.kind() {
        io::ErrorKind::UnexpectedEof => "the connection was closed before the answer".to_owned(),
        _ => format!("the connection broke: {why}"),
    };
    Error::new(ErrorKind::ConnectionLost, stage, message).because(why)
}

/// More than what frames a chunk.
const FRAMING: usize = 64;
/// Output up to this size waits for the next piece of the body.
const COALESCE: usize = 16 * 1024;
