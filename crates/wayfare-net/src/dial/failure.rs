//! Why a dial failed, with every address that was tried.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use wayfare_proto::policy::early_data::EarlyOutcome;
use wayfare_proto::policy::ech::Refusal;
use wayfare_proto::route::hops::End;
use wayfare_proto::route::proxy::Proxy;
use wayfare_proto::syntax::challenge::Challenge;
use wayfare_proto::wire::tunnel;

use super::hop::HopFailure;
use crate::socket::BindingFailure;
use crate::tls::{Rejection, TlsFailure, TlsProblem};

/// Where on the way a dial stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialStage {
    /// Reaching an address.
    Connect,
    /// Asking a proxy to go on.
    Proxy,
    /// Looking the name up.
    Resolve,
    /// The TLS handshake.
    Tls,
}

/// One address that was tried in vain.
#[derive(Debug)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// The operating system's answer.
    pub error: io::Error,
    /// How long it took to fail.
    pub took: Duration,
}

/// Why a dial failed.
#[derive(Debug)]
pub struct DialFailure {
    /// Where it stopped.
    pub stage: DialStage,
    /// Set when a deadline ended it: how long was waited.
    pub waited: Option<Duration>,
    /// Every address tried, in order.
    pub attempts: Vec<Attempt>,
    /// The proxy that could not be reached, or did not do what it was asked for; nothing if it
    /// was the origin.
    pub proxy: Option<Proxy>,
    /// The addresses whose turn had not come when the time was over.
    pub untried: Vec<SocketAddr>,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Deadline,
    Hop(HopFailure),
    Resolver(io::Error),
    Tls(TlsFailure),
    Unreachable,
}

impl DialFailure {
    pub(super) fn resolve(error: io::Error) -> Self {
        Self::new(DialStage::Resolve, Cause::Resolver(error))
    }

    pub(super) fn hop(failure: HopFailure) -> Self {
        Self::new(DialStage::Proxy, Cause::Hop(failure))
    }

    /// Says at which proxy it was.
    pub(super) fn at_proxy(self, proxy: &Proxy) -> Self {
        Self { proxy: Some(proxy.clone()), ..self }
    }

    pub(super) fn at(self, end: &End) -> Self {
        match end {
            End::Origin => self,
            End::Proxy(proxy) => self.at_proxy(proxy),
        }
    }

    pub(super) fn tls(failure: TlsFailure) -> Self {
        Self::new(DialStage::Tls, Cause::Tls(failure))
    }

    pub(super) fn unreachable(attempts: Vec<Attempt>) -> Self {
        Self { attempts, ..Self::new(DialStage::Connect, Cause::Unreachable) }
    }

    pub(super) fn timed_out(stage: DialStage, waited: Duration, attempts: Vec<Attempt>) -> Self {
        Self { waited: Some(waited), attempts, ..Self::new(stage, Cause::Deadline) }
    }

    pub(super) fn without(mut self, untried: Vec<SocketAddr>) -> Self {
        self.untried = untried;
        self
    }

    fn new(stage: DialStage, cause: Cause) -> Self {
        let (attempts, untried) = (Vec::new(), Vec::new());
        Self { stage, waited: None, attempts, proxy: None, untried, cause }
    }

    /// The kind of TLS failure, if it was one.
    #[must_use]
    pub fn tls_problem(&self) -> Option<TlsProblem> {
        match &self.cause {
            Cause::Tls(failure) => Some(failure.problem),
            _ => None,
        }
    }

    /// Everything that is wrong with the server's certificates, if it is that.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        match &self.cause {
            Cause::Tls(failure) => failure.rejection.as_ref(),
            _ => None,
        }
    }

    /// What the origin said instead of taking a hidden name, if it was that.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match &self.cause {
            Cause::Tls(failure) => failure.refusal.as_ref(),
            _ => None,
        }
    }

    /// True if early data was sent, and nobody says what became of it.
    pub(super) fn has_lost_early_data(&self) -> bool {
        matches!(&self.cause, Cause::Tls(why) if why.early_data == EarlyOutcome::Unknown)
    }

    /// True if it was for early data, and the handshake may be made once more without.
    pub(super) fn is_for_early_data(&self) -> bool {
        matches!(&self.cause, Cause::Tls(failure) if failure.is_for_early_data())
    }

    /// The challenges of a proxy that closed the connection with them.
    pub(super) fn closing_challenges(&self) -> Option<&[Challenge]> {
        match self.hop_failure()? {
            HopFailure::Tunnel(tunnel::Failure::Challenged(challenges)) => Some(challenges),
            _ => None,
        }
    }

    /// True if a proxy closed the connection to ask who is asking, and it is known what to say.
    pub(super) fn is_answerable(&self) -> bool {
        matches!(self.hop_failure(), Some(HopFailure::Asked(_)))
    }

    /// True if no address was tried that the socket could be bound for.
    #[must_use]
    pub fn is_for_binding(&self) -> bool {
        let mut attempts = self.attempts.iter();
        !self.attempts.is_empty() && attempts.all(|one| BindingFailure::is_in(&one.error))
    }

    /// What a proxy on the way did not do, if it was that.
    #[must_use]
    pub fn hop_failure(&self) -> Option<&HopFailure> {
        match &self.cause {
            Cause::Hop(failure) => Some(failure),
            _ => None,
        }
    }

    /// The operating system's error kind that says most about the failure to connect.
    #[must_use]
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        match &self.cause {
            Cause::Hop(HopFailure::Io(error)) | Cause::Resolver(error) => Some(error.kind()),
            Cause::Hop(_) => None,
            Cause::Tls(failure) => Some(failure.source.kind()),
            Cause::Deadline => Some(io::ErrorKind::TimedOut),
            Cause::Unreachable => self.attempts.last().map(|attempt| attempt.error.kind()),
        }
    }
}

impl DialFailure {
    /// The failure with what is behind it, nothing said twice.
    #[must_use]
    pub fn in_words(&self) -> String {
        use std::error::Error as _;
        // What addresses answered, and proxies, is said already.
        let is_said = !self.attempts.is_empty() || self.hop_failure().is_some();
        match self.source().filter(|_| !is_said) {
            Some(mut cause) => {
                while let Some(deeper) = cause.source() {
                    cause = deeper;
                }
                format!("{self}: {cause}")
            }
            None => self.to_string(),
        }
    }
}

impl fmt::Display for DialFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(proxy) = &self.proxy {
            write!(f, "the proxy {proxy}: ")?;
        }
        match &self.cause {
            Cause::Deadline => match self.stage {
                DialStage::Resolve => f.write_str("the name was not resolved in time")?,
                DialStage::Connect => f.write_str("no address answered in time")?,
                DialStage::Proxy => f.write_str("it did not answer in time")?,
                DialStage::Tls => f.write_str("the TLS handshake did not end in time")?,
            },
            Cause::Hop(failure) => failure.fmt(f)?,
            Cause::Resolver(_) => f.write_str("the name could not be resolved")?,
            Cause::Tls(failure) => failure.fmt(f)?,
            Cause::Unreachable => f.write_str("no address could be connected to")?,
        }
        for attempt in &self.attempts {
            let Attempt { address, error, took } = attempt;
            write!(f, "; {address}: {error} after {} ms", took.as_millis())?;
        }
        for (index, address) in self.untried.iter().enumerate() {
            write!(f, "{}{address}", if index == 0 { "; not tried: " } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for DialFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::Hop(failure) => Some(failure),
            Cause::Resolver(error) => Some(error),
            Cause::Tls(failure) => Some(failure),
            Cause::Unreachable => {
                self.attempts.last().map(|attempt| &attempt.error as &dyn std::error::Error)
            }
            Cause::Deadline => None,
        }
    }
}
