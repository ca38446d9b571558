//! What peers were seen to do with connections that are proven.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wayfare_proto::address::origin::Origin;
use wayfare_proto::route::proxy::Proxy;

use crate::protocol::http::ticketing::Habit;

/// What peers were seen to do with connections that are proven.
#[derive(Default)]
pub(crate) struct Manners {
    /// Those who ask with each request, whatever was proven on the connection before.
    forgetful: Mutex<HashSet<Peer>>,
    /// Proxies that keep a connection to the server for each of those to them.
    pinning: Mutex<HashSet<String>>,
}

/// Whom a connection is proven to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    Origin(Origin),
    /// By its address.
    Proxy(String),
}

impl Peer {
    pub(crate) fn proxy(proxy: &Proxy) -> Self {
        // Without credentials, but with everything else that tells one proxy from another.
        Self::Proxy(proxy.to_string())
    }
}

impl Manners {
    /// How often somebody asks on a connection that is proven.
    pub(crate) fn habit(&self, peer: &Peer) -> Habit {
        match lock(&self.forgetful).contains(peer) {
            true => Habit::AsksEachTime,
            false => Habit::AsksOnce,
        }
    }

    /// Notes that somebody asks once more on a connection that is proven.
    pub(crate) fn note_forgetful(&self, peer: Peer) {
        insert(&self.forgetful, peer);
    }

    /// True if a proxy that is given requests is known to pass those of one connection on by one, and
    /// nobody else's by that.
    pub(crate) fn pins(&self, proxy: &Proxy) -> bool {
        lock(&self.pinning).contains(&proxy.to_string())
    }

    /// Notes that a proxy says that it does so.
    pub(crate) fn note_pinning(&self, proxy: &Proxy) {
        insert(&self.pinning, proxy.to_string());
    }

    /// Notes that it does not say so.
    pub(crate) fn note_mingling(&self, proxy: &Proxy) {
        lock(&self.pinning).remove(&proxy.to_string());
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        lock(&self.forgetful).clear();
        lock(&self.pinning).clear();
    }
}

fn insert<T: Eq + Hash>(seen: &Mutex<HashSet<T>>, one: T) {
    let mut seen = lock(seen);
    if seen.len() >= MOST {
        seen.clear();
    }
    seen.insert(one);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server that has a thousand names must not fill the memory.
const MOST: usize = 256;
