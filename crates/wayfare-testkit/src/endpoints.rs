//! The site that every [`Server`](crate::Server) serves: one table of endpoints.
//!
//! The table is [`HELP`]; every server shows it at `/`.

mod bytes;
mod coded;
pub(crate) mod identity;
pub(crate) mod negotiate;
mod paced;
mod plain;
mod raw;
mod table;
mod text;
mod upload;

use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use ::bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use percent_encoding::percent_decode_str;

use crate::listener::Connections;
use crate::script::Step;
use crate::server::{Guarded, Log, Paced, ReplyBody, RequestBody, Source, WholeBody};

pub use coded::BOMB_LENGTH;
pub(crate) use coded::Coding;
pub use plain::{PASSWORD, USER};
pub use text::{TEXT, text_in};

/// All endpoints with what they do, as plain text.
pub static HELP: LazyLock<String> = LazyLock::new(|| {
    let mut help = String::from("Endpoints ({n} and the like stand for numbers):\n\n");
    for endpoint in table::ENDPOINTS {
        // Writing to a string does not fail.
        let _ = writeln!(help, "{}\n    {}", endpoint.pattern, endpoint.what);
    }
    help
});

/// An endpoint: a path, what it does, and the function that does it.
pub(crate) struct Endpoint {
    pub(crate) pattern: &'static str,
    pub(crate) what: &'static str,
    run: Run,
}

/// How an endpoint treats the request's body.
enum Run {
    /// The body is read and thrown away first.
    After(fn(&Call) -> Result<Answer, Refusal>),
    /// The endpoint reads the body, or does not.
    With(fn(Call) -> Pending),
}

type Pending = Pin<Box<dyn Future<Output = Result<Answer, Refusal>> + Send>>;

/// What an endpoint wants done.
pub(crate) enum Answer {
    Respond(Response<ReplyBody>),
    /// An interim (1xx) response comes before the response.
    Interim {
        interim: Response<()>,
        response: Response<ReplyBody>,
    },
    /// The connection's bytes are the endpoint's own; HTTP/2 gets a response instead.
    Raw {
        raw: Raw,
        instead: Response<ReplyBody>,
    },
}

/// Bytes to be sent around the HTTP engine.
pub(crate) struct Raw {
    pub(crate) steps: Vec<Step>,
    pub(crate) then: Then,
}

/// What happens after raw bytes were sent.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    HangUp,
    NextRequest,
}

/// Where a request came in.
#[derive(Clone, Copy)]
pub(crate) struct Visit {
    pub(crate) connection: u64,
}

/// Why a request is answered with 400.
pub(crate) struct Refusal(String);

/// A request on its way to an endpoint.
pub(crate) struct Call {
    site: Arc<Site>,
    order: u64,
    connection: u64,
    method: Method,
    version: Version,
    target: String,
    path: Vec<String>,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: RequestBody,
}

/// The endpoints with the state they share.
pub(crate) struct Site {
    log: Arc<Log>,
    connections: Arc<Connections>,
    doorkeeper: identity::Doorkeeper,
}

impl Site {
    pub(crate) fn new(log: Arc<Log>, connections: Arc<Connections>) -> Self {
        Self { log, connections, doorkeeper: identity::Doorkeeper::default() }
    }

    /// Answers one request.
    pub(crate) async fn answer(
        self: &Arc<Self>,
        request: Request<RequestBody>,
        visit: Visit,
    ) -> Answer {
        let in_flight = self.log.begin();
        let guard = |response: Response<ReplyBody>| {
            response.map(|body| Guarded { body, _in_flight: in_flight }.boxed_unsync())
        };
        let call = Call::new(Arc::clone(self), request, visit);
        let answer = match table::find(&call.path) {
            Some(endpoint) => endpoint.answer(call).await,
            None => Ok(Answer::Respond(not_found())),
        };
        match answer.unwrap_or_else(Refusal::into_answer) {
            Answer::Respond(response) => Answer::Respond(guard(response)),
            Answer::Interim { interim, response } => {
                Answer::Interim { interim, response: guard(response) }
            }
            Answer::Raw { raw, instead } => Answer::Raw { raw, instead: guard(instead) },
        }
    }
}

impl Endpoint {
    async fn answer(&self, mut call: Call) -> Result<Answer, Refusal> {
        match self.run {
            Run::After(run) => {
                call.read_body(0).await?;
                run(&call)
            }
            Run::With(run) => run(call).await,
        }
    }
}

impl Refusal {
    fn into_answer(self) -> Answer {
        Answer::Respond(text_response(StatusCode::BAD_REQUEST, format!("{}\n", self.0)))
    }
}

impl Call {
    fn new(site: Arc<Site>, request: Request<RequestBody>, visit: Visit) -> Self {
        let (head, body) = request.into_parts();
        let order = site.log.arrive(&head, visit.connection);
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        Self {
            order,
            connection: visit.connection,
            version: head.version,
            path: head.uri.path().split('/').skip(1).map(decoded).collect(),
            query: url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
            target: head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
            method: head.method,
            headers: head.headers,
            body,
            site,
        }
    }

    /// The path's part `index` as a number (part 0 is the endpoint's name).
    fn number<T: FromStr>(&self, index: usize) -> Result<T, Refusal> {
        let part = self.part(index);
        part.parse().map_err(|_| Refusal(format!("`{part}` is no number that fits here")))
    }

    fn part(&self, index: usize) -> &str {
        self.path.get(index).map_or("", String::as_str)
    }

    fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn asked_number<T: FromStr>(&self, name: &str, otherwise: T) -> Result<T, Refusal> {
        let Some(value) = self.asked(name) else {
            return Ok(otherwise);
        };
        value.parse().map_err(|_| Refusal(format!("`{name}={value}` is no number that fits")))
    }

    fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Reads the request's body to its end, keeping its first `keep` bytes.
    async fn read_body(&mut self, keep: usize) -> Result<WholeBody, Refusal> {
        let body = std::mem::take(&mut self.body);
        let read = self.site.log.read_body(self.order, body, keep).await;
        read.map_err(|error| Refusal(format!("the request's body broke off: {error}")))
    }
}

fn not_found() -> Response<ReplyBody> {
    text_response(StatusCode::NOT_FOUND, format!("Nothing is here.\n\n{}", *HELP))
}

fn full(bytes: impl Into<Bytes>) -> ReplyBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

fn paced(body: Paced) -> ReplyBody {
    body.boxed_unsync()
}

fn text_response(status: StatusCode, text: impl Into<Bytes>) -> Response<ReplyBody> {
    response(status, "text/plain; charset=utf-8", full(text))
}

fn json_response(value: &serde_json::Value) -> Response<ReplyBody> {
    response(StatusCode::OK, "application/json", full(format!("{value:#}\n")))
}

fn response(status: StatusCode, kind: &'static str, body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn set(response: &mut Response<ReplyBody>, name: header::HeaderName, value: &str) {
    // A value that no header can carry is left out: such a value is never ours, but asked for.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn status(code: u16) -> Result<StatusCode, Refusal> {
    StatusCode::from_u16(code)
        .ok()
        .filter(|status| !status.is_informational())
        .ok_or_else(|| Refusal(format!("{code} is no final status code")))
}

fn ready(bytes: impl Into<Bytes>) -> Source {
    Source::Ready(bytes.into())
}
