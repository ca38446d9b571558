//! Servers that behave, servers that misbehave on purpose, and a network in virtual time.
//!
//! Everything here listens on real loopback sockets unless it says otherwise, so that any HTTP
//! client can be pointed at it:
//!
//! * [`Server`] serves one documented [site](endpoints) over HTTP/1.1 and HTTP/2, plain and TLS.
//! * [`FaultServer`] plays [scripts](script) of raw bytes, cuts and resets;
//!   [`FAULTS`] names a hundred of them with what a client should make of each.
//! * [`Transcript`](transcript::Transcript)s are scripts as data files.
//! * [`H2FaultServer`] does the same with HTTP/2 frames.
//! * The feature `world` adds `world::World`, a network in virtual time for all of these.
//! * [`Authority`] makes the certificates, good and bad.
//!
//! ```
//! use wayfare_testkit::{Authority, Server};
//!
//! let authority = Authority::new();
//! let identity = authority.issue(&["localhost", "127.0.0.1"]);
//! let server = Server::builder().tls(&identity).bind_on_thread("127.0.0.1:0")?;
//! assert!(server.url("/get").starts_with("https://127.0.0.1:"));
//! assert_eq!(server.requests().len(), 0);
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod ca;
pub mod content;
pub mod endpoints;
pub mod faults;
pub mod h2_faults;
mod listener;
pub mod proxy;
pub mod script;
pub mod server;
mod stream;
pub mod transcript;
#[cfg(feature = "world")]
pub mod world;

pub use ca::{Authority, ServerIdentity};
pub use faults::{FAULTS, FaultServer};
pub use h2_faults::H2FaultServer;
pub use server::{Protocols, Server};
