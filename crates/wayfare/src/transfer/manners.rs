//! What peers were seen to do with connections that are proven.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wayfare_proto::route::proxy::Proxy;

/// What peers were seen to do with connections that are proven.
#[derive(Default)]
pub(crate) struct Manners {
    /// Proxies that keep a connection to the server for each of those to them.
    pinning: Mutex<HashSet<String>>,
}

impl Manners {
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
