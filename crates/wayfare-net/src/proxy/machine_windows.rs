//! The settings of Windows, as `reg` prints them. Untested.

use wayfare_proto::route::machine::Machine;

use super::Tool;

pub(super) const TOOL: Option<Tool> = Some(Tool {
    // By its whole path, so that nothing of that name elsewhere is run.
    program: r"C:\Windows\System32\reg.exe",
    arguments: &["query", r"HKCU\Software\Microsoft\Windows\CurrentVersion\Internet Settings"],
    read: Machine::of_windows,
});
