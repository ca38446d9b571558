//! Which way to a server.

pub mod bypass;
pub mod hops;
pub mod pac;
pub mod proxy;
pub mod settings;
