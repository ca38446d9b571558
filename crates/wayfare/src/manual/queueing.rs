//! Who goes next.
//!
//! Over HTTP/1.1 six transfers at a time use the connections to one origin
//! ([`Connections::per_origin`](crate::options::Connections)); more would not be faster, and servers
//! mind. Over HTTP/2 the number is what the server allows on a connection. The others wait: first by
//! [`Priority`](crate::queueing::Priority), then by arrival.
//!
//! A turn is held until the body has been read to its end or dropped. A reply that is kept unread
//! keeps others waiting; read it or let it go.
//!
//! With an overall limit ([`Connections::overall`](crate::options::Connections)) origins take turns,
//! whatever priorities they claim: none can starve another.
//!
//! Over HTTP/2 the priority also goes to the server, as the `priority` field of RFC 9218 (`u=1` for
//! high, `u=5` for low).
//!
//! A waiting transfer can be moved with [`Handle::set_priority`](crate::Handle::set_priority), and
//! costs less than 2 KiB; 100,000 of them are fine. [`Manager::queue`](crate::Manager::queue) counts.
