//! `wayfare interfaces` tells what the machine has.

#![allow(clippy::unwrap_used)]

mod command;

use command::run;

#[test]
fn the_loopback_interface_is_listed_for_people_and_for_programs() {
    let table = run(&["interfaces"]);
    assert_eq!(table.code, 0, "{}", table.err);
    assert!(table.text().contains(" loopback "), "{}", table.text());
    let list: serde_json::Value =
        serde_json::from_str(&run(&["interfaces", "--json"]).text()).unwrap();
    let loopback = list.as_array().unwrap().iter().find(|one| one["kind"] == "loopback").unwrap();
    assert_eq!(loopback["addresses"][0]["netmask"], "255.0.0.0");
    assert_eq!(loopback["addresses"][0]["valid_seconds"], "forever");
}

#[test]
fn an_interface_that_does_not_exist_is_told_with_those_that_do() {
    let ended = run(&["get", "--interface", "nosuch0", "http://127.0.0.1:9/"]);
    assert_eq!(ended.code, 45);
    assert!(ended.err.contains("no network interface called \"nosuch0\""), "{}", ended.err);
    assert!(ended.err.contains("lo"), "{}", ended.err);
}
