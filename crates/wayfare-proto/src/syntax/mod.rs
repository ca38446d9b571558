//! Grammar that several protocols share: fields, dates, cookies, media types, ranges, file names.

pub mod challenge;
pub mod content_disposition;
pub mod cookie_date;
pub mod credentials;
pub mod date;
pub mod field;
pub mod file_name;
pub mod media_type;
pub mod mime_by_name;
pub mod netrc;
mod parameter;
pub mod range;
pub mod set_cookie;
pub mod stamp;
pub mod strict_transport_security;
pub mod url_name;
pub mod visible;
