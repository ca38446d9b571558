//! Where it is found who to be for a server: the request, the manager, the machine, a person.

use std::io;
use std::path::PathBuf;

use url::Url;
use wayfare_net::runtime::Home;
use wayfare_proto::address::origin::Origin;
use wayfare_proto::policy::auth::Offer;
use wayfare_proto::syntax::credentials::Credentials;
use wayfare_proto::syntax::netrc::Netrc as Entries;
use zeroize::Zeroizing;

use super::Transfer;
use super::identity::Own;
use crate::delegate::CredentialsQuestion;
use crate::error::{Error, ErrorKind, Stage};
use crate::options::{AuthenticationReuse, Netrc};

impl Transfer {
    /// Who to be for a server, from the sources in their order, but nobody who was refused.
    pub(super) async fn find_credentials(
        &mut self,
        (origin, offer): (&Origin, &Offer),
        heard: Option<&Credentials>,
    ) -> Result<Option<Credentials>, Error> {
        let realm = offer.realm();
        if let Some(own) = self.own() {
            // A request that says who it is is nobody else.
            return Ok(Some(own.clone()).filter(|own| !self.was_refused(origin, own)));
        }
        let named = match self.own_who() {
            Some(Own::Named(user)) => Some(user.clone()),
            _ => None,
        };
        if self.options.auth.reuse == AuthenticationReuse::Automatic {
            let known = self.shared.access.known(origin, realm, self.url.path());
            if let Some(known) = known.filter(|known| self.may_be(known, named.as_deref(), offer)) {
                return Ok(Some(known));
            }
            if let Some(ambient) = self.ambient(origin, offer) {
                return Ok(Some(ambient));
            }
            let (home, netrc) = (self.home.clone(), self.options.auth.netrc.clone());
            let found = look_into(netrc, &home, origin.host(), named.as_deref()).await?;
            if let Some(found) = found.filter(|found| self.may_be(found, named.as_deref(), offer)) {
                return Ok(Some(found));
            }
        }
        if offer.is_negotiate() && self.options.auth.schemes.single() != Some(offer.scheme()) {
            // A person is asked for what is of use, which a password for tickets would not be.
            return Ok(None);
        }
        let question = CredentialsQuestion::new(Url::clone(&self.url), offer, named.clone());
        let delegate = &self.shared.delegate;
        let answer = match self.options.auth.reuse {
            AuthenticationReuse::Automatic => {
                let realm = realm.unwrap_or_default();
                let door = self.shared.access.door(origin, realm, named.as_deref());
                door.answer(heard, || delegate.credentials(&question)).await
            }
            AuthenticationReuse::Manual => delegate.credentials(&question).await,
        };
        if let Some(answer) = answer {
            return Ok(Some(answer).filter(|answer| !self.was_refused(origin, answer)));
        }
        // A name that nobody knows a password for may be all that is wanted, as with some tokens.
        let bare = named.map(|user| Credentials::new(user, ""));
        Ok(bare.filter(|bare| !self.was_refused(origin, bare)))
    }

    /// Whoever is logged in, if this place may be told and nobody else was named.
    fn ambient(&self, origin: &Origin, offer: &Offer) -> Option<Credentials> {
        let may_be = offer.is_negotiate()
            && self.own_who().is_none()
            && self.options.auth.ambient.allows(origin.scheme(), origin.host(), origin.port())
            && !self.was_refused(origin, &Credentials::ambient());
        may_be.then(Credentials::ambient)
    }

    fn was_refused(&self, origin: &Origin, credentials: &Credentials) -> bool {
        let refused = self.journey.as_ref().map(|journey| journey.said.refused.as_slice());
        refused.unwrap_or_default().iter().any(|(place, who)| place == origin && who == credentials)
    }

    /// True if credentials from elsewhere fit who the request says to be, and were not refused.
    fn may_be(&self, found: &Credentials, named: Option<&str>, offer: &Offer) -> bool {
        let Some(key) = &self.key else { return false };
        named.is_none_or(|user| user == found.user())
            && !self.was_refused(&key.origin, found)
            && !self.shared.access.is_refused(&key.origin, offer.realm(), found)
    }
}

async fn look_into(
    netrc: Netrc,
    home: &Home,
    host: &str,
    user: Option<&str>,
) -> Result<Option<Credentials>, Error> {
    let (path, must_be_there) = match netrc {
        Netrc::Off => return Ok(None),
        Netrc::File(path) => (path, true),
        Netrc::Home => match netrc_at_home() {
            Some(path) => (path, false),
            None => return Ok(None),
        },
    };
    let wrong = |why: String| {
        let message = format!("{} cannot be used: {why}", path.display());
        Error::new(ErrorKind::FileSystem, Stage::Plan, message)
    };
    let file = path.clone();
    let read = home.unblock(move || std::fs::read(file)).await.and_then(|read| read);
    let bytes = match read {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(why) if why.kind() == io::ErrorKind::NotFound && !must_be_there => return Ok(None),
        Err(why) => return Err(wrong(why.to_string()).because(why)),
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("it is no UTF-8".into()))?;
    let entries = Entries::parse(text).map_err(|why| wrong(why.to_string()))?;
    Ok(entries.find(host, user))
}

fn netrc_at_home() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("NETRC").filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    Some(std::env::home_dir()?.join(NETRC_NAME))
}

#[cfg(windows)]
const NETRC_NAME: &str = "_netrc";
#[cfg(not(windows))]
const NETRC_NAME: &str = ".netrc";
