//! Does one transfer: asks, and takes the body to its place.

use std::io::{self, Write};
use std::path::Path;

use http::{Method, StatusCode, Version};
use wayfare::{Error, Reply};

use super::identity::{self, PassedOver};
use super::place::{Place, Reserved, Target};
use super::talk::{self, Talk};
use super::{Shared, Stop, client};
use crate::advice::{self, Given};
use crate::{exit, output};

/// Why a transfer has failed.
enum Failure {
    /// With what may help, if that is known here.
    Transfer(Error, Option<String>),
    Stop(Stop),
    /// Nobody reads standard output any more, which needs no words.
    OutputGone,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Transfer(error, None)
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Does one transfer and says how it went by an exit code.
pub(super) async fn one(shared: &Shared, place: &Place) -> u8 {
    let bar = shared.bars.bar(place);
    let outcome = transfer(shared, place, &bar).await;
    let (code, line) = match outcome {
        Ok(received) => {
            bar.finish(received);
            return 0;
        }
        Err(Failure::OutputGone) => (exit::WRITE, None),
        Err(Failure::Stop(Stop { code, why })) => {
            let about =
                if shared.is_one_of_many { advice::shown(&place.url) + ": " } else { "".into() };
            (code, Some(output::visible(&format!("{about}{why}"))))
        }
        Err(Failure::Transfer(error, hint)) => {
            let line = advice::line(&error, &Given { hint, ..given(shared, place) });
            (exit::code(&error), Some(line))
        }
    };
    bar.fail();
    if let Some(line) = line {
        complain(shared, &line);
    }
    code
}

fn complain(shared: &Shared, line: &str) {
    let output = &shared.transfer.output;
    if !output.silent || output.show_error {
        shared.bars.complain(line);
    }
}

fn given<'a>(shared: &'a Shared, place: &'a Place) -> Given<'a> {
    Given {
        url: &place.url,
        user: shared.transfer.identity.user.as_deref(),
        authority: shared.transfer.trust.cacert.as_deref(),
        way: (&shared.transfer.connection.proxy).into(),
        hint: None,
    }
}

async fn transfer(shared: &Shared, place: &Place, bar: &super::bars::Bar) -> Result<u64, Failure> {
    let passed_over = PassedOver::default();
    let reply = passed_over.hear(ask(shared, place, bar)?).send().await?;
    let output = &shared.transfer.output;
    let shows_head = output.include || shared.method == Method::HEAD;
    if shows_head {
        written(write_head(&reply))?;
    }
    let hint = match reply.status() {
        StatusCode::UNAUTHORIZED => identity::hint(&reply, &shared.transfer.identity, &passed_over),
        _ => None,
    };
    let reply = match output.no_fail {
        true => reply,
        false => reply.error_for_status().map_err(|error| Failure::Transfer(error, hint))?,
    };
    tell_ignored_range(shared, &reply);
    let reply = match shared.transfer.limits.limit_rate {
        Some(rate) => reply.paced(rate),
        None => reply,
    };
    let keep_timings = output.timings.then(|| place.label());
    match &place.target {
        Target::Stdout { is_asked_for } => {
            let guards = !is_asked_for && output::is_out_terminal();
            to_stdout(reply, guards, keep_timings).await
        }
        Target::File(path) => to_file(reply, Saving::To(path), keep_timings).await,
        Target::Named { dir, name } => to_file(reply, Saving::In(dir, name), keep_timings).await,
        Target::Suggested { dir, otherwise } => {
            let reserved = Reserved::suggested(dir, otherwise, reply.headers())?;
            let received = to_file(reply, Saving::To(&reserved.path), keep_timings).await?;
            reserved.keep();
            Ok(received)
        }
    }
}

/// A server may answer with everything where a part was asked for (RFC 9110 §14.2).
fn tell_ignored_range(shared: &Shared, reply: &Reply) {
    let is_asked_for = shared.transfer.asking.range.is_some() && shared.method == Method::GET;
    if is_asked_for && reply.status() == StatusCode::OK {
        let url = advice::shown(reply.url().as_str());
        let line = format!("{url}: the server ignored the range and sends the whole body");
        complain(shared, &output::visible(&line));
    }
}

/// The request for a place.
fn ask(
    shared: &Shared,
    place: &Place,
    bar: &super::bars::Bar,
) -> Result<wayfare::Request, Failure> {
    let asking = &shared.transfer.asking;
    let url = shared.content.url(&place.url);
    let mut fields = client::fields(asking);
    if shared.content.is_json() && !fields.contains_key(http::header::ACCEPT) {
        fields.insert(http::header::ACCEPT, http::HeaderValue::from_static("application/json"));
    }
    let mut request = shared.manager.request(shared.method.clone(), &url);
    for (name, value) in &fields {
        request = request.header(name.clone(), value.clone());
    }
    request = shared.who.ask(request).body(shared.content.body()?);
    if shared.transfer.output.verbose {
        let mark = if place.is_file() { format!("{}: ", place.label()) } else { String::new() };
        let talk = Talk::new(mark);
        request = request.on_event(move |event| talk.tell(event));
    }
    if bar.is_shown() {
        let bar = bar.clone();
        request = request.on_event(move |event| bar.follow(event));
    }
    Ok(request)
}

async fn to_stdout(
    mut reply: Reply,
    mut guards: bool,
    timings: Option<String>,
) -> Result<u64, Failure> {
    while let Some(chunk) = reply.chunk().await? {
        if guards && chunk.contains(&0) {
            let why = "the body is binary, which can garble a terminal; -o FILE saves it, \
                       `-o -` prints it all the same";
            return Err(Stop { code: exit::WRITE, why: why.to_owned() }.into());
        }
        guards = false;
        written(output::out().write_all(&chunk))?;
    }
    written(output::out().flush())?;
    if let Some(label) = timings {
        output::note(&talk::timings(&label, &reply.timings()));
    }
    Ok(reply.received())
}

/// Who has named the file that a body is saved as.
enum Saving<'a> {
    /// A URL has, so no link of that name is followed.
    In(&'a Path, &'a str),
    /// The user has, or it was made just now.
    To(&'a Path),
}

impl Saving<'_> {
    async fn save(self, reply: Reply) -> Result<u64, Error> {
        match self {
            // The library takes a directory by name; here is one without a name.
            Self::In(dir, name) if dir.as_os_str().is_empty() => reply.save_in(".", name).await,
            Self::In(dir, name) => reply.save_in(dir, name).await,
            Self::To(path) => reply.save_to(path).await,
        }
    }
}

async fn to_file(
    reply: Reply,
    saving: Saving<'_>,
    timings: Option<String>,
) -> Result<u64, Failure> {
    let Some(label) = timings else { return Ok(saving.save(reply).await?) };
    // Saving takes the reply, so that its body's end is only seen from here.
    let before = reply.timings();
    let began = std::time::Instant::now();
    let received = saving.save(reply).await?;
    let mut after = before;
    after.receive += began.elapsed();
    after.total += began.elapsed();
    output::note(&talk::timings(&label, &after));
    Ok(received)
}

fn write_head(reply: &Reply) -> io::Result<()> {
    let mut head = Vec::new();
    let version = match reply.version() {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    };
    head.extend_from_slice(format!("{version} {}", reply.status().as_u16()).as_bytes());
    if !reply.reason().is_empty() {
        head.push(b' ');
        head.extend_from_slice(reply.reason());
    }
    head.extend_from_slice(b"\r\n");
    for (name, value) in reply.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    if !output::is_out_terminal() {
        return output::out().write_all(&head);
    }
    // A program gets it as it is; what a person sees must not steer the terminal.
    let text = match String::from_utf8(head) {
        Ok(text) => text,
        Err(other) => other.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
    };
    let lines: String = text.lines().map(|line| output::visible(line) + "\r\n").collect();
    output::out().write_all(lines.as_bytes())
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|why| match why.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputGone,
        _ => Stop { code: exit::WRITE, why: output::unwritable(&why) }.into(),
    })
}
