//! What a manager remembers of servers, to be looked at and changed.

pub(crate) mod cookies;
pub(crate) mod hosts;

use std::io;

use wayfare_net::runtime::Home;
use wayfare_net::tls::exceptions::Exception;

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
        let home = Home::current;
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

    /// Forgets a site, here and in the profile: the registrable domain that `host` belongs to and
    /// every name below it, or an address or a single name alone. Its cookies, its strictness, the
    /// exceptions for its certificates and who it was told is asking are gone then; what
    /// [`Manager::set_credentials`] keeps stays, and so do connections.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if it is no host's name; [`ErrorKind::FileSystem`] if what is
    /// kept could not be read or written.
    ///
    /// # Cancel safety
    /// It may be forgotten or not.
    pub async fn forget(&self, host: &str) -> Result<Forgotten, Error> {
        let home = Home::current().map_err(|why| crate::manager::no_home(&why))?;
        self.forget_in(host, home).await
    }

    async fn forget_in(&self, host: &str, home: Home) -> Result<Forgotten, Error> {
        let host = host_named(host)?;
        let remembered = &self.shared.remembered;
        remembered.cookies.bring(&host).await.map_err(not_kept)?;
        remembered.hosts.bring(&host, &home).await.map_err(not_kept)?;
        let site = remembered.cookies.site_of(&host);
        let (cookies, strict_hosts) = remembered.forget(&site);
        self.shared.access.forget(|name| site.has(name));
        let kept = self.options().tls.exceptions();
        let of_site = |exception: &Exception| site.has(&exception.host);
        let hosts: Vec<_> = kept
            .all()
            .into_iter()
            .map(|(one, _)| one)
            .filter(of_site)
            .map(|one| one.host)
            .collect();
        for host in &hosts {
            kept.remove(host).map_err(not_kept)?;
        }
        remembered.save().await.map_err(not_kept)?;
        Ok(Forgotten { site: site.name, cookies, strict_hosts, exceptions: hosts.len() })
    }
}

/// What [`Manager::forget`] forgot.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forgotten {
    /// The site, for example `example.org`.
    pub site: String,
    /// How many cookies.
    pub cookies: usize,
    /// How many hosts that want TLS only.
    pub strict_hosts: usize,
    /// How many exceptions for certificates.
    pub exceptions: usize,
}

/// The name of a host in its normal form.
fn host_named(host: &str) -> Result<String, Error> {
    let parsed = url::Host::parse(host).map(|host| host.to_string());
    let name = parsed.ok().filter(|name| !name.is_empty());
    name.ok_or_else(|| {
        Error::invalid_request(format!("\"{}\" is no host's name", host.escape_debug()))
    })
}

impl Blocking<Manager> {
    /// Waits until everything that was learnt so far is written.
    ///
    /// # Errors
    /// As [`Manager::save`].
    pub fn save(&self) -> Result<(), Error> {
        wayfare_net::caller::block_on(self.0.save())
    }

    /// Forgets a site, here and in the profile.
    ///
    /// # Errors
    /// As [`Manager::forget`].
    pub fn forget(&self, host: &str) -> Result<Forgotten, Error> {
        wayfare_net::caller::block_on(self.0.forget_in(host, Home::Caller))
    }

    /// The cookies that are remembered.
    #[must_use]
    pub fn cookies(&self) -> Blocking<CookieJar> {
        Blocking(self.0.cookies())
    }

    /// The hosts that are known to want to be reached over TLS only.
    #[must_use]
    pub fn strict_transport_security_hosts(&self) -> Blocking<StrictTransportSecurityHosts> {
        let home = || Ok(Home::Caller);
        let hosts = self.0.strict_transport_security_hosts();
        Blocking(StrictTransportSecurityHosts { home, ..hosts })
    }
}

fn not_kept(why: io::Error) -> Error {
    let message = format!("what is remembered could not be read or written: {why}");
    Error::new(ErrorKind::FileSystem, Stage::Store, message).because(why)
}
