//! `wayfare interfaces`: the network interfaces of this machine, for people and for programs.

use std::fmt::Write;
use std::process::ExitCode;

use serde_json::{Value, json};
use wayfare::interface::{AddressOrigin, Interface, InterfaceAddress, Lifetime, interfaces};

use crate::arguments::Interfaces;
use crate::{exit, output};

/// Prints the interfaces.
pub(crate) fn run(asked: &Interfaces) -> ExitCode {
    let found = match interfaces() {
        Ok(found) => found,
        Err(why) => {
            output::complain(&format!("the system does not tell its interfaces: {why}"));
            return exit::with(exit::READ);
        }
    };
    let text = if asked.json {
        let list: Vec<Value> = found.iter().map(record).collect();
        format!("{}\n", Value::from(list))
    } else {
        table(&found)
    };
    if output::print(&text) { ExitCode::SUCCESS } else { exit::with(exit::WRITE) }
}

fn table(all: &[Interface]) -> String {
    let mut text = String::new();
    for one in all {
        let flags: Vec<_> = one.flags.names().collect();
        let (name, index, kind) = (output::visible(&one.name), one.index, one.kind.name());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{index:>3} {name:<15} {kind:<10} mtu {:<6} {}",
            one.mtu,
            flags.join(" ")
        );
        if let Some(hardware) = &one.hardware {
            let _ = writeln!(text, "{:20}{hardware}", "");
        }
        for address in &one.addresses {
            let _ = writeln!(text, "{:20}{}", "", line(address));
        }
    }
    text
}

fn line(one: &InterfaceAddress) -> String {
    let mut line = format!("{}/{}", one.address, one.prefix);
    if let Some(broadcast) = one.broadcast {
        let _ = write!(line, "  broadcast {broadcast}");
    }
    if let Some(peer) = one.peer {
        let _ = write!(line, "  peer {peer}");
    }
    if let (Lifetime::For(valid), Lifetime::For(preferred)) = (one.valid, one.preferred) {
        let (valid, preferred) = (valid.as_secs(), preferred.as_secs());
        let _ = write!(line, "  valid {valid} s, preferred {preferred} s");
    }
    if let Some(origin @ ("dynamic" | "temporary")) = origin(one.origin) {
        let _ = write!(line, "  {origin}");
    }
    line
}

fn record(one: &Interface) -> Value {
    let addresses: Vec<_> = one.addresses.iter().map(address_record).collect();
    json!({
        "name": one.name,
        "index": one.index,
        "kind": one.kind.name(),
        "flags": one.flags.names().collect::<Vec<_>>(),
        "mtu": one.mtu,
        "hardware": one.hardware.as_ref().map(ToString::to_string),
        "addresses": addresses,
    })
}

fn address_record(one: &InterfaceAddress) -> Value {
    json!({
        "address": one.address.to_string(),
        "prefix": one.prefix,
        "netmask": one.netmask().map(|mask| mask.to_string()),
        "broadcast": one.broadcast.map(|ip| ip.to_string()),
        "peer": one.peer.map(|ip| ip.to_string()),
        "preferred_seconds": seconds(one.preferred),
        "valid_seconds": seconds(one.valid),
        "origin": origin(one.origin),
    })
}

fn seconds(lifetime: Lifetime) -> Value {
    match lifetime {
        Lifetime::For(time) => time.as_secs().into(),
        Lifetime::Forever => "forever".into(),
        Lifetime::Unknown => Value::Null,
    }
}

fn origin(origin: AddressOrigin) -> Option<&'static str> {
    match origin {
        AddressOrigin::Dynamic => Some("dynamic"),
        AddressOrigin::Permanent => Some("permanent"),
        AddressOrigin::Temporary => Some("temporary"),
        AddressOrigin::Unknown => None,
    }
}
