//! `file:` URLs: files of this machine (RFC 8089).

use std::fs::File as OsFile;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;
use wayfare_proto::syntax::date;
use wayfare_proto::syntax::mime_by_name::media_type_of;
use wayfare_proto::syntax::range::{self, ContentRange, Resolved};

use super::{Answer, Answering, Around, Outgoing, Protocol};
use crate::body::Body;
use crate::body::draft::{Draft, work};
use crate::error::{Error, ErrorKind, Stage};

/// Answers `file:` URLs of this machine; GET (with ranges), HEAD and PUT.
///
/// Only regular files: a device or a pipe could keep a reader for ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct File;

impl Protocol for File {
    fn schemes(&self) -> &[&str] {
        &["file"]
    }

    fn attempt<'a>(&'a self, outgoing: Outgoing, around: &'a Around) -> Answering<'a> {
        Box::pin(async move {
            let path = local_path(&outgoing.url)?;
            match outgoing.method {
                Method::GET => get(path, &outgoing.headers, around).await,
                Method::HEAD => {
                    Ok(get(path, &HeaderMap::new(), around).await?.with_body(Body::empty()))
                }
                Method::PUT => put(path, outgoing.body, around).await,
                method => {
                    let message = format!("a file: URL cannot be asked to {method}");
                    Err(Error::new(ErrorKind::UnsupportedMethod, Stage::Plan, message))
                }
            }
        })
    }
}

/// The path of a URL on this machine; other hosts would mean another protocol.
fn local_path(url: &Url) -> Result<PathBuf, Error> {
    let invalid = |why: &str| Error::new(ErrorKind::InvalidUrl, Stage::Plan, why);
    if !matches!(url.host_str(), None | Some("" | "localhost")) {
        return Err(invalid("a file: URL with a host names no file of this machine"));
    }
    // More slashes at the front are a network path on some systems.
    if url.path().starts_with("//") {
        return Err(invalid("a file: URL whose path begins with two slashes is not followed"));
    }
    let mut bare = url.clone();
    // Fails for `localhost` in no known case; then the conversion below says so.
    let _ = bare.set_host(None);
    let path = bare.to_file_path();
    path.ok()
        .filter(|path| !path.as_os_str().as_encoded_bytes().contains(&0))
        .ok_or_else(|| invalid("the file: URL names no path of this machine"))
}

async fn get(path: PathBuf, asked: &HeaderMap, around: &Around) -> Result<Answer, Error> {
    let shown = path.clone();
    let (file, length, modified) = work(&around.home, move || open(&path))
        .await
        .map_err(|why| cannot("read", &shown, &why))?;
    let media_type = shown.to_str().and_then(media_type_of).unwrap_or("application/octet-stream");
    let mut answer = Answer::new(StatusCode::OK)
        .with_header(header::CONTENT_TYPE, HeaderValue::from_static(media_type))
        .with_header(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(modified) = modified.and_then(|text| HeaderValue::from_str(&text).ok()) {
        answer = answer.with_header(header::LAST_MODIFIED, modified);
    }
    let (first, count) = match wanted(asked, length) {
        Resolved::Satisfiable(ranges) if ranges.len() == 1 => {
            let (first, last) = (ranges[0].start, ranges[0].end - 1);
            answer.status = StatusCode::PARTIAL_CONTENT;
            answer = with_content_range(
                answer,
                &ContentRange::Bytes { first, last, length: Some(length) },
            );
            (first, last - first + 1)
        }
        Resolved::Unsatisfiable => {
            answer.status = StatusCode::RANGE_NOT_SATISFIABLE;
            answer = with_content_range(answer, &ContentRange::Unsatisfied { length });
            (0, 0)
        }
        // RFC 9110 §14.2: several ranges, or none: the whole.
        _ => (0, length),
    };
    let answer = answer.with_header(header::CONTENT_LENGTH, HeaderValue::from(count));
    Ok(answer.with_body(Body::blocking_reader(Part { file, first, left: count }, Some(count))))
}

fn open(path: &Path) -> io::Result<(OsFile, u64, Option<String>)> {
    let facts = std::fs::metadata(path)?;
    if !facts.is_file() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let modified = facts.modified().ok().and_then(|moment| {
        let seconds = moment.duration_since(UNIX_EPOCH).ok()?.as_secs();
        Some(date::format(i64::try_from(seconds).ok()?))
    });
    Ok((OsFile::open(path)?, facts.len(), modified))
}

fn wanted(asked: &HeaderMap, length: u64) -> Resolved {
    let specs = asked.get(header::RANGE).and_then(|value| range::parse(value.as_bytes()));
    specs.map_or(Resolved::Satisfiable(Vec::new()), |specs| range::resolve(&specs, length))
}

fn with_content_range(answer: Answer, range: &ContentRange) -> Answer {
    match HeaderValue::from_str(&range.to_string()) {
        Ok(value) => answer.with_header(header::CONTENT_RANGE, value),
        Err(_) => answer,
    }
}

/// A part of a file; ending before its announced length is an error.
struct Part {
    file: OsFile,
    first: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        if self.first > 0 {
            self.file.seek(SeekFrom::Start(std::mem::take(&mut self.first)))?;
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..most])?;
        if read == 0 {
            let why = "the file became shorter while it was read";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Stores a body as a file, whole or not at all.
async fn put(path: PathBuf, body: Body, around: &Around) -> Result<Answer, Error> {
    let home = &around.home;
    let failed = |why: io::Error| cannot("write", &path, &why);
    let (announced, mut written) = (body.length(), 0);
    let mut source = body.open(home).map_err(|why| unreadable(&why))?;
    let target = path.clone();
    let (mut draft, existed) = work(home, move || begin(&target)).await.map_err(failed)?;
    while let Some(piece) =
        std::future::poll_fn(|cx| source.poll_piece(cx)).await.map_err(|why| unreadable(&why))?
    {
        written += piece.len() as u64;
        draft = work(home, move || draft.write(&piece)).await.map_err(failed)?;
    }
    if let Some(announced) = announced.filter(|announced| *announced != written) {
        let message =
            format!("the request's body gave {written} bytes, not the {announced} announced");
        return Err(Error::new(ErrorKind::BodySource, Stage::Send, message));
    }
    work(home, move || draft.publish()).await.map_err(failed)?;
    Ok(Answer::new(if existed { StatusCode::NO_CONTENT } else { StatusCode::CREATED }))
}

/// A draft for a regular file, and whether there is one already.
fn begin(target: &Path) -> io::Result<(Draft, bool)> {
    let existing = std::fs::metadata(target).ok();
    if existing.as_ref().is_some_and(|facts| !facts.is_file()) {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok((Draft::of(target)?, existing.is_some()))
}

fn unreadable(why: &io::Error) -> Error {
    let message = format!("the request's body could not be read: {why}");
    Error::new(ErrorKind::BodySource, Stage::Send, message)
}

fn cannot(what: &str, path: &Path, why: &io::Error) -> Error {
    Error::from_file(&format!("cannot {what} {}", path.display()), why)
}
