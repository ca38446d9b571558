//! Grammar that several protocols share: fields, dates, media types, ranges and file names.

pub mod field;
