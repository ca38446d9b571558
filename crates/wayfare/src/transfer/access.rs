//! Who servers were told is asking, and what is known beforehand, for all transfers of a manager.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue};
use wayfare_proto::address::origin::Origin;
use wayfare_proto::policy::auth::ambient::Ambient;
use wayfare_proto::policy::auth::digest::Line;
use wayfare_proto::policy::auth::space::{Book, Login};
use wayfare_proto::policy::auth::{Asker, Offer, Scheme, Schemes};
use wayfare_proto::syntax::credentials::Credentials;

use super::door::Door;
use super::manners::Manners;
use crate::body::random;
use crate::queue::Owner;

/// Who servers were told is asking, and what is known beforehand.
#[derive(Default)]
pub(crate) struct Access {
    /// Opened by what belongs to all requests.
    common: Mutex<Book<Origin>>,
    /// Opened by credentials of single requests, and for those alone who bring them, too.
    personal: Mutex<Book<Origin>>,
    /// True once a book has had something in it, so that others need not look.
    is_used: AtomicBool,
    known: Mutex<Vec<Known>>,
    refused: Mutex<Vec<Refused>>,
    doors: Mutex<HashMap<(Origin, String), Arc<Door>>>,
    /// Origins that took a proof, and so need no password as it is.
    proven: Mutex<HashSet<Origin>>,
    pub(crate) manners: Manners,
}

/// Credentials that the application has named for a place.
struct Known {
    origin: Origin,
    realm: Option<String>,
    path: String,
    credentials: Credentials,
}

struct Refused {
    origin: Origin,
    realm: Option<String>,
    credentials: Credentials,
}

/// Where a request goes, and who it says to be: then nobody else who is known counts.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) path: &'a str,
    pub(crate) own: Option<&'a Credentials>,
    /// The name it says to have, if it says no more.
    pub(crate) named: Option<&'a str>,
    /// Where it may be said, unasked for, who is logged in.
    pub(crate) ambient: &'a Ambient,
    /// How it may be said.
    pub(crate) schemes: Schemes,
}

impl Place<'_> {
    /// True if somebody who is known may be whom the request says to be.
    fn may_be(&self, known: &Credentials) -> bool {
        self.own.is_none_or(|own| known == own)
            && self.named.is_none_or(|user| known.user() == user)
    }
}

/// What was said with a request.
#[derive(Clone)]
pub(crate) struct Heard {
    pub(crate) scheme: Scheme,
    pub(crate) realm: Option<String>,
    pub(crate) credentials: Credentials,
}

impl Access {
    /// True if something may have to be said unasked.
    pub(crate) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Acquire)
    }

    /// What is said unasked, if somebody is known there.
    pub(crate) fn say(&self, place: &Place<'_>, line: &Line<'_>) -> Option<(HeaderValue, Heard)> {
        let mut book = self.book(place.own);
        let space = book.find_if(place.origin, place.path, |known| place.may_be(known))?;
        let realm = space.realm().map(str::to_owned);
        let login = space.login_mut();
        if !place.schemes.has(login.scheme()) {
            return None;
        }
        let said = login.say(line, fresh_nonce)?;
        let heard =
            Heard { scheme: login.scheme(), realm, credentials: login.credentials().clone() };
        Some((said, heard))
    }

    /// Who a connection is proven to be for a place, if it takes such proofs.
    pub(crate) fn owner(&self, place: &Place<'_>) -> Option<Owner> {
        // That another request might say who is logged in does not mean that this one may.
        let at = place.origin;
        let may_be_ambient = place.own.is_some()
            || place.ambient.allows(at.scheme(), at.host(), at.port())
            || self.known(place.origin, None, place.path).is_some_and(|known| known.is_ambient());
        let is_meant =
            |known: &Credentials| place.may_be(known) && (may_be_ambient || !known.is_ambient());
        let mut book = self.book(place.own);
        match book.find_if(place.origin, place.path, is_meant)?.login() {
            Login::Bound(scheme, credentials) if place.schemes.has(*scheme) => {
                Some(Owner { scheme: *scheme, credentials: credentials.clone() })
            }
            Login::Basic(_) | Login::Bound(..) | Login::Digest(_) => None,
        }
    }

    /// Notes that an offer is answered by these credentials from now on.
    pub(crate) fn open(&self, place: &Place<'_>, offer: &Offer, credentials: Credentials) {
        self.book(place.own).open(place.origin.clone(), place.path, offer, credentials);
        if offer.scheme() > Scheme::Bearer {
            let mut proven = lock(&self.proven);
            if proven.len() >= MOST {
                proven.clear();
            }
            proven.insert(place.origin.clone());
        }
        self.is_used.store(true, Ordering::Release);
    }

    /// True if an origin asked for a proof before: whoever then asks for the password as it is, over a
    /// connection that anybody may have changed, may not be that origin.
    pub(crate) fn wants_proof(&self, origin: &Origin) -> bool {
        lock(&self.proven).contains(origin)
    }

    /// Takes in what an answer says about the next proof.
    pub(crate) fn handle_answer(&self, place: &Place<'_>, headers: &HeaderMap) {
        let Some(info) = headers.get(Asker::Origin.info_field()) else { return };
        if let Some(space) =
            self.book(place.own).find_if(place.origin, place.path, |known| place.may_be(known))
            && let Login::Digest(session) = space.login_mut()
        {
            session.handle_info(info.as_bytes());
        }
    }

    /// Notes that a server did not accept what was said.
    pub(crate) fn refuse(&self, place: &Place<'_>, heard: &Heard) {
        let origin = place.origin;
        self.book(place.own).close(origin, heard.realm.as_deref(), &heard.credentials);
        if place.own.is_some() || heard.credentials.is_ambient() {
            // Tried anew with the next request that brings them; and a ticket is another tomorrow.
            return;
        }
        let mut refused = lock(&self.refused);
        if refused.len() >= MOST {
            refused.remove(0);
        }
        refused.push(Refused {
            origin: origin.clone(),
            realm: heard.realm.clone(),
            credentials: heard.credentials.clone(),
        });
    }

    /// True if a server refused these credentials: they are not tried again until they are set anew or
    /// all is forgotten, or an account might be locked for it.
    pub(crate) fn is_refused(
        &self,
        origin: &Origin,
        realm: Option<&str>,
        credentials: &Credentials,
    ) -> bool {
        lock(&self.refused).iter().any(|one| {
            one.origin == *origin
                && one.realm.as_deref() == realm
                && one.credentials == *credentials
        })
    }

    /// What the application named for a place: the deepest path, a realm before none.
    pub(crate) fn known(
        &self,
        origin: &Origin,
        realm: Option<&str>,
        path: &str,
    ) -> Option<Credentials> {
        let known = lock(&self.known);
        let fitting = known.iter().filter(|one| {
            one.origin == *origin
                && path.starts_with(&one.path)
                && (one.realm.is_none() || one.realm.as_deref() == realm)
        });
        let best = fitting.max_by_key(|one| (one.path.len(), one.realm.is_some()));
        best.map(|one| one.credentials.clone())
    }

    /// Keeps credentials for a place, or forgets those of it.
    pub(crate) fn set_known(
        &self,
        origin: Origin,
        realm: Option<String>,
        path: String,
        credentials: Option<Credentials>,
    ) {
        let mut known = lock(&self.known);
        known.retain(|one| one.origin != origin || one.realm != realm || one.path != path);
        lock(&self.common).forget(|place| *place == origin);
        lock(&self.refused).retain(|one| one.origin != origin);
        lock(&self.doors).retain(|(place, _), _| *place != origin);
        if let Some(credentials) = credentials {
            known.push(Known { origin, realm, path, credentials });
        }
    }

    /// The question about one realm of a server, and who one says to be there, which all who need the
    /// answer share.
    pub(super) fn door(&self, origin: &Origin, realm: &str, named: Option<&str>) -> Arc<Door> {
        let mut doors = lock(&self.doors);
        // No field has a line break in it.
        let key = (origin.clone(), format!("{realm}\n{}", named.unwrap_or_default()));
        if doors.len() >= MOST && !doors.contains_key(&key) {
            doors.clear();
        }
        doors.entry(key).or_default().clone()
    }

    /// Forgets what was said to hosts that `which` names, and what they refused.
    pub(crate) fn forget(&self, which: impl Fn(&str) -> bool) {
        lock(&self.common).forget(|origin| which(origin.host()));
        lock(&self.personal).forget(|origin| which(origin.host()));
        lock(&self.refused).retain(|one| !which(one.origin.host()));
        lock(&self.doors).retain(|(origin, _), _| !which(origin.host()));
    }

    /// Forgets what was said and refused; what the application named beforehand stays.
    pub(crate) fn clear(&self) {
        lock(&self.common).forget(|_| true);
        lock(&self.personal).forget(|_| true);
        lock(&self.refused).clear();
        lock(&self.doors).clear();
        lock(&self.proven).clear();
        self.manners.clear();
    }

    fn book(&self, own: Option<&Credentials>) -> MutexGuard<'_, Book<Origin>> {
        lock(if own.is_some() { &self.personal } else { &self.common })
    }
}

/// A nonce of the client: 48 hexadecimal digits that nobody can foresee.
pub(super) fn fresh_nonce() -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|half| DIGITS[usize::from(half)]);
    random::bytes().iter().flat_map(digits).map(char::from).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server that names another realm each time must not fill the memory.
const MOST: usize = 256;
