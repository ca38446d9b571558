//! Subnets: an address and how many of its bits count.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// All addresses that begin with the same bits.
///
/// An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) is the same machine as its IPv4 address, and so
/// it is treated here: it belongs to IPv4 subnets and to no IPv6 subnet, not even `::/0`. A subnet
/// written in that form is the IPv4 subnet.
///
/// ```
/// # use wayfare_proto::address::subnet::Subnet;
/// let net: Subnet = "192.168.0.0/255.255.0.0".parse().unwrap();
/// assert_eq!(net.to_string(), "192.168.0.0/16");
/// assert!(net.contains("::ffff:192.168.7.7".parse().unwrap()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subnet {
    base: IpAddr,
    prefix: u8,
}

/// Why a text is no subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotASubnet {
    /// What comes before the slash is no address.
    Address(Box<str>),
    /// The mask has ones behind zeros.
    Mask(Box<str>),
    /// The number behind the slash is none, or larger than the address is long.
    Prefix(Box<str>),
}

impl Subnet {
    /// The subnet of the addresses whose first `prefix` bits are those of `address`; nothing if an
    /// address of its family has fewer bits.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let (address, prefix) = match (address.to_canonical(), address) {
            (IpAddr::V4(v4), IpAddr::V6(_)) if (96..=128).contains(&prefix) => {
                (IpAddr::V4(v4), prefix - 96)
            }
            // Fewer bits than the mapping's own: an IPv6 subnet around it.
            _ => (address, prefix),
        };
        if prefix > width(address) {
            return None;
        }
        Some(Self { base: cut(address, prefix), prefix })
    }

    /// The first address: all bits that do not count are zero.
    #[must_use]
    pub fn base(&self) -> IpAddr {
        self.base
    }

    /// How many bits count, from the left.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// The mask: a one for every bit that counts.
    #[must_use]
    pub fn mask(&self) -> IpAddr {
        match self.base {
            IpAddr::V4(_) => Ipv4Addr::from_bits(v4_mask(self.prefix)).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(v6_mask(self.prefix)).into(),
        }
    }

    /// True if the address is one of this subnet. An IPv4-mapped address is its IPv4 address: IPv6
    /// subnets, `::/0` too, do not contain it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.base.is_ipv4() && cut(address, self.prefix) == self.base
    }
}

impl FromStr for Subnet {
    type Err = NotASubnet;

    /// Reads `10/8`, `192.168.0.0/255.255.0.0`, `2001:db8::/32`, and addresses alone. Missing parts
    /// of an IPv4 address are zero; without a slash, the parts that are there count. Numbers are
    /// decimal only.
    fn from_str(text: &str) -> Result<Self, NotASubnet> {
        let text = text.trim_matches([' ', '\t']);
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let (base, own_bits) = base(address).ok_or_else(|| NotASubnet::Address(address.into()))?;
        let prefix = match bits {
            None => own_bits,
            Some(mask) if mask.contains('.') && base.is_ipv4() => prefix_of(mask)?,
            Some(bits) => decimal(bits).ok_or_else(|| NotASubnet::Prefix(bits.into()))?,
        };
        let too_long = || NotASubnet::Prefix(bits.unwrap_or_default().into());
        Self::new(base, prefix).ok_or_else(too_long)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl fmt::Display for NotASubnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(text) => write!(
                f,
                "\"{}\" is no address of a subnet; one looks like 10/8 or 2001:db8::/32",
                text.escape_debug()
            ),
            Self::Mask(mask) => {
                write!(f, "the mask {} has ones behind zeros", mask.escape_debug())
            }
            Self::Prefix(bits) => write!(
                f,
                "\"{}\" is no number of bits; it goes from 0 to 32 for IPv4 and to 128 for IPv6",
                bits.escape_debug()
            ),
        }
    }
}

impl std::error::Error for NotASubnet {}

/// The address of a subnet, and how many bits were written.
fn base(text: &str) -> Option<(IpAddr, u8)> {
    if text.contains(':') {
        return Some((IpAddr::V6(text.parse().ok()?), 128));
    }
    let mut octets = [0_u8; 4];
    let mut written = 0_u8;
    for part in text.strip_suffix('.').unwrap_or(text).split('.') {
        *octets.get_mut(usize::from(written))? = decimal(part)?;
        written += 1;
    }
    Some((IpAddr::from(octets), written * 8))
}

fn prefix_of(mask: &str) -> Result<u8, NotASubnet> {
    let bits = mask.parse::<Ipv4Addr>().map_err(|_| NotASubnet::Prefix(mask.into()))?.to_bits();
    let ones = bits.leading_ones();
    if bits.count_ones() != ones {
        return Err(NotASubnet::Mask(mask.into()));
    }
    // A 32-bit number has at most 32 ones.
    Ok(u8::try_from(ones).unwrap_or(32))
}

fn decimal(text: &str) -> Option<u8> {
    let is_short = (1..=3).contains(&text.len());
    (is_short && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn cut(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & v4_mask(prefix)).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & v6_mask(prefix)).into(),
    }
}

fn v4_mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0)
}

fn v6_mask(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Result<String, NotASubnet> {
        text.parse::<Subnet>().map(|subnet| subnet.to_string())
    }

    #[test]
    fn a_mapped_address_is_in_the_ipv4_subnets_made_of_it_only() {
        let mapped: IpAddr = "::ffff:10.1.2.3".parse().unwrap();
        for prefix in 0..=128 {
            let subnet = Subnet::new(mapped, prefix).unwrap();
            assert_eq!(subnet.contains(mapped), prefix >= 96, "{subnet}");
            assert_eq!(subnet.contains(mapped.to_canonical()), prefix >= 96, "{subnet}");
        }
    }

    #[test]
    fn subnets_are_read_in_every_form() {
        let table = [
            ("10/8", "10.0.0.0/8"),
            ("10", "10.0.0.0/8"),
            ("10.", "10.0.0.0/8"),
            ("192.168", "192.168.0.0/16"),
            ("192.168/16", "192.168.0.0/16"),
            ("192.168.0.0/255.255.0.0", "192.168.0.0/16"),
            ("192.168.7.9/24", "192.168.7.0/24"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("0/0.0.0.0", "0.0.0.0/0"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("::/0", "::/0"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:10.0.0.0/8", "::/8"),
        ];
        for (text, expected) in table {
            assert_eq!(subnet(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_subnet_says_why() {
        for text in ["", "/8", "a/8", "1.2.3.4.5/8", "256/8", "1..2/8", "0x0a/8", "::g/8"] {
            assert!(matches!(subnet(text), Err(NotASubnet::Address(_))), "{text}");
        }
        for text in [
            "10/",
            "10/33",
            "10/-1",
            "10/8/8",
            "::/129",
            "10/0008",
            "::/255.0.0.0",
            "10/255.0.0",
            "10/300",
        ] {
            assert!(matches!(subnet(text), Err(NotASubnet::Prefix(_))), "{text}");
        }
        assert!(matches!(subnet("10/255.0.255.0"), Err(NotASubnet::Mask(_))));
    }

    #[test]
    fn membership_looks_at_the_bits_that_count() {
        let table = [
            ("10/8", "10.255.255.255", true),
            ("10/8", "11.0.0.0", false),
            ("10/8", "::ffff:10.0.0.1", true),
            ("192.0.2.128/25", "192.0.2.127", false),
            ("192.0.2.128/25", "192.0.2.128", true),
            ("0/0", "255.255.255.255", true),
            ("0/0", "::1", false),
            ("::/0", "10.0.0.1", false),
            ("::/0", "::ffff:10.0.0.1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("fe80::/10", "febf::1", true),
        ];
        for (net, address, expected) in table {
            let net: Subnet = net.parse().unwrap();
            assert_eq!(net.contains(address.parse().unwrap()), expected, "{net} {address}");
        }
    }

    #[test]
    fn masks_and_prefixes_are_the_same_thing() {
        for prefix in 0..=32 {
            let net = Subnet::new(IpAddr::from([255; 4]), prefix).unwrap();
            let by_mask = format!("255.255.255.255/{}", net.mask());
            assert_eq!(by_mask.parse(), Ok(net));
        }
        assert_eq!(Subnet::new(IpAddr::from([0; 4]), 33), None);
        assert_eq!(Subnet::new(IpAddr::from([0_u16; 8]), 129), None);
    }
}
