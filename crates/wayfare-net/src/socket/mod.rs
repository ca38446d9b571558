//! Sockets: byte pipes as the rest of the house sees them.

mod binding;
mod caller_tcp;
mod inbox;
#[cfg(target_os = "linux")]
#[path = "line_linux.rs"]
mod line;
#[cfg(not(target_os = "linux"))]
#[path = "line_portable.rs"]
mod line;
pub mod prefixed;
pub mod tcp;
pub mod udp;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

pub use binding::{Binding, BindingFailure};

/// An open byte pipe.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// The address this end has, if the pipe has addresses.
    fn local_address(&self) -> Option<SocketAddr>;

    /// The address of the other end, if the pipe has addresses.
    fn peer_address(&self) -> Option<SocketAddr>;
}

/// How a TCP socket is set up before it connects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// From where it leaves this machine.
    pub binding: Binding,
    /// Probes that find a dead peer on a quiet connection.
    pub keepalive: Keepalive,
}

/// TCP keepalive probes (RFC 9293 §3.8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keepalive {
    /// No probes.
    Off,
    /// Probes after a time of quiet.
    Probe {
        /// Quiet time before the first probe.
        idle: Duration,
        /// Time between two probes.
        interval: Duration,
        /// Unanswered probes until the connection is given up.
        count: u32,
    },
}

impl Default for Keepalive {
    /// 60 s of quiet, then up to 5 probes 10 s apart.
    fn default() -> Self {
        Self::Probe { idle: Duration::from_secs(60), interval: Duration::from_secs(10), count: 5 }
    }
}
