//! What this machine's settings say about proxies: the environment of the process.

use std::sync::OnceLock;

use wayfare_proto::route::settings::Settings;

/// What the environment says, read once, when it is first asked for: a variable that changes
/// later has no effect.
///
/// Settings that only a desktop or an operating system knows (macOS, Windows, GNOME, KDE) are not
/// read here; `desktop` asks those of Linux.
pub fn settings() -> &'static Settings {
    static READ: OnceLock<Settings> = OnceLock::new();
    READ.get_or_init(|| Settings::from_variables(|name| std::env::var(name).ok()))
}
