//! Grammar that several protocols share: fields, dates, media types, ranges and file names.

pub mod challenge;
pub mod content_disposition;
pub mod credentials;
pub mod date;
pub mod field;
pub mod file_name;
pub mod media_type;
pub mod mime_by_name;
mod parameter;
pub mod range;
pub mod url_name;
