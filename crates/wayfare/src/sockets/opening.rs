//! How a socket at a proxy is opened: at the proxy that is named, or by the manager's ways in turn.

use http::header;
use wayfare_net::clock::now;
use wayfare_net::dial::{Blame, Dialer, ProxyManners, socks};
use wayfare_net::proxy::factory::SocketKind;
use wayfare_net::runtime::Home;
use wayfare_net::tls::policy::Offer;
use wayfare_proto::address::target::Target;
use wayfare_proto::route::happy_eyeballs::Pace;
use wayfare_proto::route::hops::Approach;
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::wire::tunnel::Greeting;

use super::{Bound, Relay};
use crate::error::{Error, ErrorKind, ProxyProblem, Stage};
use crate::manager::{Manager, no_home};
use crate::proxies::Ways;

impl Manager {
    /// Has a SOCKS proxy wait for one connection from `peer` (`BIND`, RFC 1928 §4), as a `QTcpServer`
    /// with a proxy does. The proxy is the last of `way`; to that one the connection goes through
    /// the others.
    ///
    /// [`Bound::address`] is to be told to the peer, most often over a connection that was opened to
    /// it before; many proxies wait for nobody else. The credentials are those of the proxies' URLs,
    /// the deadlines are those of [`Timeouts`](crate::options::Timeouts).
    ///
    /// ```no_run
    /// # async fn run(manager: wayfare::Manager) -> Result<(), wayfare::Error> {
    /// use wayfare::sockets::Target;
    /// let way = "http://gate.test:3128 socks5://ada:secret@proxy.test".parse().unwrap();
    /// let bound = manager.bind_at(&way, &Target::new("peer.test", 21)).await?;
    /// println!("the peer may connect to {}", bound.address());
    /// let (connection, from) = bound.accept(wayfare::options::Wait::seconds(60)).await?;
    /// # drop((connection, from)); Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Proxy`]: a proxy cannot be reached, the last one is no SOCKS proxy, or one says
    /// no.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection to the proxy, which then waits no more.
    pub async fn bind_at(&self, way: &Chain, peer: &Target) -> Result<Bound, Error> {
        let home = Home::current().map_err(|why| no_home(&why))?;
        self.bind_in(home, way, peer).await
    }

    /// Has a proxy of this manager's wait for one connection from `peer`; see
    /// [`bind_at`](Self::bind_at).
    ///
    /// The way is chosen as for requests ([`Proxies`](crate::options::Proxies)), among those whose
    /// last proxy can listen; the environment's is that of `all_proxy`, and a factory is asked for a
    /// [`SocketKind::TcpServer`]. Where one fails the next of the list is tried.
    ///
    /// # Errors
    /// As [`bind_at`](Self::bind_at), and [`ErrorKind::Proxy`] with [`ProxyProblem::NoneFits`] if
    /// there is no proxy for it: this machine itself waits with the means of its system.
    ///
    /// # Cancel safety
    /// As [`bind_at`](Self::bind_at).
    pub async fn bind_for(&self, peer: &Target) -> Result<Bound, Error> {
        let home = Home::current().map_err(|why| no_home(&why))?;
        self.bind_for_in(home, peer).await
    }

    /// Has a SOCKS 5 proxy relay datagrams (`UDP ASSOCIATE`, RFC 1928 §7), as a `QUdpSocket` with a
    /// proxy does. It must be the only one of `way`: the datagrams go to its relay themselves, and no
    /// other proxy passes them on.
    ///
    /// ```no_run
    /// # async fn run(manager: wayfare::Manager) -> Result<(), Box<dyn std::error::Error>> {
    /// use wayfare::{options::Wait, sockets::Target};
    /// let way = "socks5://proxy.test".parse()?;
    /// let mut relay = manager.relay_at(&way).await?;
    /// relay.send_to(b"hello", &Target::new("echo.test", 7)).await?;
    /// let (from, data) = relay.receive(Wait::seconds(5)).await?;
    /// println!("{from}: {} bytes", data.len());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Proxy`]: the proxy cannot be reached, does not speak SOCKS 5, or says no;
    /// with [`ProxyProblem::NoneFits`] if there is another one before it.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection to the proxy.
    pub async fn relay_at(&self, way: &Chain) -> Result<Relay, Error> {
        let home = Home::current().map_err(|why| no_home(&why))?;
        self.relay_in(home, way).await
    }

    /// Has a proxy of this manager's relay datagrams; see [`relay_at`](Self::relay_at).
    ///
    /// The way is chosen as by [`bind_for`](Self::bind_for), for the sake of `peer`
    /// ([`SocketKind::Udp`]); datagrams may go to others, too.
    ///
    /// # Errors
    /// As [`relay_at`](Self::relay_at), and [`ErrorKind::Proxy`] with [`ProxyProblem::NoneFits`] if
    /// there is no proxy for it.
    ///
    /// # Cancel safety
    /// As [`relay_at`](Self::relay_at).
    pub async fn relay_for(&self, peer: &Target) -> Result<Relay, Error> {
        let home = Home::current().map_err(|why| no_home(&why))?;
        self.relay_for_in(home, peer).await
    }

    pub(super) async fn bind_in(
        &self,
        home: Home,
        way: &Chain,
        peer: &Target,
    ) -> Result<Bound, Error> {
        let gate = self.gate(way)?;
        let opened = self.dialing(&home, async |dialer| socks::bind(&gate, peer, dialer).await);
        Ok(Bound(opened.await?))
    }

    pub(super) async fn relay_in(&self, home: Home, way: &Chain) -> Result<Relay, Error> {
        let gate = self.gate(way)?;
        let opened = self.dialing(&home, async |dialer| socks::associate(&gate, dialer).await);
        let association = opened.await?;
        Ok(Relay { association, home })
    }

    pub(super) async fn bind_for_in(&self, home: Home, peer: &Target) -> Result<Bound, Error> {
        let mut ways = self.ways_for(SocketKind::TcpServer, peer).await?;
        loop {
            match self.bind_in(home.clone(), &ways.first, peer).await {
                Err(error) => self.go_on(&mut ways, error)?,
                bound => return bound,
            }
        }
    }

    pub(super) async fn relay_for_in(&self, home: Home, peer: &Target) -> Result<Relay, Error> {
        let mut ways = self.ways_for(SocketKind::Udp, peer).await?;
        loop {
            match self.relay_in(home.clone(), &ways.first).await {
                Err(error) => self.go_on(&mut ways, error)?,
                relay => return relay,
            }
        }
    }

    async fn ways_for(&self, socket: SocketKind, peer: &Target) -> Result<Ways, Error> {
        let shared = &self.shared;
        let ways = shared.proxies(&shared.options).choose_for(socket, peer).await?;
        Ok(shared.sorted(ways))
    }

    /// Takes the next way, where another may work and there is one.
    fn go_on(&self, ways: &mut Ways, error: Error) -> Result<(), Error> {
        let Some(trouble) = error.proxy_trouble() else { return Err(error) };
        match trouble.blame {
            Blame::Proxy => self.shared.bad_proxies().handle_failure(&trouble.proxy, now()),
            Blame::Way => {}
            Blame::Request => return Err(error),
        }
        if ways.others.is_empty() {
            return Err(error);
        }
        ways.first = ways.others.remove(0);
        Ok(())
    }

    /// The way to the last of its proxies, with what is known of who is asking.
    fn gate(&self, way: &Chain) -> Result<Approach, Error> {
        let may_be_told = &self.shared.options.auth.ambient;
        let way = self.shared.logins.remembered(way.clone(), may_be_told);
        let pins = &self.shared.options.dns;
        Approach::new(&way, &|host| pins.pinned(host)).ok_or_else(|| {
            let kind = ErrorKind::Proxy(ProxyProblem::NoneFits);
            Error::new(kind, Stage::Plan, "there is no proxy on the direct way to ask for it")
        })
    }

    /// Does something with what a dial needs, as this manager's settings have it.
    async fn dialing<T>(&self, home: &Home, work: impl AsyncFnOnce(&Dialer<'_>) -> T) -> T {
        let options = &self.shared.options;
        let resolving = self.shared.resolving(options);
        let greeting = Greeting {
            authorization: None,
            user_agent: options.headers.0.get(header::USER_AGENT).cloned(),
            limits: options.heads,
        };
        let tls = options.tls.towards_proxies();
        let dialer = Dialer {
            network: &resolving,
            home,
            sockets: &resolving.sockets,
            tls,
            // Like a server of HTTP/1.1, the last proxy says nothing before it is asked.
            offer: Offer::Http1,
            early: None,
            waits: options.timeouts.of_dials(),
            proxies: ProxyManners { tls, greeting: &greeting, schemes: options.auth.schemes },
            pace: Pace::with_attempt_delay(options.connections.attempt_delay),
            memories: &self.shared.memories,
        };
        work(&dialer).await
    }
}
