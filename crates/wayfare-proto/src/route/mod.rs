//! Which way to a server.

pub mod bad_proxies;
pub mod bypass;
pub mod happy_eyeballs;
pub mod hops;
pub mod machine;
pub mod memory;
pub mod name_server;
pub mod pac;
pub mod portal;
pub mod proxy;
pub mod settings;
pub mod upkeep;
pub mod wpad;
