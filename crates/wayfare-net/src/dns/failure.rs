//! Why a lookup failed, in the terms of `QDnsLookup`.

use std::fmt;
use std::io;

use wayfare_proto::wire::dns::answer::Fault;
use wayfare_proto::wire::dns::message::BadName;

/// Why a lookup failed.
#[derive(Clone, Debug)]
pub struct LookupFailure {
    /// What happened.
    pub kind: LookupFault,
    /// The server that said so, or the last one that was asked.
    pub server: Option<String>,
    /// For how many seconds it may be remembered that there is nothing.
    pub(super) ttl: u32,
    message: String,
}

/// What happened to a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LookupFault {
    /// The answer cannot be read, or does not make sense.
    InvalidReply,
    /// The name cannot be asked for.
    InvalidRequest,
    /// The name exists, but has no record of this type.
    NoData,
    /// There is no such name.
    NotFound,
    /// The server does not want to answer.
    Refused,
    /// No server could be reached.
    Resolver,
    /// The server could not answer.
    ServerFailure,
    /// No server answered in time.
    Timeout,
}

impl LookupFault {
    /// The number of `QDnsLookup::Error` (Qt 6.11); that there is no data is no error to Qt.
    #[must_use]
    pub fn qt_code(self) -> i32 {
        match self {
            Self::NoData => 0,
            Self::Resolver => 1,
            Self::InvalidRequest => 3,
            Self::InvalidReply => 4,
            Self::ServerFailure => 5,
            Self::Refused => 6,
            Self::NotFound => 7,
            Self::Timeout => 8,
        }
    }
}

impl LookupFailure {
    pub(super) fn new(kind: LookupFault, message: impl Into<String>) -> Self {
        Self { kind, server: None, ttl: 0, message: message.into() }
    }

    pub(super) fn of(fault: Fault) -> Self {
        match fault {
            Fault::AliasLoop => {
                Self::new(LookupFault::InvalidReply, "the name's aliases do not come to an end")
            }
            Fault::Misunderstood(code) => {
                let message = format!("the server did not understand the question (code {code})");
                Self::new(LookupFault::InvalidReply, message)
            }
            Fault::Refused => Self::new(LookupFault::Refused, "the server refuses to answer"),
            Fault::ServerFailure => {
                Self::new(LookupFault::ServerFailure, "the server could not answer")
            }
        }
    }

    pub(super) fn unreachable(why: &dyn fmt::Display) -> Self {
        Self::new(LookupFault::Resolver, format!("the server cannot be reached: {why}"))
    }

    /// The failure of a lookup that took longer than it may.
    #[must_use]
    pub fn too_late() -> Self {
        Self::new(LookupFault::Timeout, "the name was not resolved in time")
    }

    pub(super) fn by(mut self, server: &dyn fmt::Display) -> Self {
        self.server.get_or_insert_with(|| server.to_string());
        self
    }

    pub(super) fn for_seconds(mut self, ttl: u32) -> Self {
        self.ttl = ttl;
        self
    }

    /// True if no other server needs to be asked.
    pub(super) fn is_final(&self) -> bool {
        let Self { kind, .. } = self;
        matches!(kind, LookupFault::NoData | LookupFault::NotFound | LookupFault::InvalidRequest)
    }
}

impl From<BadName> for LookupFailure {
    fn from(why: BadName) -> Self {
        Self::new(LookupFault::InvalidRequest, why.to_string())
    }
}

impl From<&io::Error> for LookupFailure {
    /// What the system's resolver says; it does not tell apart why there is nothing.
    fn from(why: &io::Error) -> Self {
        let own = why.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
        own.cloned().unwrap_or_else(|| Self::new(LookupFault::NotFound, why.to_string()))
    }
}

impl From<LookupFailure> for io::Error {
    fn from(failure: LookupFailure) -> Self {
        let kind = match failure.kind {
            LookupFault::NoData | LookupFault::NotFound => io::ErrorKind::NotFound,
            LookupFault::InvalidRequest => io::ErrorKind::InvalidInput,
            LookupFault::InvalidReply => io::ErrorKind::InvalidData,
            LookupFault::Timeout => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, failure)
    }
}

impl fmt::Display for LookupFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.server {
            Some(server) => write!(f, "{} ({server})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for LookupFailure {}
