//! The tests of the codec as a whole: tables of what is read, written and refused.

mod bodies;
mod heads;
mod requests;
mod speed;

use bytes::BytesMut;
use http::Method;

use super::body::{BodyReader, Piece};
use super::limits::HeadLimits;
use super::response::{Framing, Head, HeadReader, ResponseHead};
use super::violation::Violation;

/// Reads the answer to a GET, which must be there as a whole.
fn head_of(bytes: impl AsRef<[u8]>) -> Result<ResponseHead, Violation> {
    head_for(&Method::GET, bytes)
}

fn head_for(method: &Method, bytes: impl AsRef<[u8]>) -> Result<ResponseHead, Violation> {
    let mut reader = HeadReader::new(method, HeadLimits::default());
    let mut input = BytesMut::from(bytes.as_ref());
    loop {
        match reader.read(&mut input)? {
            Some(Head::Final(head)) => return Ok(head),
            Some(Head::Interim { .. }) => {}
            None => return Err(reader.handle_end(&input)),
        }
    }
}

/// Reads a body up to its end or that of the bytes; gives it and what stands behind it.
fn body_of(framing: Framing, bytes: impl AsRef<[u8]>) -> Result<(Vec<u8>, Vec<u8>), Violation> {
    let mut reader = BodyReader::new(framing, HeadLimits::default());
    let mut input = BytesMut::from(bytes.as_ref());
    let mut body = Vec::new();
    loop {
        match reader.read(&mut input)? {
            Piece::Data(data) => body.extend_from_slice(&data),
            Piece::End(_) => return Ok((body, input.to_vec())),
            Piece::NeedMore => {
                reader.handle_end()?;
                return Ok((body, Vec::new()));
            }
        }
    }
}
