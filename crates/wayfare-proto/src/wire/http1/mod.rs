//! The HTTP/1.1 client codec (RFC 9112): heads and bodies from and to bytes.
//!
//! Where the standard leaves a choice, this codec refuses: a message that two readers could
//! frame differently is an error here, never a guess.
//!
//! * A message with both `Transfer-Encoding` and `Content-Length` is refused (§6.3 allows it).
//! * A bare LF never ends a line (§2.2 allows it).
//! * A folded field is refused (§5.2 allows replacing the fold by a space).
//! * `chunked` is the only transfer coding, once, and only in HTTP/1.1.
//! * One empty line before a status line is skipped; a second one is an error.

pub mod body;
mod connection;
mod framing;
pub mod limits;
pub mod request;
pub mod response;
mod section;
#[cfg(test)]
mod tests;
mod trailer;
pub mod violation;
