//! `wayfare serve` and `wayfare demo`: the test servers as tools.

#![allow(clippy::unwrap_used)]

mod command;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use command::{Scratch, command, run};
use serde_json::Value;

#[test]
fn the_servers_run_until_the_input_ends() {
    let scratch = Scratch::new();
    let pem = scratch.text("ca.pem");
    let mut child = command(&["serve", "--json", "--until-eof", "--authority", &pem])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let facts: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(facts["authority"], pem.as_str());
    let plain = format!("{}/", facts["http"].as_str().unwrap());
    assert!(run(&["get", &plain]).text().contains("/bytes/{n}"));
    let secure = format!("{}/get", facts["https"].as_str().unwrap());
    assert_eq!(run(&["get", "--cacert", &pem, &secure]).text(), "It works.\n");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert_eq!(run(&["get", &plain]).code, 7);
}

#[cfg(unix)]
#[test]
fn servers_that_are_told_to_end_take_their_authority_with_them() {
    let scratch = Scratch::new();
    for signal in ["-INT", "-TERM", "-HUP"] {
        let mut child = command(&["serve", "--json"])
            .env("TMPDIR", scratch.dir())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(scratch.names().len(), 1, "{line}");
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert!(child.wait().unwrap().success(), "{signal}");
        assert_eq!(scratch.names(), [""; 0], "{signal}");
    }
}

#[test]
fn a_port_in_use_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = run(&["serve", "--port", &port]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("cannot listen on 127.0.0.1"), "{}", ended.err);
}

#[test]
fn the_help_lists_the_endpoints() {
    assert!(run(&["serve", "--help"]).text().contains("/redirect/{N}"));
}

#[test]
fn the_demo_comes_out_as_it_should() {
    let ended = run(&["demo", "--plain"]);
    assert_eq!(ended.code, 0, "{}\n{}", ended.text(), ended.err);
    let text = ended.text();
    assert!(text.contains("All 42 as expected"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours without a terminal");
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(ended.took.as_secs() < 15, "{:?}", ended.took);
}
