//! Interfaces where there is no netlink, from `getifaddrs`; untested on those systems.
//!
//! Lifetimes and the largest packet are not told there, and of kinds only the loopback.

use std::io;

use getifaddrs::Address as Told;
use getifaddrs::InterfaceFlags as Bits;
use wayfare_proto::address::interface::{
    HardwareAddress, Interface, InterfaceAddress, InterfaceFlags, InterfaceKind,
};
use wayfare_proto::address::ip::Address;

pub(super) fn interfaces() -> io::Result<Vec<Interface>> {
    let mut found: Vec<Interface> = Vec::new();
    for entry in getifaddrs::getifaddrs()? {
        let known = found.iter().position(|known| known.name == entry.name);
        let place = known.unwrap_or_else(|| {
            let mut interface = Interface::new(entry.name, entry.index.unwrap_or_default());
            interface.flags = flags(entry.flags);
            if interface.flags.loopback {
                interface.kind = InterfaceKind::Loopback;
            }
            found.push(interface);
            found.len() - 1
        });
        add(&mut found[place], &entry.address);
    }
    Ok(found)
}

fn add(interface: &mut Interface, told: &Told) {
    let Some(ip) = told.ip_addr() else {
        interface.hardware = told.mac_addr().map(|bytes| HardwareAddress(bytes.to_vec()));
        return;
    };
    let ones = match told.netmask() {
        Some(std::net::IpAddr::V4(mask)) => mask.to_bits().leading_ones(),
        Some(std::net::IpAddr::V6(mask)) => mask.to_bits().leading_ones(),
        None if ip.is_ipv4() => 32,
        None => 128,
    };
    let is_link_local = matches!(ip, std::net::IpAddr::V6(ip) if ip.is_unicast_link_local());
    let bare = Address::from(ip);
    let own = match bare.clone().with_scope(&interface.name) {
        Ok(scoped) if is_link_local => scoped,
        _ => bare,
    };
    // No mask has more ones than an address has bits.
    let mut address = InterfaceAddress::new(own, u8::try_from(ones).unwrap_or(128));
    match told.associated_address() {
        other if interface.flags.point_to_point => address.peer = other,
        other if interface.flags.broadcast => address.broadcast = other,
        _ => {}
    }
    interface.addresses.push(address);
}

fn flags(bits: Bits) -> InterfaceFlags {
    InterfaceFlags {
        up: bits.contains(Bits::UP),
        running: bits.contains(Bits::RUNNING),
        broadcast: bits.contains(Bits::BROADCAST),
        loopback: bits.contains(Bits::LOOPBACK),
        point_to_point: bits.contains(Bits::POINTTOPOINT),
        multicast: bits.contains(Bits::MULTICAST),
    }
}
