//! DNS over HTTPS (RFC 8484): one question posted, over HTTP/2 or HTTP/1.1, polled in place.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wayfare_proto::route::name_server::NameServer;
use wayfare_proto::wire::http1::body::{BodyReader, Piece};
use wayfare_proto::wire::http1::limits::HeadLimits;
use wayfare_proto::wire::http1::request::{Sending, write_head};
use wayfare_proto::wire::http1::response::{Head, HeadReader, ResponseHead};

use super::failure::{LookupFailure, LookupFault};
use crate::socket::Stream;

/// What came back.
pub(super) struct Posted {
    pub(super) body: Vec<u8>,
    /// For how many seconds it had been kept on the way (RFC 8484 §5.1).
    pub(super) age: u32,
}

/// Posts a question over a new HTTP/2 connection.
pub(super) async fn post_h2(
    stream: Box<dyn Stream>,
    server: &NameServer,
    asked: Vec<u8>,
) -> Result<Posted, LookupFailure> {
    let (sender, connection) = h2::client::handshake(stream).await.map_err(|why| broken(&why))?;
    let mut connection = pin!(connection);
    let mut exchange = pin!(exchange_h2(sender, server, asked));
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
            let why = ended.err().map_or_else(|| "it was closed".to_owned(), |why| why.to_string());
            return Poll::Ready(Err(broken(&why)));
        }
        Poll::Pending
    })
    .await
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

/// Posts a question over a new HTTP/1.1 connection.
pub(super) async fn post_h1(
    mut stream: Box<dyn Stream>,
    server: &NameServer,
    asked: &[u8],
) -> Result<Posted, LookupFailure> {
    let mut output = BytesMut::new();
    let sending = Sending::Sized(asked.len() as u64);
    let mut fields = fields();
    fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let host = server.authority();
    write_head(&mut output, &Method::POST, server.target(), &host, &fields, sending)
        .map_err(|why| LookupFailure::new(LookupFault::InvalidRequest, why.to_string()))?;
    output.extend_from_slice(asked);
    stream.write_all(&output).await.map_err(|why| broken(&why))?;
    stream.flush().await.map_err(|why| broken(&why))?;
    let mut input = BytesMut::new();
    let head = read_head(&mut stream, &mut input).await?;
    let age = check(head.status, &head.headers)?;
    let mut reader = BodyReader::new(head.framing, HeadLimits::default());
    let mut body = Vec::new();
    loop {
        match reader.read(&mut input).map_err(|why| broken(&why))? {
            Piece::Data(piece) => collect(&mut body, &piece)?,
            Piece::End(_) => return Ok(Posted { body, age }),
            Piece::NeedMore => {
                if stream.read_buf(&mut input).await.map_err(|why| broken(&why))? == 0 {
                    reader.handle_end().map_err(|why| broken(&why))?;
                    return Ok(Posted { body, age });
                }
            }
        }
    }
}

async fn read_head(
    stream: &mut Box<dyn Stream>,
    input: &mut BytesMut,
) -> Result<ResponseHead, LookupFailure> {
    let mut reader = HeadReader::new(&Method::POST, HeadLimits::default());
    loop {
        match reader.read(input).map_err(|why| broken(&why))? {
            Some(Head::Final(head)) => return Ok(head),
            Some(Head::Interim { .. }) => {}
            None => {
                if stream.read_buf(input).await.map_err(|why| broken(&why))? == 0 {
                    return Err(broken(&reader.handle_end(input)));
                }
            }
        }
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
        let message = "the server's answer is longer than a DNS message can be";
        return Err(LookupFailure::new(LookupFault::InvalidReply, message));
    }
    body.extend_from_slice(piece);
    Ok(())
}

fn broken(why: &dyn fmt::Display) -> LookupFailure {
    LookupFailure::new(LookupFault::Resolver, format!("the connection to the server broke: {why}"))
}

const MESSAGE: &str = "application/dns-message";
const MOST_BYTES: usize = 65_535;
