//! Host names to addresses, by the operating system's resolver.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};

use crate::runtime::Home;

/// The addresses of `name` in the order of the system's resolver (`getaddrinfo`: hosts file,
/// nsswitch, RFC 6724 order).
///
/// # Errors
/// The resolver's error, with the name in its text.
///
/// # Cancel safety
/// Dropping the future abandons the answer; the system call ends on its own thread.
pub async fn lookup(home: &Home, name: &str) -> io::Result<Vec<IpAddr>> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(vec![address]);
    }
    let asked = name.to_owned();
    let found = home
        .unblock(move || {
            let found = (asked.as_str(), 0u16).to_socket_addrs()?;
            let mut addresses: Vec<IpAddr> = Vec::new();
            for address in found {
                if !addresses.contains(&address.ip()) {
                    addresses.push(address.ip());
                }
            }
            io::Result::Ok(addresses)
        })
        .await??;
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{name} has no address")));
    }
    Ok(found)
}
