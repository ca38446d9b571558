//! Looking names up without asking for anything there.

use std::net::IpAddr;

use wayfare_net::caller::block_on;
use wayfare_net::clock::now;
use wayfare_net::dns::{LookedUp, LookupFailure, Resolver};
use wayfare_net::runtime::{Home, Within, within};
use wayfare_proto::route::name_server::NameServer;
use wayfare_proto::wire::dns::record::RecordType;

use crate::blocking::Blocking;
use crate::manager::Manager;

impl Manager {
    /// Looks DNS records up at the servers of [`Dns::resolver`](crate::options::Dns), or at those of
    /// `/etc/resolv.conf`.
    ///
    /// Answers are kept as long as they say. It takes [`Timeouts::resolve`](crate::options::Timeouts)
    /// at most.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use wayfare::dns::RecordType;
    /// let found = wayfare::Manager::new().lookup("example.org", RecordType::MX).await?;
    /// for record in found.records {
    ///     println!("{record}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`LookupFailure`]: there is no such name, it has no such record, or nobody could tell.
    ///
    /// # Cancel safety
    /// Dropping the future closes its sockets.
    pub async fn lookup(&self, name: &str, kind: RecordType) -> Result<LookedUp, LookupFailure> {
        self.lookup_in(&home()?, name, kind).await
    }

    /// The addresses of a host name as a request would get them, best first.
    ///
    /// # Errors
    /// [`LookupFailure`]: there is no such name, it has no address, or nobody could tell.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the lookup at once.
    pub async fn addresses_of(&self, name: &str) -> Result<Vec<IpAddr>, LookupFailure> {
        if let Some(known) = self.known_addresses(name) {
            return Ok(known);
        }
        self.addresses_in(&home()?, name).await
    }

    /// The names of an address as the system knows them (`getnameinfo`: nsswitch, the hosts file, DNS),
    /// or else those of its PTR records; only the latter where an own resolver was chosen.
    ///
    /// A name found this way proves nothing: whoever has the address says what it is called.
    ///
    /// # Errors
    /// [`LookupFailure`]: it has no name, or nobody could tell.
    ///
    /// # Cancel safety
    /// Dropping the future closes its sockets.
    pub async fn names_of(&self, address: IpAddr) -> Result<Vec<String>, LookupFailure> {
        self.names_in(&home()?, address).await
    }

    /// The PTR records of an address, wherever else its names may stand.
    ///
    /// # Errors
    /// As [`Manager::lookup`].
    ///
    /// # Cancel safety
    /// Dropping the future closes its sockets.
    pub async fn pointers_of(&self, address: IpAddr) -> Result<LookedUp, LookupFailure> {
        self.pointers_in(&home()?, address).await
    }

    async fn pointers_in(&self, home: &Home, address: IpAddr) -> Result<LookedUp, LookupFailure> {
        let resolving = self.shared.resolving(&self.shared.options);
        let around = resolving.around(home);
        let looking = self.shared.names.reverse(&around, servers(&resolving.resolver), address);
        self.in_time(home, looking).await
    }

    async fn lookup_in(
        &self,
        home: &Home,
        name: &str,
        kind: RecordType,
    ) -> Result<LookedUp, LookupFailure> {
        let resolving = self.shared.resolving(&self.shared.options);
        let around = resolving.around(home);
        let servers = servers(&resolving.resolver);
        self.in_time(home, self.shared.names.lookup(&around, servers, name, kind)).await
    }

    /// The addresses that are known without asking anybody.
    fn known_addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        let options = &self.shared.options;
        if let Some(pinned) = options.dns.pinned(name) {
            return Some(vec![pinned]);
        }
        let binding = &options.connections.binding;
        match options.dns.resolver {
            Resolver::Own(_) => None,
            Resolver::System => self.shared.names.kept_addresses(binding, name),
        }
    }

    async fn addresses_in(&self, home: &Home, name: &str) -> Result<Vec<IpAddr>, LookupFailure> {
        let resolving = self.shared.resolving(&self.shared.options);
        self.in_time(home, resolving.addresses(home, name)).await
    }

    async fn names_in(&self, home: &Home, address: IpAddr) -> Result<Vec<String>, LookupFailure> {
        let resolving = self.shared.resolving(&self.shared.options);
        self.in_time(home, resolving.names_of(home, address)).await
    }

    async fn in_time<T>(
        &self,
        home: &Home,
        looking: impl Future<Output = Result<T, LookupFailure>>,
    ) -> Result<T, LookupFailure> {
        let deadline = self.shared.options.timeouts.resolve.deadline(now());
        let looked = within(home, deadline, looking).await;
        // A connection to a name server may have been kept.
        self.shared.watch_idle();
        match looked {
            Within::Done(found) => found,
            Within::TooLate => Err(LookupFailure::too_late()),
        }
    }
}

impl Blocking<Manager> {
    /// Looks DNS records up; see [`Manager::lookup`].
    ///
    /// # Errors
    /// As [`Manager::lookup`].
    pub fn lookup(&self, name: &str, kind: RecordType) -> Result<LookedUp, LookupFailure> {
        block_on(self.0.lookup_in(&Home::Caller, name, kind))
    }

    /// The addresses of a host name; see [`Manager::addresses_of`].
    ///
    /// # Errors
    /// As [`Manager::addresses_of`].
    pub fn addresses_of(&self, name: &str) -> Result<Vec<IpAddr>, LookupFailure> {
        match self.0.known_addresses(name) {
            Some(known) => Ok(known),
            None => block_on(self.0.addresses_in(&Home::Caller, name)),
        }
    }

    /// The PTR records of an address; see [`Manager::pointers_of`].
    ///
    /// # Errors
    /// As [`Manager::lookup`].
    pub fn pointers_of(&self, address: IpAddr) -> Result<LookedUp, LookupFailure> {
        block_on(self.0.pointers_in(&Home::Caller, address))
    }

    /// The names of an address; see [`Manager::names_of`].
    ///
    /// # Errors
    /// As [`Manager::names_of`].
    pub fn names_of(&self, address: IpAddr) -> Result<Vec<String>, LookupFailure> {
        block_on(self.0.names_in(&Home::Caller, address))
    }
}

/// The servers that were chosen; none for those of `/etc/resolv.conf`.
fn servers(resolver: &Resolver) -> &[NameServer] {
    match resolver {
        Resolver::Own(servers) => servers,
        Resolver::System => &[],
    }
}

fn home() -> Result<Home, LookupFailure> {
    Home::current().map_err(|why| LookupFailure::from(&why))
}
