//! Who a proxy was told is asking: each proxy and realm is asked about once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wayfare_proto::route::proxy::{Chain, Proxy, ProxyKind};
use wayfare_proto::syntax::credentials::Credentials;

use super::door::Door;
use crate::delegate::{Delegate, ProxyQuestion};

/// What was said to proxies, for all transfers of a manager.
#[derive(Default)]
pub(crate) struct Logins {
    doors: Mutex<HashMap<(ProxyKind, String, String), Guarded>>,
}

/// One realm of a proxy.
#[derive(Clone)]
struct Guarded {
    proxy: Proxy,
    door: Arc<Door>,
}

impl Logins {
    /// What to say to a proxy that asks, having heard what `question` names; nothing if there is
    /// nobody to ask, or what was said has been refused before.
    pub(crate) async fn answer(
        &self,
        delegate: &dyn Delegate,
        question: &ProxyQuestion,
        heard: Option<&Credentials>,
    ) -> Option<Credentials> {
        let door = self.door(&question.proxy, question.realm.as_deref().unwrap_or_default());
        door.answer(heard, || delegate.proxy_credentials(question)).await
    }

    /// Whoever is logged in on this machine, unless a proxy did not let them in a moment ago.
    pub(crate) async fn ambient(
        &self,
        proxy: &Proxy,
        heard: Option<&Credentials>,
    ) -> Option<Credentials> {
        // Negotiate has no realms.
        let door = self.door(proxy, "");
        door.answer(heard, || std::future::ready(Some(Credentials::ambient()))).await
    }

    /// The same way, its proxies without credentials told what they were told before.
    pub(crate) fn remembered(&self, way: Chain) -> Chain {
        let doors = self.lock();
        if doors.is_empty() || way.is_direct() {
            return way;
        }
        let knows = |proxy: &Proxy| {
            let mut same = doors.values().filter(|guarded| guarded.proxy.is_same_place(proxy));
            same.find_map(|guarded| guarded.door.known())
        };
        let told = way.proxies().iter().map(|proxy| match proxy.credentials() {
            None => match knows(proxy) {
                Some(credentials) => proxy.clone().with_credentials(credentials),
                None => proxy.clone(),
            },
            Some(_) => proxy.clone(),
        });
        Chain::through(told.collect())
    }

    /// Forgets everything that was said.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn door(&self, proxy: &Proxy, realm: &str) -> Arc<Door> {
        let mut doors = self.lock();
        let key = (proxy.kind(), proxy.target().to_string(), realm.to_owned());
        if doors.len() >= MOST && !doors.contains_key(&key) {
            doors.clear();
        }
        let made = || Guarded { proxy: proxy.clone(), door: Arc::default() };
        doors.entry(key).or_insert_with(made).door.clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(ProxyKind, String, String), Guarded>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A proxy that names another realm each time must not fill the memory.
const MOST: usize = 256;
