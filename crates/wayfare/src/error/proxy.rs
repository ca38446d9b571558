//! Errors that happened at a proxy, apart from those of the server behind it.

use http::StatusCode;
use wayfare_net::dial::{Blame, DialFailure, HopFailure};
use wayfare_net::tls::TlsProblem;
use wayfare_proto::route::proxy::Proxy;
use wayfare_proto::syntax::challenge::Challenge;
use wayfare_proto::wire::http1::violation::Violation;
use wayfare_proto::wire::{socks::failure as socks, tunnel};

use super::{Error, ErrorKind, Retry, Stage};

/// What happened at a proxy. Nothing that a proxy says in place of a tunnel is ever taken for the
/// server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyProblem {
    /// It wants to know who is asking (407), and nobody said, or what was said was refused.
    Authentication,
    /// It closed the connection, or the connection broke.
    Closed,
    /// No proxy that was named can be used for this URL or socket.
    NoneFits,
    /// It broke the protocol, or speaks another one.
    Protocol,
    /// A SOCKS proxy said no.
    Refused,
    /// There is no telling which proxy to use.
    Settings,
    /// An HTTP proxy said no to a tunnel with this status.
    Status(StatusCode),
    /// It did not answer in time.
    Timeout,
    /// The TLS handshake with the proxy failed.
    Tls(TlsProblem),
    /// It could not be reached.
    Unreachable,
}

impl ProxyProblem {
    /// The number of `QNetworkReply::NetworkError`.
    pub(super) fn qt_code(self) -> i32 {
        match self {
            Self::Authentication => 105,
            Self::Closed => 102,
            Self::NoneFits | Self::Settings => 103,
            Self::Protocol | Self::Refused | Self::Status(_) => 199,
            Self::Timeout => 104,
            Self::Tls(_) => 6,
            Self::Unreachable => 101,
        }
    }
}

/// A failure at a proxy, with what is needed to judge whether another way may be tried.
#[derive(Debug)]
pub(crate) struct ProxyTrouble {
    pub(crate) proxy: Proxy,
    pub(crate) blame: Blame,
    /// Set if it wants to know who is asking.
    pub(crate) challenges: Option<Vec<Challenge>>,
}

impl ProxyTrouble {
    /// True if another way may work where this one did not.
    pub(crate) fn has_another_way(&self) -> bool {
        self.challenges.is_none() && self.blame != Blame::Request
    }
}

/// A dial that ended at a proxy.
pub(super) fn of_proxy(mut failure: DialFailure) -> Error {
    let hop = failure.hop_failure();
    let blame = hop.map_or(Blame::Proxy, HopFailure::blame);
    let challenges = hop.and_then(HopFailure::challenges).map(<[Challenge]>::to_vec);
    // What is wrong on this side of the first proxy is nothing to blame that proxy for; but the next
    // may be reached from there.
    let (kind, blame) = match failure.is_for_binding() {
        true => (ErrorKind::Binding, Blame::Way),
        false => (ErrorKind::Proxy(proxy_problem(&failure)), blame),
    };
    let message = failure.in_words();
    let retry = if blame == Blame::Request { Retry::Never } else { Retry::Safe };
    let proxy = failure.proxy.take();
    let error = Error::new(kind, Stage::Connect, message).with_retry(retry).because(failure);
    match proxy {
        Some(proxy) => {
            let proxy = proxy.without_credentials();
            error.at_proxy(ProxyTrouble { proxy, blame, challenges })
        }
        None => error,
    }
}

fn proxy_problem(failure: &DialFailure) -> ProxyProblem {
    if failure.waited.is_some() {
        return ProxyProblem::Timeout;
    }
    if let Some(problem) = failure.tls_problem() {
        return ProxyProblem::Tls(problem);
    }
    let Some(hop) = failure.hop_failure() else { return ProxyProblem::Unreachable };
    if hop.challenges().is_some() {
        return ProxyProblem::Authentication;
    }
    if let Some(status) = hop.status().and_then(|status| StatusCode::from_u16(status).ok()) {
        return ProxyProblem::Status(status);
    }
    match hop {
        HopFailure::Barred(_) => ProxyProblem::NoneFits,
        HopFailure::Io(_)
        | HopFailure::Socks(socks::Failure::Closed)
        | HopFailure::Tunnel(tunnel::Failure::Violation(
            Violation::ClosedBeforeHead | Violation::CutInHead,
        )) => ProxyProblem::Closed,
        HopFailure::Socks(socks::Failure::BadAddress(_) | socks::Failure::BadVersion { .. })
        | HopFailure::EarlyBytes(_)
        | HopFailure::Tunnel(tunnel::Failure::Violation(_)) => ProxyProblem::Protocol,
        _ => ProxyProblem::Refused,
    }
}
