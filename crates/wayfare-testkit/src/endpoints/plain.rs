//! Endpoints that answer at once from what the request says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderName};
use http::{HeaderValue, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::{Answer, Call, HELP, Refusal, json_response, set, status, text_response};
use crate::content::text_of;

/// The user that `/auth-basic` lets in.
pub const USER: &str = "user";

/// The password that `/auth-basic` wants.
pub const PASSWORD: &str = "passwd";

type Reply = Result<Answer, Refusal>;

pub(super) fn help(_: &Call) -> Reply {
    Ok(Answer::Respond(text_response(StatusCode::OK, HELP.as_str())))
}

pub(super) fn get(_: &Call) -> Reply {
    Ok(Answer::Respond(text_response(StatusCode::OK, "It works.\n")))
}

pub(super) fn json(_: &Call) -> Reply {
    let value = json!({
        "name": "wayfare",
        "answer": 42,
        "list": [1, 2.5, true, null],
        "text": "Grüße aus Zürich",
    });
    Ok(Answer::Respond(json_response(&value)))
}

pub(super) fn headers(call: &Call) -> Reply {
    let fields: Vec<_> = call
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    Ok(Answer::Respond(json_response(&json!({ "headers": fields }))))
}

pub(super) fn priority(call: &Call) -> Reply {
    let value = call.header("priority").unwrap_or_default().to_owned();
    Ok(Answer::Respond(text_response(StatusCode::OK, value)))
}

pub(super) fn cookies(call: &Call) -> Reply {
    let values: Vec<_> = call
        .headers
        .get_all(header::COOKIE)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    Ok(Answer::Respond(text_response(StatusCode::OK, values.join("; "))))
}

pub(super) fn connections(call: &Call) -> Reply {
    let connections = &call.site.connections;
    Ok(Answer::Respond(json_response(&json!({
        "this": call.connection,
        "opened": connections.opened(),
        "open": connections.open(),
        "peak": connections.peak(),
    }))))
}

pub(super) fn status_code(call: &Call) -> Reply {
    let status = status(call.number(1)?)?;
    let no_body = matches!(status.as_u16(), 204 | 205 | 304);
    let text = if no_body { String::new() } else { format!("{status}\n") };
    Ok(Answer::Respond(text_response(status, text)))
}

pub(super) fn response_headers(call: &Call) -> Reply {
    with_fields(call, StatusCode::OK, "See the header fields.\n")
}

pub(super) fn respond(call: &Call) -> Reply {
    let status = status(call.number(1)?)?;
    let no_body = matches!(status.as_u16(), 204 | 205 | 304);
    with_fields(call, status, if no_body { "" } else { "See the header fields.\n" })
}

fn with_fields(call: &Call, status: StatusCode, text: &'static str) -> Reply {
    let mut response = text_response(status, text);
    for (name, value) in &call.query {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Refusal(format!("`{name}` is no field name")))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| Refusal(format!("`{value}` is no field value")))?;
        if name == header::CONTENT_TYPE {
            response.headers_mut().insert(name, value);
        } else {
            response.headers_mut().append(name, value);
        }
    }
    Ok(Answer::Respond(response))
}

pub(super) fn redirect(call: &Call) -> Reply {
    let left: u64 = call.number(1)?;
    let code = call.asked_number("code", 302)?;
    let to = match left {
        0 | 1 => "/get".to_owned(),
        _ => format!("/redirect/{}?code={code}", left - 1),
    };
    redirection(code, &to)
}

pub(super) fn redirect_to(call: &Call) -> Reply {
    let to = call.asked("url").ok_or_else(|| Refusal("say where to: ?url=…".to_owned()))?;
    redirection(call.asked_number("code", 302)?, to)
}

fn redirection(code: u16, to: &str) -> Reply {
    let mut response = text_response(status(code)?, format!("Go to {to}\n"));
    set(&mut response, header::LOCATION, to);
    Ok(Answer::Respond(response))
}

pub(super) fn cookies_set(_: &Call) -> Reply {
    let mut response = text_response(StatusCode::OK, "Two cookies are set.\n");
    for cookie in ["flavor=oat; Path=/", "size=big; Path=/; HttpOnly"] {
        let value = HeaderValue::from_static(cookie);
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(Answer::Respond(response))
}

pub(super) fn auth_basic(call: &Call) -> Reply {
    let right = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    if call.header(header::AUTHORIZATION) == Some(&right) {
        return Ok(Answer::Respond(text_response(StatusCode::OK, "You are in.\n")));
    }
    let mut response = text_response(StatusCode::UNAUTHORIZED, "Who are you?\n");
    let challenge = r#"Basic realm="wayfare", charset="UTF-8""#;
    set(&mut response, header::WWW_AUTHENTICATE, challenge);
    Ok(Answer::Respond(response))
}

pub(super) fn cache(call: &Call) -> Reply {
    let seconds: u64 = call.number(1)?;
    let etag = format!("\"cache-{seconds}\"");
    let visit = call.site.log.visit(&call.target) + 1;
    let mut response = if call.header(header::IF_NONE_MATCH) == Some(&etag) {
        text_response(StatusCode::NOT_MODIFIED, "")
    } else {
        text_response(StatusCode::OK, format!("visit {visit}\n"))
    };
    set(&mut response, header::ETAG, &etag);
    set(&mut response, header::CACHE_CONTROL, &format!("max-age={seconds}"));
    Ok(Answer::Respond(response))
}

pub(super) fn file(call: &Call) -> Reply {
    let name = call.part(1);
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\') { c } else { '_' })
        .collect();
    let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let disposition = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    let mut response = text_response(StatusCode::OK, text_of(1000));
    set(&mut response, header::CONTENT_DISPOSITION, &disposition);
    Ok(Answer::Respond(response))
}
