//! Sessions kept for resumption, which are forgotten when an exception is taken back.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;

use super::exceptions::Exceptions;

/// A resumed handshake shows no certificates, so what was accepted by an exception would go on
/// being accepted after that was removed.
#[derive(Debug)]
pub(super) struct Sessions {
    exceptions: Exceptions,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    sessions: ClientSessionMemoryCache,
    removals: u64,
}

impl Sessions {
    pub(super) fn forgetting_with(exceptions: Exceptions) -> Self {
        let kept =
            Kept { sessions: ClientSessionMemoryCache::new(MOST), removals: exceptions.removals() };
        Self { exceptions, kept: Mutex::new(kept) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let removals = self.exceptions.removals();
        if kept.removals != removals {
            *kept = Kept { sessions: ClientSessionMemoryCache::new(MOST), removals };
        }
        kept
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.kept().sessions.set_kx_hint(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.kept().sessions.kx_hint(name)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.kept().sessions.set_tls12_session(name, value);
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.kept().sessions.tls12_session(name)
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.kept().sessions.remove_tls12_session(name);
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.kept().sessions.insert_tls13_ticket(name, value);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.kept().sessions.take_tls13_ticket(name)
    }
}

/// As many as the engine keeps by default.
const MOST: usize = 256;
