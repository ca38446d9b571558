//! The face of the hosts that are to be reached over TLS only.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use wayfare_net::caller::block_on;
use wayfare_net::runtime::Home;
use wayfare_proto::policy::hsts::StrictHost;
use wayfare_proto::syntax::strict_transport_security::Reach;

use super::not_kept;
use crate::blocking::Blocking;
use crate::error::Error;
use crate::manager::no_home;
use crate::store::Remembered;
use crate::store::list;

/// The hosts that a manager knows to want TLS (HSTS), shared with its transfers.
///
/// They are obeyed as [`Hsts`](crate::options::Hsts) says.
///
/// ```
/// # async fn run() -> Result<(), wayfare::Error> {
/// use std::time::Duration;
/// use wayfare::{Manager, hsts::Reach, options::Hsts};
/// let manager = Manager::builder().hsts(Hsts::On).build();
/// let hosts = manager.strict_transport_security_hosts();
/// hosts.add("example.org", Duration::from_secs(86_400), Reach::Subdomains).await?;
/// assert!(hosts.is_strict("www.example.org").await?);
/// # Ok(()) }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run()).unwrap();
/// ```
#[derive(Clone)]
pub struct StrictTransportSecurityHosts {
    pub(super) remembered: Arc<Remembered>,
    pub(super) home: fn() -> io::Result<Home>,
}

impl StrictTransportSecurityHosts {
    /// Every host that is strict by what it said or by [`add`](Self::add), by name; those of a list
    /// in a file are not among them.
    ///
    /// # Errors
    /// [`ErrorKind::FileSystem`](crate::ErrorKind::FileSystem) if what is kept cannot be read.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn list(&self) -> Result<Vec<StrictHost>, Error> {
        self.remembered.hosts.bring_all().await.map_err(not_kept)?;
        Ok(self.remembered.hosts.list(self.remembered.calendar.now()))
    }

    /// True if a host is to be reached over TLS only, by its own name or one above it.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn is_strict(&self, host: &str) -> Result<bool, Error> {
        let host = name(host)?;
        self.bring(&host).await?;
        Ok(self.remembered.hosts.is_strict(&host, || self.remembered.calendar.now()))
    }

    /// Makes a host strict for so long from now, or changes for how long it is.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) for an IP address or what is
    /// no name; else as [`list`](Self::list).
    ///
    /// # Cancel safety
    /// It may be strict or not.
    pub async fn add(&self, host: &str, lasting: Duration, reach: Reach) -> Result<(), Error> {
        let host = name(host)?;
        self.bring(&host).await?;
        let seconds = i64::try_from(lasting.as_secs()).unwrap_or(i64::MAX);
        let expiry = self.remembered.calendar.now().plus_seconds(seconds);
        self.remembered.hosts.add(&StrictHost { host, expiry, reach });
        self.remembered.hosts.save().await.map_err(not_kept)
    }

    /// Forgets that a host is strict; false if it was not by itself. A name above it keeps what it
    /// said of all below.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    ///
    /// # Cancel safety
    /// It may be strict or not.
    pub async fn remove(&self, host: &str) -> Result<bool, Error> {
        let host = name(host)?;
        self.bring(&host).await?;
        let removed = self.remembered.hosts.forget(&host);
        self.remembered.hosts.save().await.map_err(not_kept)?;
        Ok(removed)
    }

    async fn bring(&self, host: &str) -> Result<(), Error> {
        let home = (self.home)().map_err(|why| no_home(&why))?;
        self.remembered.hosts.bring(host, &home).await.map_err(not_kept)
    }
}

impl fmt::Debug for StrictTransportSecurityHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrictTransportSecurityHosts")
            .field("hosts", &self.remembered.hosts.len())
            .finish_non_exhaustive()
    }
}

/// Each waits for what the method of that name of [`StrictTransportSecurityHosts`] awaits.
impl Blocking<StrictTransportSecurityHosts> {
    /// Every host that is strict by what it said or by [`add`](Self::add), by name.
    ///
    /// # Errors
    /// As [`StrictTransportSecurityHosts::list`].
    pub fn list(&self) -> Result<Vec<StrictHost>, Error> {
        block_on(self.0.list())
    }

    /// True if a host is to be reached over TLS only, by its own name or one above it.
    ///
    /// # Errors
    /// As [`StrictTransportSecurityHosts::is_strict`].
    pub fn is_strict(&self, host: &str) -> Result<bool, Error> {
        block_on(self.0.is_strict(host))
    }

    /// Makes a host strict for so long from now, or changes for how long it is.
    ///
    /// # Errors
    /// As [`StrictTransportSecurityHosts::add`].
    pub fn add(&self, host: &str, lasting: Duration, reach: Reach) -> Result<(), Error> {
        block_on(self.0.add(host, lasting, reach))
    }

    /// Forgets that a host is strict; false if it was not by itself.
    ///
    /// # Errors
    /// As [`StrictTransportSecurityHosts::remove`].
    pub fn remove(&self, host: &str) -> Result<bool, Error> {
        block_on(self.0.remove(host))
    }
}

/// Makes the file that [`Builder::strict_hosts_list`](crate::Builder::strict_hosts_list) takes out of
/// a text: Chromium's `transport_security_state_static.json`, or a name a line, with a dot before it
/// if the names below it count, and `#` before comments. Gives the file's bytes, how many hosts it
/// lists, and the names that cannot be in it.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) for a text that looks like JSON
/// and is not that.
pub fn compile_list(text: &str) -> Result<(Vec<u8>, usize, Vec<String>), Error> {
    let failed = |why| Error::invalid_request(format!("the list of strict hosts: {why}"));
    list::compile(text).map_err(failed)
}

fn name(host: &str) -> Result<String, Error> {
    let wrong = || {
        let shown = host.escape_debug();
        Error::invalid_request(format!("\"{shown}\" is not the name of a host that can be strict"))
    };
    wayfare_proto::policy::hsts::normal(host).ok_or_else(wrong)
}
