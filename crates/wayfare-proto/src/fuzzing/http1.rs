//! Harnesses for the HTTP/1.1 codec: no panic, and no dependence on how reads are cut.

use std::mem::discriminant;

use bytes::BytesMut;
use http::{HeaderMap, Method, StatusCode, Version};

use crate::wire::http1::body::{BodyReader, Piece};
use crate::wire::http1::limits::HeadLimits;
use crate::wire::http1::response::{Framing, Head, HeadReader};
use crate::wire::http1::violation::Violation;

/// Reads a head; the first byte chooses the method.
pub fn head(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else {
        return;
    };
    let method = method_of(choice);
    let mut reader = reader_of(choice, &method);
    let mut input = BytesMut::from(bytes);
    match reader.read(&mut input) {
        Ok(Some(_)) => assert!(bytes.ends_with(&input), "what follows the head was changed"),
        Ok(None) => assert!(input.len() <= LIMITS.head_bytes),
        Err(violation) => assert!(is_printable(&violation)),
    }
}

/// Reads a body; the first byte chooses the framing, the second seeds the cuts.
pub fn body(data: &[u8]) {
    let [choice, seed, bytes @ ..] = data else {
        return;
    };
    let framing = match choice % 4 {
        0 => Framing::Sized(u64::from(*choice)),
        1 => Framing::UntilClose,
        _ => Framing::Chunked,
    };
    let read = |cuts: Cuts| {
        let mut reader = BodyReader::new(framing, LIMITS);
        let mut seen = Seen::default();
        let mut input = BytesMut::new();
        let result = read_body(&mut reader, &mut feed(bytes, cuts), &mut input, &mut seen);
        assert_eq!(reader.received(), seen.body.len() as u64);
        (seen, result)
    };
    let whole = read(Cuts::None);
    assert_same(&whole, &read(Cuts::Everywhere));
    assert_same(&whole, &read(Cuts::Seeded(u64::from(*seed))));
}

/// Reads a whole response, uncut, byte by byte and at seeded cuts.
pub fn exchange(data: &[u8]) {
    let [choice, seed, bytes @ ..] = data else {
        return;
    };
    let method = method_of(*choice);
    let read = |cuts| read_response(reader_of(*choice, &method), bytes, cuts);
    let whole = read(Cuts::None);
    assert_same(&whole, &read(Cuts::Everywhere));
    assert_same(&whole, &read(Cuts::Seeded(u64::from(*seed))));
}

/// Where the bytes of the peer are cut into reads.
#[derive(Clone, Copy, Debug)]
pub enum Cuts {
    /// After every byte.
    Everywhere,
    /// Nowhere.
    None,
    /// At places that follow from a seed.
    Seeded(u64),
}

/// Everything that a response told, before its end or its first fault.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The interim statuses.
    pub interim: Vec<StatusCode>,
    /// The status and version.
    pub status: Option<(StatusCode, Version)>,
    /// The reason phrase.
    pub reason: Vec<u8>,
    /// The fields.
    pub headers: HeaderMap,
    /// The framing.
    pub framing: Option<Framing>,
    /// Whether the connection may live on.
    pub keep_alive: bool,
    /// The body.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: Option<HeaderMap>,
    /// What stood behind the response.
    pub rest: Vec<u8>,
}

/// Reads one response and the end of the stream behind it.
pub fn read_response(
    mut reader: HeadReader,
    bytes: &[u8],
    cuts: Cuts,
) -> (Seen, Result<(), Violation>) {
    let mut seen = Seen::default();
    let mut input = BytesMut::new();
    let mut pieces = feed(bytes, cuts);
    let result = read_heads(&mut reader, &mut pieces, &mut input, &mut seen).and_then(|framing| {
        let mut body = BodyReader::new(framing, LIMITS);
        read_body(&mut body, &mut pieces, &mut input, &mut seen)
    });
    if result.is_ok() {
        seen.rest.extend_from_slice(&input);
        pieces.for_each(|piece| seen.rest.extend_from_slice(piece));
    }
    (seen, result)
}

fn read_heads<'a>(
    reader: &mut HeadReader,
    pieces: &mut impl Iterator<Item = &'a [u8]>,
    input: &mut BytesMut,
    seen: &mut Seen,
) -> Result<Framing, Violation> {
    loop {
        match reader.read(input)? {
            Some(Head::Interim { status, .. }) => seen.interim.push(status),
            Some(Head::Final(head)) => {
                seen.status = Some((head.status, head.version));
                seen.reason.extend_from_slice(&head.reason);
                seen.headers = head.headers;
                seen.framing = Some(head.framing);
                seen.keep_alive = head.keep_alive;
                return Ok(head.framing);
            }
            None => match pieces.next() {
                Some(piece) => input.extend_from_slice(piece),
                None => return Err(reader.handle_end(input)),
            },
        }
    }
}

fn read_body<'a>(
    reader: &mut BodyReader,
    pieces: &mut impl Iterator<Item = &'a [u8]>,
    input: &mut BytesMut,
    seen: &mut Seen,
) -> Result<(), Violation> {
    loop {
        match reader.read(input)? {
            Piece::Data(data) => {
                assert!(!data.is_empty(), "a piece of data is empty");
                seen.body.extend_from_slice(&data);
            }
            Piece::End(trailers) => {
                assert!(reader.is_ended());
                seen.trailers = trailers;
                return Ok(());
            }
            Piece::NeedMore => match pieces.next() {
                Some(piece) => input.extend_from_slice(piece),
                None => return reader.handle_end(),
            },
        }
    }
}

fn feed(bytes: &[u8], cuts: Cuts) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    let mut state = match cuts {
        Cuts::Seeded(seed) => seed.wrapping_mul(2).wrapping_add(1),
        _ => 0,
    };
    std::iter::from_fn(move || {
        let length = match cuts {
            Cuts::Everywhere => 1,
            Cuts::None => rest.len(),
            Cuts::Seeded(_) => {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                1 + (state >> 33) as usize % 37
            }
        };
        let (piece, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

fn assert_same(a: &(Seen, Result<(), Violation>), b: &(Seen, Result<(), Violation>)) {
    assert_eq!(a.0, b.0, "the cuts changed what was read");
    // The excerpt in a violation may show more or fewer bytes of what came after the fault.
    let kind = |result: &Result<(), Violation>| result.as_ref().err().map(discriminant);
    assert_eq!(kind(&a.1), kind(&b.1), "{:?} and {:?}", a.1, b.1);
}

fn reader_of(choice: u8, method: &Method) -> HeadReader {
    let mut reader = HeadReader::new(method, LIMITS);
    if choice & 4 != 0 {
        reader.expect_upgrade();
    }
    reader
}

fn method_of(choice: u8) -> Method {
    match choice % 4 {
        1 => Method::HEAD,
        2 => Method::CONNECT,
        _ => Method::GET,
    }
}

fn is_printable(violation: &Violation) -> bool {
    violation.to_string().bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Small, so that short inputs reach them.
const LIMITS: HeadLimits = HeadLimits { fields: 8, field_bytes: 64, head_bytes: 512, interim: 3 };
