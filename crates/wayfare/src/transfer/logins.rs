//! Who a proxy was told is asking: each proxy and realm is asked about once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wayfare_proto::address::origin::Scheme;
use wayfare_proto::policy::auth::ambient::Ambient;
use wayfare_proto::route::proxy::{Chain, Proxy, ProxyKind};
use wayfare_proto::syntax::credentials::Credentials;

use super::door::Door;
use crate::delegate::{Delegate, ProxyQuestion};

/// What was said to proxies, for all transfers of a manager.
#[derive(Default)]
pub(crate) struct Logins {
    doors: Mutex<Doors>,
}

type Doors = HashMap<(ProxyKind, String, About), Guarded>;

/// What is asked about a proxy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum About {
    /// Whether it lets in whoever is logged in. No realm, nor the want of one, is the same.
    LoggedIn,
    /// Who to be in one of its realms, or in none.
    Realm(Option<String>),
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
        let door = self.door(&question.proxy, About::Realm(question.realm.clone()));
        door.answer(heard, || delegate.proxy_credentials(question)).await
    }

    /// Whoever is logged in on this machine, unless a proxy did not let them in a moment ago. Whether
    /// it may be told is for the caller to know.
    pub(crate) async fn ambient(
        &self,
        proxy: &Proxy,
        heard: Option<&Credentials>,
    ) -> Option<Credentials> {
        let door = self.door(proxy, About::LoggedIn);
        // Who was not let in is not named once more.
        let said = heard.is_none().then(Credentials::ambient);
        door.answer(heard, || std::future::ready(said)).await
    }

    /// The same way, its proxies without credentials told what they were told before; who is logged in
    /// only by requests that may tell it.
    pub(crate) fn remembered(&self, way: Chain, may_be_told: &Ambient) -> Chain {
        let doors = self.lock();
        if doors.is_empty() || way.is_direct() {
            return way;
        }
        let knows = |proxy: &Proxy| {
            let may_tell = may_hear(proxy, may_be_told);
            let same = doors.values().filter(|guarded| guarded.proxy.is_same_place(proxy));
            let mut known = same.filter_map(|guarded| guarded.door.known());
            known.find(|known| may_tell || !known.is_ambient())
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

    fn door(&self, proxy: &Proxy, about: About) -> Arc<Door> {
        let mut doors = self.lock();
        let key = (proxy.kind(), proxy.target().to_string(), about);
        if doors.len() >= MOST && !doors.contains_key(&key) {
            doors.clear();
        }
        let made = || Guarded { proxy: proxy.clone(), door: Arc::default() };
        doors.entry(key).or_insert_with(made).door.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Doors> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// True if a proxy may be told who is logged in.
pub(super) fn may_hear(proxy: &Proxy, ambient: &Ambient) -> bool {
    let (kind, at) = (proxy.kind(), proxy.target());
    let scheme = if kind == ProxyKind::Https { Scheme::Https } else { Scheme::Http };
    ambient.allows(scheme, at.host(), at.port())
}

/// A proxy that names another realm each time must not fill the memory.
const MOST: usize = 256;
