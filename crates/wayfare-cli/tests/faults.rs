//! The command against every server that misbehaves.

#![allow(clippy::unwrap_used)]

mod command;

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use command::{Driver, Scratch, run};
use serde_json::json;
use wayfare_testkit::faults::{Fault, Outcome};
use wayfare_testkit::{FAULTS, FaultServer};

/// What came of one download by the command.
struct Tried {
    code: i32,
    file: Option<Vec<u8>>,
    err: String,
}

fn download(fault: &Fault) -> Tried {
    let server = FaultServer::named(fault.name).bind_on_thread("127.0.0.1:0").unwrap();
    let scratch = Scratch::new();
    let file = scratch.text("f");
    let url = server.url("/");
    let line = ["request", "-X", fault.method, "-m", "3", "--no-fail", "-o", &file, &url];
    let ended = run(&line);
    let saved = fs::read(&file).ok();
    let left = scratch.names().len() - usize::from(saved.is_some());
    assert_eq!(left, 0, "{}: something is left over", fault.name);
    Tried { code: ended.code, file: saved, err: ended.err }
}

/// Why the outcome is not the right one, if it is not.
fn complaint(fault: &Fault) -> Option<String> {
    let tried = download(fault);
    let is_whole = tried.code == 0 && tried.file.as_deref() == Some(fault.body.as_bytes());
    let is_failure = tried.code != 0 && tried.file.is_none() && tried.err.lines().count() == 1;
    let is_right = match fault.outcome {
        Outcome::Choice => is_whole || is_failure,
        Outcome::Deadline => is_failure && tried.code == 28,
        Outcome::Deliver => is_whole,
        Outcome::Error => is_failure && tried.code != 28,
        Outcome::Retry => return None,
    };
    let file = tried.file.map(|file| String::from_utf8_lossy(&file).into_owned());
    let said =
        || format!("{} ({:?}): {} {file:?} {}", fault.name, fault.outcome, tried.code, tried.err);
    (!is_right).then(said)
}

#[test]
fn every_fault_ends_in_an_error_without_a_file_or_in_the_right_bytes() {
    let complaints: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let mine = FAULTS.iter().skip(worker).step_by(WORKERS);
                scope.spawn(move || mine.filter_map(complaint).collect::<Vec<_>>())
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn a_connection_that_went_bad_does_not_spoil_the_next_fetch() {
    let mut driver = Driver::new();
    for fault in FAULTS.iter().filter(|fault| fault.outcome == Outcome::Retry) {
        let server = FaultServer::named(fault.name).bind_on_thread("127.0.0.1:0").unwrap();
        driver.ask(json!({"op": "session", "sid": "s", "cfg": {}}));
        for round in 0..2 {
            let asked = json!({"op": "fetch", "sid": "s", "method": fault.method,
                "url": server.url("/"), "headers": [], "timeout_ms": 5000});
            let answer = driver.ask(asked);
            let body = answer["ok"]["body_b64"].as_str().unwrap_or("none");
            let wanted = STANDARD.encode(fault.body);
            assert_eq!(body, wanted, "{}, fetch {round}: {answer}", fault.name);
            assert!(answer["ok"]["body_error"].is_null(), "{}: {answer}", fault.name);
            std::thread::sleep(std::time::Duration::from_millis(120));
        }
    }
}

const WORKERS: usize = 8;
