//! Whether a request that broke may be sent once more (RFC 9110 §9.2.2, RFC 9112 §9.3.1,
//! RFC 9113 §8.7).

use http::Method;

/// How a request broke before its answer began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Some of the answer had come.
    Answering,
    /// The peer said good-bye (h2 `GOAWAY`) before it came to this request, but had answered others
    /// on the connection: each connection gets somebody further.
    Overtaken,
    /// The peer said that it did nothing with the request (h2 `REFUSED_STREAM`, or `GOAWAY` with a
    /// lower last stream on a connection that served nobody).
    Refused,
    /// The request was, or may have been, written; nothing of an answer came.
    Silent,
    /// Not one byte of the request was written.
    Unsent,
}

/// The connection a request went out on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Opened for this request.
    Fresh,
    /// Kept alive from an earlier one, so the server may have closed it at any time.
    Reused,
}

/// Whether the request's body can be given a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// From its beginning, the same bytes.
    Possible,
    /// It was a stream that has been read from.
    Impossible,
}

/// True if the request may be sent once more, on a fresh connection.
///
/// `refusals` counts how often a peer refused this request before; `resent` says whether it was
/// sent again already after a silent break.
#[must_use]
pub fn may_resend(how: Break, age: Age, method: &Method, replay: Replay, tries: Tries) -> bool {
    if replay == Replay::Impossible {
        return false;
    }
    match how {
        Break::Overtaken => true,
        Break::Refused => tries.refused < MOST_REFUSALS,
        Break::Unsent => age == Age::Reused && tries.resent == 0,
        Break::Silent => age == Age::Reused && is_idempotent(method) && tries.resent == 0,
        Break::Answering => false,
    }
}

/// How often a request was sent again, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// Because a kept connection had gone.
    pub resent: u8,
    /// Because a peer refused it unprocessed.
    pub refused: u8,
    /// Because the server did not want it as early data.
    pub too_early: u8,
    /// Because somebody was asked about the peer's certificate.
    pub trusted: u8,
}

/// True for methods whose repetition has the effect of one (RFC 9110 §9.2.2).
#[must_use]
pub fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
    )
}

const MOST_REFUSALS: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn may(how: Break, age: Age, method: &Method) -> bool {
        may_resend(how, age, method, Replay::Possible, Tries::default())
    }

    #[test]
    fn a_kept_connection_that_went_away_costs_a_get_nothing() {
        assert!(may(Break::Silent, Age::Reused, &Method::GET));
        assert!(may(Break::Silent, Age::Reused, &Method::PUT));
    }

    #[test]
    fn a_post_is_never_sent_twice_once_it_was_written() {
        assert!(!may(Break::Silent, Age::Reused, &Method::POST));
        assert!(!may(Break::Silent, Age::Reused, &Method::PATCH));
        assert!(may(Break::Unsent, Age::Reused, &Method::POST));
    }

    #[test]
    fn a_fresh_connection_that_breaks_is_an_error() {
        for how in [Break::Silent, Break::Unsent, Break::Answering] {
            assert!(!may(how, Age::Fresh, &Method::GET), "{how:?}");
        }
    }

    #[test]
    fn an_answer_that_began_is_never_asked_for_again() {
        assert!(!may(Break::Answering, Age::Reused, &Method::GET));
    }

    #[test]
    fn a_refused_request_is_sent_again_whatever_its_method_but_not_for_ever() {
        let refused = |refused| {
            let tries = Tries { resent: 1, refused, ..Tries::default() };
            may_resend(Break::Refused, Age::Fresh, &Method::POST, Replay::Possible, tries)
        };
        assert!(refused(0));
        assert!(!refused(5));
    }

    #[test]
    fn who_was_overtaken_goes_again_however_often_it_was_refused_before() {
        let tries = Tries { resent: 1, refused: MOST_REFUSALS, ..Tries::default() };
        assert!(may_resend(Break::Overtaken, Age::Reused, &Method::POST, Replay::Possible, tries));
    }

    #[test]
    fn nothing_is_sent_again_without_its_body() {
        for how in [Break::Overtaken, Break::Refused, Break::Silent, Break::Unsent] {
            let tries = Tries::default();
            assert!(!may_resend(how, Age::Reused, &Method::GET, Replay::Impossible, tries));
        }
    }

    #[test]
    fn a_silent_break_is_mended_once() {
        let tries = Tries { resent: 1, ..Tries::default() };
        assert!(!may_resend(Break::Silent, Age::Reused, &Method::GET, Replay::Possible, tries));
    }
}
