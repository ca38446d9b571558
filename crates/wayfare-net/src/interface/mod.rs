//! The network interfaces of this machine.

#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod platform;
#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod platform;

use std::io;

pub use wayfare_proto::address::interface::{
    AddressOrigin, HardwareAddress, Interface, InterfaceAddress, InterfaceFlags, InterfaceKind,
    Lifetime,
};

/// The interfaces as they are now, those that are down included, in the system's order.
///
/// It asks the system each time, which takes less than a millisecond and never waits for the
/// network.
///
/// # Errors
/// The operating system's error if it does not tell.
///
/// ```
/// # use wayfare_net::interface::interfaces;
/// for interface in interfaces()? {
///     println!("{} ({})", interface.name, interface.kind.name());
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn interfaces() -> io::Result<Vec<Interface>> {
    platform::interfaces()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_loopback_interface_with_its_address() {
        let all = interfaces().unwrap();
        let loopback = all.iter().find(|one| one.kind == InterfaceKind::Loopback).unwrap();
        assert!(loopback.flags.loopback && loopback.index > 0);
        if loopback.flags.up {
            let wanted = std::net::IpAddr::from([127, 0, 0, 1]);
            assert!(loopback.addresses.iter().any(|one| one.address.ip() == wanted));
        }
    }
}
