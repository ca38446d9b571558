//! Questions that only the application can answer.

use std::future::Future;
use std::pin::Pin;

use http::{Method, StatusCode};
use url::Url;
use wayfare_net::tls::Rejection;
use wayfare_proto::certificate::Certificate;
use wayfare_proto::certificate::problem::Problem;
use wayfare_proto::policy::auth::{Offer, Scheme};
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

    /// Is this certificate accepted although something is wrong with it? Asked once however many
    /// requests wait; nothing of a request, and no certificate of the client, has been sent then.
    /// What is accepted is an exact exception: this host, this certificate, these problems.
    fn certificate<'a>(&'a self, asked: &'a CertificateQuestion) -> Trusting<'a> {
        let _ = asked;
        Box::pin(std::future::ready(Trust::No))
    }

    /// Who is asking? Asked when a server wants to know and neither the request nor the manager's
    /// settings say, or what they say was refused; once for each realm however many requests wait,
    /// and not again for a while when the answer is refused.
    fn credentials<'a>(&'a self, asked: &'a CredentialsQuestion) -> Login<'a> {
        let _ = asked;
        Box::pin(std::future::ready(None))
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

/// Whether a certificate is accepted, which may take its time.
pub type Trusting<'a> = Pin<Box<dyn Future<Output = Trust> + Send + 'a>>;

/// Whether a certificate with something wrong is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// It is, until the exception is removed; it is written to the file of
    /// [`Exceptions`](crate::options::Exceptions), if there is one.
    Always,
    /// It is not.
    #[default]
    No,
    /// It is, as long as the exceptions live.
    Session,
}

/// A server whose certificates are not in order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CertificateQuestion {
    /// What was asked for.
    pub url: Url,
    /// Who had to prove a name: the URL's host, or a proxy on the way.
    pub host: String,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// The certificates, the server's own first; one that cannot be read is missing.
    pub certificates: Vec<Certificate>,
}

impl CertificateQuestion {
    pub(crate) fn new(url: Url, rejection: &Rejection) -> Self {
        let readable = |der: &Vec<u8>| Certificate::from_der(der).ok();
        Self {
            url,
            host: rejection.host.clone(),
            problems: rejection.problems.clone(),
            certificates: rejection.certificates.iter().filter_map(readable).collect(),
        }
    }
}

/// A user name and a password, or nothing, which may take its time.
pub type Login<'a> = Pin<Box<dyn Future<Output = Option<Credentials>> + Send + 'a>>;

/// A server that wants to know who is asking.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CredentialsQuestion {
    /// What was asked for.
    pub url: Url,
    /// What the server calls the things that it guards, if it says; only a server that is reached
    /// over TLS is known to have chosen these words.
    pub realm: Option<String>,
    /// How the answer will be said; Basic tells the password as it is.
    pub scheme: Scheme,
    /// Who it has to be, if the URL names a user without a password.
    pub user: Option<String>,
}

impl CredentialsQuestion {
    pub(crate) fn new(url: Url, offer: &Offer, user: Option<String>) -> Self {
        let realm = offer.realm().map(str::to_owned);
        Self { url, realm, scheme: offer.scheme(), user }
    }
}

/// A proxy that wants to know who is asking.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProxyQuestion {
    /// The proxy.
    pub proxy: Proxy,
    /// What it calls the things that it guards; SOCKS, NTLM and Negotiate have no such
    /// word.
    pub realm: Option<String>,
    /// How the answer will be said; nothing for SOCKS, which tells the password as Basic does.
    pub scheme: Option<Scheme>,
}

impl ProxyQuestion {
    pub(crate) fn new(proxy: Proxy, offer: Option<&Offer>) -> Self {
        let realm = offer.and_then(Offer::realm).map(str::to_owned);
        Self { proxy, realm, scheme: offer.map(Offer::scheme) }
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
