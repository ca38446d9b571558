//! Interfaces on Linux: the kernel's own lists, over a netlink socket.

use std::io;
use std::path::Path;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use wayfare_proto::address::interface::{Interface, InterfaceKind};
use wayfare_proto::wire::netlink::{List, Progress, handle, request};

pub(super) fn interfaces() -> io::Result<Vec<Interface>> {
    for _ in 0..MOST_ATTEMPTS {
        if let Some(mut found) = ask()? {
            for interface in &mut found {
                if interface.kind == InterfaceKind::Ethernet && is_radio(&interface.name) {
                    interface.kind = InterfaceKind::Wifi;
                }
            }
            return Ok(found);
        }
    }
    Err(io::Error::other("the list of interfaces changed each time it was asked for"))
}

/// The two lists; nothing if they changed meanwhile.
fn ask() -> io::Result<Option<Vec<Interface>>> {
    let (kind, flags) = (SocketType::RAW, SocketFlags::CLOEXEC);
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, kind, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, 0))?;
    let mut found = Vec::new();
    let mut buffer = vec![0; BUFFER];
    for (sequence, list) in [(1, List::Links), (2, List::Addresses)] {
        let asked = request(list, sequence);
        rustix::net::sendto(&socket, &asked, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        loop {
            // With this flag the length is that of the datagram, also if it did not fit.
            let (_, length) = rustix::net::recv(&socket, &mut buffer[..], RecvFlags::TRUNC)?;
            let Some(datagram) = buffer.get(..length) else {
                return Err(io::Error::other("the kernel's list of interfaces did not fit"));
            };
            match handle(datagram, sequence, &mut found) {
                Progress::Done => break,
                Progress::Interrupted => return Ok(None),
                Progress::More => {}
                Progress::Refused(code) => return Err(io::Error::from_raw_os_error(code)),
            }
        }
    }
    Ok(Some(found))
}

/// To the kernel a radio looks like Ethernet; sysfs, where it is mounted, tells them apart.
fn is_radio(name: &str) -> bool {
    let folder = Path::new("/sys/class/net").join(name);
    folder.join("phy80211").exists() || folder.join("wireless").exists()
}

/// Dumps come in pieces of at most 32 KiB.
const BUFFER: usize = 64 * 1024;
const MOST_ATTEMPTS: usize = 5;
