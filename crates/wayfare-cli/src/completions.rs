//! Completion scripts, from the same definitions as the command line.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::arguments::{Cli, Completions};
use crate::{exit, output};

/// Writes a completion script.
pub(crate) fn write(asked: &Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Cli::command(), "wayfare", &mut script);
    exit::with(if output::print(&String::from_utf8_lossy(&script)) { 0 } else { exit::WRITE })
}
