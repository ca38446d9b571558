//! The rules of Wayfare: bytes and times in, decisions and bytes out.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod fuzzing;
pub mod syntax;
pub mod wire;
