//! Manual pages, from the same definitions as the command line.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use clap_mangen::Man as Page;

use crate::arguments::{Cli, Man};
use crate::{exit, output};

/// Writes manual pages.
pub(crate) fn write(asked: &Man) -> ExitCode {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    match &asked.dir {
        None => {
            let page = page(&command).1;
            exit::with(if output::print(&page) { 0 } else { exit::WRITE })
        }
        Some(dir) => match write_all(&command, dir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                output::complain(&format!("cannot write to {}: {why}", dir.display()));
                exit::with(exit::WRITE)
            }
        },
    }
}

fn write_all(command: &Command, dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    write_each(command, dir)
}

fn write_each(command: &Command, dir: &Path) -> io::Result<()> {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        write_each(subcommand, dir)?;
    }
    let (name, text) = page(command);
    std::fs::write(dir.join(name), text)
}

/// The name of a page's file, and the page.
fn page(command: &Command) -> (String, String) {
    let mut text = Vec::new();
    let page = Page::new(command.clone());
    // Writing to memory does not fail.
    let _ = page.render(&mut text);
    let text = with_lines_kept(&String::from_utf8_lossy(&text));
    let where_to = match command.has_subcommands() {
        true => text.replacen(".SH EXTRA\n", WHERE_PAGES_ARE, 1),
        false => text,
    };
    (page.get_filename(), where_to.replacen(".SH EXTRA\n", ".SH NOTES\n", 1))
}

/// Keeps the lines of tables and lists after the options as they are.
fn with_lines_kept(page: &str) -> String {
    let mut kept = String::with_capacity(page.len() + 16);
    let mut is_kept = false;
    for line in page.lines() {
        let is_heading = line.starts_with(".SH ");
        if is_heading && is_kept {
            kept.push_str(".fi\n");
        }
        if is_heading {
            is_kept = line == ".SH EXTRA";
        }
        if is_kept && !is_heading {
            folded(line, &mut kept);
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
        if is_heading && is_kept {
            // Without the page's own margin, for they are as wide as a terminal.
            kept.push_str(".nf\n.in 0\n");
        }
    }
    if is_kept {
        kept.push_str(".fi\n");
    }
    kept
}

/// A line that fits, or several that begin where it does.
fn folded(line: &str, into: &mut String) {
    if width(line) <= WIDTH {
        into.push_str(line);
        into.push('\n');
        return;
    }
    let margin = &line[..line.len() - line.trim_start().len()];
    let mut part = String::new();
    for word in line.split_whitespace() {
        if !part.is_empty() && width(&part) + 1 + width(word) > WIDTH {
            into.push_str(&part);
            into.push('\n');
            part.clear();
        }
        part.push_str(if part.is_empty() { margin } else { " " });
        part.push_str(word);
    }
    into.push_str(&part);
    into.push('\n');
}

/// How wide a line is shown: backslashes only escape.
fn width(line: &str) -> usize {
    line.chars().filter(|character| *character != '\\').count()
}

/// Heads the exit codes of the page that names pages which are not there yet.
const WHERE_PAGES_ARE: &str = "\
.SH FILES
\\fBwayfare man \\-\\-dir\\fR \\fIDIR\\fR writes the pages of the subcommands into a directory.
.SH EXTRA
";

/// How wide lines can be that are kept.
const WIDTH: usize = 80;
