//! The kernel's lists of interfaces and addresses (rtnetlink, Linux `linux/rtnetlink.h`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::address::interface::{
    AddressOrigin, HardwareAddress, Interface, InterfaceAddress, InterfaceFlags, InterfaceKind,
    Lifetime,
};
use crate::address::ip::Address;

/// Which list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// The addresses of all interfaces.
    Addresses,
    /// The interfaces.
    Links,
}

/// What one received piece of a list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The list is complete.
    Done,
    /// The list changed while it was told: ask again.
    Interrupted,
    /// There is more to come.
    More,
    /// The kernel refused with this error number.
    Refused(i32),
}

/// The message that asks for a list.
#[must_use]
pub fn request(list: List, sequence: u32) -> Vec<u8> {
    let (kind, body_length) = match list {
        List::Links => (RTM_GETLINK, LINK_HEAD),
        List::Addresses => (RTM_GETADDR, ADDRESS_HEAD),
    };
    let length = HEAD + body_length;
    let mut message = Vec::with_capacity(length);
    message.extend(u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.resize(length, 0);
    message
}

/// Reads one received datagram into `interfaces`: new links are added, addresses go to theirs.
///
/// Messages of other sequences are skipped, and what is cut off or not understood is left out.
pub fn handle(datagram: &[u8], sequence: u32, interfaces: &mut Vec<Interface>) -> Progress {
    let mut rest = datagram;
    while let Some((head, body, next)) = message(rest) {
        rest = next;
        if head.sequence != sequence {
            continue;
        }
        if head.flags & NLM_F_DUMP_INTR != 0 {
            return Progress::Interrupted;
        }
        match head.kind {
            NLMSG_DONE => return Progress::Done,
            NLMSG_ERROR => {
                let code = body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                return Progress::Refused(code.saturating_neg());
            }
            RTM_NEWLINK => interfaces.extend(link(body)),
            RTM_NEWADDR => {
                if let Some((index, address)) = address(body)
                    && let Some(owner) = interfaces.iter_mut().find(|known| known.index == index)
                {
                    owner.addresses.push(scoped(address, &owner.name));
                }
            }
            _ => {}
        }
    }
    Progress::More
}

struct Head {
    kind: u16,
    flags: u16,
    sequence: u32,
}

/// The first message, its body, and what follows it.
fn message(bytes: &[u8]) -> Option<(Head, &[u8], &[u8])> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let body = bytes.get(HEAD..length)?;
    let head =
        Head { kind: u16_at(bytes, 4)?, flags: u16_at(bytes, 6)?, sequence: u32_at(bytes, 8)? };
    Some((head, body, bytes.get(aligned(length)..).unwrap_or_default()))
}

fn link(body: &[u8]) -> Option<Interface> {
    let (hardware_type, index, flags) = (u16_at(body, 2)?, u32_at(body, 4)?, u32_at(body, 8)?);
    let mut interface = Interface::new(String::new(), index);
    interface.flags = link_flags(flags);
    let mut software = false;
    for (kind, value) in attributes(body.get(LINK_HEAD..)?) {
        match kind {
            IFLA_IFNAME => interface.name = text(value),
            IFLA_MTU => interface.mtu = u32_at(value, 0).unwrap_or_default(),
            IFLA_ADDRESS if !value.is_empty() => {
                interface.hardware = Some(HardwareAddress(value.to_vec()));
            }
            IFLA_LINKINFO => software = is_software(value),
            _ => {}
        }
    }
    interface.kind = if software { InterfaceKind::Virtual } else { kind_of(hardware_type) };
    (!interface.name.is_empty()).then_some(interface)
}

/// True for links that are neither hardware nor a share of one (VLANs and bonds are).
fn is_software(info: &[u8]) -> bool {
    let mut kinds = attributes(info).filter(|(kind, _)| *kind == IFLA_INFO_KIND);
    let kind = kinds.next().map(|(_, value)| text(value));
    !matches!(kind.as_deref(), None | Some("vlan" | "bond" | "team" | "macvlan" | "ipvlan"))
}

fn link_flags(bits: u32) -> InterfaceFlags {
    let has = |bit| bits & bit != 0;
    InterfaceFlags {
        up: has(0x1),
        running: has(0x40),
        broadcast: has(0x2),
        loopback: has(0x8),
        point_to_point: has(0x10),
        multicast: has(0x1000),
    }
}

/// By `linux/if_arp.h`.
fn kind_of(hardware_type: u16) -> InterfaceKind {
    match hardware_type {
        1 => InterfaceKind::Ethernet,
        24 => InterfaceKind::Ieee1394,
        256..=260 => InterfaceKind::Slip,
        280 => InterfaceKind::Can,
        512 => InterfaceKind::Ppp,
        768 | 769 | 776 | 778 | 823 | 0xfffe => InterfaceKind::Virtual,
        772 => InterfaceKind::Loopback,
        801..=803 => InterfaceKind::Wifi,
        804 | 805 | 825 => InterfaceKind::Ieee802154,
        _ => InterfaceKind::Unknown,
    }
}

/// The address and the index of its interface.
fn address(body: &[u8]) -> Option<(u32, InterfaceAddress)> {
    let (family, prefix, mut flags) = (*body.first()?, *body.get(1)?, u32::from(*body.get(2)?));
    let index = u32_at(body, 4)?;
    let (mut local, mut remote, mut broadcast, mut lifetimes) = (None, None, None, None);
    for (kind, value) in attributes(body.get(ADDRESS_HEAD..)?) {
        match kind {
            IFA_ADDRESS => remote = ip(family, value),
            IFA_LOCAL => local = ip(family, value),
            IFA_BROADCAST => broadcast = ip(family, value),
            IFA_FLAGS => flags = u32_at(value, 0).unwrap_or(flags),
            IFA_CACHEINFO => lifetimes = u32_at(value, 0).zip(u32_at(value, 4)),
            _ => {}
        }
    }
    let own = local.or(remote)?;
    let mut address = InterfaceAddress::new(own.into(), prefix);
    address.broadcast = broadcast;
    address.peer = remote.filter(|peer| *peer != own);
    if let Some((preferred, valid)) = lifetimes {
        (address.preferred, address.valid) = (lifetime(preferred), lifetime(valid));
    }
    address.origin = match (own, flags) {
        // For IPv4 this bit means that it is not the first address of its network.
        (IpAddr::V6(_), flags) if flags & IFA_F_TEMPORARY != 0 => AddressOrigin::Temporary,
        (_, flags) if flags & IFA_F_PERMANENT != 0 => AddressOrigin::Permanent,
        _ => AddressOrigin::Dynamic,
    };
    (prefix <= if own.is_ipv4() { 32 } else { 128 }).then_some((index, address))
}

/// A link-local address means something together with its interface only.
fn scoped(mut address: InterfaceAddress, interface: &str) -> InterfaceAddress {
    if let IpAddr::V6(ip) = address.address.ip()
        && ip.is_unicast_link_local()
        && let Ok(scoped) = Address::from(IpAddr::V6(ip)).with_scope(interface)
    {
        address.address = scoped;
    }
    address
}

fn lifetime(seconds: u32) -> Lifetime {
    match seconds {
        u32::MAX => Lifetime::Forever,
        seconds => Lifetime::For(Duration::from_secs(seconds.into())),
    }
}

fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => Some(Ipv4Addr::from(*value.first_chunk::<4>()?).into()),
        AF_INET6 => Some(Ipv6Addr::from(*value.first_chunk::<16>()?).into()),
        _ => None,
    }
}

/// The attributes of a message: numbers and values; what is cut off ends them.
fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        // The two upper bits are marks, not part of the number.
        let kind = u16_at(rest, 2)? & 0x3fff;
        let value = rest.get(ATTRIBUTE_HEAD..length)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|value| u16::from_ne_bytes(*value))
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|value| u32::from_ne_bytes(*value))
}

const HEAD: usize = 16;
const LINK_HEAD: usize = 16;
const ADDRESS_HEAD: usize = 8;
const ATTRIBUTE_HEAD: usize = 4;

const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_CACHEINFO: u16 = 6;
const IFA_FLAGS: u16 = 8;
const IFA_F_TEMPORARY: u32 = 0x01;
const IFA_F_PERMANENT: u32 = 0x80;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(ATTRIBUTE_HEAD + value.len()).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEAD + body.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([kind.to_ne_bytes(), flags.to_ne_bytes()].concat());
        bytes.extend([7_u32.to_ne_bytes(), [0; 4]].concat());
        bytes.extend(body);
        bytes
    }

    fn link_message() -> Vec<u8> {
        let mut body = vec![0, 0];
        body.extend(1_u16.to_ne_bytes());
        body.extend([3_u32.to_ne_bytes(), 0x1043_u32.to_ne_bytes(), [0; 4]].concat());
        body.extend(attribute(IFLA_IFNAME, b"eth0\0"));
        body.extend(attribute(IFLA_MTU, &1400_u32.to_ne_bytes()));
        body.extend(attribute(IFLA_ADDRESS, &[2, 0xfc, 0, 0, 0, 1]));
        message(RTM_NEWLINK, 0, &body)
    }

    fn address_message(family: u8, prefix: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![family, prefix, 0x80, 0];
        body.extend(3_u32.to_ne_bytes());
        body.extend(attributes.concat());
        message(RTM_NEWADDR, 0, &body)
    }

    #[test]
    fn a_link_and_its_addresses_are_read() {
        let mut datagram = link_message();
        datagram.extend(address_message(
            AF_INET,
            24,
            &[
                attribute(IFA_ADDRESS, &[192, 0, 2, 1]),
                attribute(IFA_LOCAL, &[192, 0, 2, 2]),
                attribute(IFA_BROADCAST, &[192, 0, 2, 255]),
                attribute(IFA_CACHEINFO, &[60_u32.to_ne_bytes(), u32::MAX.to_ne_bytes()].concat()),
            ],
        ));
        let link_local = "fe80::1".parse::<Ipv6Addr>().unwrap();
        datagram.extend(address_message(
            AF_INET6,
            64,
            &[
                attribute(IFA_ADDRESS, &link_local.octets()),
                attribute(IFA_FLAGS, &0x101_u32.to_ne_bytes()),
            ],
        ));
        datagram.extend(message(NLMSG_DONE, 0, &[0; 4]));
        let mut found = Vec::new();
        assert_eq!(handle(&datagram, 7, &mut found), Progress::Done);
        let [eth0] = &found[..] else { panic!("{found:?}") };
        assert_eq!((eth0.name.as_str(), eth0.index, eth0.mtu), ("eth0", 3, 1400));
        assert_eq!(eth0.kind, InterfaceKind::Ethernet);
        assert_eq!(eth0.hardware.as_ref().unwrap().to_string(), "02:fc:00:00:00:01");
        let flags: Vec<_> = eth0.flags.names().collect();
        assert_eq!(flags, ["up", "running", "broadcast", "multicast"]);
        let [v4, v6] = &eth0.addresses[..] else { panic!("{eth0:?}") };
        assert_eq!(v4.address.to_string(), "192.0.2.2");
        assert_eq!(v4.netmask().unwrap().to_string(), "255.255.255.0");
        assert_eq!(v4.peer, Some(IpAddr::from([192, 0, 2, 1])));
        assert_eq!(v4.broadcast, Some(IpAddr::from([192, 0, 2, 255])));
        let times = (Lifetime::For(Duration::from_secs(60)), Lifetime::Forever);
        assert_eq!((v4.preferred, v4.valid), times);
        assert_eq!(v4.origin, AddressOrigin::Permanent);
        assert_eq!(v6.address.to_string(), "fe80::1%eth0");
        assert_eq!(v6.origin, AddressOrigin::Temporary);
    }

    #[test]
    fn a_list_that_changed_is_asked_for_again_and_a_refusal_is_told() {
        let mut found = Vec::new();
        let changed = message(RTM_NEWLINK, NLM_F_DUMP_INTR, &[]);
        assert_eq!(handle(&changed, 7, &mut found), Progress::Interrupted);
        let refused = message(NLMSG_ERROR, 0, &(-13_i32).to_ne_bytes());
        assert_eq!(handle(&refused, 7, &mut found), Progress::Refused(13));
        assert_eq!(handle(&refused, 8, &mut found), Progress::More, "another sequence");
    }

    #[test]
    fn every_cut_of_a_list_is_read_without_harm() {
        let whole = [link_message(), message(NLMSG_DONE, 0, &[0; 4])].concat();
        for end in 0..whole.len() {
            let mut found = Vec::new();
            let progress = handle(&whole[..end], 7, &mut found);
            assert_eq!(progress, Progress::More, "{end}");
        }
    }
}
