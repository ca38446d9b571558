//! Where somebody is known already: protection spaces (RFC 9110 §11.5), so that later requests go
//! without being asked.

use std::collections::HashMap;
use std::hash::Hash;

use http::HeaderValue;

use super::digest::{Line, Session};
use super::{Offer, Scheme};
use crate::syntax::credentials::Credentials;

/// Everything that is known to be guarded, and who was let in, by the place that guards it (an
/// origin, or a proxy).
///
/// ```
/// # use wayfare_proto::policy::auth::{Offer, space::Book};
/// # use wayfare_proto::syntax::credentials::Credentials;
/// let (mut book, ada) = (Book::default(), Credentials::new("ada", "secret"));
/// book.open("https://a.test", "/docs/one", &Offer::Basic(Some("docs".into())), ada);
/// assert!(book.find(&"https://a.test", "/docs/two", None).is_some());
/// assert!(book.find(&"https://a.test", "/else", None).is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Book<P> {
    spaces: HashMap<P, Vec<Space>>,
}

impl<P> Default for Book<P> {
    fn default() -> Self {
        Self { spaces: HashMap::new() }
    }
}

/// One realm of one place.
#[derive(Clone, Debug)]
pub struct Space {
    realm: Option<String>,
    /// The beginnings of the paths in it.
    roots: Vec<String>,
    login: Login,
}

/// How somebody is known.
#[derive(Clone, Debug)]
pub enum Login {
    /// By the password, with each request.
    Basic(Credentials),
    /// By a proof for each request.
    Digest(Box<Session>),
    /// By a connection that was proven to be theirs.
    Bound(Scheme, Credentials),
}

impl Login {
    /// Answers an offer; nothing if it cannot be answered by these credentials.
    #[must_use]
    pub fn answer(offer: &Offer, credentials: Credentials) -> Option<Self> {
        if !offer.takes(&credentials) {
            return None;
        }
        Some(match offer {
            Offer::Basic(_) => Self::Basic(credentials),
            Offer::Digest(challenge) => {
                Self::Digest(Box::new(Session::new((**challenge).clone(), credentials)))
            }
            Offer::Ntlm(_) | Offer::Negotiate(_) => Self::Bound(offer.scheme(), credentials),
            Offer::Bearer(_) => return None,
        })
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Basic(_) => Scheme::Basic,
            Self::Digest(_) => Scheme::Digest,
            Self::Bound(scheme, _) => *scheme,
        }
    }

    /// Who it is.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        match self {
            Self::Basic(credentials) | Self::Bound(_, credentials) => credentials,
            Self::Digest(session) => session.credentials(),
        }
    }

    /// What is said with a request, if anything is; see [`Session::prove`] for `cnonce`, which is
    /// made only where it is needed.
    pub fn say(&mut self, line: &Line<'_>, cnonce: impl FnOnce() -> String) -> Option<HeaderValue> {
        match self {
            Self::Basic(credentials) => credentials.basic(),
            Self::Digest(session) => session.prove(line, &cnonce()),
            Self::Bound(..) => None,
        }
    }
}

impl Space {
    /// What the place calls it.
    #[must_use]
    pub fn realm(&self) -> Option<&str> {
        self.realm.as_deref()
    }

    /// How somebody is known in it.
    #[must_use]
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// As [`Space::login`], to make the next proof.
    pub fn login_mut(&mut self) -> &mut Login {
        &mut self.login
    }

    /// The length of the deepest root that `path` is below.
    fn depth(&self, path: &str) -> Option<usize> {
        let below = self.roots.iter().filter(|root| is_below(path, root));
        below.map(String::len).max()
    }
}

impl<P: Clone + Eq + Hash> Book<P> {
    /// True if nobody is known anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spaces.is_empty()
    }

    /// The deepest space of a place that `path` is in; only one that was opened by `who`, if
    /// somebody is named.
    pub fn find(&mut self, place: &P, path: &str, who: Option<&Credentials>) -> Option<&mut Space> {
        self.find_if(place, path, |known| who.is_none_or(|who| known == who))
    }

    /// The deepest space of a place that `path` is in, and that was opened by whom `is_meant` picks.
    pub fn find_if(
        &mut self,
        place: &P,
        path: &str,
        is_meant: impl Fn(&Credentials) -> bool,
    ) -> Option<&mut Space> {
        let is_theirs = |space: &Space| is_meant(space.login.credentials());
        let spaces = self.spaces.get_mut(place)?.iter_mut().filter(|space| is_theirs(space));
        let depths = spaces.filter_map(|space| Some((space.depth(path)?, space)));
        depths.max_by_key(|(depth, _)| *depth).map(|(_, space)| space)
    }

    /// Notes that `credentials` answer `offer`, which came for `path`; what was known of the same
    /// realm is replaced, but for the places it is good for.
    pub fn open(&mut self, place: P, path: &str, offer: &Offer, credentials: Credentials) {
        let Some(login) = Login::answer(offer, credentials) else { return };
        if self.spaces.len() >= MOST_PLACES && !self.spaces.contains_key(&place) {
            // A server that has a thousand names must not fill the memory.
            self.spaces.clear();
        }
        let realm = offer.realm().map(str::to_owned);
        let spaces = self.spaces.entry(place).or_default();
        let same = |space: &Space| {
            space.realm == realm && space.login.credentials() == login.credentials()
        };
        let mut roots = roots(path, offer);
        if let Some(at) = spaces.iter().position(same) {
            for root in spaces.remove(at).roots {
                if !roots.contains(&root) && roots.len() < MOST_ROOTS {
                    roots.push(root);
                }
            }
        }
        if spaces.len() >= MOST_SPACES {
            spaces.remove(0);
        }
        spaces.push(Space { realm, roots, login });
    }

    /// Forgets those spaces of a place that `who` opened in `realm`, because they were refused.
    pub fn close(&mut self, place: &P, realm: Option<&str>, who: &Credentials) {
        if let Some(spaces) = self.spaces.get_mut(place) {
            spaces.retain(|space| {
                space.realm.as_deref() != realm || space.login.credentials() != who
            });
            if spaces.is_empty() {
                self.spaces.remove(place);
            }
        }
    }

    /// Forgets the places that `which` names.
    pub fn forget(&mut self, which: impl Fn(&P) -> bool) {
        self.spaces.retain(|place, _| !which(place));
    }
}

/// Where credentials for `path` are good, too (RFC 7617 §2.2, RFC 7616 §3.3).
fn roots(path: &str, offer: &Offer) -> Vec<String> {
    match offer {
        Offer::Digest(challenge) => {
            // Other origins are none of this one's business, so only its own paths count.
            let own = challenge.domain().iter().filter(|place| is_path(place));
            let mut roots: Vec<String> = own.cloned().collect();
            match challenge.domain().is_empty() {
                true => roots.push("/".into()),
                false => roots.push(folder(path).to_owned()),
            }
            roots
        }
        // A ticket costs more than a password, so it is not sent to places that may need none.
        Offer::Basic(_) | Offer::Bearer(_) | Offer::Negotiate(_) => vec![folder(path).to_owned()],
        Offer::Ntlm(_) => vec!["/".into()],
    }
}

fn is_path(place: &str) -> bool {
    place.starts_with('/') && !place.starts_with("//")
}

/// A path up to its last slash.
fn folder(path: &str) -> &str {
    match path.rfind('/') {
        Some(slash) => &path[..=slash],
        None => "/",
    }
}

/// True for the root itself, with or without its last slash, and what is behind that slash.
fn is_below(path: &str, root: &str) -> bool {
    let root = root.strip_suffix('/').unwrap_or(root);
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

const MOST_PLACES: usize = 1024;
const MOST_SPACES: usize = 16;
const MOST_ROOTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::origin::Origin;
    use crate::policy::auth::digest;
    use crate::syntax::challenge::Challenge;

    fn digest(text: &str) -> Offer {
        let read = Challenge::parse(format!("Digest {text}").as_bytes());
        let mut challenge = digest::Challenge::read(&read[0]).unwrap();
        challenge.settle(&Origin::of(&"https://a.test/".parse().unwrap()).unwrap());
        Offer::Digest(Box::new(challenge))
    }

    fn basic(realm: &str) -> Offer {
        Offer::Basic(Some(realm.into()))
    }

    fn ada() -> Credentials {
        Credentials::new("ada", "one")
    }

    #[test]
    fn a_space_reaches_as_deep_as_its_scheme_says() {
        let table = [
            (basic("r"), "/a/b", "/a/c", true),
            (basic("r"), "/a/b", "/a/b/c", true),
            (basic("r"), "/a/b/", "/a/b", true),
            (basic("r"), "/a/b", "/ab", false),
            (basic("r"), "/a/b", "/", false),
            (basic("r"), "/a", "/b", true),
            (digest("realm=r, nonce=n"), "/a/b", "/else", true),
            (digest("realm=r, nonce=n, domain=\"/x /y/\""), "/a/b", "/x", true),
            (digest("realm=r, nonce=n, domain=\"/x/ /y/\""), "/a/b", "/y/z", true),
            (digest("realm=r, nonce=n, domain=\"/private\""), "/private/a", "/private/b", true),
            (digest("realm=r, nonce=n, domain=\"/private\""), "/private/a", "/privateer", false),
            (digest("realm=r, nonce=n, domain=\"/x/ /y/\""), "/a/b", "/a/c", true),
            (digest("realm=r, nonce=n, domain=\"/x/ /y/\""), "/a/b", "/c", false),
            (digest("realm=r, nonce=n, domain=\"//b.test/ http://b.test/\""), "/a/b", "/c", false),
            (digest("realm=r, nonce=n, domain=\"https://a.test/x\""), "/a/b", "/x/y", true),
            (digest("realm=r, nonce=n, domain=\"https://A.test:443/x/\""), "/a/b", "/x", true),
            (digest("realm=r, nonce=n, domain=\"https://a.test\""), "/a/b", "/c", true),
            (digest("realm=r, nonce=n, domain=\"https://a.test/x\""), "/a/b", "/c", false),
            (digest("realm=r, nonce=n, domain=\"http://a.test/x\""), "/a/b", "/x", false),
            (digest("realm=r, nonce=n, domain=\"https://a.test:8443/x\""), "/a/b", "/x", false),
            (digest("realm=r, nonce=n, domain=\"https://b.test/x\""), "/a/b", "/x", false),
            (digest("realm=r, nonce=n, domain=\"https://a.test@b.test/x\""), "/a/b", "/x", false),
            (Offer::Ntlm(None), "/a/b", "/c", true),
            (Offer::Negotiate(None), "/a/b", "/a/c", true),
            (Offer::Negotiate(None), "/a/b", "/c", false),
        ];
        for (offer, opened, asked, expected) in table {
            let mut book = Book::default();
            book.open("place", opened, &offer, ada());
            assert_eq!(book.find(&"place", asked, None).is_some(), expected, "{opened} {asked}");
            assert!(book.find(&"other", asked, None).is_none());
        }
    }

    #[test]
    fn the_deepest_space_is_taken_and_only_for_those_who_opened_it() {
        let mut book = Book::default();
        let ben = Credentials::new("ben", "two");
        book.open("place", "/one", &basic("outer"), ada());
        book.open("place", "/in/one", &basic("inner"), ben.clone());
        let mut realm = |path: &str, who: Option<&Credentials>| {
            book.find(&"place", path, who).and_then(|space| space.realm().map(str::to_owned))
        };
        assert_eq!(realm("/in/two", None).as_deref(), Some("inner"));
        assert_eq!(realm("/two", None).as_deref(), Some("outer"));
        assert_eq!(realm("/in/two", Some(&ada())).as_deref(), Some("outer"));
        assert_eq!(realm("/two", Some(&ben)), None);
    }

    #[test]
    fn what_is_refused_or_forgotten_is_not_found() {
        let mut book = Book::default();
        book.open("place", "/", &basic("r"), ada());
        book.close(&"place", Some("r"), &Credentials::new("ada", "other"));
        book.close(&"place", Some("s"), &ada());
        assert!(book.find(&"place", "/", None).is_some());
        book.close(&"place", Some("r"), &ada());
        assert!(book.is_empty());
        book.open("place", "/", &basic("r"), ada());
        book.forget(|place| *place == "place");
        assert!(book.is_empty());
    }

    #[test]
    fn one_realm_gathers_its_places_and_no_server_fills_the_memory() {
        let mut book = Book::default();
        for number in 0..1000 {
            book.open(String::from("place"), &format!("/{number}/x"), &basic("r"), ada());
        }
        assert!(book.find(&"place".into(), "/999/y", None).is_some());
        let spaces = &book.spaces["place"];
        assert!(spaces.len() == 1 && spaces[0].roots.len() <= MOST_ROOTS);
        for number in 0..1000 {
            book.open("place".into(), "/x", &basic(&number.to_string()), ada());
        }
        assert!(book.spaces["place"].len() <= MOST_SPACES);
        for number in 0..3000 {
            book.open(format!("place {number}"), "/x", &basic("r"), ada());
        }
        assert!(book.spaces.len() <= MOST_PLACES);
    }
}
