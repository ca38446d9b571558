//! TLS: what is trusted, what is offered, and the handshake over any byte pipe.

pub mod facts;
mod handshake;
pub mod policy;
mod read_ahead;
mod unverified;

pub use handshake::{TlsFailure, TlsProblem, connect};
