//! DNS messages (RFC 1035): questions out, checked answers in.
//!
//! The codec is `hickory-proto`'s, in one file; the records and what is believed of an answer are
//! our own.

pub mod answer;
pub mod message;
pub mod order;
pub mod record;
