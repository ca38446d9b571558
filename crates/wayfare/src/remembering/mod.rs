//! What a manager remembers of servers, to be looked at and changed.

pub(crate) mod cookies;
pub(crate) mod hosts;

use std::io;

use crate::blocking::Blocking;
use crate::error::{Error, ErrorKind, Stage};
use crate::manager::Manager;
use cookies::CookieJar;
use hosts::StrictTransportSecurityHosts;

impl Manager {
    /// The cookies that are remembered.
    #[must_use]
    pub fn cookies(&self) -> CookieJar {
        CookieJar(self.shared.remembered.clone())
    }

    /// The hosts that are known to want to be reached over TLS only.
    #[must_use]
    pub fn strict_transport_security_hosts(&self) -> StrictTransportSecurityHosts {
        let home = wayfare_net::runtime::Home::current;
        StrictTransportSecurityHosts { remembered: self.shared.remembered.clone(), home }
    }
}

impl Manager {
    /// Waits until everything that was learnt so far is written, where it is kept longer than the
    /// manager lives. What is left is written when the last clone of a manager goes, too.
    ///
    /// # Errors
    /// [`ErrorKind::FileSystem`] if something could not be written, unless that was told before.
    ///
    /// # Cancel safety
    /// It is written all the same, if it can be.
    pub async fn save(&self) -> Result<(), Error> {
        self.shared.remembered.save().await.map_err(not_kept)
    }

    /// Forgets a site, here and in the profile: the registrable domain that `host` belongs to, and
    /// every name below it. Its cookies, its strictness, the exceptions for its certificates and who
    /// it was told is asking are gone then; what [`Manager::set_credentials`] keeps stays.
    pub fn forget(&self, host: &str) {
        let host = host.to_ascii_lowercase();
        let site = self.shared.remembered.forget(&host);
        let is_of_site = |name: &str| {
            name.strip_suffix(&*site).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.shared.access.forget(is_of_site);
        let exceptions = self.options().tls.exceptions();
        for (exception, _) in exceptions.all() {
            if is_of_site(&exception.host) {
                // What cannot be taken out of a file is gone from memory all the same.
                let _ = exceptions.remove(&exception.host);
            }
        }
    }
}

impl Blocking<Manager> {
    /// Waits until everything that was learnt so far is written.
    ///
    /// # Errors
    /// As [`Manager::save`].
    pub fn save(&self) -> Result<(), Error> {
        wayfare_net::caller::block_on(self.0.save())
    }

    /// The cookies that are remembered.
    #[must_use]
    pub fn cookies(&self) -> Blocking<CookieJar> {
        Blocking(self.0.cookies())
    }

    /// The hosts that are known to want to be reached over TLS only.
    #[must_use]
    pub fn strict_transport_security_hosts(&self) -> Blocking<StrictTransportSecurityHosts> {
        let home = || Ok(wayfare_net::runtime::Home::Caller);
        let hosts = self.0.strict_transport_security_hosts();
        Blocking(StrictTransportSecurityHosts { home, ..hosts })
    }
}

fn not_kept(why: io::Error) -> Error {
    let message = format!("what is remembered could not be read or written: {why}");
    Error::new(ErrorKind::FileSystem, Stage::Store, message).because(why)
}
