//! Chores of the workspace: `cargo xtask layers`.
#![forbid(unsafe_code)]

mod layers;

use std::process::ExitCode;

fn main() -> ExitCode {
    let chore = std::env::args().nth(1);
    let done = match chore.as_deref() {
        Some("layers") => layers::check(),
        _ => Err(vec!["usage: cargo xtask layers".to_owned()]),
    };
    match done {
        Ok(summary) => {
            say(&summary);
            ExitCode::SUCCESS
        }
        Err(faults) => {
            for fault in faults {
                say(&fault);
            }
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout)]
fn say(line: &str) {
    println!("{line}");
}
