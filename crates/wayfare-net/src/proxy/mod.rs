//! Which way to go, where that is for others to say: the environment, an application, a script.

#[cfg(feature = "pac")]
pub mod announced;
#[cfg(all(feature = "dbus", target_os = "linux"))]
pub mod desktop;
pub mod factory;
#[cfg(feature = "pac")]
pub mod pac;
pub mod system;
