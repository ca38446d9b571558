//! Which way to a server.

pub mod hops;
