//! What happened, and when.

pub mod event;
pub mod timeline;
