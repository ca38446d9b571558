//! Which waits there are, and what each covers.
//!
//! | wait | from | to | default |
//! |---|---|---|---|
//! | `resolve` | the question | the addresses | 30 s |
//! | `connect` | the first address tried | any address answering | 30 s |
//! | `tls` | the first byte of the handshake | its last | 30 s |
//! | `proxy` | the connection to a proxy | the way on, for each | 30 s |
//! | `first_byte` | the request's last byte, or the last sign of an answer | the head | 60 s |
//! | `between_bytes` | a piece of a body, in either direction | the next one | 60 s |
//! | `whole` | the hand-over, queueing included | the body's last byte | for ever |
//!
//! Each is a [`Wait`](crate::options::Wait): a duration or `Forever`. When one is over the error is
//! [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) with the phase it was in. With the defaults no
//! transfer hangs: as long as it lives, something moves at least every minute. Interim answers are
//! signs of life, but there may be only ten of them.
//!
//! ```
//! use std::time::Duration;
//! use wayfare::options::{Timeouts, Wait};
//! let impatient = Timeouts { whole: Wait::AtMost(Duration::from_secs(5)), ..Timeouts::default() };
//! ```
//!
//! All waits are on the monotonic clock: setting the wall clock changes nothing.
