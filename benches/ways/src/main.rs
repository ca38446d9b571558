//! What the shorter ways save, in processor time of the thread that goes them: a TLS session
//! continued against a full handshake, a kept answer against the system's resolver.
//!
//! `cargo run --release` prints both ratios and ends with an error where one is missed.

mod measure;
mod names;
mod server;
mod sessions;

use std::process::ExitCode;

/// A ratio that was measured.
pub struct Row {
    pub what: String,
    pub long: (&'static str, f64),
    pub short: (&'static str, f64),
    pub wanted: Option<f64>,
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("--server") => server::run(),
        Some("--pair") => sessions::pair(),
        _ => return all(),
    }
    ExitCode::SUCCESS
}

fn all() -> ExitCode {
    measure::pin(0);
    let rows = sessions::rows().into_iter().chain([names::kept()]);
    let mut missed = false;
    for Row { what, long, short, wanted } in rows {
        let ratio = short.1 / long.1;
        let words = wanted.map(|most| format!(" (wanted: at most {most})")).unwrap_or_default();
        println!(
            "{what}: {} {:.1} µs, {} {:.1} µs, ratio {ratio:.3}{words}",
            long.0, long.1, short.0, short.1
        );
        missed |= wanted.is_some_and(|most| ratio > most);
    }
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
