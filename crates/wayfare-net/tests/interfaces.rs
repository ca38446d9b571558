//! The interfaces of this machine, as we see them and as `ip` does.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Failing here fails the test; skips are told.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use wayfare_net::interface::{Interface, InterfaceKind, Lifetime, interfaces};

/// What `ip -j addr` prints; nothing where there is no such program.
fn told_by_ip() -> Option<Vec<Value>> {
    let Ok(output) = Command::new("ip").args(["-j", "addr"]).output() else {
        assert!(std::env::var_os("CI").is_none(), "there is no ip");
        eprintln!("skipped: no ip");
        return None;
    };
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn of_ip(told: &Value, name: &str) -> String {
    told[name].as_str().unwrap_or_default().to_owned()
}

#[test]
fn every_interface_is_what_ip_says_it_is() {
    let Some(told) = told_by_ip() else { return };
    let ours = interfaces().unwrap();
    let names: Vec<_> = ours.iter().map(|one| one.name.clone()).collect();
    assert_eq!(names, told.iter().map(|one| of_ip(one, "ifname")).collect::<Vec<_>>());
    for (ours, told) in ours.iter().zip(&told) {
        assert_eq!(u64::from(ours.index), told["ifindex"].as_u64().unwrap());
        assert_eq!(u64::from(ours.mtu), told["mtu"].as_u64().unwrap());
        let hardware = ours.hardware.as_ref().map(ToString::to_string).unwrap_or_default();
        if matches!(told["link_type"].as_str(), Some("ether" | "loopback")) {
            assert_eq!(hardware, of_ip(told, "address"), "{}", ours.name);
        }
        assert_eq!(ours.kind == InterfaceKind::Loopback, told["link_type"] == "loopback");
        compare_flags(ours, told);
        compare_addresses(ours, told);
    }
}

fn compare_flags(ours: &Interface, told: &Value) {
    let has = |flag: &str| told["flags"].as_array().unwrap().iter().any(|one| one == flag);
    assert_eq!(ours.flags.up, has("UP"), "{}", ours.name);
    assert_eq!(ours.flags.broadcast, has("BROADCAST"), "{}", ours.name);
    assert_eq!(ours.flags.loopback, has("LOOPBACK"), "{}", ours.name);
    assert_eq!(ours.flags.multicast, has("MULTICAST"), "{}", ours.name);
    assert_eq!(ours.flags.point_to_point, has("POINTOPOINT"), "{}", ours.name);
}

fn compare_addresses(ours: &Interface, told: &Value) {
    let told = told["addr_info"].as_array().unwrap();
    assert_eq!(ours.addresses.len(), told.len(), "{}", ours.name);
    for (ours, told) in ours.addresses.iter().zip(told) {
        assert_eq!(ours.address.ip().to_string(), of_ip(told, "local"));
        assert_eq!(u64::from(ours.prefix), told["prefixlen"].as_u64().unwrap());
        let broadcast = ours.broadcast.map(|ip| ip.to_string()).unwrap_or_default();
        assert_eq!(broadcast, of_ip(told, "broadcast"));
        let seconds = told["valid_life_time"].as_u64().unwrap();
        match ours.valid {
            Lifetime::Forever => assert_eq!(seconds, u64::from(u32::MAX)),
            Lifetime::For(left) => {
                assert!(left.abs_diff(Duration::from_secs(seconds)) <= Duration::from_secs(2));
            }
            Lifetime::Unknown => panic!("the kernel tells it"),
        }
    }
}
