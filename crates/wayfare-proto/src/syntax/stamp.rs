//! Moments of the calendar, for what is kept longer than a program runs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment of the calendar, in microseconds since 1970.
///
/// ```
/// # use wayfare_proto::syntax::stamp::Stamp;
/// assert_eq!(Stamp::from_seconds(60).plus_seconds(5).seconds(), 65);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(i64);

impl Stamp {
    /// The earliest moment there is.
    pub const EARLIEST: Self = Self(i64::MIN);

    /// The latest moment there is, some 292,000 years from now.
    pub const LATEST: Self = Self(i64::MAX);

    /// A moment by its microseconds since 1970.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// A moment by its seconds since 1970; what is out of range becomes the nearest moment there is.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// So many seconds later, or the latest moment there is.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The next moment after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl From<SystemTime> for Stamp {
    fn from(time: SystemTime) -> Self {
        let micros = |distance: Duration| i64::try_from(distance.as_micros()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(micros(after)),
            Err(before) => Self(-micros(before.duration())),
        }
    }
}

impl From<Stamp> for SystemTime {
    /// The same moment; one that this system cannot tell becomes 1970.
    fn from(stamp: Stamp) -> Self {
        let distance = Duration::from_micros(stamp.0.unsigned_abs());
        let moved = match stamp.0 < 0 {
            true => UNIX_EPOCH.checked_sub(distance),
            false => UNIX_EPOCH.checked_add(distance),
        };
        moved.unwrap_or(UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_the_same_there_and_back() {
        for micros in [0, 1, -1, 1_795_132_800_000_001, -62_167_219_200_000_000] {
            let stamp = Stamp::from_micros(micros);
            assert_eq!(Stamp::from(SystemTime::from(stamp)), stamp);
        }
    }

    #[test]
    fn nothing_runs_over() {
        assert_eq!(Stamp::from_seconds(i64::MAX), Stamp::LATEST);
        assert_eq!(Stamp::LATEST.plus_seconds(i64::MAX).next(), Stamp::LATEST);
        assert_eq!(Stamp::from_micros(-1).seconds(), -1);
    }
}
