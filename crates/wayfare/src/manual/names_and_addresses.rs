//! How a host name becomes a connection: lookups, the race between addresses, the way out.
//!
//! # Who looks names up
//!
//! The operating system ([`Resolver::System`](crate::options::Resolver)), unless told otherwise: it
//! knows the hosts file, VPNs with names of their own, and mDNS. Lookups run on threads of their own,
//! at most 20 at a time, and never hold up a runtime; one that nobody waits for any more is abandoned
//! at once. Its answers are kept for 60 seconds ([`Dns::keep`](crate::options::Dns)), as Qt and
//! browsers do, because it does not say for how long they are good; that a name has no address is not
//! kept. When no kept address answers, the next request asks afresh.
//!
//! With [`Resolver::Own`](crate::options::Resolver) questions go to servers of your choice, for a
//! manager or for one request:
//!
//! ```
//! use wayfare::options::{Dns, Resolver};
//! let server = "https://dns.example/dns-query".parse()?;
//! let dns = Dns { resolver: Resolver::Own(vec![server]), ..Dns::default() };
//! let manager = wayfare::Manager::builder().dns(dns).build();
//! # Ok::<(), wayfare::dns::NotAServer>(())
//! ```
//!
//! | written | spoken |
//! |---|---|
//! | `192.0.2.1`, `udp://192.0.2.1:53` | UDP, and TCP for what does not fit |
//! | `tcp://192.0.2.1` | TCP |
//! | `tls://dns.example` | DNS over TLS; the server must prove its name, as [`Tls`](crate::options::Tls) says |
//! | `https://dns.example/dns-query` | DNS over HTTPS, by HTTP/2 or HTTP/1.1 |
//! | no server at all | those of `/etc/resolv.conf`, read anew when it is older than a second |
//!
//! The own resolver does not read the hosts file; `localhost` and what ends in it is this machine, and
//! no server is asked. Names of servers themselves are looked up by the system, or pinned with
//! [`Dns::pins`](crate::options::Dns). Name servers are asked directly, unless
//! [`Dns::way`](crate::options::Dns::way) names proxies. Connections over TLS and HTTPS are kept
//! for the next question, for ten seconds; answers are kept for as long as they say, a day at
//! most, and that there is nothing for five minutes at most.
//!
//! # What is believed
//!
//! Of an answer only the records count that are about the name that was asked for, or about the names
//! it stands for, over 16 aliases at most. Over UDP every question has a port and a number of its own;
//! what does not repeat the question is passed over, and the right answer is waited for. DNSSEC is not
//! checked; [`LookedUp::authentic`](crate::dns::LookedUp) is what the server says, and worth as much as
//! the way to it.
//!
//! # Which address
//!
//! Addresses race (RFC 8305). IPv6 and IPv4 take turns, each attempt has a head start of a quarter of a
//! second ([`Connections::attempt_delay`](crate::options::Connections)), and a failure lets the next
//! one start at once; the first to answer wins, and the others are closed. Every address is tried once,
//! 100 of them at most. With the own resolver both families are asked at the same time, and for `https`
//! the HTTPS records too, whose addresses count until the others have come; an answer for IPv4 waits 50
//! milliseconds for the one for IPv6. HTTPS records that lead to another host or port are not followed.
//!
//! What worked is remembered for ten minutes: a host's address goes first next time, and a family that
//! was silent goes second for all hosts. So an IPv6 that leads nowhere costs a quarter of a second
//! once, and nothing afterwards.
//! [`Manager::clear_connections`](crate::Manager::clear_connections) forgets it, for a machine that has
//! changed its network. An error lists every address that was tried, for how long, and those that were
//! not.
//!
//! # The way out
//!
//! [`Connections::binding`](crate::options::Connections) sends connections through one interface, or
//! from one address, for a manager or for one request; a connection that was bound otherwise is never
//! reused. On Linux the kernel lets nothing out any other way; elsewhere the interface's own address is
//! used. [`interfaces`](crate::interface::interfaces) lists what there is.
//!
//! # Looking up for yourself
//!
//! [`Manager::lookup`](crate::Manager::lookup) asks for records of any type,
//! [`Manager::addresses_of`](crate::Manager::addresses_of) for addresses as a request would get them, and
//! [`Manager::names_of`](crate::Manager::names_of) for an address's names; each is there for waiting
//! threads, too. MX and SRV records come in the order in which their servers are to be tried.
