//! The events of one transfer, as its transitions emit them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, Version};
use url::Url;

use crate::policy::auth::Scheme;
use crate::policy::cookie::accept::Refusal;
use crate::policy::early_data::EarlyOutcome;

/// Something that happened to a transfer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// When, counted from the moment the transfer was handed over.
    pub at: Duration,
    /// What.
    pub what: What,
}

impl Event {
    /// An event.
    #[must_use]
    pub fn new(at: Duration, what: What) -> Self {
        Self { at, what }
    }
}

/// What happened to a transfer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum What {
    /// A server (401) or a proxy (407) wants to know who is asking.
    AuthenticationRequired {
        /// What it calls the things that it guards, if it says.
        realm: Option<String>,
        /// The scheme that is taken.
        scheme: Scheme,
    },
    /// A proxy is asked for the way on.
    AskingProxy {
        /// The proxy, without credentials.
        proxy: String,
        /// Where to.
        target: String,
    },
    /// An address answered.
    Connected {
        /// The address.
        address: SocketAddr,
    },
    /// An address is being tried.
    Connecting {
        /// The address.
        address: SocketAddr,
    },
    /// A cookie that the answer sets is not kept.
    CookieRefused {
        /// Its name; empty if it has none, or its field sets none.
        name: String,
        /// Why.
        why: Refusal,
    },
    /// Cookies go with the request.
    CookiesSent {
        /// Their names, in the order in which they are sent.
        names: Vec<String>,
    },
    /// So much of the body has arrived; at most every 100 ms unless all are asked for.
    DownloadProgress {
        /// Bytes so far, as the reader gets them.
        received: u64,
        /// The length the server announced, if it did and the body is not decoded.
        total: Option<u64>,
    },
    /// The transfer ended with an error; always the last event.
    Failed {
        /// The error in words.
        message: String,
    },
    /// The transfer ended well; always the last event.
    Finished {
        /// Bytes of the body, as the reader got them.
        received: u64,
    },
    /// The head of the final response.
    Head {
        /// The status.
        status: StatusCode,
        /// The protocol version.
        version: Version,
        /// The fields.
        headers: HeaderMap,
    },
    /// An interim response (1xx), 103 Early Hints among them.
    Interim {
        /// The status.
        status: StatusCode,
        /// The fields.
        headers: HeaderMap,
    },
    /// The proxy has opened the way on.
    ProxyGranted {
        /// The proxy, without credentials.
        proxy: String,
    },
    /// The transfer waits for its turn.
    Queued,
    /// A redirect is being followed.
    Redirected {
        /// The status that said so.
        status: StatusCode,
        /// Where the request went.
        from: Box<Url>,
        /// Where it goes now.
        to: Box<Url>,
    },
    /// The name has these addresses.
    Resolved {
        /// The addresses, best first.
        addresses: Vec<IpAddr>,
    },
    /// The name is being looked up.
    Resolving {
        /// The name.
        host: String,
    },
    /// A certificate with something wrong is accepted from now on.
    CertificateAccepted {
        /// Whose it is.
        host: String,
    },
    /// The request is sent, or its connection is opened, once more.
    Retried {
        /// Why.
        why: &'static str,
    },
    /// A kept connection is used.
    Reused,
    /// A way through proxies was chosen, or the next of the list.
    Routed {
        /// The proxies, the nearest first and without credentials, or `direct`.
        route: String,
        /// The rule that said so, in words.
        rule: String,
    },
    /// A scheme that was offered cannot be used, and the next is taken.
    SchemePassedOver {
        /// The scheme.
        scheme: Scheme,
        /// Why.
        why: String,
    },
    /// The TLS handshake is done.
    Secured {
        /// The protocol version, for example `TLSv1.3`.
        version: String,
        /// The cipher suite's standard name.
        cipher_suite: String,
        /// The key exchange group.
        key_exchange: String,
        /// The application protocol, if one was agreed on.
        protocol: Option<String>,
    },
    /// A TLS handshake begins.
    Securing {
        /// The name the server must prove.
        name: String,
    },
    /// A request is about to go out.
    Sending {
        /// Its method.
        method: Method,
        /// Where to.
        url: Box<Url>,
        /// Its fields, secrets among them; those that frame the body and name the host are added
        /// as the protocol has them.
        headers: Box<HeaderMap>,
    },
    /// The request has been sent as early data, together with the TLS handshake.
    SentEarly {
        /// What became of it.
        outcome: EarlyOutcome,
    },
    /// The request's head, and its body if that was at hand, have been written.
    Sent,
    /// The transfer's turn has come.
    Started,
    /// What is remembered of servers could not be read or written where it is kept; the transfer
    /// goes on with what is in memory.
    StoreFailed {
        /// Why, in words.
        message: String,
    },
    /// The fields after a body.
    Trailers {
        /// The fields.
        headers: HeaderMap,
    },
    /// So much of the request's body has been sent; at most every 100 ms unless all are asked for.
    UploadProgress {
        /// Bytes so far.
        sent: u64,
        /// All bytes, if that is known.
        total: Option<u64>,
    },
    /// The host is only to be reached over TLS, so that is where the request goes (RFC 6797).
    Upgraded {
        /// Where it would have gone.
        from: Box<Url>,
        /// Where it goes.
        to: Box<Url>,
    },
    /// The answer came before the upload was done, which was stopped.
    UploadStopped {
        /// Bytes sent.
        sent: u64,
        /// All bytes, if that is known.
        total: Option<u64>,
    },
    /// A way failed at a proxy, and the next of the list is tried.
    WayFailed {
        /// Why, in words.
        message: String,
    },
}
