//! Binding to an interface where sockets know addresses only; untested on those systems.

use std::io;
use std::net::SocketAddr;

use socket2::Socket;

use crate::interface::interfaces;

pub(super) fn bind_interface(socket: &Socket, name: &str, peer: SocketAddr) -> io::Result<()> {
    let all = interfaces()?;
    let interface = all.iter().find(|one| one.name == name).ok_or_else(|| super::unknown(name))?;
    let mut own = interface.addresses.iter().map(|one| one.address.ip());
    let address = own.find(|ip| ip.is_ipv4() == peer.is_ipv4()).ok_or_else(|| {
        let message = format!("the interface {name} has no address of the family of {peer}");
        io::Error::new(io::ErrorKind::AddrNotAvailable, message)
    })?;
    socket.bind(&super::local(address).into())
}

/// There is no such choice here.
pub(super) fn postpone_port(_: &Socket) {}
