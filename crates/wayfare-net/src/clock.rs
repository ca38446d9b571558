//! The monotonic clock.

use std::time::Instant;

/// The monotonic clock; in tests with a paused runtime it is that runtime's clock.
#[must_use]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
