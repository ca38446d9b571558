//! How long to wait, as a value that can say "for ever".

use std::fmt;
use std::time::{Duration, Instant};

/// How long something may take.
///
/// ```
/// use std::time::Duration;
/// # use wayfare_proto::policy::deadline::Wait;
/// let wait: Wait = Duration::from_secs(30).into();
/// assert_eq!(wait, Wait::AtMost(Duration::from_secs(30)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// At most this long.
    AtMost(Duration),
    /// As long as it takes.
    Forever,
}

impl Wait {
    /// Waits at most `seconds`.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self::AtMost(Duration::from_secs(seconds))
    }

    /// The moment a wait that starts at `now` is over; nothing if it never is.
    #[must_use]
    pub fn deadline(self, now: Instant) -> Option<Instant> {
        match self {
            Self::AtMost(limit) => now.checked_add(limit),
            Self::Forever => None,
        }
    }
}

impl From<Duration> for Wait {
    fn from(limit: Duration) -> Self {
        Self::AtMost(limit)
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "{limit:?}"),
            Self::Forever => f.write_str("for ever"),
        }
    }
}
