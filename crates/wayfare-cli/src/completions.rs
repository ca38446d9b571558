//! Completion scripts and manual pages, from the same definitions as the command line.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::arguments::{Cli, Completions, Man};
use crate::{exit, output};

/// Writes a completion script.
pub(crate) fn write_completions(asked: &Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Cli::command(), "wayfare", &mut script);
    write_out(&script)
}

/// Writes manual pages.
pub(crate) fn write_pages(asked: &Man) -> ExitCode {
    let command = Cli::command();
    match &asked.dir {
        None => {
            let mut page = Vec::new();
            // Writing to memory does not fail.
            let _ = clap_mangen::Man::new(command).render(&mut page);
            write_out(&page)
        }
        Some(dir) => match write_all(command, dir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                output::complain(&format!("cannot write to {}: {why}", dir.display()));
                exit::with(exit::WRITE)
            }
        },
    }
}

fn write_all(command: clap::Command, dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(command, dir)
}

fn write_out(bytes: &[u8]) -> ExitCode {
    let mut out = output::out();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => exit::with(exit::WRITE),
    }
}
