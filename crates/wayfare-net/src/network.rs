//! The seam to the machine: the one trait that tests replace.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use wayfare_proto::route::happy_eyeballs::Family;
use wayfare_proto::wire::dns::record::Service;

use crate::gss::{Library, Nobody, Tickets};
use crate::runtime::Home;
use crate::socket::udp::Udp;
use crate::socket::{SocketOptions, Stream};

/// A boxed future, as the seam's methods return it.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A question about a name, under way; answers of several come in any order.
pub enum Question<'a> {
    /// The addresses of both families, best first.
    All(Asking<'a, io::Result<Vec<IpAddr>>>),
    /// The addresses of one family, best first.
    Family(Family, Asking<'a, io::Result<Vec<IpAddr>>>),
    /// The HTTPS records of the name, best first.
    Services(Asking<'a, io::Result<Vec<Service>>>),
}

/// What the stack needs of the outside world: names resolved and byte pipes opened.
///
/// Time is not part of it: [`crate::clock::now`] and [`crate::runtime::Timer`] follow tokio's
/// clock, which a test pauses.
pub trait Network: Send + Sync + 'static {
    /// The addresses of `name`, best first.
    ///
    /// # Errors
    /// The resolver's own error; an empty list is also an error to the caller.
    fn resolve<'a>(&'a self, home: &'a Home, name: &'a str) -> Asking<'a, io::Result<Vec<IpAddr>>>;

    /// The name of `address` as the system knows it; a network without such names has none.
    ///
    /// # Errors
    /// The resolver's own error, or [`io::ErrorKind::Unsupported`].
    fn name_of<'a>(&'a self, _: &'a Home, _: IpAddr) -> Asking<'a, io::Result<String>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    /// Asks for the addresses of `name`; by default all at once, with [`Network::resolve`].
    fn questions<'a>(&'a self, home: &'a Home, name: &'a str) -> Vec<Question<'a>> {
        vec![Question::All(self.resolve(home, name))]
    }

    /// Opens a socket for datagrams to and from `peer`; a network without datagrams refuses.
    ///
    /// # Errors
    /// The operating system's error, or [`io::ErrorKind::Unsupported`].
    fn datagrams(&self, _: &Home, _: SocketAddr, _: &SocketOptions) -> io::Result<Udp> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The address of this machine that would talk to `peer`, if there is a way and it is known.
    fn source(&self, _peer: SocketAddr, _options: &SocketOptions) -> Option<IpAddr> {
        None
    }

    /// Who makes proofs of who is logged in; a network that is not the machine's has nobody.
    fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(Nobody)
    }

    /// Opens a byte pipe to `address`.
    ///
    /// # Errors
    /// The operating system's error of the attempt.
    fn connect<'a>(
        &'a self,
        home: &'a Home,
        address: SocketAddr,
        options: &'a SocketOptions,
    ) -> Asking<'a, io::Result<Box<dyn Stream>>>;
}

/// The real network of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Network for System {
    fn resolve<'a>(&'a self, home: &'a Home, name: &'a str) -> Asking<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(crate::names::lookup(home, name))
    }

    fn name_of<'a>(&'a self, home: &'a Home, address: IpAddr) -> Asking<'a, io::Result<String>> {
        Box::pin(crate::names::name_of(home, address))
    }

    fn datagrams(&self, home: &Home, peer: SocketAddr, options: &SocketOptions) -> io::Result<Udp> {
        Udp::open(home, peer, options)
    }

    fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(Library)
    }

    fn source(&self, peer: SocketAddr, options: &SocketOptions) -> Option<IpAddr> {
        // Connecting a socket for datagrams sends nothing; it only asks the routing table.
        let udp = Udp::open(&Home::Caller, peer, options).ok()?;
        udp.local_address().ok().map(|local| local.ip())
    }

    fn connect<'a>(
        &'a self,
        home: &'a Home,
        address: SocketAddr,
        options: &'a SocketOptions,
    ) -> Asking<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(crate::socket::tcp::connect(home, address, options))
    }
}
