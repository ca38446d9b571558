//! DNS over HTTPS (RFC 8484): one question posted, over HTTP/2 or HTTP/1.1, polled in place.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use wayfare_proto::route::name_server::NameServer;

use super::failure::{LookupFailure, LookupFault};
use crate::post::{self, Afterwards, Answered, Post, PostFailure};
use crate::socket::Stream;

/// What came back.
pub(super) struct Posted {
    pub(super) body: Vec<u8>,
    /// For how many seconds it had been kept on the way (RFC 8484 §5.1).
    pub(super) age: u32,
}

/// An HTTP/2 connection to a name server, driven by whoever asks.
pub(super) struct Session {
    sender: h2::client::SendRequest<Bytes>,
    connection: Pin<Box<h2::client::Connection<Box<dyn Stream>, Bytes>>>,
}

impl Session {
    pub(super) async fn open(stream: Box<dyn Stream>) -> Result<Self, LookupFailure> {
        let opened = h2::client::handshake(stream).await;
        let (sender, connection) = opened.map_err(|why| broken(&why))?;
        Ok(Self { sender, connection: Box::pin(connection) })
    }

    /// Posts a question.
    pub(super) async fn post(
        &mut self,
        server: &NameServer,
        asked: Vec<u8>,
    ) -> Result<Posted, LookupFailure> {
        let connection = &mut self.connection;
        let mut exchange = pin!(exchange_h2(self.sender.clone(), server, asked));
        std::future::poll_fn(|cx| {
            if let Poll::Ready(done) = exchange.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            // The frames move here; nobody else drives this connection.
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                // What had come before its end may still be an answer.
                if let Poll::Ready(done) = exchange.as_mut().poll(cx) {
                    return Poll::Ready(done);
                }
                let why =
                    ended.err().map_or_else(|| "it was closed".to_owned(), |why| why.to_string());
                return Poll::Ready(Err(broken(&why)));
            }
            Poll::Pending
        })
        .await
    }
}

async fn exchange_h2(
    sender: h2::client::SendRequest<Bytes>,
    server: &NameServer,
    asked: Vec<u8>,
) -> Result<Posted, LookupFailure> {
    let mut sender = sender.ready().await.map_err(|why| broken(&why))?;
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(server.to_string())
        .body(())
        .map_err(|why| LookupFailure::new(LookupFault::InvalidRequest, why.to_string()))?;
    *request.headers_mut() = fields();
    request.headers_mut().insert(header::CONTENT_LENGTH, asked.len().into());
    let (answer, mut body) = sender.send_request(request, false).map_err(|why| broken(&why))?;
    body.send_data(asked.into(), true).map_err(|why| broken(&why))?;
    let (head, mut incoming) = answer.await.map_err(|why| broken(&why))?.into_parts();
    let age = check(head.status, &head.headers)?;
    let mut body = Vec::new();
    while let Some(piece) = incoming.data().await {
        let piece = piece.map_err(|why| broken(&why))?;
        // Room is given back only for what is kept; more than a message is not asked for.
        let _ = incoming.flow_control().release_capacity(piece.len());
        collect(&mut body, &piece)?;
    }
    Ok(Posted { body, age })
}

/// Posts a question over an HTTP/1.1 connection; also tells whether that may be kept.
pub(super) async fn post_h1(
    stream: &mut Box<dyn Stream>,
    server: &NameServer,
    asked: &[u8],
) -> Result<(Posted, Afterwards), LookupFailure> {
    let (host, target, fields) = (server.authority(), server.target(), fields());
    let afterwards = Afterwards::Keep;
    let post = Post { host: &host, target, fields, body: asked, most: MOST_BYTES, afterwards };
    // Kept beside, because the words alone do not tell what kind of failure it is.
    let mut unwanted = None;
    let answered = post::post(stream, post, |status, fields| {
        check(status, fields).map_err(|failure| {
            let words = failure.to_string();
            unwanted = Some(failure);
            words
        })
    });
    match answered.await {
        Ok(Answered { head: age, body, afterwards }) => Ok((Posted { body, age }, afterwards)),
        Err(PostFailure::TooLong) => Err(too_long()),
        Err(failure) => Err(unwanted.unwrap_or_else(|| broken(&failure))),
    }
}

fn fields() -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert(header::ACCEPT, HeaderValue::from_static(MESSAGE));
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(MESSAGE));
    fields
}

/// Refuses what is no DNS answer; gives its age.
fn check(status: StatusCode, fields: &HeaderMap) -> Result<u32, LookupFailure> {
    if status != StatusCode::OK {
        let message = format!("the server answered with the HTTP status {status}");
        return Err(LookupFailure::new(LookupFault::Resolver, message));
    }
    let kind = fields.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(MESSAGE) {
        let message = "the server answered with something that is no DNS message";
        return Err(LookupFailure::new(LookupFault::InvalidReply, message));
    }
    let age = fields.get(header::AGE).and_then(|value| value.to_str().ok());
    Ok(age.and_then(|age| age.trim().parse().ok()).unwrap_or(0))
}

fn collect(body: &mut Vec<u8>, piece: &[u8]) -> Result<(), LookupFailure> {
    if body.len() + piece.len() > MOST_BYTES {
        return Err(too_long());
    }
    body.extend_from_slice(piece);
    Ok(())
}

fn too_long() -> LookupFailure {
    let message = "the server's answer is longer than a DNS message can be";
    LookupFailure::new(LookupFault::InvalidReply, message)
}

fn broken(why: &dyn fmt::Display) -> LookupFailure {
    LookupFailure::new(LookupFault::Resolver, format!("the connection to the server broke: {why}"))
}

const MESSAGE: &str = "application/dns-message";
const MOST_BYTES: usize = 65_535;
