//! Addresses: who is meant.

pub mod interface;
pub mod ip;
pub mod order;
pub mod origin;
pub mod subnet;
pub mod target;
