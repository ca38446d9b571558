//! Everything of Wayfare that touches the machine.
//!
//! In scope: sockets, host names, TLS, dialing a route, and the two homes a transfer's I/O can
//! have: a tokio runtime, or the calling thread itself.
//! Out of scope: what the bytes mean (`wayfare-proto`) and whose turn it is (`wayfare`).
//! Unsafe code is forbidden, but for the feature `negotiate`, and then denied but in one file.
#![cfg_attr(not(feature = "negotiate"), forbid(unsafe_code))]
#![deny(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod caller;
pub mod clock;
pub mod dial;
pub mod dns;
pub mod gss;
pub mod interface;
pub mod names;
pub mod network;
pub mod place;
mod post;
pub mod proxy;
pub mod runtime;
pub mod socket;
pub mod tls;
