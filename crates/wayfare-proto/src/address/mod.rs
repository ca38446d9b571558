//! Addresses: who is meant.

pub mod interface;
pub mod ip;
pub mod order;
pub mod origin;
pub mod reading;
pub mod site;
pub mod subnet;
pub mod target;
