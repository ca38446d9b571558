//! Runs the same work through Wayfare and its peers, each in a process of its own pinned to one
//! core, against one server pinned to another, and prints what it cost and each ratio.
//!
//! `cargo run --release` runs everything; `cargo run --release -- small-h1 wayfare reqwest` runs
//! one kind of work with some peers.

mod clients;
mod measure;
mod server;
mod table;
mod work;

use std::process::{Command, ExitCode, Stdio};

use measure::Measured;
use work::Work;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--server"] => server::run(),
        ["--client", work, peer, rest @ ..] => {
            let work = Work::named(work).expect("a kind of work");
            clients::run(work, peer, &server::Place::from_words(rest));
        }
        _ => return compare(&words),
    }
    ExitCode::SUCCESS
}

fn compare(words: &[&str]) -> ExitCode {
    let asked: Vec<Work> = words.iter().filter_map(|word| Work::named(word)).collect();
    let works = if asked.is_empty() { Work::ALL.to_vec() } else { asked };
    let peers: Vec<&str> =
        words.iter().copied().filter(|word| Work::named(word).is_none()).collect();
    let server = server::Running::start();
    for work in works {
        let mut rows: Vec<(&str, Vec<Measured>)> = Vec::new();
        for round in 0..work.rounds() {
            for peer in work.peers() {
                if !peers.is_empty() && !peers.contains(peer) {
                    continue;
                }
                let measured = client(work, peer, &server.place);
                match rows.iter_mut().find(|(name, _)| name == peer) {
                    Some((_, row)) => row.push(measured),
                    None => rows.push((peer, vec![measured])),
                }
            }
            eprint!("\r{}: round {} of {}", work.name(), round + 1, work.rounds());
        }
        eprint!("\r{:60}\r", "");
        table::print(work, &rows);
    }
    ExitCode::SUCCESS
}

fn client(work: Work, peer: &str, place: &server::Place) -> Measured {
    let output = Command::new(std::env::current_exe().expect("this program's path"))
        .args(["--client", work.name(), peer])
        .args(place.to_words())
        .stderr(Stdio::inherit())
        .output()
        .expect("a client process");
    assert!(output.status.success(), "{peer} failed at {}", work.name());
    Measured::read(&String::from_utf8_lossy(&output.stdout))
}
