//! Content codings as push decoders: compressed bytes in, plain bytes out, in bounded memory
//! (RFC 9110 §8.4).
//!
//! Choices where the standards are silent:
//!
//! * Bytes behind the end of a coding are an error, zero padding included.
//! * Concatenated gzip members and zstd frames are one body (RFC 1952 §2.2, RFC 8878 §3.1).
//! * `deflate` is taken with the zlib wrapper, as specified, or bare, as some servers send it.
//! * A body of zero bytes is empty whatever its `Content-Encoding` says.

mod brotli;
pub mod decoder;
mod deflate;
pub mod fault;
pub mod guard;
mod gzip;
mod gzip_header;
pub mod link;
mod zstd;

/// The `Accept-Encoding` that names every coding that can be decoded.
pub const ACCEPT_ENCODING: &str = "gzip, deflate, br, zstd";
