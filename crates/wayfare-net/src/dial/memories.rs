//! What earlier dials have taught, apart by the way out of this machine.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wayfare_proto::route::happy_eyeballs::Race;
use wayfare_proto::route::memory::{Advice, Memory};

use super::access::ProxyAccess;
use crate::clock::now;
use crate::socket::Binding;

/// What earlier dials have taught: which address of a host answered, which family does not work, what
/// proxies were told.
///
/// Addresses are kept for ten minutes, and apart for sockets that are bound differently, because they use other
/// networks.
#[derive(Debug, Default)]
pub struct Memories {
    ways: Mutex<HashMap<Binding, Memory>>,
    proxies: ProxyAccess,
}

impl Memories {
    /// Who proxies were told is asking.
    #[must_use]
    pub fn proxies(&self) -> &ProxyAccess {
        &self.proxies
    }

    /// Forgets which addresses work; for a machine that has changed its network.
    pub fn forget(&self) {
        self.lock().clear();
    }

    pub(super) fn advice(&self, binding: &Binding, host: &str, port: u16) -> Advice {
        self.lock().get(binding).map(|memory| memory.advice(host, port, now())).unwrap_or_default()
    }

    pub(super) fn learn(&self, binding: &Binding, host: &str, port: u16, race: &Race) {
        let Some(winner) = race.winner() else { return };
        let mut memories = self.lock();
        if memories.len() >= MOST_WAYS && !memories.contains_key(binding) {
            memories.clear();
        }
        let memory = memories.entry(binding.clone()).or_default();
        memory.handle_won(host, port, (winner, &race.losers()), now());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Binding, Memory>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No machine has more ways out that are in use at a time.
const MOST_WAYS: usize = 64;
