//! IP addresses as people write them, and what kind of address each one is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An IP address, with the scope that a link-local IPv6 address may need.
///
/// Reading is as lenient as C's `inet_aton` and `QHostAddress`: IPv4 may have one to four parts,
/// each decimal, octal (`017`) or hexadecimal (`0x1f`), where the last one fills the rest
/// (`127.1` is `127.0.0.1`), and spaces around are ignored. Use `std`'s parser where an address
/// that looks like another one to somebody else would be a danger.
///
/// ```
/// # use wayfare_proto::address::ip::Address;
/// let address: Address = "fe80::1%eth0".parse().unwrap();
/// assert_eq!(address.scope(), Some("eth0"));
/// assert_eq!("0x7f.1".parse::<Address>().unwrap().to_string(), "127.0.0.1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    ip: IpAddr,
    scope: Option<Box<str>>,
}

/// What an address is for (the IANA registries of special-purpose addresses, RFC 6890).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// For measuring devices (RFC 2544, RFC 5180).
    Benchmark,
    /// Everybody on the link: `255.255.255.255`.
    Broadcast,
    /// For examples in texts (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// Anybody, from anywhere.
    Global,
    /// One link only: `169.254.0.0/16`, `fe80::/10`.
    LinkLocal,
    /// This machine: `127.0.0.0/8`, `::1`.
    Loopback,
    /// A group of machines: `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// A private IPv4 network (RFC 1918).
    Private,
    /// Set aside for other or future uses: `0.0.0.0/8`, `192.0.0.0/24`, `240.0.0.0/4`, `100::/64`.
    Reserved,
    /// Between a provider and its customers (RFC 6598): `100.64.0.0/10`.
    Shared,
    /// One site only (`fec0::/10`, deprecated by RFC 3879).
    SiteLocal,
    /// A private IPv6 network (RFC 4193): `fc00::/7`.
    UniqueLocal,
    /// No address yet, or any: `0.0.0.0`, `::`.
    Unspecified,
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAnAddress {
    /// There is nothing to read.
    Empty,
    /// It is neither IPv4 nor IPv6.
    Neither(Box<str>),
    /// The scope behind `%` is empty, too long, or has characters that no interface name has.
    Scope(Box<str>),
    /// One part of an IPv4 address does not fit into its bytes.
    TooLarge(Box<str>),
}

impl Address {
    /// The address without its scope.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The interface's name or number that an IPv6 address belongs to, if it says so.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// The address with this scope.
    ///
    /// # Errors
    /// [`NotAnAddress::Scope`] for an IPv4 address, and for a text that names no interface.
    pub fn with_scope(self, scope: &str) -> Result<Self, NotAnAddress> {
        if self.ip.is_ipv4() || !is_scope(scope) {
            return Err(NotAnAddress::Scope(scope.into()));
        }
        Ok(Self { ip: self.ip, scope: Some(scope.into()) })
    }

    /// What the address is for; an IPv4-mapped address is what its IPv4 address is.
    #[must_use]
    pub fn class(&self) -> Class {
        classify(self.ip)
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self { ip, scope: None }
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let text = text.trim_matches([' ', '\t']);
        if text.is_empty() {
            return Err(NotAnAddress::Empty);
        }
        let neither = || NotAnAddress::Neither(text.into());
        if !text.contains(':') {
            return lenient_v4(text).map(|ip| Self::from(IpAddr::V4(ip)));
        }
        match text.split_once('%') {
            None => Ok(Self::from(IpAddr::V6(text.parse().map_err(|_| neither())?))),
            Some((ip, scope)) => {
                let ip: Ipv6Addr = ip.parse().map_err(|_| neither())?;
                Self::from(IpAddr::V6(ip)).with_scope(scope)
            }
        }
    }
}

impl fmt::Display for Address {
    /// The canonical form of RFC 5952, which std writes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            None => self.ip.fmt(f),
            Some(scope) => write!(f, "{}%{scope}", self.ip),
        }
    }
}

impl fmt::Display for NotAnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty text is no IP address"),
            Self::Neither(text) => write!(
                f,
                "\"{}\" is no IP address; one looks like 192.0.2.1 or 2001:db8::1",
                text.escape_debug()
            ),
            Self::Scope(scope) => write!(
                f,
                "\"{}\" cannot be the scope of an address; behind an IPv6 address and % comes an \
                 interface's name or number, as in fe80::1%eth0",
                scope.escape_debug()
            ),
            Self::TooLarge(text) => {
                write!(f, "a part of the IPv4 address \"{}\" is too large", text.escape_debug())
            }
        }
    }
}

impl std::error::Error for NotAnAddress {}

/// What an address is for; an IPv4-mapped address is what its IPv4 address is.
#[must_use]
pub fn classify(ip: IpAddr) -> Class {
    match ip.to_canonical() {
        IpAddr::V4(ip) => classify_v4(ip),
        IpAddr::V6(ip) => classify_v6(ip),
    }
}

fn classify_v4(ip: Ipv4Addr) -> Class {
    match ip.octets() {
        [0, 0, 0, 0] => Class::Unspecified,
        [255, 255, 255, 255] => Class::Broadcast,
        [127, ..] => Class::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private,
        [100, 64..=127, ..] => Class::Shared,
        [169, 254, ..] => Class::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Documentation,
        [198, 18 | 19, ..] => Class::Benchmark,
        [224..=239, ..] => Class::Multicast,
        // 192.0.0.9 and 192.0.0.10 are anycast services that anybody may reach.
        [192, 0, 0, 9 | 10] => Class::Global,
        [0 | 240..=255, ..] | [192, 0, 0, _] => Class::Reserved,
        _ => Class::Global,
    }
}

fn classify_v6(ip: Ipv6Addr) -> Class {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Loopback,
        [0xff00..=0xffff, ..] => Class::Multicast,
        [0xfe80..=0xfebf, ..] => Class::LinkLocal,
        [0xfec0..=0xfeff, ..] => Class::SiteLocal,
        [0xfc00..=0xfdff, ..] => Class::UniqueLocal,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Class::Documentation,
        [0x2001, 2, 0, ..] => Class::Benchmark,
        // RFC 8215 translates within one network; RFC 6666 and RFC 9602 never leave one.
        [0x64, 0xff9b, 1, ..] | [0x100, 0, 0, 0, ..] | [0x5f00, ..] => Class::Reserved,
        // Outside of 2000::/3 only the well-known translation prefix is given out (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x2000..=0x3fff, ..] => Class::Global,
        _ => Class::Reserved,
    }
}

/// Reads IPv4 as `inet_aton` does.
fn lenient_v4(text: &str) -> Result<Ipv4Addr, NotAnAddress> {
    let parts: Vec<&str> = text.split('.').take(5).collect();
    let Some((last, leading)) = parts.split_last().filter(|_| parts.len() <= 4) else {
        return Err(NotAnAddress::Neither(text.into()));
    };
    let neither = || NotAnAddress::Neither(text.into());
    let too_large = || NotAnAddress::TooLarge(text.into());
    let mut bits = 0_u32;
    for (index, part) in leading.iter().enumerate() {
        let byte = u8::try_from(number(part).ok_or_else(neither)?).map_err(|_| too_large())?;
        bits |= u32::from(byte) << (24 - 8 * index);
    }
    let rest = number(last).ok_or_else(neither)?;
    if rest > u64::from(u32::MAX) >> (8 * leading.len()) {
        return Err(too_large());
    }
    // The comparison above says that it fits.
    Ok(Ipv4Addr::from_bits(bits | u32::try_from(rest).unwrap_or(u32::MAX)))
}

/// A number with the prefixes of C; what is larger than 64 bits counts as the largest number.
fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    Some(u64::from_str_radix(digits, radix).unwrap_or(u64::MAX))
}

fn is_scope(text: &str) -> bool {
    let is_fit = |c: char| !c.is_whitespace() && !c.is_control() && !"%/[]\"<>".contains(c);
    (1..=MOST_SCOPE).contains(&text.len()) && text.chars().all(is_fit)
}

/// Linux has 15 bytes for the name of an interface; others have more.
const MOST_SCOPE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, NotAnAddress> {
        text.parse::<Address>().map(|address| address.to_string())
    }

    #[test]
    fn classic_forms_of_ipv4_are_read() {
        let table = [
            ("192.0.2.1", "192.0.2.1"),
            (" 192.0.2.1\t", "192.0.2.1"),
            ("127.1", "127.0.0.1"),
            ("10.1.2", "10.1.0.2"),
            ("10.1.65535", "10.1.255.255"),
            ("1", "0.0.0.1"),
            ("4294967295", "255.255.255.255"),
            ("0x7f000001", "127.0.0.1"),
            ("0X7F.0.0.0x1", "127.0.0.1"),
            ("0177.0.0.01", "127.0.0.1"),
            ("0", "0.0.0.0"),
            ("00", "0.0.0.0"),
        ];
        for (text, expected) in table {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn ipv6_is_read_and_written_in_its_shortest_form() {
        let table = [
            ("::1", "::1"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("fe80::1%eth0", "fe80::1%eth0"),
            ("fe80::1%2", "fe80::1%2"),
            ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ];
        for (text, expected) in table {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        let neither = |text: &str| Err(NotAnAddress::Neither(text.into()));
        for text in [
            "a.test",
            "1.2.3.4.5",
            "1..2",
            "1.2.3.",
            ".1",
            "08.1.1.1",
            "0x",
            "-1",
            "+1",
            "1.2.3.4 x",
            "::g",
            "[::1]",
            "1:2",
            "١.1.1.1",
            "1.2.3.4%eth0",
        ] {
            assert_eq!(read(text), neither(text), "{text}");
        }
        for text in ["256.1.1.1", "1.16777216", "4294967296", "1.2.3.256", "99999999999999999999"] {
            assert_eq!(read(text), Err(NotAnAddress::TooLarge(text.into())), "{text}");
        }
        for scope in ["", "a b", "a%b", "a/b", "\u{7}", &"x".repeat(65)] {
            let text = format!("fe80::1%{scope}");
            assert_eq!(read(&text), Err(NotAnAddress::Scope(scope.into())), "{text}");
        }
        assert_eq!(read("  "), Err(NotAnAddress::Empty));
    }

    #[test]
    fn every_special_block_has_its_class_from_the_first_to_the_last_address() {
        let table: &[(&[&str], Class)] = &[
            (&["0.0.0.0", "::", "::ffff:0.0.0.0"], Class::Unspecified),
            (&["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"], Class::Loopback),
            (&["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255"], Class::Private),
            (&["192.168.0.0", "192.168.255.255", "::ffff:10.1.1.1"], Class::Private),
            (&["100.64.0.0", "100.127.255.255"], Class::Shared),
            (&["169.254.0.0", "169.254.255.255", "fe80::", "febf:ffff::"], Class::LinkLocal),
            (&["fec0::", "feff:ffff::"], Class::SiteLocal),
            (&["fc00::", "fdff:ffff::"], Class::UniqueLocal),
            (&["192.0.2.0", "198.51.100.255", "203.0.113.7"], Class::Documentation),
            (&["2001:db8::", "2001:db8:ffff::", "3fff::", "3fff:fff::"], Class::Documentation),
            (&["198.18.0.0", "198.19.255.255", "2001:2::", "2001:2:0:ffff::"], Class::Benchmark),
            (&["224.0.0.0", "239.255.255.255", "ff00::", "ffff::"], Class::Multicast),
            (&["255.255.255.255"], Class::Broadcast),
            (&["0.0.0.1", "240.0.0.0", "255.255.255.254", "192.0.0.8"], Class::Reserved),
            (&["100::1", "64:ff9b:1::", "4000::1", "::2", "::192.0.2.1"], Class::Reserved),
            (&["1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.255.255"], Class::Global),
            (&["172.32.0.0", "100.63.255.255", "100.128.0.0", "192.0.0.9"], Class::Global),
            (&["223.255.255.255", "198.17.255.255", "198.20.0.0"], Class::Global),
            (&["2606:4700::1", "2001:db7::", "2001:2:1::", "64:ff9b::1.1.1.1"], Class::Global),
        ];
        for (addresses, class) in table {
            for address in *addresses {
                assert_eq!(address.parse::<Address>().unwrap().class(), *class, "{address}");
            }
        }
    }

    #[test]
    fn only_ipv6_has_a_scope() {
        let v4 = Address::from(IpAddr::from([127, 0, 0, 1]));
        assert!(v4.with_scope("lo").is_err());
    }
}
