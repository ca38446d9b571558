//! Tests of the rules through the public interface: against other implementations, over every
//! split, and over the fuzz corpora.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod addresses;
mod coding;
mod cookie_store;
mod cookies;
mod corpus;
mod dns;
mod http1_peer;
mod http1_splits;
mod races;
