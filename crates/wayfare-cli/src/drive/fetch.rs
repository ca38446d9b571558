//! One fetch: the request as it was asked for, and all that came back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Version, header};
use serde_json::{Value, json};
use wayfare::event::What;
use wayfare::options::{Cookies, Timeouts};
use wayfare::{Body, Reply, Request};

use super::identity::Who;
use super::session::{self, OnRedirect, Session};
use super::wire::{Refusal, from_base64, to_base64, to_fields, to_pairs, to_text};

/// Interim answers, as they are told.
type Interims = Arc<Mutex<Vec<Value>>>;

/// Fetches.
pub(super) async fn fetch(session: &Session, asked: &Value) -> Result<Value, Refusal> {
    if !asked["upload_b64"].is_null() {
        return Err(Refusal::unsupported("uploads by FTP"));
    }
    if matches!(asked["cache_mode"].as_str(), Some("force-cache" | "only-if-cached")) {
        return Err(Refusal::unsupported("a cache"));
    }
    let follow = session::follow(&asked["redirect"])?.unwrap_or(session.follow);
    let interims = Interims::default();
    let request = request(session, asked, follow)?;
    let told = interims.clone();
    let request = request.on_event(move |event| {
        if let What::Interim { status, headers } = &event.what {
            let interim = json!([status.as_u16(), to_pairs(headers)]);
            told.lock().unwrap_or_else(PoisonError::into_inner).push(interim);
        }
    });
    let reply = request.send().await.map_err(|error| Refusal::from(&error))?;
    let leads_on = matches!(reply.status().as_u16(), 301 | 302 | 303 | 307 | 308)
        && reply.headers().contains_key(header::LOCATION);
    if follow == OnRedirect::Refuse && leads_on {
        return Err(Refusal::new("redirect", "the answer is a redirect, which is not wanted"));
    }
    let most = session::count(&asked["max_bytes"])?;
    Ok(collect(reply, most, &interims).await)
}

fn request(session: &Session, asked: &Value, follow: OnRedirect) -> Result<Request, Refusal> {
    let method = asked["method"].as_str().unwrap_or("GET");
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| Refusal::new("denied", "the method is no token"))?;
    let url = asked["url"].as_str().ok_or_else(|| Refusal::adapter("url is missing"))?;
    let limit = session::count(&asked["max_redirects"])?.unwrap_or(session.max_redirects);
    let is_secure = url.trim_start().to_ascii_lowercase().starts_with("https:");
    let mut request = session
        .manager
        .request(method, url)
        .redirects(session.redirects(follow, limit))
        .connections(session.connections(is_secure));
    for (name, value) in &to_fields(&asked["headers"])? {
        request = request.header(name.clone(), value.clone());
    }
    if let Some(range) = asked["range"].as_str() {
        request = request.header(header::RANGE, range_field(range)?);
    }
    let who = Who::of(&asked["auth"])?.or_else(|| session.who.clone());
    if asked["credentials"] == "omit" {
        request = request.cookies(Cookies::off());
    } else if let Some(who) = who {
        request = who.ask(request);
    }
    if let Some(body) = asked["body_b64"].as_str() {
        request = request.body(Body::from(from_base64(body)?));
    }
    if let Some(ms) = asked["timeout_ms"].as_f64() {
        let whole = Duration::try_from_secs_f64(ms / 1000.0)
            .map_err(|_| Refusal::adapter("timeout_ms is no duration"))?;
        request = request.timeouts(Timeouts { whole: whole.into(), ..Timeouts::default() });
    }
    Ok(request)
}

fn range_field(range: &str) -> Result<HeaderValue, Refusal> {
    let spelled = match range.contains('=') {
        true => range.to_owned(),
        false => format!("bytes={range}"),
    };
    HeaderValue::from_str(&spelled).map_err(|_| Refusal::new("denied", "a strange range"))
}

async fn collect(mut reply: Reply, most: Option<usize>, interims: &Interims) -> Value {
    let mut body: Vec<u8> = Vec::new();
    let failure = loop {
        match reply.chunk().await {
            Ok(None) => break None,
            Ok(Some(chunk)) => {
                if let Err(refusal) = add(&mut body, &chunk, most) {
                    break Some(refusal);
                }
            }
            Err(error) => break Some(Refusal::from(&error)),
        }
    };
    let mut all = head(&reply);
    all["body_b64"] = to_base64(&body).into();
    if let Some(trailers) = reply.trailers() {
        all["trailers"] = to_pairs(trailers);
    }
    if let Some(refusal) = failure {
        all["body_error"] = json!({"kind": refusal.kind, "msg": refusal.message});
    }
    let interims = interims.lock().unwrap_or_else(PoisonError::into_inner);
    if !interims.is_empty() {
        all["interim"] = Value::Array(interims.clone());
    }
    all
}

fn add(body: &mut Vec<u8>, chunk: &Bytes, most: Option<usize>) -> Result<(), Refusal> {
    let room = most.map_or(usize::MAX, |most| most.saturating_sub(body.len()));
    body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    if chunk.len() > room {
        return Err(Refusal::new("too_large", "the body is larger than max_bytes"));
    }
    Ok(())
}

fn head(reply: &Reply) -> Value {
    let version = match reply.version() {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    };
    let redirects: Vec<Value> = reply
        .redirects()
        .iter()
        .map(|redirect| json!({"status": redirect.status.as_u16(), "url": redirect.url.as_str()}))
        .collect();
    json!({
        "status": reply.status().as_u16(),
        "reason": to_text(reply.reason()),
        "version": version,
        "url": reply.url().as_str(),
        "headers": to_pairs(reply.headers()),
        "redirects": redirects,
    })
}
