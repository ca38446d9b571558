//! Whose files are the user's own, where files have owners.

use rustix::fs::OFlags;

/// Opens no link at the end of a path, and waits for nobody at the other end of a pipe; for
/// `OpenOptions::custom_flags`.
#[allow(clippy::cast_possible_wrap)] // The flags fit in 31 bits.
pub const NOT_A_LINK: i32 = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits() as i32;

/// The number of the user whose rights this process has.
#[must_use]
pub fn user_id() -> u32 {
    rustix::process::geteuid().as_raw()
}
