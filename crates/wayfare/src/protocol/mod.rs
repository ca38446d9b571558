//! One attempt at a request, whatever its scheme: what goes in, what comes out.

pub mod data;
pub mod file;
pub(crate) mod http;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use ::http::header::{AUTHORIZATION, COOKIE};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use bytes::Bytes;
use url::Url;
use wayfare_net::runtime::Home;
use wayfare_net::tls::facts::TlsFacts;
use wayfare_proto::policy::auth::Asker;
use wayfare_proto::policy::early_data::EarlyOutcome;
use wayfare_proto::policy::retry::{Age, Break};
use wayfare_proto::wire::http1::request::{Opening, WrittenFields};

use crate::body::Body;
use crate::body::incoming::Content;
use crate::error::Error;
use crate::options::Options;

/// A request as it goes out.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// Where to; never with a user name or password.
    pub url: Url,
    /// The fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

/// A request as it was planned: what is unchanged is not copied.
pub(crate) struct Planned {
    pub(crate) method: Method,
    pub(crate) url: Arc<Url>,
    pub(crate) fields: Fields,
    pub(crate) body: Body,
}

/// The fields of a planned request.
#[derive(Clone)]
pub(crate) enum Fields {
    /// The manager's, as most requests have them, and what is made for each request.
    Beside {
        options: Arc<Options>,
        /// The manager's as HTTP/1.1 writes them, if that was done before.
        written: Option<WrittenFields>,
        extra: Extra,
    },
    /// The request's own beside the manager's.
    Own(HeaderMap),
}

/// What stands beside the manager's fields, none of which has one of these names.
#[derive(Clone, Default)]
pub(crate) struct Extra {
    pub(crate) cookies: Option<HeaderValue>,
    /// Who is asking.
    pub(crate) who: Option<HeaderValue>,
}

impl Fields {
    pub(crate) fn into_map(self) -> HeaderMap {
        match self {
            Self::Beside { options, extra, .. } => {
                let mut map = options.headers.0.clone();
                let extra = [(COOKIE, extra.cookies), (AUTHORIZATION, extra.who)];
                map.extend(extra.into_iter().filter_map(|(name, value)| Some((name, value?))));
                map
            }
            Self::Own(map) => map,
        }
    }

    /// All of them in one map, for those who want to see them.
    pub(crate) fn to_map(&self) -> HeaderMap {
        self.clone().into_map()
    }

    /// Sets a field, for this request alone.
    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        let mut map = std::mem::replace(self, Self::Own(HeaderMap::new())).into_map();
        map.insert(name, value);
        *self = Self::Own(map);
    }

    /// The fields that are in a map: all but those made for each request.
    pub(crate) fn mapped(&self) -> &HeaderMap {
        match self {
            Self::Beside { options, .. } => &options.headers.0,
            Self::Own(map) => map,
        }
    }

    /// `opening` with those fields that HTTP/1.1 need not write again.
    pub(crate) fn following<'a>(&'a self, opening: Opening<'a>) -> Opening<'a> {
        match self.written() {
            Some(written) => opening.with(written),
            None => opening,
        }
    }

    /// All but those that are part of the opening.
    pub(crate) fn unwritten(&self) -> Unwritten<'_> {
        Unwritten(self)
    }

    fn written(&self) -> Option<&WrittenFields> {
        match self {
            Self::Beside { written, .. } => written.as_ref(),
            Self::Own(_) => None,
        }
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = (&'a HeaderName, &'a HeaderValue);
    type IntoIter = FieldsIter<'a>;

    fn into_iter(self) -> FieldsIter<'a> {
        let (cookies, who) = match self {
            Fields::Beside { extra, .. } => (extra.cookies.as_ref(), extra.who.as_ref()),
            Fields::Own(_) => (None, None),
        };
        FieldsIter { mapped: Some(self.mapped().iter()), cookies, who }
    }
}

/// The fields that are not written yet.
#[derive(Clone, Copy)]
pub(crate) struct Unwritten<'a>(&'a Fields);

impl<'a> IntoIterator for Unwritten<'a> {
    type Item = (&'a HeaderName, &'a HeaderValue);
    type IntoIter = FieldsIter<'a>;

    fn into_iter(self) -> FieldsIter<'a> {
        let all = self.0.into_iter();
        let mapped = all.mapped.filter(|_| self.0.written().is_none());
        FieldsIter { mapped, ..all }
    }
}

/// The fields of a planned request, one after another.
pub(crate) struct FieldsIter<'a> {
    mapped: Option<::http::header::Iter<'a, HeaderValue>>,
    cookies: Option<&'a HeaderValue>,
    who: Option<&'a HeaderValue>,
}

impl<'a> Iterator for FieldsIter<'a> {
    type Item = (&'a HeaderName, &'a HeaderValue);

    fn next(&mut self) -> Option<Self::Item> {
        self.mapped
            .as_mut()
            .and_then(Iterator::next)
            .or_else(|| Some((&COOKIE, self.cookies.take()?)))
            .or_else(|| Some((&AUTHORIZATION, self.who.take()?)))
    }
}

impl From<Planned> for Outgoing {
    fn from(planned: Planned) -> Self {
        let Planned { method, url, fields, body } = planned;
        Self { method, url: Arc::unwrap_or_clone(url), headers: fields.into_map(), body }
    }
}

/// An answer as it comes in.
#[derive(Debug)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) reason: Bytes,
    pub(crate) headers: HeaderMap,
    pub(crate) content: ContentOrBody,
    pub(crate) connection: ConnectionFacts,
    pub(crate) upload: Upload,
    /// The request's body, if nothing was read from it.
    pub(crate) untouched: Option<Body>,
}

/// What is known of the connection an answer came over.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionFacts {
    pub(crate) age: Option<Age>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) tls: Option<Arc<TlsFacts>>,
    /// What binds a proof to the TLS of the proxy that is given the requests.
    pub(crate) proxy_binding: Option<Arc<[u8]>>,
}

impl ConnectionFacts {
    /// What binds a proof for this peer to the connection, if it is secured.
    pub(crate) fn binding(&self, asker: Asker) -> Option<Vec<u8>> {
        match asker {
            Asker::Origin => self.tls.as_ref()?.end_point_hash(),
            Asker::Proxy => self.proxy_binding.as_ref().map(|hash| hash.to_vec()),
        }
    }

    /// What became of sending this request as early data: only the first of a connection may be.
    pub(crate) fn early_data(&self) -> EarlyOutcome {
        let first = self.tls.as_ref().filter(|_| self.age == Some(Age::Fresh));
        first.map(|facts| facts.early_data).unwrap_or_default()
    }
}

/// Whether the request's body was sent to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upload {
    Complete,
    Stopped,
}

/// The body of an answer: on its way, or not opened yet.
pub(crate) enum ContentOrBody {
    Body(Body),
    Content(Content),
}

impl fmt::Debug for ContentOrBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(body) => body.fmt(f),
            Self::Content(_) => f.write_str("Content"),
        }
    }
}

impl Answer {
    /// An answer with a status and no body.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            version: Version::HTTP_11,
            reason: Bytes::new(),
            headers: HeaderMap::new(),
            content: ContentOrBody::Body(Body::empty()),
            connection: ConnectionFacts::default(),
            upload: Upload::Complete,
            untouched: None,
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: Body) -> Self {
        self.content = ContentOrBody::Body(body);
        self
    }
}

/// A future that ends in an answer.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send + 'a>>;

/// How requests of one or more schemes are answered.
///
/// Register one with [`crate::Builder::protocol`]; its transfers have events and bodies like any
/// other, and wait for no turn. A redirect that one answers with is refused unless the policy is
/// [`RedirectPolicy::Manual`](crate::options::RedirectPolicy::Manual): only `http` and `https` have
/// origins to keep secrets in.
pub trait Protocol: Send + Sync {
    /// The schemes it answers, in lower case.
    fn schemes(&self) -> &[&str];

    /// Answers one request.
    ///
    /// # Errors
    /// Whatever went wrong; see [`Error::from_protocol`].
    ///
    /// # Cancel safety
    /// The future is dropped when the transfer is aborted.
    fn attempt<'a>(&'a self, outgoing: Outgoing, around: &'a Around) -> Answering<'a>;
}

/// What surrounds an attempt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Around {
    /// Where I/O is done.
    pub(crate) home: Home,
    /// The request's settings.
    pub options: Arc<Options>,
}

/// What came of one attempt. Small, because a transfer has one at hand while it waits for what the
/// answer wants remembered.
pub(crate) enum Outcome {
    Answered(Box<Answer>),
    Failed(Box<Failure>),
}

/// How an attempt failed, with what is needed to judge whether another may follow.
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) how: Break,
    pub(crate) age: Age,
    /// The body, if nothing was read from it.
    pub(crate) untouched: Option<Body>,
}

impl Failure {
    /// A failure before anything was sent on a connection made for this request.
    pub(crate) fn before_sending(error: Error, body: Body) -> Self {
        Self { error, how: Break::Unsent, age: Age::Fresh, untouched: Some(body) }
    }
}

/// The protocols of a manager, by scheme.
#[derive(Clone, Default)]
pub(crate) struct Registry {
    own: Vec<Arc<dyn Protocol>>,
}

/// Who answers a scheme.
pub(crate) enum Answerer {
    Http,
    Protocol(Arc<dyn Protocol>),
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self { own: vec![Arc::new(file::File), Arc::new(data::Data)] }
    }

    /// Adds a protocol, which comes before those added earlier.
    pub(crate) fn add(&mut self, protocol: Arc<dyn Protocol>) {
        self.own.insert(0, protocol);
    }

    pub(crate) fn find(&self, scheme: &str) -> Option<Answerer> {
        let own = self.own.iter().find(|protocol| protocol.schemes().contains(&scheme));
        if let Some(protocol) = own {
            return Some(Answerer::Protocol(protocol.clone()));
        }
        matches!(scheme, "http" | "https").then_some(Answerer::Http)
    }

    /// Every scheme, sorted.
    pub(crate) fn schemes(&self) -> Vec<String> {
        let own = self.own.iter().flat_map(|protocol| protocol.schemes().iter().copied());
        let mut schemes: Vec<_> = own.chain(["http", "https"]).map(str::to_owned).collect();
        schemes.sort();
        schemes.dedup();
        schemes
    }
}
