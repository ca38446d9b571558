//! Completion scripts, from the same definitions as the command line.

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::arguments::{Cli, Completions};
use crate::{exit, output};

/// Writes a completion script.
pub(crate) fn write(asked: &Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Cli::command(), "wayfare", &mut script);
    write_out(&script)
}

fn write_out(bytes: &[u8]) -> ExitCode {
    let mut out = output::out();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => exit::with(exit::WRITE),
    }
}
