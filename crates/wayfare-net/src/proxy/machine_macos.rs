//! The settings of macOS, as `scutil` prints them. Untested.

use wayfare_proto::route::machine::Machine;

use super::Tool;

pub(super) const TOOL: Option<Tool> =
    Some(Tool { program: "/usr/sbin/scutil", arguments: &["--proxy"], read: Machine::of_macos });
