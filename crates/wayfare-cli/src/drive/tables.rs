//! Operations that need no network: dates, URLs, dispositions and credentials.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use url::{Url, quirks};
use wayfare::rules::content_disposition::ContentDisposition;
use wayfare::rules::date;

use super::certificates;
use super::wire::{Refusal, to_bytes};

/// The operations that [`answer`] knows.
pub(super) const OPS: &[&str] =
    &["basic", "content_disposition", "http_date", "url_parse", "url_set", "x509_verify"];

/// Answers an operation.
pub(super) fn answer(op: &str, asked: &Value) -> Result<Value, Refusal> {
    match op {
        "basic" => basic(asked),
        "content_disposition" => content_disposition(&to_bytes(text(asked, "value")?)?),
        "http_date" => http_date(&to_bytes(text(asked, "value")?)?),
        "url_parse" => url_parse(text(asked, "input")?, asked["base"].as_str()),
        "url_set" => url_set(text(asked, "href")?, text(asked, "attr")?, text(asked, "value")?),
        "x509_verify" => certificates::verify(asked),
        other => Err(Refusal::unsupported(other)),
    }
}

fn text<'a>(asked: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    asked[name].as_str().ok_or_else(|| Refusal::adapter(format!("{name} is missing")))
}

fn basic(asked: &Value) -> Result<Value, Refusal> {
    let (user, password) = (text(asked, "user")?, text(asked, "pass")?);
    if user.contains(':') {
        return Err(Refusal::new("auth", "a user name cannot contain a colon"));
    }
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    Ok(json!({"authorization": format!("Basic {encoded}")}))
}

fn http_date(value: &[u8]) -> Result<Value, Refusal> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    Ok(json!({"unix": date::parse(value, now)}))
}

fn content_disposition(value: &[u8]) -> Result<Value, Refusal> {
    let Some(read) = ContentDisposition::parse(value) else {
        return Ok(json!({"type": null, "params": {}}));
    };
    let mut params = Map::new();
    for name in PARAMETERS {
        if let Some(value) = read.parameter(name) {
            params.insert((*name).to_owned(), value.into());
        }
    }
    // What the extended form says goes before the plain one (RFC 6266 §4.3).
    if let Some(name) = read.parameter("filename*").and_then(extended) {
        params.insert("filename".to_owned(), name.into());
    }
    Ok(json!({"type": read.kind(), "params": params}))
}

/// A value of RFC 8187 §3.2.
fn extended(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent_decode_str(encoded);
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => bytes.decode_utf8().ok().map(std::borrow::Cow::into_owned),
        "iso-8859-1" => Some(bytes.map(char::from).collect()),
        _ => None,
    }
}

fn url_parse(input: &str, base: Option<&str>) -> Result<Value, Refusal> {
    let parsed = match base {
        None => Url::parse(input),
        Some(base) => Url::parse(base).and_then(|base| base.join(input)),
    };
    Ok(parsed.map_or_else(|_| json!({"failure": true}), |url| record(&url)))
}

fn url_set(href: &str, attribute: &str, value: &str) -> Result<Value, Refusal> {
    let mut url = Url::parse(href).map_err(|why| Refusal::new("url", why.to_string()))?;
    // A setter that fails leaves the URL as it was, which is what the standard asks for.
    match attribute {
        "href" => drop(quirks::set_href(&mut url, value)),
        "protocol" => drop(quirks::set_protocol(&mut url, value)),
        "username" => drop(quirks::set_username(&mut url, value)),
        "password" => drop(quirks::set_password(&mut url, value)),
        "host" => drop(quirks::set_host(&mut url, value)),
        "hostname" => drop(quirks::set_hostname(&mut url, value)),
        "port" => drop(quirks::set_port(&mut url, value)),
        "pathname" => quirks::set_pathname(&mut url, value),
        "search" => quirks::set_search(&mut url, value),
        "hash" => quirks::set_hash(&mut url, value),
        other => return Err(Refusal::adapter(format!("attr: {other}"))),
    }
    Ok(record(&url))
}

fn record(url: &Url) -> Value {
    json!({
        "href": quirks::href(url),
        "origin": quirks::origin(url),
        "protocol": quirks::protocol(url),
        "username": quirks::username(url),
        "password": quirks::password(url),
        "host": quirks::host(url),
        "hostname": quirks::hostname(url),
        "port": quirks::port(url),
        "pathname": quirks::pathname(url),
        "search": quirks::search(url),
        "hash": quirks::hash(url),
    })
}

/// The parameters that are registered, and the name of a form field.
const PARAMETERS: &[&str] = &[
    "filename",
    "filename*",
    "name",
    "size",
    "creation-date",
    "modification-date",
    "read-date",
    "handling",
];
