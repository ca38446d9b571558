//! The end of the line: an answer becomes a reply, and its body a pipe.

use http::{Method, header};
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::wire::coding::decoder::{Decoder, Selection};

use super::Transfer;
use crate::body::incoming::Content;
use crate::error::{Error, ErrorKind, Stage};
use crate::protocol::{Answer, ContentOrBody};
use crate::queue::Turn;
use crate::reply::pipe::Parts;
use crate::reply::{Head, Reply};

impl Transfer {
    pub(super) fn deliver(
        &mut self,
        answer: Box<Answer>,
        turn: Option<Turn>,
    ) -> Result<Reply, Error> {
        let decoder = self.decoder(&answer)?;
        let is_followed = self.emitter.as_ref().is_some_and(|emitter| emitter.is_heard());
        let expected = match decoder {
            // Only progress tells of it.
            None if is_followed => length(&answer),
            _ => None,
        };
        let content = match answer.content {
            ContentOrBody::Content(content) => content,
            ContentOrBody::Body(body) => Content::Source(body.open(&self.home).map_err(|why| {
                let message = format!("the content cannot be opened: {why}");
                Error::new(ErrorKind::FileSystem, Stage::Store, message).because(why)
            })?),
        };
        // `live` returns with this reply; there is no later use of the emitter.
        let emitter = self.emitter.take().expect("a transfer is delivered once");
        let way = self.key.as_ref().map_or(Chain::DIRECT, |key| key.footing.way.clone());
        let pipe = Parts {
            content,
            decoder,
            emitter,
            turn,
            expected,
            url: self.url.clone(),
            method: self.method.clone(),
            way: way.clone(),
            home: self.home.clone(),
            options: self.options.clone(),
            deadline: self.deadline,
        };
        let head = Head {
            status: answer.status,
            version: answer.version,
            reason: answer.reason,
            headers: answer.headers,
            url: self.url.clone(),
            redirects: self.journey.take().map(|journey| journey.redirects).unwrap_or_default(),
            way,
            connection: answer.connection,
            upload: answer.upload,
            most_collected: self.options.bodies.most_collected,
            home: self.home.clone(),
        };
        Ok(Reply::new(head, pipe))
    }

    fn decoder(&self, answer: &Answer) -> Result<Option<Decoder>, Error> {
        let mut codings = answer.headers.get_all(header::CONTENT_ENCODING).iter().peekable();
        let is_part = answer.status == http::StatusCode::PARTIAL_CONTENT;
        if codings.peek().is_none()
            || self.method == Method::HEAD
            || is_part
            || !self.undoes_codings()
        {
            return Ok(None);
        }
        let selection = Decoder::for_header(codings.map(http::HeaderValue::as_bytes));
        match selection {
            Ok(Selection::Decode(decoder)) => {
                Ok(Some(decoder.with_guard(self.options.bodies.guard)))
            }
            // A coding that nobody asked for is the reader's to undo.
            Ok(Selection::Identity | Selection::Unknown) => Ok(None),
            Err(fault) => {
                let message = format!("the body cannot be decoded: {fault}");
                Err(Error::new(ErrorKind::Decode, Stage::Receive, message).because(fault))
            }
        }
    }
}

fn length(answer: &Answer) -> Option<u64> {
    answer.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}
