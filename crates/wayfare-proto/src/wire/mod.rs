//! What the bytes on a connection mean, one module per format, without a socket.

pub mod coding;
pub mod data_url;
pub mod dhcp_lease;
pub mod dialogue;
pub mod dns;
mod field_line;
pub mod hosts;
pub mod http1;
pub mod multipart;
pub mod netlink;
pub mod resolv_conf;
pub mod socks;
pub mod tunnel;
