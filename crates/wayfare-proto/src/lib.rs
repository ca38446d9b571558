//! The rules of Wayfare: bytes and times in, decisions and bytes out.
#![forbid(unsafe_code)]

pub mod syntax;
pub mod wire;
