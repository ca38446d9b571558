//! Plays every conversation of `tests/transcripts` with the library, in every face.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use it::{Ask, FACES, Face, fetch, identity, is_at_rest, manager_for};
use wayfare::Body;
use wayfare::options::{Timeouts, Versions, Wait};
use wayfare_testkit::FaultServer;
use wayfare_testkit::transcript::Transcript;

/// A request of a transcript, and what must come of it.
struct Turn<'a> {
    ask: &'a str,
    wanted: Vec<(&'a str, &'a str)>,
}

/// The `?` lines: `ask = METHOD PATH [BODY]`, each followed by what must come of it.
fn turns(transcript: &Transcript) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for (key, value) in &transcript.expectations {
        match (key.as_str(), turns.last_mut()) {
            ("ask", _) => turns.push(Turn { ask: value, wanted: Vec::new() }),
            (key, Some(turn)) => turn.wanted.push((key, value)),
            (key, None) => panic!("`? {key}` before any `? ask`"),
        }
    }
    turns
}

fn play(face: Face, secure: bool, transcript: &Transcript) -> Result<(), String> {
    let builder = FaultServer::script(transcript.script.clone());
    let builder = if secure { builder.tls(&identity().1) } else { builder };
    let server = builder.bind_on_thread("127.0.0.1:0").unwrap();
    let manager = manager_for(Versions::Http1);
    for turn in turns(transcript) {
        let mut words = turn.ask.splitn(3, ' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let timeouts = Timeouts { whole: Wait::seconds(10), ..Timeouts::default() };
        let mut ask = Ask::new(method, server.url(path)).timeouts(timeouts);
        if let Some(body) = words.next() {
            ask = ask.body(Body::from(body.to_owned()));
        }
        let result = fetch(face, &manager, ask);
        for (key, value) in turn.wanted {
            let found = match (&result, key) {
                (Ok(got), "body") => String::from_utf8_lossy(&got.body).into_owned(),
                (Ok(got), "status") => got.status.to_string(),
                (Err(why), "error") => format!("{:?}", why.kind()),
                other => format!("{other:?}"),
            };
            if found != value {
                return Err(format!("`{}`: wanted {key} = {value}, got {found}", turn.ask));
            }
        }
    }
    if !is_at_rest(&manager) {
        return Err("a turn was kept".into());
    }
    // Over TLS the last words may still be on their way to the server.
    std::thread::sleep(std::time::Duration::from_millis(10));
    match server.mismatches() {
        none if none.is_empty() => Ok(()),
        mismatches => Err(mismatches.join("; ")),
    }
}

#[test]
fn every_conversation_goes_as_it_is_written() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/transcripts");
    let all = Transcript::read_all(directory).unwrap();
    assert!(all.len() >= 16, "{}", all.len());
    let mut failures = Vec::new();
    for (name, transcript) in &all {
        for face in FACES {
            for secure in [false, true] {
                if let Err(why) = play(face, secure, transcript) {
                    failures
                        .push(format!("{name} ({}) {face:?} {secure}: {why}", transcript.title));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
