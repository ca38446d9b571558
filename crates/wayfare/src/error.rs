//! The one error of the library: what, where, and whether trying again can help.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;

use http::Method;
use url::Url;
use wayfare_net::dial::{DialFailure, DialStage};
use wayfare_net::tls::{Rejection, TlsProblem};
use wayfare_proto::policy::redirect::Refusal;
use wayfare_proto::policy::retry::is_idempotent;
use wayfare_proto::route::proxy::{Chain, Proxy};
use wayfare_proto::syntax::visible::visible;
use wayfare_proto::trace::timeline::Timings;
use wayfare_proto::wire::http1::violation::Violation;

mod kind;
mod proxy;

pub use kind::{ErrorKind, Phase, Retry, Stage};
pub use proxy::ProxyProblem;
pub(crate) use proxy::ProxyTrouble;

/// Why a transfer failed.
///
/// One word wide; [`Error::kind`] says what happened, [`Error::stage`] where, [`Error::retry`]
/// whether sending the request again can help. The text names the URL (without its password) and
/// is one line.
///
/// ```
/// # fn show(error: wayfare::Error) {
/// if error.kind() == wayfare::ErrorKind::NameNotFound {
///     eprintln!("check the host name: {error}");
/// }
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    stage: Stage,
    retry: Retry,
    url: Option<Url>,
    /// Nothing in it acts on a terminal or a log, whoever said it.
    message: String,
    /// The proxies on the way, if there are any.
    way: Chain,
    timings: Timings,
    source: Option<Box<dyn StdError + Send + Sync>>,
    proxy: Option<ProxyTrouble>,
}

impl Error {
    /// An error for a [`Protocol`](crate::protocol::Protocol) of the application's own.
    ///
    /// ```
    /// use wayfare::{Error, ErrorKind};
    /// let error = Error::from_protocol(ErrorKind::FileNotFound, "nobody is called Ada");
    /// assert_eq!(error.to_string(), "nobody is called Ada");
    /// ```
    #[must_use]
    pub fn from_protocol(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::new(kind, Stage::Receive, message)
    }

    pub(crate) fn new(kind: ErrorKind, stage: Stage, message: impl Into<String>) -> Self {
        let inner = Inner {
            kind,
            stage,
            retry: Retry::Never,
            url: None,
            message: shown(message.into()),
            way: Chain::DIRECT,
            timings: Timings::default(),
            source: None,
            proxy: None,
        };
        Self(Box::new(inner))
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_message(mut self, message: String) -> Self {
        self.0.message = shown(message);
        self
    }

    pub(crate) fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Everything that is wrong with a server's certificates, and the certificates, if that is why
    /// it failed.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        let source = self.0.source.as_deref()?;
        source.downcast_ref::<DialFailure>()?.rejection()
    }

    /// Names the way, unless one is named already.
    pub(crate) fn through(mut self, way: &Chain) -> Self {
        if self.0.way.is_direct() {
            self.0.way = way.clone();
        }
        self
    }

    pub(crate) fn at_proxy(mut self, trouble: ProxyTrouble) -> Self {
        self.0.proxy = Some(trouble);
        self
    }

    pub(crate) fn proxy_trouble(&self) -> Option<&ProxyTrouble> {
        self.0.proxy.as_ref()
    }

    /// Says how long each phase took until then.
    pub(crate) fn after(mut self, timings: Timings) -> Self {
        self.0.timings = timings;
        self
    }

    /// A request that can be repeated without harm may be worth repeating when the network failed.
    pub(crate) fn for_method(mut self, method: &Method) -> Self {
        let network = matches!(
            self.0.kind,
            ErrorKind::ConnectionLost | ErrorKind::Truncated | ErrorKind::Timeout(_)
        );
        if network && self.0.retry == Retry::Never && is_idempotent(method) {
            self.0.retry = Retry::Safe;
        }
        self
    }

    /// Names the URL, unless one is named already.
    pub(crate) fn at(mut self, url: &Url) -> Self {
        if self.0.url.is_none() {
            let mut shown = url.clone();
            // Neither can fail where there is something to remove.
            let _ = shown.set_password(None);
            let _ = shown.set_username("");
            self.0.url = Some(shown);
        }
        self
    }

    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, Stage::Plan, message)
    }

    /// What the operating system says of a file.
    pub(crate) fn from_file(what: &str, why: &io::Error) -> Self {
        let (kind, words) = match why.kind() {
            io::ErrorKind::PermissionDenied => (ErrorKind::FileForbidden, "permission denied"),
            io::ErrorKind::NotFound => (ErrorKind::FileNotFound, "no such file or directory"),
            io::ErrorKind::IsADirectory => (ErrorKind::FileNotRegular, "not a regular file"),
            _ => (ErrorKind::FileSystem, ""),
        };
        let message = match words {
            "" => format!("{what}: {why}"),
            words => format!("{what}: {words}"),
        };
        Self::new(kind, Stage::Store, message).because(io::Error::new(why.kind(), why.to_string()))
    }

    pub(crate) fn timeout(phase: Phase, stage: Stage, waited: std::time::Duration) -> Self {
        let what = match phase {
            Phase::BetweenBytes => "no bytes came",
            Phase::Connect => "no address answered",
            Phase::FirstByte => "no answer began",
            Phase::Proxy => "the proxy did not answer",
            Phase::Resolve => "the name was not resolved",
            Phase::Tls => "the TLS handshake did not end",
            Phase::Whole => "the transfer did not end",
        };
        Self::new(ErrorKind::Timeout(phase), stage, format!("{what} within {waited:?}"))
    }

    pub(crate) fn violation(violation: &Violation, stage: Stage) -> Self {
        let kind = match violation {
            Violation::Truncated { .. } => ErrorKind::Truncated,
            Violation::ClosedBeforeHead | Violation::CutInHead => ErrorKind::ConnectionLost,
            _ => ErrorKind::Protocol,
        };
        Self::new(kind, stage, violation.to_string()).because(violation.clone())
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Where the transfer was.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.0.stage
    }

    /// Whether sending the request again can help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The URL that failed, after redirects, without user name and password.
    #[must_use]
    pub fn url(&self) -> Option<&Url> {
        self.0.url.as_ref()
    }

    /// How long each phase took until the failure.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.0.timings
    }

    /// The proxies that the request went through, or was to go through; the direct way where none was
    /// chosen. Shown without credentials.
    #[must_use]
    pub fn way(&self) -> &Chain {
        &self.0.way
    }

    /// The proxy that it happened at, without credentials.
    #[must_use]
    pub fn proxy(&self) -> Option<&Proxy> {
        self.0.proxy.as_ref().map(|trouble| &trouble.proxy)
    }

    /// The text without the URL.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The number of `QNetworkReply::NetworkError` that a Qt program would see.
    #[must_use]
    pub fn qt_code(&self) -> i32 {
        self.0.kind.qt_code()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.url {
            Some(url) => write!(f, "{url}: {}", self.0.message)?,
            None => f.write_str(&self.0.message)?,
        }
        // An error of a proxy names that proxy.
        match self.0.way.is_direct() || self.0.proxy.is_some() {
            true => Ok(()),
            false => write!(f, " (through {})", self.0.way),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("stage", &self.0.stage)
            .field("retry", &self.0.retry)
            .field("url", &self.0.url.as_ref().map(Url::as_str))
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Truncated => io::ErrorKind::UnexpectedEof,
            ErrorKind::Timeout(_) | ErrorKind::Proxy(ProxyProblem::Timeout) => {
                io::ErrorKind::TimedOut
            }
            ErrorKind::ConnectionRefused => io::ErrorKind::ConnectionRefused,
            ErrorKind::ConnectionLost => io::ErrorKind::ConnectionReset,
            ErrorKind::FileNotFound => io::ErrorKind::NotFound,
            ErrorKind::FileForbidden => io::ErrorKind::PermissionDenied,
            ErrorKind::Decode | ErrorKind::Protocol | ErrorKind::TooLarge => {
                io::ErrorKind::InvalidData
            }
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl From<DialFailure> for Error {
    fn from(failure: DialFailure) -> Self {
        if failure.proxy.is_some() {
            return proxy::of_proxy(failure);
        }
        let stage = match failure.stage {
            DialStage::Resolve => Stage::Resolve,
            DialStage::Connect | DialStage::Proxy | DialStage::Tls => Stage::Connect,
        };
        if let Some(waited) = failure.waited {
            let phase = match failure.stage {
                DialStage::Connect => Phase::Connect,
                DialStage::Proxy => Phase::Proxy,
                DialStage::Resolve => Phase::Resolve,
                DialStage::Tls => Phase::Tls,
            };
            return Self::timeout(phase, stage, waited).with_retry(Retry::Safe).because(failure);
        }
        let kind = match (failure.stage, failure.tls_problem(), failure.io_kind()) {
            (_, Some(problem), _) => ErrorKind::Tls(problem),
            _ if failure.is_for_binding() => ErrorKind::Binding,
            (DialStage::Resolve, _, Some(io::ErrorKind::TimedOut)) => {
                ErrorKind::Timeout(Phase::Resolve)
            }
            (DialStage::Resolve, ..) => ErrorKind::NameNotFound,
            (_, _, Some(io::ErrorKind::ConnectionRefused)) => ErrorKind::ConnectionRefused,
            (_, _, Some(io::ErrorKind::ConnectionReset)) => ErrorKind::ConnectionLost,
            _ => ErrorKind::Unreachable,
        };
        let message = failure.in_words();
        // A certificate that is refused now will be refused again.
        let retry = match kind {
            ErrorKind::Tls(TlsProblem::Closed | TlsProblem::Alert) => Retry::Safe,
            ErrorKind::Tls(_) => Retry::Never,
            _ => Retry::Safe,
        };
        Self::new(kind, stage, message).with_retry(retry).because(failure)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::BadLocation(_) | Refusal::Scheme(_) => ErrorKind::RedirectInvalid,
            Refusal::LessSafe(_) | Refusal::OtherOrigin(_) => ErrorKind::RedirectUnsafe,
            Refusal::TooMany(_) => ErrorKind::RedirectLimit,
        };
        Self::new(kind, Stage::Plan, refusal.to_string())
    }
}

fn shown(message: String) -> String {
    match visible(&message) {
        Cow::Borrowed(_) => message,
        Cow::Owned(shown) => shown,
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn every_kind_has_a_qt_code_and_none_says_no_error() {
        let statuses =
            (400..=999).map(|code| ErrorKind::Status(StatusCode::from_u16(code).unwrap()));
        let phases = Phase::ALL.into_iter().map(ErrorKind::Timeout);
        let plain = ErrorKind::PLAIN.iter().copied();
        let proxies = [
            ProxyProblem::Authentication,
            ProxyProblem::Closed,
            ProxyProblem::NoneFits,
            ProxyProblem::Protocol,
            ProxyProblem::Refused,
            ProxyProblem::Settings,
            ProxyProblem::Status(StatusCode::BAD_GATEWAY),
            ProxyProblem::Timeout,
            ProxyProblem::Tls(TlsProblem::Expired),
            ProxyProblem::Unreachable,
        ];
        let proxies = proxies.into_iter().map(ErrorKind::Proxy);
        for kind in plain.chain(phases).chain(statuses).chain(proxies) {
            assert_ne!(kind.qt_code(), 0, "{kind:?}");
        }
    }

    #[test]
    fn statuses_have_the_codes_that_qt_gives_them() {
        let code = |status| ErrorKind::Status(StatusCode::from_u16(status).unwrap()).qt_code();
        let table = [
            (400, 302),
            (401, 204),
            (403, 201),
            (404, 203),
            (405, 202),
            (407, 105),
            (409, 206),
            (410, 207),
            (418, 302),
            (422, 299),
            (499, 299),
            (500, 401),
            (501, 402),
            (502, 499),
            (503, 403),
            (504, 499),
            (599, 499),
            (600, 499),
            (999, 499),
        ];
        for (status, expected) in table {
            assert_eq!(code(status), expected, "{status}");
        }
    }

    #[test]
    fn an_error_is_one_word_and_shows_no_password() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        let url = "http://alice:secret@a.test/".parse().unwrap();
        let error = Error::new(ErrorKind::Protocol, Stage::Receive, "odd").at(&url);
        assert!(!format!("{error} {error:?}").contains("secret"));
        assert!(!format!("{error} {error:?}").contains("alice"));
    }
}
