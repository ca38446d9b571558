//! Addresses: who is meant.

pub mod origin;
