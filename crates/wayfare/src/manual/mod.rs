//! Longer stories: how Wayfare works, and why it does what it does.
//!
//! * [`life_of_a_request`]: what happens between `send` and the last byte.
//! * [`bodies`]: what goes out, what comes in, and what counts as complete.
//! * [`timeouts`]: which waits there are, and what each covers.
//! * [`security`]: what is safe by default, and how to give it up.
//! * [`certificates`]: who is trusted, what is wrong, and how an exception is made.
//! * [`names_and_addresses`]: who looks names up, which address is taken, and the way out.
//! * [`proxies`]: which way requests go, and what is done when a proxy fails.
//! * [`cookies`]: what is remembered of servers: cookies, and hosts that want TLS only.
//! * [`identity`]: who is asking, when that is said, and to whom.
//! * [`profiles`]: what a program remembers from one run to the next.
//! * [`queueing`]: who goes next.
//! * [`two_faces`]: awaited and blocking, and where the I/O is done.
//! * [`from_qt`] and [`from_reqwest`]: for those who come from there.

pub mod bodies;
pub mod certificates;
pub mod cookies;
pub mod from_qt;
pub mod from_reqwest;
pub mod identity;
pub mod life_of_a_request;
pub mod names_and_addresses;
#[cfg(feature = "profile")]
pub mod profiles;
pub mod proxies;
pub mod queueing;
pub mod security;
pub mod timeouts;
pub mod two_faces;
