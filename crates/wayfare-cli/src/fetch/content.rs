//! Makes the body of a request from -d, -F and -T.

use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use wayfare::{Body, Multipart};

use super::Stop;
use crate::arguments::Send;
use crate::arguments::data::Kind;
use crate::arguments::values;
use crate::exit;

/// What is sent; a body can be made of it for each URL.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Nothing,
    Data(Bytes, &'static str),
    File(PathBuf),
    Form(Vec<FormPart>),
    Query(String),
    Stdin,
}

/// A part of a form.
#[derive(Clone, Debug)]
pub(crate) struct FormPart {
    name: String,
    value: Value,
    media_type: Option<HeaderValue>,
    file_name: Option<String>,
}

#[derive(Clone, Debug)]
enum Value {
    File(PathBuf),
    Text(Bytes),
}

impl Content {
    /// True if it can be sent only once.
    pub(super) fn is_once(&self) -> bool {
        matches!(self, Self::Stdin)
    }

    /// The URL with the data that belongs into it.
    pub(super) fn url(&self, url: &str) -> String {
        match self {
            Self::Query(query) => with_query(url, query),
            // As curl: a file goes under its name where the URL names a directory.
            Self::File(path) if url.ends_with('/') => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                format!("{url}{}", utf8_percent_encode(&name, NAME))
            }
            _ => url.to_owned(),
        }
    }

    /// The body.
    pub(super) fn body(&self) -> Result<Body, Stop> {
        Ok(match self {
            Self::Nothing | Self::Query(_) => Body::empty(),
            Self::Data(bytes, media_type) => {
                Body::from(bytes.clone()).with_media_type(HeaderValue::from_static(media_type))
            }
            Self::File(path) => Body::file(path).map_err(|why| unreadable(path, &why))?,
            Self::Form(parts) => {
                let form = parts.iter().try_fold(Multipart::form(), with_part)?;
                Body::from(form)
            }
            Self::Stdin => Body::blocking_reader(std::io::stdin(), None),
        })
    }

    /// True if JSON is sent, and so is probably wanted in return.
    pub(super) fn is_json(&self) -> bool {
        matches!(self, Self::Data(_, JSON))
    }
}

/// What a sending command sends.
pub(super) fn of(send: &Send) -> Result<Content, Stop> {
    let pieces = &send.data.pieces;
    if let Some(path) = &send.upload_file {
        if !send.form.is_empty() {
            return Err(Stop::usage("-T and -F do not go together"));
        }
        return Ok(if path == Path::new("-") {
            Content::Stdin
        } else {
            Content::File(path.clone())
        });
    }
    if !send.form.is_empty() {
        return send
            .form
            .iter()
            .map(|text| form_part(text))
            .collect::<Result<_, _>>()
            .map(Content::Form);
    }
    if pieces.is_empty() {
        return Ok(Content::Nothing);
    }
    let is_json = pieces.iter().any(|(kind, _)| *kind == Kind::Json);
    if is_json && pieces.iter().any(|(kind, _)| *kind != Kind::Json) {
        return Err(Stop::usage("--json and other data do not go together"));
    }
    let data = joined(pieces, if is_json { b"" } else { b"&" })?;
    if send.query {
        return Ok(Content::Query(String::from_utf8_lossy(&data).into_owned()));
    }
    Ok(Content::Data(data.into(), if is_json { JSON } else { FORM }))
}

/// Data for the query of a URL.
pub(super) fn in_query(data: &[String]) -> Result<Content, Stop> {
    if data.is_empty() {
        return Ok(Content::Nothing);
    }
    let pieces: Vec<_> = data.iter().map(|text| (Kind::UrlEncoded, text.clone())).collect();
    Ok(Content::Query(String::from_utf8_lossy(&joined(&pieces, b"&")?).into_owned()))
}

fn joined(pieces: &[(Kind, String)], between: &[u8]) -> Result<Vec<u8>, Stop> {
    let mut all = Vec::new();
    for (index, (kind, text)) in pieces.iter().enumerate() {
        if index > 0 {
            all.extend_from_slice(between);
        }
        all.extend(piece(*kind, text)?);
    }
    Ok(all)
}

fn piece(kind: Kind, text: &str) -> Result<Vec<u8>, Stop> {
    let path = text.strip_prefix('@');
    match (kind, path) {
        (Kind::UrlEncoded, _) => url_encoded(text),
        (Kind::Data, Some(path)) => {
            let mut content = read(Path::new(path))?;
            content.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
            Ok(content)
        }
        (Kind::Binary | Kind::Json, Some(path)) => read(Path::new(path)),
        (Kind::Raw, _) | (_, None) => Ok(text.as_bytes().to_vec()),
    }
}

/// curl's forms: `value`, `=value`, `name=value`, `@file`, `name@file`.
fn url_encoded(text: &str) -> Result<Vec<u8>, Stop> {
    let (name, content) = match text.find(['=', '@']) {
        None => ("", text.as_bytes().to_vec()),
        Some(at) if text.as_bytes()[at] == b'=' => {
            (&text[..at], text.as_bytes()[at + 1..].to_vec())
        }
        Some(at) => (&text[..at], read(Path::new(&text[at + 1..]))?),
    };
    let encoded = percent_encoding::percent_encode(&content, NAME).to_string();
    let joint = if name.is_empty() { "" } else { "=" };
    Ok(format!("{name}{joint}{encoded}").into_bytes())
}

fn form_part(text: &str) -> Result<FormPart, Stop> {
    let Some((name, rest)) = text.split_once('=') else {
        return Err(Stop::usage(format!(
            "-F {text}: must be name=value, name=@file or name=<file"
        )));
    };
    let (content, parameters) = parameters(rest);
    let mut part = FormPart {
        name: name.to_owned(),
        value: Value::Text(Bytes::new()),
        media_type: None,
        file_name: None,
    };
    part.value = match content.as_bytes().first() {
        Some(b'@') => Value::File(PathBuf::from(&content[1..])),
        Some(b'<') => Value::Text(read(Path::new(&content[1..]))?.into()),
        _ => Value::Text(Bytes::copy_from_slice(content.as_bytes())),
    };
    for (parameter, value) in parameters {
        match parameter {
            "type" => {
                let media_type = values::value(value)
                    .map_err(|why| Stop::usage(format!("-F {text}: type: {why}")))?;
                part.media_type = Some(media_type);
            }
            _ => part.file_name = Some(value.trim_matches('"').to_owned()),
        }
    }
    Ok(part)
}

/// Takes `;type=…` and `;filename=…` off the end; other semicolons belong to the content.
fn parameters(text: &str) -> (&str, Vec<(&'static str, &str)>) {
    let mut content = text;
    let mut found = Vec::new();
    while let Some((rest, last)) = content.rsplit_once(';') {
        let last = last.trim_start();
        let Some(name) = ["type", "filename"]
            .into_iter()
            .find(|name| last.strip_prefix(name).is_some_and(|value| value.starts_with('=')))
        else {
            break;
        };
        found.push((name, &last[name.len() + 1..]));
        content = rest;
    }
    (content, found)
}

fn with_part(form: Multipart, part: &FormPart) -> Result<Multipart, Stop> {
    let (mut body, own_name) = match &part.value {
        Value::Text(text) => (Body::from(text.clone()), None),
        Value::File(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            (Body::file(path).map_err(|why| unreadable(path, &why))?, name)
        }
    };
    if let Some(media_type) = &part.media_type {
        body = body.with_media_type(media_type.clone());
    }
    Ok(match part.file_name.clone().or(own_name) {
        Some(file_name) => form.file_part(&part.name, &file_name, body),
        None => form.part(&part.name, body),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    if path == Path::new("-") {
        let mut content = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut content);
        return read.map(|_| content).map_err(|why| unreadable(path, &why));
    }
    std::fs::read(path).map_err(|why| unreadable(path, &why))
}

fn unreadable(path: &Path, why: &std::io::Error) -> Stop {
    let (path, why) = (path.display().to_string(), why.to_string());
    // The library names the path, too.
    let why = why.strip_prefix(&format!("{path}: ")).unwrap_or(&why);
    Stop { code: exit::READ, why: format!("cannot read {path}: {why}") }
}

fn with_query(url: &str, query: &str) -> String {
    let (bare, fragment) = match url.split_once('#') {
        Some((bare, fragment)) => (bare, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let joint = if bare.contains('?') { '&' } else { '?' };
    format!("{bare}{joint}{query}{fragment}")
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// What need not be encoded in a name or value (RFC 3986 §2.3).
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_parts_have_types_and_names() {
        let part = form_part("f=a;b;type=text/x;filename=\"n.txt\"").unwrap();
        assert_eq!(part.file_name.as_deref(), Some("n.txt"));
        assert_eq!(part.media_type.unwrap(), "text/x");
        assert!(matches!(part.value, Value::Text(text) if text == "a;b"));
        assert!(form_part("f").is_err());
    }

    #[test]
    fn queries_are_joined_before_the_fragment() {
        assert_eq!(with_query("http://a.test/", "x=1"), "http://a.test/?x=1");
        assert_eq!(with_query("http://a.test/?y#f", "x=1"), "http://a.test/?y&x=1#f");
    }

    #[test]
    fn data_is_encoded_as_asked() {
        assert_eq!(url_encoded("a=b c&").unwrap(), b"a=b%20c%26");
        assert_eq!(url_encoded("=b c").unwrap(), b"b%20c");
        assert_eq!(url_encoded("b c").unwrap(), b"b%20c");
        let pieces = [(Kind::Data, "a=1".into()), (Kind::UrlEncoded, "b=\u{e9}".into())];
        assert_eq!(joined(&pieces, b"&").unwrap(), b"a=1&b=%C3%A9");
    }
}
