//! The rules of Wayfare: bytes and times in, decisions and bytes out.
#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod address;
pub mod certificate;
#[doc(hidden)]
pub mod fuzzing;
pub mod policy;
pub mod route;
pub mod syntax;
pub mod trace;
pub mod wire;
