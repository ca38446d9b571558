//! TLS: what is trusted, what is offered, and the handshake over any byte pipe.

pub mod ech;
mod examine;
pub mod exceptions;
pub mod facts;
mod handshake;
mod key_log;
pub mod pins;
pub mod policy;
#[cfg(not(unix))]
#[path = "private_other.rs"]
mod private;
#[cfg(unix)]
#[path = "private_unix.rs"]
mod private;
mod read_ahead;
mod responder;
mod roots;
mod sessions;
pub mod suites;
mod verifier;

pub use examine::StapleState;
pub use handshake::{Early, Hello, TlsFailure, TlsProblem, connect};
pub(crate) use verifier::Inquiry;
pub use verifier::Rejection;
