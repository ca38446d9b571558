//! Endpoints that take a body, and some that will not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, Version, header};
use serde_json::{Value, json};

use super::{Answer, Call, Pending, Raw, Then, full, json_response, status, text_response};
use crate::script::Step;

pub(super) fn upload(mut call: Call) -> Pending {
    Box::pin(async move {
        let body = call.read_body(0).await?;
        let answer = json!({ "length": body.length, "sha256": body.sha256 });
        Ok(Answer::Respond(json_response(&answer)))
    })
}

pub(super) fn echo(mut call: Call) -> Pending {
    Box::pin(async move {
        let body = call.read_body(LARGEST_ECHO).await?;
        let headers: Vec<Value> = call
            .headers
            .iter()
            .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
            .collect();
        Ok(Answer::Respond(json_response(&json!({
            "method": call.method.as_str(),
            "target": call.target,
            "version": version_name(call.version),
            "headers": headers,
            "body": STANDARD.encode(&body.kept),
            "length": body.length,
            "sha256": body.sha256,
        }))))
    })
}

pub(super) fn echo_body(mut call: Call) -> Pending {
    Box::pin(async move {
        let body = call.read_body(LARGEST_ECHO).await?;
        let kind = call.headers.remove(header::CONTENT_TYPE);
        let mut response = http::Response::new(full(body.kept));
        let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        Ok(Answer::Respond(response))
    })
}

pub(super) fn refused(_: Call) -> Pending {
    const TEXT: &str = "Too much.\n";
    Box::pin(async move {
        let head = format!(
            "HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{TEXT}",
            TEXT.len()
        );
        let raw = Raw { steps: vec![Step::send(head)], then: Then::HangUp };
        let instead = text_response(StatusCode::PAYLOAD_TOO_LARGE, TEXT);
        Ok(Answer::Raw { raw, instead })
    })
}

pub(super) fn no_continue(call: Call) -> Pending {
    Box::pin(async move {
        let status = status(call.number(1)?)?;
        let mut response = text_response(status, "The body is not wanted.\n");
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        Ok(Answer::Respond(response))
    })
}

fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

const LARGEST_ECHO: usize = 256 << 20;
