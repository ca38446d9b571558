//! What the bytes on a connection mean, one module per format, without a socket.

pub mod coding;
pub mod http1;
