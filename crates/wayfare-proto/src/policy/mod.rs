//! What may be done, kept and tried.

pub mod auth;
pub mod cookie;
pub mod deadline;
pub mod early_data;
pub mod ech;
pub mod hsts;
pub mod name_cache;
pub mod redirect;
pub mod retry;
pub mod schedule;
