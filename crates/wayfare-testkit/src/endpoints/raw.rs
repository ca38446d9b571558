//! Endpoints that need more than a response: interim heads, trailers, faults.

use http::{HeaderMap, HeaderValue, Response, StatusCode, Version, header};

use super::{Answer, Call, Raw, Refusal, Then, paced, ready, response, text_response};
use crate::content::{sha256_hex, text_of};
use crate::faults::{FAULTS, Fault};
use crate::script::Step;
use crate::server::Paced;

pub(super) fn early_hints(_: &Call) -> Result<Answer, Refusal> {
    let mut interim = Response::new(());
    *interim.status_mut() = StatusCode::EARLY_HINTS;
    for link in ["</style.css>; rel=preload; as=style", "</code.js>; rel=preload; as=script"] {
        interim.headers_mut().append(header::LINK, HeaderValue::from_static(link));
    }
    let response = text_response(StatusCode::OK, "The hints came first.\n");
    Ok(Answer::Interim { interim, response })
}

/// Over HTTP/1 the bytes are ours: hyper sends trailers only to clients with `TE: trailers`.
pub(super) fn trailers(call: &Call) -> Result<Answer, Refusal> {
    let body = text_of(200);
    let digest = sha256_hex(body.as_bytes());
    if call.version >= Version::HTTP_2 {
        let mut fields = HeaderMap::new();
        // Hexadecimal digits are always a field value.
        if let Ok(value) = HeaderValue::from_str(&digest) {
            fields.insert("x-sha256", value);
        }
        let body = Paced::new(ready(body)).with_trailers(fields);
        return Ok(Answer::Respond(response(StatusCode::OK, "text/plain", paced(body))));
    }
    let (first, second) = body.split_at(64);
    let bytes = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\
         Trailer: x-sha256\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\
         x-sha256: {digest}\r\n\r\n",
        first.len(),
        second.len(),
    );
    let raw = Raw { steps: vec![Step::send(bytes)], then: Then::NextRequest };
    Ok(Answer::Raw { raw, instead: text_response(StatusCode::OK, "") })
}

pub(super) fn faults(_: &Call) -> Result<Answer, Refusal> {
    let list: String = FAULTS
        .iter()
        .map(|fault| {
            let Fault { name, what, outcome, method, .. } = fault;
            format!("/fault/{name}\n    {method}: {what}; expect: {outcome:?}\n")
        })
        .collect();
    Ok(Answer::Respond(text_response(StatusCode::OK, list)))
}

pub(super) fn fault(call: &Call) -> Result<Answer, Refusal> {
    let fault = Fault::named(call.part(1))
        .ok_or_else(|| Refusal("no such fault; /faults lists them".to_owned()))?;
    let raw = Raw { steps: fault.steps_after_head(), then: Then::HangUp };
    let instead = text_response(StatusCode::NOT_IMPLEMENTED, "Faults are for HTTP/1.\n");
    Ok(Answer::Raw { raw, instead })
}
