//! Who a proxy was told is asking: each proxy and realm is asked about once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as Turnstile;
use wayfare_net::clock::now;
use wayfare_proto::route::proxy::{Chain, Proxy, ProxyKind};
use wayfare_proto::syntax::credentials::Credentials;

use crate::delegate::{Delegate, ProxyQuestion};

/// What was said to proxies, for all transfers of a manager.
#[derive(Default)]
pub(crate) struct Logins {
    doors: Mutex<HashMap<(ProxyKind, String, String), Arc<Door>>>,
}

/// One proxy and realm.
struct Door {
    proxy: Proxy,
    /// Held while somebody is being asked, so that others wait for what comes of it.
    said: Turnstile<Said>,
    /// A copy for those who only want to look.
    known: Mutex<Option<Credentials>>,
}

#[derive(Clone)]
enum Said {
    Accepted(Credentials),
    Nothing,
    /// Nobody is asked again for a while: a proxy may pass on what an origin made up, and its own
    /// refusal may be a passing one.
    Refused(Instant),
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
        let mut said = door.said.lock().await;
        match &*said {
            // Somebody else was asked while this request was on its way.
            Said::Accepted(known) if heard != Some(known) => return Some(known.clone()),
            Said::Refused(since) if now() < *since + REFUSED_FOR => return None,
            Said::Accepted(_) => {
                *said = Said::Refused(now());
                *door.lock() = None;
                return None;
            }
            Said::Nothing | Said::Refused(_) => {}
        }
        let answer = delegate.proxy_credentials(question).await;
        *said = match &answer {
            Some(credentials) => Said::Accepted(credentials.clone()),
            None => Said::Refused(now()),
        };
        door.lock().clone_from(&answer);
        answer
    }

    /// The same way, its proxies without credentials told what they were told before.
    pub(crate) fn remembered(&self, way: Chain) -> Chain {
        let doors = self.lock();
        if doors.is_empty() || way.is_direct() {
            return way;
        }
        let knows = |proxy: &Proxy| {
            let mut same = doors.values().filter(|door| door.proxy.is_same_place(proxy));
            same.find_map(|door| door.lock().clone())
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
        let made = || {
            Arc::new(Door {
                proxy: proxy.clone(),
                said: Turnstile::new(Said::Nothing),
                known: Mutex::default(),
            })
        };
        doors.entry(key).or_insert_with(made).clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(ProxyKind, String, String), Arc<Door>>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Door {
    fn lock(&self) -> MutexGuard<'_, Option<Credentials>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long what was refused is not asked about again.
const REFUSED_FOR: Duration = Duration::from_secs(60);
/// A proxy that names another realm each time must not fill the memory.
const MOST: usize = 256;
