//! A network in virtual time: hosts, latency, bandwidth, cuts; no socket and no waiting.
//!
//! A [`World`] is a [`Network`], so that a client built on that
//! seam lives in it. With tokio's clock paused, a test in which a connection takes 30 seconds
//! to fail takes no time at all.
//!
//! ```
//! use wayfare_testkit::Server;
//! use wayfare_testkit::world::World;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> std::io::Result<()> {
//! let world = World::new();
//! world.host("a.test", [10, 0, 0, 1].into());
//! world.link([10, 0, 0, 1].into()).latency_ms(40).bandwidth(100_000);
//! let server = Server::builder().bind_in(&world, "a.test:80")?;
//! let stream = world.dial(server.address()).await?; // 80 virtual milliseconds later
//! # drop(stream);
//! # Ok(())
//! # }
//! ```

mod link;
mod pipe;

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use wayfare_net::network::{Asking, Network, Question};
use wayfare_net::runtime::Home;
use wayfare_net::socket::{SocketOptions, Stream};
use wayfare_proto::route::happy_eyeballs::Family;

use crate::faults::{self, FaultServer};
use crate::h2_faults::{self, H2FaultServer};
use crate::listener::{Connections, Listening, Reception, Runner, Task, attend};
use crate::server::{self, Server};
use link::{Link, Reach};

pub use pipe::WorldStream;

/// A network that exists in memory only; clones are the same world.
#[derive(Clone)]
pub struct World {
    inner: Arc<Inner>,
}

struct Inner {
    begun: Instant,
    state: Mutex<State>,
    next_port: AtomicU16,
}

#[derive(Default)]
struct State {
    names: HashMap<String, Name>,
    links: HashMap<IpAddr, Arc<Link>>,
    ports: HashMap<SocketAddr, Arc<Port>>,
    lookups: Vec<(Duration, String)>,
    attempts: Vec<(Duration, SocketAddr)>,
}

#[derive(Clone, Default)]
struct Name {
    addresses: Vec<IpAddr>,
    delay: Duration,
    /// Set when the families are asked for apart.
    family_delays: HashMap<Family, Duration>,
}

/// An address that somebody listens on.
struct Port {
    reception: PortUse,
    tasks: Mutex<JoinSet<()>>,
}

enum PortUse {
    Handler(Box<dyn Fn(WorldStream) -> Task + Send + Sync>),
    Server(Reception, Arc<Connections>),
}

/// Sets how the way to one address is.
#[derive(Clone)]
pub struct LinkSettings {
    link: Arc<Link>,
}

/// Keeps a handler listening until it is dropped.
#[must_use]
pub struct Listener {
    world: Weak<Inner>,
    address: SocketAddr,
}

impl World {
    /// An empty world, whose time is that of the tokio runtime it is used in.
    #[must_use]
    pub fn new() -> Self {
        let begun = Instant::now();
        let inner = Inner { begun, state: Mutex::default(), next_port: AtomicU16::new(49152) };
        Self { inner: Arc::new(inner) }
    }

    /// Gives a name an address; a name may have several, in this order.
    pub fn host(&self, name: &str, address: IpAddr) {
        let mut state = self.inner.lock();
        state.names.entry(name.to_ascii_lowercase()).or_default().addresses.push(address);
    }

    /// Takes a name's addresses away; with a new [`host`](Self::host) it has moved.
    pub fn forget_host(&self, name: &str) {
        self.inner.lock().names.remove(&name.to_ascii_lowercase());
    }

    /// Lets looking up a name take a while.
    pub fn lookup_takes(&self, name: &str, time: Duration) {
        self.inner.lock().names.entry(name.to_ascii_lowercase()).or_default().delay = time;
    }

    /// Lets the name's families be asked for apart, and the answer with this one take a while.
    pub fn family_takes(&self, name: &str, family: Family, time: Duration) {
        let mut state = self.inner.lock();
        let name = state.names.entry(name.to_ascii_lowercase()).or_default();
        name.family_delays.insert(family, time);
    }

    /// The way to an address, to be set up.
    #[must_use]
    pub fn link(&self, address: IpAddr) -> LinkSettings {
        LinkSettings { link: self.inner.link(address) }
    }

    /// Breaks all connections with an address; new ones fail at once, as unreachable.
    pub fn cut(&self, address: IpAddr) {
        self.inner.link(address).set_reach(Reach::Cut);
    }

    /// Lets nothing more through to an address, without telling anybody.
    pub fn black_hole(&self, address: IpAddr) {
        self.inner.link(address).set_reach(Reach::Silent);
    }

    /// Refuses new connections to an address; the open ones stay.
    pub fn refuse(&self, address: IpAddr) {
        self.inner.link(address).set_reach(Reach::Refusing);
    }

    /// Makes the way to an address good again; what a black hole held back arrives.
    pub fn restore(&self, address: IpAddr) {
        self.inner.link(address).set_reach(Reach::Open);
    }

    /// Lets a handler take the connections to an address such as `a.test:80`.
    ///
    /// # Errors
    /// When the name is unknown or the port is taken.
    pub fn listen<F, T>(&self, address: &str, handler: F) -> io::Result<Listener>
    where
        F: Fn(WorldStream) -> T + Send + Sync + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        let handler = Box::new(move |stream| -> Task { Box::pin(handler(stream)) });
        self.open_port(address, PortUse::Handler(handler))
    }

    /// Opens a connection as a client would.
    ///
    /// # Errors
    /// Refused where nobody listens, unreachable where the link is cut.
    pub async fn dial(&self, address: SocketAddr) -> io::Result<WorldStream> {
        let link = self.inner.link(address.ip());
        self.inner.note(|state, now| state.attempts.push((now, address)));
        let round_trip = link.round_trip();
        if link.reach() == Reach::Cut {
            return Err(io::ErrorKind::NetworkUnreachable.into());
        }
        tokio::time::sleep(round_trip).await;
        std::future::poll_fn(|cx| match link.poll_reach(cx) {
            Reach::Silent => std::task::Poll::Pending,
            reach => std::task::Poll::Ready(reach),
        })
        .await;
        let port = self.inner.lock().ports.get(&address).map(Arc::clone);
        match (link.reach(), port) {
            (Reach::Cut, _) => Err(io::ErrorKind::HostUnreachable.into()),
            (Reach::Open, Some(port)) => {
                let (near, far) = pipe::pair(&link, self.inner.client_address(address), address);
                port.take(far)?;
                Ok(near)
            }
            _ => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }

    /// The names that were looked up, with the time since the world began.
    #[must_use]
    pub fn lookups(&self) -> Vec<(Duration, String)> {
        self.inner.lock().lookups.clone()
    }

    /// The addresses that somebody tried to connect to, with the time since the world began.
    #[must_use]
    pub fn attempts(&self) -> Vec<(Duration, SocketAddr)> {
        self.inner.lock().attempts.clone()
    }

    async fn look_up(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let key = name.to_ascii_lowercase();
        let found = self.inner.note(|state, now| {
            state.lookups.push((now, key.clone()));
            state.names.get(&key).cloned().unwrap_or_default()
        });
        tokio::time::sleep(found.delay).await;
        if found.addresses.is_empty() {
            let unknown = format!("there is no host {name} in this world");
            return Err(io::Error::new(io::ErrorKind::NotFound, unknown));
        }
        Ok(found.addresses)
    }

    async fn look_up_family(&self, name: &str, family: Family) -> io::Result<Vec<IpAddr>> {
        let key = name.to_ascii_lowercase();
        let delays = self.inner.lock().names.get(&key).map(|name| name.family_delays.clone());
        tokio::time::sleep(delays.unwrap_or_default().remove(&family).unwrap_or_default()).await;
        let mut found = self.look_up(name).await?;
        found.retain(|address| Family::of(*address) == family);
        Ok(found)
    }

    fn open_port(&self, address: &str, reception: PortUse) -> io::Result<Listener> {
        let address = self.inner.address_of(address)?;
        let port = Port { reception, tasks: Mutex::new(JoinSet::new()) };
        let mut state = self.inner.lock();
        if state.ports.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        state.ports.insert(address, Arc::new(port));
        Ok(Listener { world: Arc::downgrade(&self.inner), address })
    }

    fn host_server(
        &self,
        address: &str,
        reception: Reception,
        connections: Arc<Connections>,
    ) -> io::Result<Listening> {
        let port = PortUse::Server(reception, Arc::clone(&connections));
        let listener = self.open_port(address, port)?;
        Ok(Listening::new(listener.address, connections, Box::new(listener)))
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// A world lives in a tokio runtime, whose clock a test pauses; any other home is an error.
impl Network for World {
    fn resolve<'a>(&'a self, home: &'a Home, name: &'a str) -> Asking<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            needs_runtime(home)?;
            self.look_up(name).await
        })
    }

    fn questions<'a>(&'a self, home: &'a Home, name: &'a str) -> Vec<Question<'a>> {
        let key = name.to_ascii_lowercase();
        let known = self.inner.lock().names.get(&key).cloned().unwrap_or_default();
        if known.family_delays.is_empty() {
            return vec![Question::All(self.resolve(home, name))];
        }
        let ask = |family| Question::Family(family, Box::pin(self.look_up_family(name, family)));
        vec![ask(Family::V6), ask(Family::V4)]
    }

    fn connect<'a>(
        &'a self,
        home: &'a Home,
        address: SocketAddr,
        _: &'a SocketOptions,
    ) -> Asking<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            needs_runtime(home)?;
            Ok(Box::new(self.dial(address).await?) as Box<dyn Stream>)
        })
    }
}

/// The calling thread's own clock cannot be paused.
fn needs_runtime(home: &Home) -> io::Result<()> {
    match home {
        Home::Caller => Err(io::ErrorKind::Unsupported.into()),
        Home::Runtime(_) => Ok(()),
    }
}

impl LinkSettings {
    /// How long anything takes one way.
    pub fn latency(&self, time: Duration) -> &Self {
        self.link.set_latency(time);
        self
    }

    /// How many milliseconds anything takes one way.
    pub fn latency_ms(&self, milliseconds: u64) -> &Self {
        self.latency(Duration::from_millis(milliseconds))
    }

    /// How many bytes a second pass each way, over all connections together.
    pub fn bandwidth(&self, bytes_per_second: u64) -> &Self {
        self.link.set_bandwidth(bytes_per_second);
        self
    }
}

impl Listener {
    /// The address that is listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Runner for Listener {
    fn end(self: Box<Self>) -> Task {
        Box::pin(async move { drop(self) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            // The port's tasks end with it; not while the state is locked, which they may want.
            let port = world.lock().ports.remove(&self.address);
            drop(port);
        }
    }
}

impl Port {
    fn take(&self, stream: WorldStream) -> io::Result<()> {
        let task: Task = match &self.reception {
            PortUse::Handler(handler) => handler(stream),
            PortUse::Server(reception, connections) => {
                if reception.at_most.is_some_and(|most| connections.opened() >= most) {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                let open = connections.enter();
                let number = connections.opened();
                Box::pin(attend(number, Box::new(stream), reception.clone(), open))
            }
        };
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
        Ok(())
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note<T>(&self, note: impl FnOnce(&mut State, Duration) -> T) -> T {
        note(&mut self.lock(), self.begun.elapsed())
    }

    fn link(&self, address: IpAddr) -> Arc<Link> {
        Arc::clone(self.lock().links.entry(address).or_default())
    }

    fn address_of(&self, text: &str) -> io::Result<SocketAddr> {
        if let Ok(address) = text.parse() {
            return Ok(address);
        }
        let unknown = || io::Error::new(io::ErrorKind::NotFound, format!("{text} is unknown"));
        let (name, port) = text.rsplit_once(':').ok_or_else(unknown)?;
        let state = self.lock();
        let name = state.names.get(&name.to_ascii_lowercase()).ok_or_else(unknown)?;
        let address = name.addresses.first().ok_or_else(unknown)?;
        Ok(SocketAddr::new(*address, port.parse().map_err(|_| unknown())?))
    }

    fn client_address(&self, server: SocketAddr) -> SocketAddr {
        let port = self.next_port.fetch_add(1, Ordering::Relaxed);
        let address = match server {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::new(192, 0, 2, 1)),
            SocketAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        };
        SocketAddr::new(address, port)
    }
}

impl server::Builder {
    /// Starts the server at an address of a world, such as `a.test:443`.
    ///
    /// # Errors
    /// When the name is unknown or the port is taken.
    pub fn bind_in(self, world: &World, address: &str) -> io::Result<Server> {
        self.begin(|reception, connections| world.host_server(address, reception, connections))
    }
}

impl faults::Builder {
    /// Starts the server at an address of a world, such as `a.test:443`.
    ///
    /// # Errors
    /// When the name is unknown or the port is taken.
    pub fn bind_in(self, world: &World, address: &str) -> io::Result<FaultServer> {
        self.begin(|reception, connections| world.host_server(address, reception, connections))
    }
}

impl h2_faults::Builder {
    /// Starts the server at an address of a world, such as `a.test:443`.
    ///
    /// # Errors
    /// When the name is unknown or the port is taken.
    pub fn bind_in(self, world: &World, address: &str) -> io::Result<H2FaultServer> {
        self.begin(|reception, connections| world.host_server(address, reception, connections))
    }
}
