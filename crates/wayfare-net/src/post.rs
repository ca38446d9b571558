//! One small HTTP/1.1 exchange, for what this crate has to ask itself: name servers and those who
//! answer for certificates.

use std::fmt;

use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wayfare_proto::wire::http1::body::{BodyReader, Piece};
use wayfare_proto::wire::http1::limits::HeadLimits;
use wayfare_proto::wire::http1::request::{Opening, Sending, write_head};
use wayfare_proto::wire::http1::response::{Head, HeadReader, ResponseHead};

use crate::socket::Stream;

/// What is posted, and to whom.
pub(crate) struct Post<'a> {
    pub(crate) host: &'a str,
    pub(crate) target: &'a str,
    pub(crate) fields: HeaderMap,
    pub(crate) body: &'a [u8],
    /// An answer of more bytes is refused.
    pub(crate) most: usize,
    pub(crate) afterwards: Afterwards,
}

/// What is to become of the connection when the answer is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// Nothing more is asked over it.
    Close,
    /// More is asked over it, if the server goes along.
    Keep,
}

/// What came back.
pub(crate) struct Answered<T> {
    /// What was made of the head.
    pub(crate) head: T,
    pub(crate) body: Vec<u8>,
    /// Whether more may be asked over the same connection.
    pub(crate) afterwards: Afterwards,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum PostFailure {
    Broken(String),
    TooLong,
    /// The head was not taken, for this reason.
    Unwanted(String),
}

impl fmt::Display for PostFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(why) | Self::Unwanted(why) => f.write_str(why),
            Self::TooLong => f.write_str("its answer is too long"),
        }
    }
}

/// Posts, and reads the answer if `check` takes its head.
pub(crate) async fn post<T>(
    stream: &mut Box<dyn Stream>,
    mut post: Post<'_>,
    check: impl FnOnce(StatusCode, &HeaderMap) -> Result<T, String>,
) -> Result<Answered<T>, PostFailure> {
    if post.afterwards == Afterwards::Close {
        post.fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let mut output = BytesMut::new();
    let sending = Sending::Sized(post.body.len() as u64);
    let opening = Opening::new(&Method::POST, post.target, post.host);
    write_head(&mut output, opening, &post.fields, sending).map_err(broken)?;
    output.extend_from_slice(post.body);
    stream.write_all(&output).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut input = BytesMut::new();
    let head = read_head(stream, &mut input).await?;
    let taken = check(head.status, &head.headers).map_err(PostFailure::Unwanted)?;
    let (persists, wanted) = (head.keep_alive, post.afterwards);
    let answered = |body, afterwards| Ok(Answered { head: taken, body, afterwards });
    let mut reader = BodyReader::new(head.framing, HeadLimits::default());
    let mut body = Vec::new();
    loop {
        match reader.read(&mut input).map_err(broken)? {
            Piece::Data(piece) if body.len() + piece.len() > post.most => {
                return Err(PostFailure::TooLong);
            }
            Piece::Data(piece) => body.extend_from_slice(&piece),
            Piece::End(_) => {
                // Whoever says more than was asked might answer the next question with it.
                let is_clean = persists && input.is_empty();
                return answered(body, if is_clean { wanted } else { Afterwards::Close });
            }
            Piece::NeedMore => {
                if stream.read_buf(&mut input).await.map_err(broken)? == 0 {
                    reader.handle_end().map_err(broken)?;
                    return answered(body, Afterwards::Close);
                }
            }
        }
    }
}

async fn read_head(
    stream: &mut Box<dyn Stream>,
    input: &mut BytesMut,
) -> Result<ResponseHead, PostFailure> {
    let mut reader = HeadReader::new(&Method::POST, HeadLimits::default());
    loop {
        match reader.read(input).map_err(broken)? {
            Some(Head::Final(head)) => return Ok(head),
            Some(Head::Interim { .. }) => {}
            None => {
                if stream.read_buf(input).await.map_err(broken)? == 0 {
                    return Err(broken(reader.handle_end(input)));
                }
            }
        }
    }
}

#[allow(clippy::needless_pass_by_value)] // As `map_err` gives it.
fn broken(why: impl fmt::Display) -> PostFailure {
    PostFailure::Broken(why.to_string())
}
