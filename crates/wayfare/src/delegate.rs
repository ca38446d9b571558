//! Questions that only the application can answer.

use std::future::Future;
use std::pin::Pin;

use http::{Method, StatusCode};
use url::Url;
use wayfare_proto::route::proxy::Proxy;
pub use wayfare_proto::syntax::credentials::Credentials;

/// Answers the questions that come up during a transfer.
///
/// Every method has a default that says no, so that a program which does not know of a question
/// is safe. Register one with [`crate::Builder::delegate`].
///
/// ```
/// use wayfare::delegate::{Consent, Delegate, RedirectQuestion};
/// struct SameHost;
/// impl Delegate for SameHost {
///     fn redirect<'a>(&'a self, asked: &'a RedirectQuestion) -> Consent<'a> {
///         Box::pin(async { asked.from.host_str() == asked.to.host_str() })
///     }
/// }
/// ```
pub trait Delegate: Send + Sync {
    /// May this redirect be followed? Asked under
    /// [`RedirectPolicy::Ask`](crate::options::RedirectPolicy::Ask); on no the 3xx answer is
    /// delivered.
    fn redirect<'a>(&'a self, asked: &'a RedirectQuestion) -> Consent<'a> {
        let _ = asked;
        Box::pin(std::future::ready(false))
    }

    /// Who is asking? Asked when a proxy wants to know and its settings do not say, or say what it
    /// refuses; once for each proxy and realm, and not again when the answer is refused. Basic and
    /// SOCKS tell the proxy the password as it is: over an `http`, `connect` or `socks` proxy anyone
    /// on the way to it can read it.
    fn proxy_credentials<'a>(&'a self, asked: &'a ProxyQuestion) -> Login<'a> {
        let _ = asked;
        Box::pin(std::future::ready(None))
    }
}

/// A user name and a password, or nothing, which may take its time.
pub type Login<'a> = Pin<Box<dyn Future<Output = Option<Credentials>> + Send + 'a>>;

/// A proxy that wants to know who is asking.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProxyQuestion {
    /// The proxy.
    pub proxy: Proxy,
    /// What it calls the things that it guards; SOCKS has no such word.
    pub realm: Option<String>,
}

impl ProxyQuestion {
    pub(crate) fn new(proxy: Proxy, realm: Option<String>) -> Self {
        Self { proxy, realm }
    }
}

/// A yes or no that may take its time.
pub type Consent<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// A redirect to approve.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedirectQuestion {
    /// Where the request went.
    pub from: Url,
    /// Where it would go.
    pub to: Url,
    /// The status that says so.
    pub status: StatusCode,
    /// The method it would go with.
    pub method: Method,
}

impl RedirectQuestion {
    pub(crate) fn new(from: Url, to: Url, status: StatusCode, method: Method) -> Self {
        Self { from, to, status, method }
    }
}

/// The delegate of those who have none: says no to everything.
pub(crate) struct SaysNo;

impl Delegate for SaysNo {}
