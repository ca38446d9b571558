//! Where files lie.

#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod platform;
#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod platform;

pub use platform::network_file_system;
#[cfg(unix)]
pub use rights::{NOT_A_LINK, user_id};

#[cfg(unix)]
mod rights;
