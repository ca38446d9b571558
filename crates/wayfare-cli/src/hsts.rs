//! `wayfare hsts`: makes lists of hosts that are to be reached over TLS only.

use std::fs;
use std::process::ExitCode;

use wayfare::hsts::compile_list;

use crate::arguments::{Hsts, HstsAction};
use crate::{exit, output, private};

/// Makes a list.
pub(crate) fn run(asked: &Hsts) -> ExitCode {
    let HstsAction::Import { file, output: list } = &asked.action;
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(why) => {
            output::complain(&format!("{} cannot be read: {why}", file.display()));
            return exit::with(exit::READ);
        }
    };
    let (bytes, count, refused) = match compile_list(&text) {
        Ok(made) => made,
        Err(why) => {
            output::complain(&format!("{}: {}", file.display(), why.message()));
            return exit::with(exit::READ);
        }
    };
    for name in &refused {
        output::complain(&format!("{name} is no host's name, and left out"));
    }
    if let Err(why) = private::replace(list, &bytes) {
        output::complain(&format!("{} cannot be written: {why}", list.display()));
        return exit::with(exit::WRITE);
    }
    let is_told = output::print(&format!("{count} hosts in {}\n", list.display()));
    exit::with(if is_told { 0 } else { exit::WRITE })
}
