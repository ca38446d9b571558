//! `/bytes` and `/changing`: bodies with validators, conditions and ranges.

use http::{Method, Response, StatusCode, header};

use super::{Answer, Call, Refusal, full, paced, response, set};
use crate::content::{DEFAULT_SEED, bytes_at};
use crate::server::{Paced, ReplyBody, Source};

type Reply = Result<Answer, Refusal>;

/// One version of a body that can be asked for in parts.
struct Object {
    length: u64,
    seed: u64,
    etag: Option<String>,
    last_modified: Option<String>,
}

/// What the request's Range field comes to.
#[derive(Debug, PartialEq, Eq)]
enum Ranges {
    Several(Vec<(u64, u64)>),
    Single(u64, u64),
    Unsatisfiable,
    Whole,
}

pub(super) fn bytes(call: &Call) -> Reply {
    let seed = call.asked_number("seed", DEFAULT_SEED)?;
    answer(call, &Object::new(call, seed, 0)?)
}

pub(super) fn changing(call: &Call) -> Reply {
    let version = call.site.log.visit(&format!("version of {}", call.target));
    answer(call, &Object::new(call, DEFAULT_SEED + version, version)?)
}

impl Object {
    fn new(call: &Call, seed: u64, version: u64) -> Result<Self, Refusal> {
        let length = call.number(1)?;
        let tag = format!("\"{length}-{seed}\"");
        // A second a version, from a date long enough ago to be a strong validator.
        let date = format!("Mon, 06 Jan 2020 10:{:02}:{:02} GMT", version / 60 % 60, version % 60);
        let (etag, last_modified) = match call.asked("validator").unwrap_or("strong") {
            "strong" => (Some(tag), Some(date)),
            "weak" => (Some(format!("W/{tag}")), None),
            "date" => (None, Some(date)),
            "none" => (None, None),
            other => return Err(Refusal(format!("`validator={other}` is unknown"))),
        };
        Ok(Self { length, seed, etag, last_modified })
    }

    fn dress(&self, response: &mut Response<ReplyBody>) {
        set(response, header::ACCEPT_RANGES, "bytes");
        if let Some(etag) = &self.etag {
            set(response, header::ETAG, etag);
        }
        if let Some(date) = &self.last_modified {
            set(response, header::LAST_MODIFIED, date);
        }
    }

    fn source(&self, first: u64, last: u64) -> Source {
        Source::Made { seed: self.seed, offset: first, left: last + 1 - first }
    }

    fn is_unmodified_for(&self, call: &Call) -> bool {
        if let Some(asked) = call.header(header::IF_NONE_MATCH) {
            let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
            let ours = self.etag.as_deref().map(opaque);
            return asked.split(',').any(|tag| tag.trim() == "*" || Some(opaque(tag)) == ours);
        }
        let since = call.header(header::IF_MODIFIED_SINCE);
        since.is_some() && since == self.last_modified.as_deref()
    }

    /// RFC 9110 §13.1.5: a weak tag never matches, a date only exactly.
    fn range_may_apply(&self, call: &Call) -> bool {
        match call.header(header::IF_RANGE) {
            None => true,
            Some(tag) if tag.starts_with("W/") => false,
            Some(tag) if tag.starts_with('"') => self.etag.as_deref() == Some(tag),
            Some(date) => self.last_modified.as_deref() == Some(date),
        }
    }
}

fn answer(call: &Call, object: &Object) -> Reply {
    if object.is_unmodified_for(call) {
        let mut response = response(StatusCode::NOT_MODIFIED, BINARY, full(""));
        object.dress(&mut response);
        return Ok(Answer::Respond(response));
    }
    let how = call.asked("ranges").unwrap_or("ok");
    let asked = call.header(header::RANGE).filter(|_| call.method == Method::GET);
    let ranges = match asked {
        Some(asked) if how != "ignore" && object.range_may_apply(call) => {
            parse(asked, object.length)
        }
        _ => Ranges::Whole,
    };
    let mut response = match ranges {
        Ranges::Whole => {
            let all = Source::Made { seed: object.seed, offset: 0, left: object.length };
            response(StatusCode::OK, BINARY, paced(cut(call, Paced::new(all))?))
        }
        Ranges::Unsatisfiable => {
            let mut response = response(StatusCode::RANGE_NOT_SATISFIABLE, BINARY, full(""));
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{}", object.length));
            response
        }
        Ranges::Single(first, last) => single(call, object, how, (first, last))?,
        Ranges::Several(parts) => multipart(object, &parts),
    };
    object.dress(&mut response);
    Ok(Answer::Respond(response))
}

/// A 206 with one part, right or wrong in the way that was asked for.
fn single(
    call: &Call,
    object: &Object,
    how: &str,
    (first, last): (u64, u64),
) -> Result<Response<ReplyBody>, Refusal> {
    let body = cut(call, Paced::new(object.source(first, last)))?;
    let mut part = response(StatusCode::PARTIAL_CONTENT, BINARY, paced(body));
    let range = match how {
        "ok" | "encoded" => format!("bytes {first}-{last}/{}", object.length),
        "wrong-start" => format!("bytes {}-{}/{}", first + 1, last + 1, object.length + 1),
        "wrong-total" => format!("bytes {first}-{last}/{}", object.length + 10),
        "no-content-range" => return Ok(part),
        "multipart" => return Ok(multipart(object, &[(first, last)])),
        other => return Err(Refusal(format!("`ranges={other}` is unknown"))),
    };
    set(&mut part, header::CONTENT_RANGE, &range);
    if how == "encoded" {
        set(&mut part, header::CONTENT_ENCODING, "gzip");
    }
    Ok(part)
}

fn multipart(object: &Object, parts: &[(u64, u64)]) -> Response<ReplyBody> {
    let mut body = Vec::new();
    for (first, last) in parts {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Type: {BINARY}\r\nContent-Range: bytes {first}-{last}/{}\r\n\r\n",
            object.length
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&bytes_at(*first, last + 1 - first, object.seed));
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    let mut response = response(StatusCode::PARTIAL_CONTENT, BINARY, full(body));
    let kind = format!("multipart/byteranges; boundary={BOUNDARY}");
    set(&mut response, header::CONTENT_TYPE, &kind);
    response
}

/// Lets the first answers to this target break off, where that is asked for.
fn cut(call: &Call, body: Paced) -> Result<Paced, Refusal> {
    let after: u64 = call.asked_number("cut", u64::MAX)?;
    let times: u64 = call.asked_number("cuts", 1)?;
    if after == u64::MAX || call.site.log.visit(&format!("cut of {}", call.target)) >= times {
        return Ok(body);
    }
    Ok(body.with_cut(after))
}

/// Reads a Range field against a body of this length; what is malformed is ignored.
fn parse(field: &str, length: u64) -> Ranges {
    let Some(specs) = field.strip_prefix("bytes=") else {
        return Ranges::Whole;
    };
    let mut ranges = Vec::new();
    for spec in specs.split(',').map(str::trim) {
        match parse_one(spec, length) {
            Some(Some(range)) => ranges.push(range),
            Some(None) => {}
            None => return Ranges::Whole,
        }
    }
    match ranges[..] {
        [] => Ranges::Unsatisfiable,
        [(first, last)] => Ranges::Single(first, last),
        _ => Ranges::Several(ranges),
    }
}

/// `None` where the text is no range, `Some(None)` where it lies outside of the body.
fn parse_one(spec: &str, length: u64) -> Option<Option<(u64, u64)>> {
    let (first, last) = spec.split_once('-')?;
    if first.is_empty() {
        let tail: u64 = last.parse().ok()?;
        let first = length.saturating_sub(tail);
        return Some((first < length).then(|| (first, length - 1)));
    }
    let first: u64 = first.parse().ok()?;
    let last = if last.is_empty() { u64::MAX } else { last.parse().ok()? };
    if last < first {
        return None;
    }
    Some((first < length).then(|| (first, last.min(length - 1))))
}

const BINARY: &str = "application/octet-stream";
const BOUNDARY: &str = "wayfare-boundary-7d1f";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_specification_says() {
        assert_eq!(parse("bytes=0-4", 10), Ranges::Single(0, 4));
        assert_eq!(parse("bytes=4-", 10), Ranges::Single(4, 9));
        assert_eq!(parse("bytes=-3", 10), Ranges::Single(7, 9));
        assert_eq!(parse("bytes=-30", 10), Ranges::Single(0, 9));
        assert_eq!(parse("bytes=0-99", 10), Ranges::Single(0, 9));
        assert_eq!(parse("bytes=10-", 10), Ranges::Unsatisfiable);
        assert_eq!(parse("bytes=-0", 10), Ranges::Unsatisfiable);
        assert_eq!(parse("bytes=5-4", 10), Ranges::Whole);
        assert_eq!(parse("lines=5-4", 10), Ranges::Whole);
        assert_eq!(parse("bytes=0-0, -1", 10), Ranges::Several(vec![(0, 0), (9, 9)]));
    }
}
