//! Waits for the signals that ask the command to end, so that it can tidy up first.

#[cfg(not(unix))]
#[path = "elsewhere.rs"]
mod platform;
#[cfg(unix)]
#[path = "unix.rs"]
mod platform;

pub(crate) use platform::{asked, asking};

/// The exit code for a signal, as a shell tells it.
pub(crate) const fn code(signal: u8) -> u8 {
    128 + signal
}

/// The signal of Ctrl-C.
pub(crate) const INTERRUPT: u8 = 2;
