//! Sessions kept for resumption, each only for as long as what it was granted on holds.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::NamedGroup;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;

use super::exceptions::{Exception, Exceptions};
use super::policy::server_name;
use super::verifier::host_of;

/// A resumed handshake shows no certificates, so a session must not outlive the certificate it was
/// agreed on with, an exception that accepted it, or a proof that it was not revoked. Servers may
/// send tickets on old connections at any time, so that is asked when one is taken, not when it is
/// kept.
#[derive(Debug)]
pub(super) struct Sessions {
    exceptions: Exceptions,
    sessions: ClientSessionMemoryCache,
    grants: Mutex<HashMap<String, Grant>>,
}

/// What the last full handshake with a host allows.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) until: SystemTime,
    pub(super) exception: Option<Exception>,
}

impl Sessions {
    pub(super) fn new(exceptions: Exceptions) -> Self {
        let sessions = ClientSessionMemoryCache::new(MOST);
        Self { exceptions, sessions, grants: Mutex::default() }
    }

    /// Notes what a full handshake with `host` allows; nothing else is resumed, least of all what was
    /// agreed on with somebody of that name whom an exception had accepted, or whose time is over.
    pub(super) fn grant(&self, host: &str, grant: Grant) {
        let mut grants = self.grants();
        if grants.len() >= MOST_GRANTS {
            grants.clear();
        }
        let goes_on = |before: &Grant| {
            before.exception == grant.exception && SystemTime::now() < before.until
        };
        if !grants.get(host).is_some_and(goes_on) {
            self.forget(host);
        }
        grants.insert(host.to_owned(), grant);
    }

    /// Drops every session of `host`, with and without the dot that may stand at its end.
    fn forget(&self, host: &str) {
        for spelled in [host.to_owned(), format!("{host}.")] {
            let Ok(name) = server_name(&spelled) else { continue };
            self.sessions.remove_tls12_session(&name);
            while self.sessions.take_tls13_ticket(&name).is_some() {}
        }
    }

    /// True if a session of `host` may be continued that nobody had to make an exception for.
    pub(super) fn is_unconditional(&self, host: &str) -> bool {
        let grant = self.grants().get(host).cloned();
        grant.is_some_and(|grant| SystemTime::now() < grant.until && grant.exception.is_none())
    }

    /// Nothing of `host` is resumed until it has proven itself again.
    pub(super) fn revoke(&self, host: &str) {
        self.grants().remove(host);
    }

    /// What `take` gives if it may be resumed; both are done while no grant changes.
    fn resumable<T>(&self, name: &ServerName<'_>, take: impl FnOnce() -> Option<T>) -> Option<T> {
        let grants = self.grants();
        let grant = grants.get(&host_of(name));
        // What may not be resumed now is not kept for later either.
        take().filter(|_| self.may_resume(grant))
    }

    fn may_resume(&self, grant: Option<&Grant>) -> bool {
        grant.is_some_and(|grant| {
            let still_holds = |exception| self.exceptions.holds(exception);
            SystemTime::now() < grant.until && grant.exception.as_ref().is_none_or(still_holds)
        })
    }

    fn grants(&self) -> MutexGuard<'_, HashMap<String, Grant>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.sessions.set_kx_hint(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.sessions.kx_hint(name)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.sessions.set_tls12_session(name, value);
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.resumable(name, || self.sessions.tls12_session(name))
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.sessions.remove_tls12_session(name);
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.sessions.insert_tls13_ticket(name, value);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.resumable(name, || self.sessions.take_tls13_ticket(name))
    }
}

/// The longest life of a session (RFC 8446 §4.6.1).
pub(super) const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);
/// As many as the engine keeps by default.
const MOST: usize = 256;
const MOST_GRANTS: usize = 1_000;
