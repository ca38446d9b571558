//! The phases of a transfer, from the moments its transitions happened.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// How long each phase of a transfer took; a phase that did not happen is zero.
///
/// The phases are those of the last attempt (after redirects and retries); `queued` and `total`
/// are of the whole transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// Waiting for its turn.
    pub queued: Duration,
    /// Looking the name up.
    pub resolve: Duration,
    /// Until an address answered.
    pub connect: Duration,
    /// From the first word with a proxy to the last proxy's opening of the way on, TLS with proxies
    /// included.
    pub proxy: Duration,
    /// The TLS handshake with the origin.
    pub tls: Duration,
    /// Writing the request.
    pub send: Duration,
    /// From the request's end to the first byte of the answer's head.
    pub wait: Duration,
    /// From the head to the end of the body, as far as it has been read.
    pub receive: Duration,
    /// From the hand-over to the end of the body, as far as it has been read.
    pub total: Duration,
}

/// A moment in a transfer's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The name is being looked up.
    ResolveBegan,
    /// The addresses are known.
    ResolveEnded,
    /// The first address is being tried.
    ConnectBegan,
    /// An address answered.
    ConnectEnded,
    /// The first word with a proxy is said.
    ProxyBegan,
    /// A proxy has opened the way on.
    ProxyEnded,
    /// The TLS handshake begins.
    TlsBegan,
    /// The TLS handshake is done.
    TlsEnded,
    /// The first byte of the request is about to be written.
    SendBegan,
    /// The request has been written.
    SendEnded,
    /// The head of the answer is there.
    Head,
    /// The body's end, or its newest byte, is there.
    Body,
}

/// Collects moments.
#[derive(Clone, Debug)]
pub struct Timeline {
    handed_over: Instant,
    started: Mark,
    marks: [Mark; 12],
}

/// A moment as nanoseconds after the hand-over, or that there was none: half the size of an
/// optional instant, and there may be very many transfers that wait.
#[derive(Clone, Copy, Debug, Default)]
struct Mark(Option<NonZeroU64>);

impl Mark {
    fn new(since: Instant, now: Instant) -> Self {
        let nanos = now.saturating_duration_since(since).as_nanos();
        // One is added, because the hand-over itself is a moment too.
        Self(NonZeroU64::new(u64::try_from(nanos).unwrap_or(u64::MAX - 1).saturating_add(1)))
    }

    fn after(self) -> Option<Duration> {
        self.0.map(|nanos| Duration::from_nanos(nanos.get() - 1))
    }
}

impl Timeline {
    /// A timeline that begins at `now`.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self { handed_over: now, started: Mark::default(), marks: Default::default() }
    }

    /// The moment the transfer was handed over.
    #[must_use]
    pub fn handed_over(&self) -> Instant {
        self.handed_over
    }

    /// Notes that the transfer's first turn came.
    pub fn start(&mut self, now: Instant) {
        if self.started.0.is_none() {
            self.started = Mark::new(self.handed_over, now);
        }
    }

    /// Forgets the marks of an attempt that another follows.
    pub fn begin_attempt(&mut self) {
        self.marks = Default::default();
    }

    /// Notes a moment; a later mark of the same moment wins, except for the beginnings.
    pub fn mark(&mut self, moment: Moment, now: Instant) {
        let mark = &mut self.marks[moment as usize];
        let is_first_of_some = matches!(moment, Moment::ConnectBegan | Moment::ProxyBegan);
        if !is_first_of_some || mark.0.is_none() {
            *mark = Mark::new(self.handed_over, now);
        }
    }

    /// The newest moment of the attempt.
    #[must_use]
    pub fn newest(&self) -> Option<Instant> {
        self.last().map(|after| self.handed_over + after)
    }

    /// The phases so far.
    #[must_use]
    pub fn timings(&self) -> Timings {
        let at = |moment: Moment| self.marks[moment as usize].after();
        let between = |from: Option<Duration>, to: Option<Duration>| match (from, to) {
            (Some(from), Some(to)) => to.saturating_sub(from),
            _ => Duration::ZERO,
        };
        Timings {
            queued: self.started.after().unwrap_or_default(),
            resolve: between(at(Moment::ResolveBegan), at(Moment::ResolveEnded)),
            connect: between(at(Moment::ConnectBegan), at(Moment::ConnectEnded)),
            proxy: between(at(Moment::ProxyBegan), at(Moment::ProxyEnded)),
            tls: between(at(Moment::TlsBegan), at(Moment::TlsEnded)),
            send: between(at(Moment::SendBegan), at(Moment::SendEnded)),
            wait: between(at(Moment::SendEnded), at(Moment::Head)),
            receive: between(at(Moment::Head), at(Moment::Body)),
            total: self.last().or(self.started.after()).unwrap_or_default(),
        }
    }

    fn last(&self) -> Option<Duration> {
        self.marks.iter().filter_map(|mark| mark.after()).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_the_distances_between_moments() {
        let start = Instant::now_for_test();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timeline = Timeline::new(start);
        timeline.start(at(5));
        timeline.mark(Moment::ConnectBegan, at(6));
        timeline.mark(Moment::ConnectBegan, at(7));
        timeline.mark(Moment::ConnectEnded, at(9));
        timeline.mark(Moment::ProxyBegan, at(9));
        timeline.mark(Moment::ProxyEnded, at(10));
        timeline.mark(Moment::ProxyBegan, at(10));
        timeline.mark(Moment::ProxyEnded, at(13));
        timeline.mark(Moment::SendBegan, at(9));
        timeline.mark(Moment::SendEnded, at(10));
        timeline.mark(Moment::Head, at(20));
        timeline.mark(Moment::Body, at(50));
        let timings = timeline.timings();
        assert_eq!(timings.queued.as_millis(), 5);
        assert_eq!(timings.connect.as_millis(), 3);
        assert_eq!(timings.proxy.as_millis(), 4, "of all proxies together");
        assert_eq!(timings.resolve, Duration::ZERO);
        assert_eq!(timings.wait.as_millis(), 10);
        assert_eq!(timings.receive.as_millis(), 30);
        assert_eq!(timings.total.as_millis(), 50);
    }

    /// A rule may not ask for the time, but a test needs some moment to begin with.
    trait NowForTest {
        fn now_for_test() -> Instant;
    }

    impl NowForTest for Instant {
        #[allow(clippy::disallowed_methods)]
        fn now_for_test() -> Instant {
            Instant::now()
        }
    }
}
