//! One HTTP/2 connection, on the h2 crate itself: it can send 1xx, trailers and resets.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Response, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::task::JoinSet;

use super::{BoxError, ReplyBody};
use crate::endpoints::{Answer, Site, Visit};
use crate::stream::ServerStream;

/// Serves streams until the connection is over.
pub(crate) async fn serve<S: ServerStream>(stream: S, site: Arc<Site>, number: u64) {
    let handshake = h2::server::Builder::new()
        .initial_window_size(1 << 20)
        .initial_connection_window_size(8 << 20)
        .max_concurrent_streams(256)
        .max_send_buffer_size(1 << 20)
        // Tests give up many requests at a time, which a busy machine must not take for an attack.
        .max_pending_accept_reset_streams(1_000)
        .handshake::<_, Bytes>(stream)
        .await;
    let Ok(mut connection) = handshake else {
        return;
    };
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    streams.spawn(exchange(request, respond, Arc::clone(&site), number));
                }
                Some(Err(_)) | None => return,
            },
            Some(_) = streams.join_next() => {}
        }
    }
}

async fn exchange(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    site: Arc<Site>,
    number: u64,
) {
    let head_only = request.method() == Method::HEAD;
    let request = request.map(|stream| Received { stream }.boxed_unsync());
    let response = match site.answer(request, Visit { connection: number }).await {
        Answer::Respond(response) | Answer::Raw { instead: response, .. } => response,
        Answer::Interim { interim, response } => {
            if respond.send_informational(interim).is_err() {
                return;
            }
            response
        }
    };
    // An error means that the client has reset the stream or gone.
    let _ = send(respond, response, head_only).await;
}

async fn send(
    mut respond: SendResponse<Bytes>,
    response: Response<ReplyBody>,
    head_only: bool,
) -> Result<(), h2::Error> {
    let (mut head, body) = response.into_parts();
    for name in [header::CONNECTION, header::TRANSFER_ENCODING] {
        head.headers.remove(name);
    }
    let date = httpdate::fmt_http_date(SystemTime::now());
    if let Ok(date) = date.parse() {
        head.headers.entry(header::DATE).or_insert(date);
    }
    if let Some(length) = body.size_hint().exact() {
        head.headers.entry(header::CONTENT_LENGTH).or_insert(length.into());
    }
    let end = head_only || body.is_end_stream();
    let stream = respond.send_response(Response::from_parts(head, ()), end)?;
    if end { Ok(()) } else { pump(stream, body).await }
}

async fn pump(mut stream: SendStream<Bytes>, mut body: ReplyBody) -> Result<(), h2::Error> {
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            reset = poll_fn(|cx| stream.poll_reset(cx)) => return reset.map(|_| ()),
        };
        match frame.map(|frame| frame.map(Frame::into_data)) {
            None => return stream.send_data(Bytes::new(), true),
            Some(Err(_)) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return Ok(());
            }
            Some(Ok(Ok(data))) => send_data(&mut stream, data).await?,
            Some(Ok(Err(frame))) => {
                let trailers = frame.into_trailers().unwrap_or_else(|_| HeaderMap::new());
                return stream.send_trailers(trailers);
            }
        }
    }
}

async fn send_data(stream: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), h2::Error> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let Some(capacity) = poll_fn(|cx| stream.poll_capacity(cx)).await else {
            return Err(Reason::CANCEL.into());
        };
        let part = data.split_to(capacity?.min(data.len()));
        stream.send_data(part, false)?;
    }
    Ok(())
}

/// A request body that gives the client new window as it is read.
struct Received {
    stream: RecvStream,
}

impl Body for Received {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match ready!(self.stream.poll_data(cx)) {
            Some(Ok(data)) => {
                let _ = self.stream.flow_control().release_capacity(data.len());
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error.into()))),
            None => match ready!(self.stream.poll_trailers(cx)) {
                Ok(Some(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Ok(None) => Poll::Ready(None),
                Err(error) => Poll::Ready(Some(Err(error.into()))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}
