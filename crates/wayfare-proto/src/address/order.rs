//! Which of a name's addresses to try first (RFC 6724 §6).

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv6Addr};

use super::subnet::Subnet;

/// A destination, and the address this machine would use to talk to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where to.
    pub destination: IpAddr,
    /// From where; nothing if there is no way.
    pub source: Option<Source>,
}

/// An address of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The address.
    pub address: IpAddr,
    /// How many bits of it are its network's; 64 where nothing is known of an IPv6 network.
    pub prefix: u8,
    /// Whether new connections may use it.
    pub state: SourceState,
    /// How packets from it travel.
    pub transport: Transport,
}

/// Whether new connections may use an address (RFC 4862 §5.5.4), and whether it is at home
/// (RFC 6275).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceState {
    /// The address of a mobile machine's visited network.
    CareOf,
    /// It is on its way out.
    Deprecated,
    /// The address of a mobile machine's home network.
    Home,
    /// Nothing speaks against it.
    #[default]
    Preferred,
}

/// How packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Inside of packets of the other family (6to4, ISATAP, a tunnel).
    Encapsulated,
    /// As they are.
    #[default]
    Native,
}

impl Source {
    /// An address of which nothing more is known.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        let (state, transport) = (SourceState::default(), Transport::default());
        Self { address, prefix: 64, state, transport }
    }
}

/// Sorts destinations, best first, by rules 1 to 10; those that are equally good stay in their
/// order.
///
/// Rule 9 (the longest prefix in common with the source) is applied to IPv6 only: two IPv4
/// addresses of one service are equally far away whatever their bits, and sorting them would send
/// everybody to the same one.
pub fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by_cached_key(rank);
}

/// Smaller is better, in the order of the rules.
type Rank = (bool, bool, bool, bool, bool, Reverse<u8>, bool, u8, Reverse<u32>);

fn rank(candidate: &Candidate) -> Rank {
    let destination = candidate.destination.to_canonical();
    let Some(source) = candidate.source else {
        // Rule 1: what cannot be reached comes last, whatever else speaks for it.
        return (true, true, true, true, true, Reverse(0), true, 0, Reverse(0));
    };
    let from = source.address.to_canonical();
    let (policy, scope) = (policy(destination), scope(destination));
    (
        false,
        scope != self::scope(from),
        source.state == SourceState::Deprecated,
        source.state != SourceState::Home,
        policy.label != self::policy(from).label,
        Reverse(policy.precedence),
        source.transport == Transport::Encapsulated,
        scope,
        Reverse(common_bits(destination, from).min(u32::from(source.prefix))),
    )
}

/// The bits that an IPv6 destination and its source begin with in common; none for IPv4.
fn common_bits(destination: IpAddr, source: IpAddr) -> u32 {
    match (destination, source) {
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => 0,
    }
}

/// How far an address carries (RFC 6724 §3.1, §3.2), as a multicast scope.
fn scope(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(ip) if ip.is_loopback() || ip.is_link_local() => LINK,
        // Private addresses count as global: they may be translated.
        IpAddr::V4(_) => GLOBAL,
        IpAddr::V6(ip) if ip.is_multicast() => ip.octets()[1] & 0x0f,
        IpAddr::V6(ip) if ip.is_loopback() || ip.is_unicast_link_local() => LINK,
        IpAddr::V6(ip) if ip.segments()[0] & 0xffc0 == 0xfec0 => SITE,
        IpAddr::V6(_) => GLOBAL,
    }
}

struct Policy {
    precedence: u8,
    label: u8,
}

/// The default policy table (RFC 6724 §2.1).
fn policy(address: IpAddr) -> Policy {
    let IpAddr::V6(ip) = address else { return Policy { precedence: 35, label: 4 } };
    let begins = |base: [u16; 8], prefix| {
        Subnet::new(Ipv6Addr::from(base).into(), prefix).is_some_and(|net| net.contains(address))
    };
    let first = ip.segments()[0];
    let (precedence, label) = match first {
        0 if ip.is_loopback() => (50, 0),
        0 if begins([0; 8], 96) => (1, 3),
        0x2002 => (30, 2),
        0x2001 if ip.segments()[1] == 0 => (5, 5),
        0xfc00..=0xfdff => (3, 13),
        0xfec0..=0xfeff => (1, 11),
        0x3ffe => (1, 12),
        _ => (40, 1),
    };
    Policy { precedence, label }
}

const LINK: u8 = 2;
const SITE: u8 = 5;
const GLOBAL: u8 = 14;

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(destination: &str, source: &str) -> Candidate {
        let source = match source {
            "" => None,
            source => Some(Source::new(source.parse().unwrap())),
        };
        Candidate { destination: destination.parse().unwrap(), source }
    }

    fn sorted(mut candidates: Vec<Candidate>) -> Vec<String> {
        sort(&mut candidates);
        candidates.iter().map(|candidate| candidate.destination.to_string()).collect()
    }

    /// A row of RFC 6724 §10.2: the destinations in the wanted order, with their sources.
    type Row = [(&'static str, &'static str); 2];

    #[test]
    fn the_examples_of_the_rfc_come_out_in_its_order() {
        // Each pair is (destination, the source that §5 chooses for it), better one first.
        let table: &[Row] = &[
            [("2001:db8:1::1", "2001:db8:1::2"), ("198.51.100.121", "169.254.13.78")],
            [("198.51.100.121", "198.51.100.117"), ("2001:db8:1::1", "fe80::1")],
            [("2001:db8:1::1", "2001:db8:1::2"), ("10.1.2.3", "10.1.2.4")],
            [("fe80::1", "fe80::2"), ("2001:db8:1::1", "2001:db8:1::2")],
            [("2001:db8:1::1", "2001:db8:1::2"), ("2002:c633:6401::1", "2002:c633:6401::2")],
            [("2001:db8:1::1", "2001:db8:1::2"), ("2001:db8:3ffe::1", "2001:db8:3f44::2")],
            [("2002:c633:6401::1", "2002:c633:6401::2"), ("2001:db8:1::1", "2002:c633:6401::2")],
        ];
        for [better, worse] in table {
            let wanted = [better.0.to_owned(), worse.0.to_owned()];
            let (better, worse) = (candidate(better.0, better.1), candidate(worse.0, worse.1));
            assert_eq!(sorted(vec![worse, better]), wanted);
            assert_eq!(sorted(vec![better, worse]), wanted);
        }
    }

    #[test]
    fn the_examples_with_states_come_out_in_the_rfc_s_order() {
        // Home addresses come before care-of addresses (rule 4).
        let mut away = candidate("2001:db8:1::1", "2001:db8:3::2");
        away.source.as_mut().unwrap().state = SourceState::CareOf;
        let mut home = candidate("fe80::1", "fe80::2");
        home.source.as_mut().unwrap().state = SourceState::Home;
        assert_eq!(sorted(vec![away, home])[0], "fe80::1");
        // A deprecated source makes its destination worse (rule 3).
        let mut old = candidate("fe80::1", "fe80::2");
        old.source.as_mut().unwrap().state = SourceState::Deprecated;
        let fresh = candidate("2001:db8:1::1", "2001:db8:1::2");
        assert_eq!(sorted(vec![old, fresh])[0], "2001:db8:1::1");
    }

    #[test]
    fn each_rule_decides_where_those_before_it_do_not() {
        let table: &[Row] = &[
            // 1: reachable.
            [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "")],
            // 2: the same scope.
            [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "fe80::1")],
            // 5: the same label.
            [("2002::1", "2002::2"), ("2606::1", "2002::2")],
            // 6: the higher precedence.
            [("::1", "::1"), ("127.0.0.1", "127.0.0.1")],
            [("2606::1", "2606::2"), ("192.0.2.1", "192.0.2.2")],
            [("192.0.2.1", "192.0.2.2"), ("fd00::1", "fd00::2")],
            [("192.0.2.1", "192.0.2.2"), ("2001::1", "2001::2")],
            // 8: the smaller scope.
            [("fe80::1", "fe80::2"), ("2606::1", "2606::2")],
            // 9: more bits in common.
            [("2606:1::1", "2606:1::2"), ("2607:1::1", "2606:1::2")],
        ];
        for [better, worse] in table {
            let wanted = [better.0.to_owned(), worse.0.to_owned()];
            let found = sorted(vec![candidate(worse.0, worse.1), candidate(better.0, better.1)]);
            assert_eq!(found, wanted);
        }
        // 7: native before encapsulated.
        let mut tunnelled = candidate("2606::1", "2606::9");
        tunnelled.source.as_mut().unwrap().transport = Transport::Encapsulated;
        assert_eq!(sorted(vec![tunnelled, candidate("2606::2", "2606::9")])[0], "2606::2");
    }

    #[test]
    fn equals_keep_the_order_of_the_answer() {
        let far = ["203.0.113.200", "192.0.2.1", "10.0.0.7"];
        let candidates = far.map(|destination| candidate(destination, "10.0.0.2")).to_vec();
        assert_eq!(sorted(candidates), far);
        // Bits beyond the network's own say nothing.
        let near = ["2606:1:0:0:ffff::", "2606:1::3"];
        let candidates = near.map(|destination| candidate(destination, "2606:1::2")).to_vec();
        assert_eq!(
            sorted(candidates)[0],
            "2606:1:0:0:ffff::".parse::<IpAddr>().unwrap().to_string()
        );
    }
}
