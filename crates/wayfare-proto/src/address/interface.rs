//! Network interfaces and their addresses, as the machine describes them.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::ip::Address;
use super::subnet::Subnet;

/// One network interface, as it was when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// Its name, for example `eth0`.
    pub name: String,
    /// Its number, from 1; 0 if the system tells none.
    pub index: u32,
    /// What it is.
    pub kind: InterfaceKind,
    /// What it can do and is doing.
    pub flags: InterfaceFlags,
    /// The largest packet in bytes; 0 if the system does not tell.
    pub mtu: u32,
    /// Its link-layer address, if it has one.
    pub hardware: Option<HardwareAddress>,
    /// Its addresses, in the system's order.
    pub addresses: Vec<InterfaceAddress>,
}

impl Interface {
    /// An interface of which only the name and number are known.
    #[must_use]
    pub fn new(name: impl Into<String>, index: u32) -> Self {
        Self {
            name: name.into(),
            index,
            kind: InterfaceKind::Unknown,
            flags: InterfaceFlags::default(),
            mtu: 0,
            hardware: None,
            addresses: Vec::new(),
        }
    }
}

/// What an interface is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InterfaceKind {
    /// A vehicle bus.
    Can,
    /// A cable, or something that behaves like one.
    Ethernet,
    /// FireWire.
    Ieee1394,
    /// Low-power radio (IEEE 802.15.4), with and without 6LoWPAN.
    Ieee802154,
    /// This machine itself.
    Loopback,
    /// A modem or a tunnel that speaks PPP.
    Ppp,
    /// A serial line.
    Slip,
    /// Nothing that is known here.
    #[default]
    Unknown,
    /// Made of software: tunnels, bridges, pairs between namespaces, WireGuard.
    Virtual,
    /// Radio (IEEE 802.11).
    Wifi,
}

impl InterfaceKind {
    /// The kind in one lower-case word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Can => "can",
            Self::Ethernet => "ethernet",
            Self::Ieee1394 => "ieee1394",
            Self::Ieee802154 => "ieee802154",
            Self::Loopback => "loopback",
            Self::Ppp => "ppp",
            Self::Slip => "slip",
            Self::Unknown => "unknown",
            Self::Virtual => "virtual",
            Self::Wifi => "wifi",
        }
    }
}

/// What an interface can do and is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InterfaceFlags {
    /// It is switched on.
    pub up: bool,
    /// It has a carrier: packets can travel.
    pub running: bool,
    /// It can reach everybody on its link at once.
    pub broadcast: bool,
    /// It leads to this machine itself.
    pub loopback: bool,
    /// It leads to one other machine only.
    pub point_to_point: bool,
    /// It can reach groups.
    pub multicast: bool,
}

impl InterfaceFlags {
    /// The names of the flags that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (self.up, "up"),
            (self.running, "running"),
            (self.broadcast, "broadcast"),
            (self.loopback, "loopback"),
            (self.point_to_point, "point-to-point"),
            (self.multicast, "multicast"),
        ];
        all.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name)
    }
}

/// A link-layer address; written as hexadecimal bytes with colons.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HardwareAddress(pub Vec<u8>);

impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02x}")?;
        }
        Ok(())
    }
}

/// One address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InterfaceAddress {
    /// The address; a link-local IPv6 one names its interface as its scope.
    pub address: Address,
    /// How many of its bits are the network's.
    pub prefix: u8,
    /// The address of everybody on this network, if the interface has one.
    pub broadcast: Option<IpAddr>,
    /// The other end of a point-to-point interface.
    pub peer: Option<IpAddr>,
    /// For how long new connections should use it.
    pub preferred: Lifetime,
    /// For how long it may be used at all.
    pub valid: Lifetime,
    /// How it came to be.
    pub origin: AddressOrigin,
}

impl InterfaceAddress {
    /// An address of which only the prefix is known.
    #[must_use]
    pub fn new(address: Address, prefix: u8) -> Self {
        Self {
            address,
            prefix,
            broadcast: None,
            peer: None,
            preferred: Lifetime::Unknown,
            valid: Lifetime::Unknown,
            origin: AddressOrigin::Unknown,
        }
    }

    /// The network that the address is in.
    #[must_use]
    pub fn subnet(&self) -> Option<Subnet> {
        Subnet::new(self.address.ip(), self.prefix)
    }

    /// The mask: a one for every bit that is the network's.
    #[must_use]
    pub fn netmask(&self) -> Option<IpAddr> {
        self.subnet().map(|subnet| subnet.mask())
    }
}

/// How long something lasts from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// So long, in whole seconds.
    For(Duration),
    /// Until somebody changes it.
    Forever,
    /// The system does not tell.
    #[default]
    Unknown,
}

/// How an address came to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressOrigin {
    /// Given for a time, by DHCP or a router's announcement.
    Dynamic,
    /// Set by hand, or made by the interface itself.
    Permanent,
    /// Made up for privacy, to be replaced soon (RFC 8981).
    Temporary,
    /// The system does not tell.
    #[default]
    Unknown,
}
