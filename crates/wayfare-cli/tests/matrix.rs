//! The command's row of the matrices that the library's faces go through: secrets and redirects,
//! deadlines by phase, few descriptors.

#![allow(clippy::unwrap_used)]

mod command;

use command::{Scratch, command, finish, run, server};
use wayfare_testkit::faults::FaultServer;

#[test]
fn secrets_do_not_follow_a_redirect_to_another_origin_nor_come_back() {
    let secrets = ["authorization", "cookie", "proxy-authorization", "x-api-key"];
    let (first, second) = (server(), server());
    // From the first to the second, and around there once more.
    let on = second.url("/redirect/1");
    let url = first.url(&format!("/redirect-to?url={on}"));
    let fields = secrets.map(|name| format!("{name}: secret"));
    let mut line = vec!["get"];
    for field in &fields {
        line.extend(["-H", field]);
    }
    line.push(&url);
    assert_eq!(run(&line).code, 0);
    for name in secrets {
        let is_told = first.requests()[0].headers.contains_key(name);
        // What is for a proxy is for nobody on a direct way.
        assert_eq!(is_told, name != "proxy-authorization", "{name} goes where it was meant to");
        for seen in second.requests() {
            assert!(!seen.headers.contains_key(name), "{name} at {}", seen.target);
        }
    }
    assert_eq!(second.requests().len(), 2);

    let (first, second) = (server(), server());
    let url = first.url(&format!("/redirect-to?url={}", second.url("/get")));
    for basic in [["--basic", "-u", "ada:secret"].as_slice(), &["--oauth2-bearer", "abc"]] {
        assert_eq!(run(&[&["get"], basic, &[&url]].concat()).code, 0);
    }
    assert!(first.requests().iter().all(|seen| seen.headers.contains_key("authorization")));
    assert!(second.requests().iter().all(|seen| !seen.headers.contains_key("authorization")));
}

#[test]
fn each_phase_that_stalls_ends_in_time() {
    let stalls = [
        ("stall-accept", vec!["-m", "1"]),
        ("stall-head", vec!["-m", "1"]),
        ("stall-in-head", vec!["-m", "1"]),
        ("drip-head", vec!["-m", "1"]),
        ("stall-body", vec!["-m", "1"]),
        ("drip-body", vec!["-m", "1"]),
        ("endless-body", vec!["-m", "1"]),
    ];
    let scratch = Scratch::new();
    for (fault, options) in stalls {
        let server = FaultServer::named(fault).bind_on_thread("127.0.0.1:0").unwrap();
        let (file, url) = (scratch.text(fault), server.url("/"));
        let mut line = vec!["get", "-o", &file];
        line.extend(options);
        line.push(&url);
        let ended = run(&line);
        assert_eq!(ended.code, 28, "{fault}: {}", ended.err);
        assert!(ended.took.as_secs() < 4, "{fault}: {:?}", ended.took);
    }
    // A TLS handshake that never ends is what `--connect-timeout` is for.
    let silent = FaultServer::named("stall-head").bind_on_thread("127.0.0.1:0").unwrap();
    let url = silent.url("/").replacen("http:", "https:", 1);
    let ended = run(&["get", "-k", "--connect-timeout", "1", &url]);
    assert_eq!(ended.code, 28, "{}", ended.err);
    assert_eq!(scratch.names(), [""; 0], "no part of a file is left");
}

#[cfg(unix)]
#[test]
fn two_hundred_urls_on_five_origins_succeed_with_sixty_four_descriptors() {
    let servers = [server(), server(), server(), server(), server()];
    let scratch = Scratch::new();
    let urls: Vec<_> =
        (0..200).map(|number| servers[number % 5].url(&format!("/bytes/{number}"))).collect();
    let shell = format!("ulimit -n 64; exec {} \"$@\"", env!("CARGO_BIN_EXE_wayfare"));
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", &shell, "wayfare", "get", "-d", &scratch.text("all")]).args(&urls);
    let ended = finish(&mut limited);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let saved = std::fs::read_dir(scratch.path("all")).unwrap().count();
    assert_eq!(saved, 200);
    assert_eq!(command(&["help"]).status().unwrap().code(), Some(0));
}
