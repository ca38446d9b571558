//! `data:` URLs: the answer is in the question (RFC 2397).

use http::{HeaderValue, Method, StatusCode, header};
use wayfare_proto::wire::data_url::DataUrl;

use super::{Answer, Answering, Around, Outgoing, Protocol};
use crate::body::Body;
use crate::error::{Error, ErrorKind, Stage};

/// Answers `data:` URLs; GET and HEAD.
#[derive(Clone, Copy, Debug, Default)]
pub struct Data;

impl Protocol for Data {
    fn schemes(&self) -> &[&str] {
        &["data"]
    }

    fn attempt<'a>(&'a self, outgoing: Outgoing, _around: &'a Around) -> Answering<'a> {
        Box::pin(std::future::ready(answer(&outgoing)))
    }
}

fn answer(outgoing: &Outgoing) -> Result<Answer, Error> {
    if !matches!(outgoing.method, Method::GET | Method::HEAD) {
        let message = format!("a data: URL cannot be asked to {}", outgoing.method);
        return Err(Error::new(ErrorKind::UnsupportedMethod, Stage::Plan, message));
    }
    let found = DataUrl::parse(outgoing.url.as_str()).map_err(|why| {
        let message = format!("the data: URL cannot be read: {why}");
        Error::new(ErrorKind::InvalidUrl, Stage::Plan, message).because(why)
    })?;
    let media_type = HeaderValue::from_str(&found.media_type)
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
    let answer = Answer::new(StatusCode::OK)
        .with_header(header::CONTENT_TYPE, media_type)
        .with_header(header::CONTENT_LENGTH, HeaderValue::from(found.body.len()));
    Ok(if outgoing.method == Method::HEAD {
        answer
    } else {
        answer.with_body(Body::from(found.body))
    })
}
