//! What this machine's settings say about proxies: the environment of the process, and on Windows and
//! macOS the settings of the system.

#[cfg(not(any(windows, target_os = "macos")))]
#[path = "machine_elsewhere.rs"]
mod platform;
#[cfg(target_os = "macos")]
#[path = "machine_macos.rs"]
mod platform;
#[cfg(windows)]
#[path = "machine_windows.rs"]
mod platform;

use std::io;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use wayfare_proto::route::machine::Machine;
use wayfare_proto::route::settings::Settings;

use crate::runtime::Home;

/// What the environment says, read once, when it is first asked for: a variable that changes
/// later has no effect.
pub fn settings() -> &'static Settings {
    static READ: OnceLock<Settings> = OnceLock::new();
    READ.get_or_init(|| Settings::from_variables(|name| std::env::var(name).ok()))
}

/// What the static settings of Windows and macOS say, read once, when they are first asked for. On
/// other systems there are none: `desktop` asks those of Linux.
///
/// The system's own tool is run for it, on a thread of its own. Where that fails nothing is set.
///
/// # Errors
/// If no thread can be had for it now.
///
/// # Cancel safety
/// Nothing is lost when the future is dropped.
pub async fn machine() -> io::Result<&'static Machine> {
    if let Some(known) = machine_at_once() {
        return Ok(known);
    }
    Home::Caller.unblock(|| READ.get_or_init(|| told_by(platform::TOOL.as_ref()))).await
}

/// The same, if it is known without asking anybody.
pub fn machine_at_once() -> Option<&'static Machine> {
    match platform::TOOL {
        Some(_) => READ.get(),
        None => Some(&NOTHING),
    }
}

/// A program that prints the system's settings, and who reads that.
struct Tool {
    program: &'static str,
    arguments: &'static [&'static str],
    read: fn(&str) -> Machine,
}

fn told_by(tool: Option<&Tool>) -> Machine {
    let Some(Tool { program, arguments, read }) = tool else { return Machine::NONE };
    let told = Command::new(program).args(*arguments).stdin(Stdio::null()).output();
    match told {
        Ok(told) if told.status.success() => read(&String::from_utf8_lossy(&told.stdout)),
        _ => Machine::NONE,
    }
}

static READ: OnceLock<Machine> = OnceLock::new();
static NOTHING: Machine = Machine::NONE;

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::caller::block_on;

    #[test]
    fn what_a_tool_prints_is_read_and_one_that_fails_says_nothing() {
        let says = |line: &'static str| {
            let line: &'static [&'static str] = Box::leak(Box::new(["-c", line]));
            Tool { program: "/bin/sh", arguments: line, read: Machine::of_macos }
        };
        let set = "printf '<dictionary> {\n HTTPEnable : 1\n HTTPProxy : a.test\n}\n'";
        assert!(!told_by(Some(&says(set))).is_empty());
        let failing = "printf '<dictionary> {\n HTTPEnable : 1\n HTTPProxy : a.test\n}\n'; exit 1";
        assert_eq!(told_by(Some(&says(failing))), Machine::NONE);
        let absent = Tool { program: "/nowhere/tool", ..says("") };
        assert_eq!(told_by(Some(&absent)), Machine::NONE);
        assert_eq!(told_by(None), Machine::NONE);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn where_there_are_no_such_settings_nobody_is_asked() {
        assert_eq!(machine_at_once(), Some(&Machine::NONE));
        assert_eq!(block_on(machine()).unwrap(), &Machine::NONE);
    }
}
