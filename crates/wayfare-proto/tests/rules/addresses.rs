//! Addresses against std's parser, and subnets against arithmetic.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use wayfare_proto::address::ip::Address;
use wayfare_proto::address::subnet::Subnet;

proptest! {
    #[test]
    fn what_std_reads_is_read_the_same_and_written_the_same(ip: IpAddr) {
        let text = ip.to_string();
        let read: Address = text.parse().unwrap();
        prop_assert_eq!(read.ip(), ip);
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn every_spelling_of_an_ipv4_address_means_the_same(bits: u32, radix in 0..3, parts in 1_u32..=4) {
        let write = |number: u32| match radix {
            0 => number.to_string(),
            1 => format!("0{number:o}"),
            _ => format!("{number:#x}"),
        };
        let mut text = String::new();
        for index in 0..parts - 1 {
            text += &write((bits >> (24 - 8 * index)) & 0xff);
            text.push('.');
        }
        text += &write(u32::MAX.checked_shr(8 * (parts - 1)).unwrap_or(0) & bits);
        prop_assert_eq!(text.parse::<Address>().unwrap().ip(), IpAddr::V4(Ipv4Addr::from_bits(bits)));
    }

    #[test]
    fn nothing_makes_the_parsers_panic(text in "\\PC{0,40}", near in "[0-9a-fx:./%]{0,24}") {
        for text in [text, near] {
            wayfare_proto::fuzzing::address::address(text.as_bytes());
        }
    }

    #[test]
    fn a_subnet_contains_what_shares_its_bits(base: u32, other: u32, prefix in 0_u8..=32) {
        let net = Subnet::new(Ipv4Addr::from_bits(base).into(), prefix).unwrap();
        let shares = prefix == 0 || (base ^ other) >> (32 - prefix) == 0;
        prop_assert_eq!(net.contains(Ipv4Addr::from_bits(other).into()), shares);
        prop_assert_eq!(net.contains(Ipv4Addr::from_bits(other).to_ipv6_mapped().into()), shares);
    }
}
