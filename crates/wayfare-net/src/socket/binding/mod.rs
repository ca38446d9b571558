//! From where a socket leaves this machine.

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[path = "elsewhere.rs"]
mod platform;
#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "linux.rs"]
mod platform;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use socket2::Socket;

use crate::interface::interfaces;

/// From where a socket leaves this machine; as routing decides, by default.
///
/// ```
/// # use wayfare_net::socket::Binding;
/// assert_eq!("eth0".parse(), Ok(Binding::to_interface("eth0")));
/// assert_eq!("192.0.2.7".parse(), Ok(Binding::to_address([192, 0, 2, 7])));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Binding {
    /// Only through the interface of this name. On Linux (5.7 and later, without privileges) the
    /// system sends nothing any other way; elsewhere the interface's own address is used, which
    /// routing may send another way.
    pub interface: Option<String>,
    /// From this address, which must be one of this machine's. Servers with addresses of the other
    /// family only cannot be reached then. On Linux (4.2 and later) connections to several servers
    /// may leave by one port of it, so that its ports do not run out.
    pub address: Option<IpAddr>,
}

impl Binding {
    /// Through the interface of this name.
    #[must_use]
    pub fn to_interface(name: impl Into<String>) -> Self {
        Self { interface: Some(name.into()), address: None }
    }

    /// From this address.
    #[must_use]
    pub fn to_address(address: impl Into<IpAddr>) -> Self {
        Self { interface: None, address: Some(address.into()) }
    }

    /// Binds a socket that is going to connect to `peer`; as [`apply`](Self::apply).
    pub(super) fn apply_for_connecting(&self, socket: &Socket, peer: SocketAddr) -> io::Result<()> {
        if self.address.is_some() {
            platform::postpone_port(socket);
        }
        self.apply(socket, peer)
    }

    /// Binds a socket that is going to talk to `peer`; what goes wrong is a [`BindingFailure`].
    pub(super) fn apply(&self, socket: &Socket, peer: SocketAddr) -> io::Result<()> {
        self.bind(socket, peer)
            .map_err(|why| io::Error::new(why.kind(), BindingFailure(why.to_string())))
    }

    fn bind(&self, socket: &Socket, peer: SocketAddr) -> io::Result<()> {
        if let Some(name) = &self.interface {
            platform::bind_interface(socket, name, peer)?;
        }
        let Some(address) = self.address else { return Ok(()) };
        if address.is_ipv4() != peer.is_ipv4() {
            let message = format!("it cannot be reached from the local address {address}");
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, message));
        }
        socket.bind(&local(address).into()).map_err(|why| {
            let message = match why.kind() {
                io::ErrorKind::AddrNotAvailable => {
                    format!("{address} is not an address of this machine")
                }
                _ => format!("cannot use the local address {address}: {why}"),
            };
            io::Error::new(why.kind(), message)
        })
    }
}

/// Why a socket cannot leave this machine as it should, inside an [`io::Error`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingFailure(String);

impl BindingFailure {
    /// True if `error` is one.
    #[must_use]
    pub fn is_in(error: &io::Error) -> bool {
        matches!(error.get_ref(), Some(inner) if inner.is::<Self>())
    }
}

impl fmt::Display for BindingFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BindingFailure {}

impl std::str::FromStr for Binding {
    type Err = std::convert::Infallible;

    /// An address, or else the name of an interface; as with curl, `if!` and `host!` in front say
    /// which it is.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(name) = text.strip_prefix("if!") {
            return Ok(Self::to_interface(name));
        }
        let bare = text.strip_prefix("host!").unwrap_or(text);
        Ok(match bare.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => Self::to_address(address),
            Err(_) => Self::to_interface(bare),
        })
    }
}

/// An address with any free port; a link-local one needs the number of its interface.
fn local(address: IpAddr) -> SocketAddr {
    match address {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => {
            let all = interfaces().unwrap_or_default();
            let owner =
                all.iter().find(|one| one.addresses.iter().any(|own| own.address.ip() == address));
            SocketAddrV6::new(ip, 0, 0, owner.map_or(0, |one| one.index)).into()
        }
        _ => SocketAddr::new(address, 0),
    }
}

/// The error for an interface that does not exist, with the names of those that do.
fn unknown(name: &str) -> io::Error {
    let all = interfaces().unwrap_or_default();
    let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
    let shown = name.escape_debug();
    let message = format!(
        "this machine has no network interface called \"{shown}\"; it has {}",
        names.join(", ")
    );
    io::Error::new(io::ErrorKind::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart() {
        let read = |text: &str| text.parse::<Binding>().unwrap();
        assert_eq!(read("eth0"), Binding::to_interface("eth0"));
        assert_eq!(read("if!10.0.0.1"), Binding::to_interface("10.0.0.1"));
        assert_eq!(read("host!10.0.0.1"), Binding::to_address([10, 0, 0, 1]));
        assert_eq!(read("[::1]"), read("::1"));
        assert_eq!(read("::1"), Binding::to_address([0_u16, 0, 0, 0, 0, 0, 0, 1]));
    }

    #[test]
    fn an_interface_that_does_not_exist_is_named_with_those_that_do() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        for name in ["nosuch0", "a-name-that-is-much-too-long-for-linux", ""] {
            let socket = Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            let why = Binding::to_interface(name).apply(&socket, peer).unwrap_err().to_string();
            assert!(why.contains(&format!("called \"{name}\"")) && why.contains("lo"), "{why}");
        }
    }
}
