//! A route: how the first pipe is reached, and what is laid over it, hop by hop.

/// The way to an origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The first pipe.
    pub reach: Reach,
    /// What is laid over it, in order.
    pub hops: Vec<Hop>,
}

/// How the first pipe of a route is opened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// A TCP connection to a host, tried over its addresses.
    Tcp {
        /// A name or an IP literal (an IPv6 literal may have its brackets).
        host: String,
        /// The port.
        port: u16,
    },
}

/// One layer over an open pipe.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Hop {
    /// TLS with a server that must prove to be `name`.
    Tls {
        /// The name or IP literal in the certificate.
        name: String,
    },
}
