//! The rules of Wayfare: bytes and times in, decisions and bytes out.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod fuzzing;
pub mod address;
pub mod policy;
pub mod route;
pub mod trace;
pub mod syntax;
pub mod wire;
