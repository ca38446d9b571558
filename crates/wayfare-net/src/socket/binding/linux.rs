//! Binding to an interface on Linux: the kernel sends nothing any other way.

use std::io;
use std::net::SocketAddr;

use nix::sys::socket::{setsockopt, sockopt};
use rustix::io::Errno;
use socket2::Socket;

pub(super) fn bind_interface(socket: &Socket, name: &str, _: SocketAddr) -> io::Result<()> {
    // An empty name would undo a binding, a NUL would cut the name off.
    if name.is_empty() || name.contains('\0') {
        return Err(super::unknown(name));
    }
    socket.bind_device(Some(name.as_bytes())).map_err(|why| {
        match why.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NODEV | Errno::INVAL) => super::unknown(name),
            Some(Errno::PERM) => io::Error::new(
                why.kind(),
                format!("binding to the interface {name} needs Linux 5.7 or CAP_NET_RAW"),
            ),
            _ => why,
        }
    })
}

/// Leaves the choice of the port to the moment of connecting, where the system knows the peer: one
/// port then serves for any number of peers, and they do not run out.
pub(super) fn postpone_port(socket: &Socket) {
    // Unknown to Linux before 4.2, where ports may run out.
    let _ = setsockopt(socket, sockopt::IpBindAddressNoPort, &true);
}
