//! When a script that was fetched is used, and when it is fetched again.

use std::time::{Duration, Instant};

/// What is known of a script, and until when that will do.
///
/// A script is used for an hour; the first who asks after that has it fetched again beside their
/// request. If that fails the script that is there stays, and the next try is five minutes later.
/// While there is none, a failure is everybody's answer for ten seconds.
///
/// ```
/// use std::time::Instant;
/// use wayfare_proto::route::upkeep::{Act, Upkeep};
/// let (now, mut upkeep) = (Instant::now(), Upkeep::default());
/// assert_eq!(upkeep.next(now), Act::Fetch);
/// upkeep.handle_fetched(now);
/// assert_eq!(upkeep.next(now), Act::Use);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upkeep(State);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    Failed {
        again: Instant,
    },
    Held {
        again: Instant,
    },
    #[default]
    Missing,
}

/// What is to be done for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Fetch the script: the request waits for it.
    Fetch,
    /// Use what there is, and fetch the script again beside the request. Said once.
    Refresh,
    /// Fail as the last try did.
    Refuse,
    /// Use what there is.
    Use,
}

impl Upkeep {
    /// What is to be done for a request that is made now.
    pub fn next(&mut self, now: Instant) -> Act {
        match &mut self.0 {
            State::Missing => Act::Fetch,
            State::Failed { again } if now < *again => Act::Refuse,
            State::Failed { .. } => Act::Fetch,
            State::Held { again } if now < *again => Act::Use,
            State::Held { again } => {
                // If it fails nobody need say so: this is when it is tried again.
                *again = now + AFTER_FAILURE;
                Act::Refresh
            }
        }
    }

    /// Takes in that a script was fetched.
    pub fn handle_fetched(&mut self, now: Instant) {
        self.0 = State::Held { again: now + GOOD_FOR };
    }

    /// Takes in that it is certain that there is no script, which is an answer, too.
    pub fn handle_none(&mut self, now: Instant) {
        self.0 = State::Held { again: now + AFTER_FAILURE };
    }

    /// Takes in that the script could not be fetched.
    pub fn handle_failure(&mut self, now: Instant) {
        self.0 = match self.0 {
            State::Held { .. } => State::Held { again: now + AFTER_FAILURE },
            State::Failed { .. } | State::Missing => State::Failed { again: now + REFUSED_FOR },
        };
    }
}

const GOOD_FOR: Duration = Duration::from_secs(60 * 60);
const AFTER_FAILURE: Duration = Duration::from_secs(5 * 60);
const REFUSED_FOR: Duration = Duration::from_secs(10);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test needs some moment to start from")]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_used_for_an_hour_and_kept_when_it_cannot_be_fetched_again() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut upkeep = Upkeep::default();
        assert_eq!(upkeep.next(at(0)), Act::Fetch);
        upkeep.handle_fetched(at(0));
        assert_eq!(upkeep.next(at(3599)), Act::Use);
        assert_eq!(upkeep.next(at(3600)), Act::Refresh);
        assert_eq!(upkeep.next(at(3601)), Act::Use, "one is enough");
        upkeep.handle_failure(at(3630));
        assert_eq!(upkeep.next(at(3929)), Act::Use);
        assert_eq!(upkeep.next(at(3930)), Act::Refresh);
        assert_eq!(upkeep.next(at(4229)), Act::Use);
        assert_eq!(upkeep.next(at(4230)), Act::Refresh, "the one before was given up");
        upkeep.handle_fetched(at(4231));
        assert_eq!(upkeep.next(at(4231 + 3599)), Act::Use);
    }

    #[test]
    fn a_first_failure_answers_for_ten_seconds_and_no_script_for_five_minutes() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut upkeep = Upkeep::default();
        upkeep.handle_failure(at(0));
        assert_eq!(upkeep.next(at(9)), Act::Refuse);
        assert_eq!(upkeep.next(at(10)), Act::Fetch);
        upkeep.handle_failure(at(11));
        assert_eq!(upkeep.next(at(20)), Act::Refuse);
        upkeep.handle_none(at(21));
        assert_eq!(upkeep.next(at(320)), Act::Use);
        assert_eq!(upkeep.next(at(321)), Act::Refresh);
    }
}
