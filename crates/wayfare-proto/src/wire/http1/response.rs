//! Reads response heads: the final one and the interim ones before it (RFC 9112 §4, RFC 9110 §15).

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, Version};
use httparse::Header;

use super::connection::may_persist;
use super::framing::{framing_of, may_be_followed_by_poison};
use super::limits::HeadLimits;
use super::section::{Scan, collect, violation_of};
use super::violation::{Excerpt, Part, Violation};

/// Reads the heads that answer one request.
///
/// ```
/// use bytes::BytesMut;
/// use http::Method;
/// use wayfare_proto::wire::http1::{limits::HeadLimits, response::{Framing, Head, HeadReader}};
///
/// let mut reader = HeadReader::new(&Method::GET, HeadLimits::default());
/// let mut input = BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
/// let Some(Head::Final(head)) = reader.read(&mut input)? else { panic!() };
/// assert_eq!((head.framing, &input[..]), (Framing::Sized(5), &b"hello"[..]));
/// # Ok::<(), wayfare_proto::wire::http1::violation::Violation>(())
/// ```
#[derive(Debug)]
pub struct HeadReader {
    method: Method,
    limits: HeadLimits,
    upgrade: Upgrade,
    start: Start,
    scan: Scan,
    interim: u8,
}

/// One head of a response.
#[derive(Debug)]
pub enum Head {
    /// The answer proper; its body follows.
    Final(ResponseHead),
    /// A 1xx other than 101; another head follows.
    Interim {
        /// Its status.
        status: StatusCode,
        /// Its fields.
        headers: HeaderMap,
    },
}

/// The head of the answer proper.
#[derive(Debug)]
pub struct ResponseHead {
    /// The status code, 100 to 999.
    pub status: StatusCode,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The reason phrase as sent, often empty; it may hold bytes above 0x7f.
    pub reason: Bytes,
    /// The fields, in the order in which they came.
    pub headers: HeaderMap,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the connection may serve another request once the body has been read.
    pub keep_alive: bool,
}

/// How the end of a body is told (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By the last chunk.
    Chunked,
    /// There is no body.
    Empty,
    /// By the number of bytes, which is not zero.
    Sized(u64),
    /// By the end of the connection.
    UntilClose,
    /// Not at all: what follows is another protocol (101, or a 2xx to CONNECT).
    Upgraded,
}

impl HeadReader {
    /// Starts to read the answer to a request with this method.
    pub fn new(method: &Method, limits: HeadLimits) -> Self {
        HeadReader {
            method: method.clone(),
            limits,
            upgrade: Upgrade::Unasked,
            start: Start::Unseen,
            scan: Scan::default(),
            interim: 0,
        }
    }

    /// Says that the request asked for an upgrade, so that a 101 is an answer.
    pub fn expect_upgrade(&mut self) {
        self.upgrade = Upgrade::Asked;
    }

    /// Takes one whole head from the front of `input`, or nothing if it is not all there yet.
    ///
    /// Bytes behind the head stay in `input`. The caller must not take bytes off the front of
    /// `input` between two calls; each byte is looked at once, however it trickles in.
    ///
    /// # Errors
    ///
    /// Anything that RFC 9112 forbids, and everything above the limits. The reader is then of no
    /// more use.
    pub fn read(&mut self, input: &mut BytesMut) -> Result<Option<Head>, Violation> {
        if !self.starts_well(input)? {
            return Ok(None);
        }
        let Some(extent) = self.scan.find_end(input, 1, &self.limits)? else {
            return Ok(None);
        };
        self.scan = Scan::default();
        self.start = Start::Unseen;
        let section = input.split_to(extent.length).freeze();
        if extent.lines <= FIELDS_ON_STACK {
            let mut room = [const { MaybeUninit::uninit() }; FIELDS_ON_STACK];
            self.understand(&section, &mut room).map(Some)
        } else {
            let mut room = vec![MaybeUninit::uninit(); extent.lines];
            self.understand(&section, &mut room).map(Some)
        }
    }

    /// What the end of the stream means at this point.
    ///
    /// [`Violation::ClosedBeforeHead`] if the peer answered nothing at all, so that it may never
    /// have seen the request; [`Violation::CutInHead`] otherwise.
    pub fn handle_end(&self, input: &BytesMut) -> Violation {
        if self.interim == 0 && input.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            Violation::ClosedBeforeHead
        } else {
            Violation::CutInHead
        }
    }

    /// Skips one empty line (RFC 9112 §2.2 says so of requests; servers do it too), and turns
    /// away another protocol at its first bytes instead of waiting for a line end.
    fn starts_well(&mut self, input: &mut BytesMut) -> Result<bool, Violation> {
        if self.start == Start::Seen {
            return Ok(true);
        }
        if self.start == Start::Unseen && input.starts_with(b"\r\n") {
            let _ = input.split_to(2);
            self.start = Start::AfterEmptyLine;
        }
        let shown = input.len().min(PREFIX.len());
        let is_half_line = self.start == Start::Unseen && input[..] == *b"\r";
        if input[..shown] != PREFIX[..shown] && !is_half_line {
            return Err(Violation::NotHttp(Excerpt::new(input)));
        }
        if shown == PREFIX.len() {
            self.start = Start::Seen;
        }
        Ok(shown == PREFIX.len())
    }

    fn understand<'a>(
        &mut self,
        section: &'a Bytes,
        room: &'a mut [MaybeUninit<Header<'a>>],
    ) -> Result<Head, Violation> {
        let mut parsed = httparse::Response::new(&mut []);
        let done = httparse::ParserConfig::default()
            .parse_response_with_uninit_headers(&mut parsed, section, room)
            .map_err(|error| violation_of(error, &self.limits))?;
        // The scan saw the empty line, so anything but the whole section is a second reading.
        let (httparse::Status::Complete(_), Some(code), Some(minor)) =
            (done, parsed.code, parsed.version)
        else {
            return Err(Violation::Malformed(Part::LineEnd));
        };
        let status = StatusCode::from_u16(code)
            .map_err(|_| Violation::BadStatus(Excerpt::new(code.to_string().as_bytes())))?;
        let reason = reason_of(section, status)?;
        let fields = collect(section, parsed.headers, &self.limits)?;
        let version = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
        if status.is_informational() {
            return self.informational(status, version, reason, fields.map);
        }
        let framing = framing_of(&self.method, status, version, &fields)?;
        let keep_alive = may_persist(version, &fields)
            && !matches!(framing, Framing::UntilClose | Framing::Upgraded)
            && !may_be_followed_by_poison(status, &fields);
        let headers = fields.map;
        Ok(Head::Final(ResponseHead { status, version, reason, headers, framing, keep_alive }))
    }

    /// RFC 9110 §15.2: any number of 1xx may come, but only a 101 that was asked for ends them.
    fn informational(
        &mut self,
        status: StatusCode,
        version: Version,
        reason: Bytes,
        headers: HeaderMap,
    ) -> Result<Head, Violation> {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            if self.upgrade == Upgrade::Unasked {
                return Err(Violation::UnaskedUpgrade);
            }
            let framing = Framing::Upgraded;
            let keep_alive = false;
            return Ok(Head::Final(ResponseHead {
                status,
                version,
                reason,
                headers,
                framing,
                keep_alive,
            }));
        }
        if self.interim >= self.limits.interim {
            return Err(Violation::TooManyInterim { limit: self.limits.interim });
        }
        self.interim += 1;
        Ok(Head::Interim { status, headers })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upgrade {
    Asked,
    Unasked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    AfterEmptyLine,
    Seen,
    Unseen,
}

/// Takes the reason phrase from the section itself, since the grammar engine hides one with bytes
/// above 0x7f.
fn reason_of(section: &Bytes, status: StatusCode) -> Result<Bytes, Violation> {
    let line_end = section.iter().position(|&byte| byte == b'\r').unwrap_or(section.len());
    let range = STATUS_END.min(line_end)..line_end;
    if range.len() > REASON_LIMIT {
        return Err(Violation::ReasonTooLong);
    }
    // A static text spares the counting of one more view into the section.
    match status.canonical_reason() {
        Some(usual) if section[range.clone()] == *usual.as_bytes() => {
            Ok(Bytes::from_static(usual.as_bytes()))
        }
        _ => Ok(section.slice(range)),
    }
}

const PREFIX: &[u8] = b"HTTP/";
/// The length of `HTTP/1.1 200 `.
const STATUS_END: usize = 13;
const REASON_LIMIT: usize = 1024;
const FIELDS_ON_STACK: usize = 101;
