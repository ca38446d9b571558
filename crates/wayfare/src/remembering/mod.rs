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

impl Blocking<Manager> {
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
