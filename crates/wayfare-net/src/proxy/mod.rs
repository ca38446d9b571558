//! Which way to go, where that is for others to say: the environment, an application, a script.

pub mod factory;
#[cfg(feature = "pac")]
pub mod pac;
pub mod system;
