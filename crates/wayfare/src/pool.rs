//! Connections kept for the next request, apart by everything that must not be mixed.

// A lane's key holds a TLS policy, which is made on first use; hash and equality go by identity.
#![allow(clippy::mutable_key_type)]

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use wayfare_net::clock;
use wayfare_net::runtime::HomeId;

use crate::queue::{LaneKey, Ready};

/// A connection for one exchange at a time.
pub(crate) trait Exclusive: Send {
    /// False if the peer has closed it, or sent something nobody asked for.
    fn is_quiet(&mut self) -> bool;
    /// When it was opened, as [`Dialing::generation`] said.
    fn generation(&self) -> Generation;
}

/// A connection for many exchanges at a time.
pub(crate) trait Shared: Clone + Send {
    /// Takes one of its exchanges, if there is one to be had.
    fn claim(&self) -> bool;
    /// True if it takes no more exchanges, ever.
    fn is_closing(&self) -> bool;
    /// True while it is not known yet how many exchanges it takes.
    fn is_settling(&self) -> bool;
    /// Since when nobody has used it; nothing while it is in use.
    fn idle_since(&self) -> Option<Instant>;
}

/// The connections of a manager that nobody, or not everybody, is using.
pub(crate) struct Pool<E, S> {
    state: Mutex<State<E, S>>,
    most_shared: usize,
}

struct State<E, S> {
    lanes: HashMap<Arc<LaneKey>, Lane<E, S>, Ready>,
    generation: Generation,
}

/// How often the pool had been cleared when a connection was opened; one that was opened before
/// the last time is not kept any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Generation(u64);

struct Lane<E, S> {
    idle: Vec<Idle<E>>,
    shared: Vec<(HomeId, S)>,
    /// For each dial under way that others may wait for, whose it is.
    dialing: Vec<HomeId>,
    /// When the last dial failed, if it was not long ago.
    stumbled: Option<Instant>,
    speaks: Speaks,
    /// When a request last came this way.
    seen: Instant,
    /// Called when a dial has ended or an exchange of a shared connection was given back.
    news: Arc<Notify>,
}

struct Idle<E> {
    home: HomeId,
    since: Instant,
    connection: E,
}

/// What the other end of a lane is known to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http1,
    Http2,
    #[default]
    Unknown,
}

/// What a request that needs a connection should do.
pub(crate) enum Found<E, S, K> {
    /// Open one; others of the lane may be waiting for what comes of it.
    Dial(K),
    Exclusive(E),
    Shared(S),
    /// Somebody else is opening one that may serve this request too, or all are full.
    Wait(OwnedNotified),
}

/// What kind of connection a request can use.
pub(crate) struct Wanted<'a> {
    pub(crate) key: &'a Arc<LaneKey>,
    pub(crate) home: HomeId,
    pub(crate) sharing: Sharing,
    pub(crate) reuse: Reuse,
    /// How long an unused connection stays usable.
    pub(crate) fresh: Duration,
    pub(crate) now: Instant,
}

/// How connections of a lane come to be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// A new connection may turn out to be shared, so one dial at a time until that is known.
    Possible,
    Never,
}

/// Whether a request may have a connection that waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// It is looked at first: a request that cannot be sent again must not meet one that has gone.
    Allowed,
    /// One that was used a moment ago is taken as it is, because the request can be sent again.
    Trusting,
    /// One of them had gone, so the others of its time are not trusted either.
    Forbidden,
}

impl<E: Exclusive, S: Shared> Pool<E, S> {
    pub(crate) fn new(most_shared: usize) -> Arc<Self> {
        let state = State { lanes: HashMap::default(), generation: Generation::default() };
        Arc::new(Self { state: Mutex::new(state), most_shared: most_shared.max(1) })
    }

    /// Finds a connection for a request, or says what to do.
    pub(crate) fn find(self: &Arc<Self>, wanted: &Wanted<'_>) -> Found<E, S, Dialing<E, S>> {
        let Wanted { key, home, sharing, reuse, fresh, now } = *wanted;
        // Closed after the lock is given back: what ends with a connection may ask the pool.
        let (mut gone, mut ended) = (Vec::new(), Vec::new());
        let mut state = self.lock();
        let generation = state.generation;
        let lane = state.lane(key);
        lane.seen = now;
        ended.extend(lane.weed(fresh, now));
        if let Some(connection) = lane.claim(home) {
            return Found::Shared(connection);
        }
        if reuse == Reuse::Forbidden {
            gone.extend(lane.idle.extract_if(.., |idle| idle.home == home));
        }
        while let Some(mut idle) = lane.take_idle(home, fresh, now) {
            let rested = now.saturating_duration_since(idle.since);
            let is_trusted = reuse == Reuse::Trusting && rested < JUST_USED;
            if is_trusted || idle.connection.is_quiet() {
                return Found::Exclusive(idle.connection);
            }
        }
        let may_share = sharing == Sharing::Possible && lane.speaks != Speaks::Http1;
        if may_share && lane.must_wait(home, self.most_shared) {
            // News are told without the lock, so they may have come since the first look. What
            // comes from here on is heard, and what came before is seen by a second look.
            let news = lane.news.clone().notified_owned();
            ended.extend(lane.weed(fresh, now));
            if let Some(connection) = lane.claim(home) {
                return Found::Shared(connection);
            }
            if lane.must_wait(home, self.most_shared) {
                return Found::Wait(news);
            }
        }
        if may_share {
            lane.dialing.push(home);
        }
        Found::Dial(Dialing {
            pool: self.clone(),
            key: key.clone(),
            home,
            alone: may_share,
            speaks: lane.speaks,
            generation,
            end: DialEnd::Cancelled,
        })
    }

    /// Keeps a connection for the next request.
    pub(crate) fn keep(&self, key: &Arc<LaneKey>, home: HomeId, connection: E, now: Instant) {
        let mut state = self.lock();
        if connection.generation() == state.generation {
            state.lane(key).idle.push(Idle { home, since: now, connection });
        } else {
            drop(state);
            drop(connection);
        }
    }

    /// How many shared connections a lane may have.
    pub(crate) fn most_shared(&self) -> usize {
        self.most_shared
    }

    /// A shared connection of a lane that takes more exchanges, if there is one.
    pub(crate) fn shared_of(&self, key: &Arc<LaneKey>) -> Option<S> {
        let state = self.lock();
        let mut shared = state.lanes.get(key)?.shared.iter().map(|(_, connection)| connection);
        shared.find(|connection| !connection.is_closing()).cloned()
    }

    /// Closes every connection that nobody uses; true if there was one.
    pub(crate) fn evict_idle(&self) -> bool {
        let mut evicted = Vec::new();
        for lane in self.lock().lanes.values_mut() {
            evicted.append(&mut lane.idle);
        }
        !evicted.is_empty()
    }

    /// Forgets every connection; those in use or being opened are not disturbed, but not used
    /// again.
    pub(crate) fn clear(&self) {
        let mut gone = Vec::new();
        let mut waited_for = Vec::new();
        let mut state = self.lock();
        state.generation.0 += 1;
        for lane in state.lanes.values_mut() {
            gone.push((std::mem::take(&mut lane.idle), std::mem::take(&mut lane.shared)));
            // What comes of these is their dialers' own, so it is no use to wait for them.
            lane.dialing.clear();
            lane.stumbled = None;
            waited_for.push(lane.news.clone());
        }
        drop(state);
        drop(gone);
        for news in waited_for {
            news.notify_waiters();
        }
    }

    /// Closes what was unused too long or was closed by its peer; true while there is something
    /// left to watch.
    pub(crate) fn sweep(&self, fresh: Duration, now: Instant) -> bool {
        let (mut gone, mut ended) = (Vec::new(), Vec::new());
        let mut recovered = Vec::new();
        let mut watching = false;
        let mut state = self.lock();
        state.lanes.retain(|_, lane| {
            gone.extend(lane.idle.extract_if(.., |idle| {
                now.saturating_duration_since(idle.since) >= fresh || !idle.connection.is_quiet()
            }));
            ended.extend(lane.weed(fresh, now));
            let is_used = !lane.dialing.is_empty()
                || !lane.idle.is_empty()
                || !lane.shared.is_empty()
                || Arc::strong_count(&lane.news) > 1;
            watching |= is_used;
            if lane.stumbled.is_some_and(|at| now.saturating_duration_since(at) >= RECOVERY) {
                lane.stumbled = None;
                recovered.push(lane.news.clone());
            }
            // What is only remembered needs no watching: it goes with a later sweep.
            is_used || lane.is_remembered(now)
        });
        drop(state);
        drop((gone, ended));
        for news in recovered {
            news.notify_waiters();
        }
        watching
    }

    /// How many connections are kept unused, and how many are shared.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        state.lanes.values().fold((0, 0), |(idle, shared), lane| {
            (idle + lane.idle.len(), shared + lane.shared.len())
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<E, S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E, S> fmt::Debug for Pool<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl<E, S: Shared> State<E, S> {
    fn lane(&mut self, key: &Arc<LaneKey>) -> &mut Lane<E, S> {
        // Looked for first: an entry would cost a clone of the key for every request.
        if !self.lanes.contains_key(key) {
            self.lanes.insert(key.clone(), Lane::new());
        }
        let Some(lane) = self.lanes.get_mut(key) else { unreachable!("inserted above") };
        lane
    }
}

impl<E, S: Shared> Lane<E, S> {
    fn new() -> Self {
        Self {
            idle: Vec::new(),
            shared: Vec::new(),
            dialing: Vec::new(),
            stumbled: None,
            speaks: Speaks::default(),
            seen: clock::now(),
            news: Arc::default(),
        }
    }

    fn claim(&self, home: HomeId) -> Option<S> {
        self.shared
            .iter()
            .find(|(owner, connection)| *owner == home && connection.claim())
            .map(|(_, connection)| connection.clone())
    }

    /// Takes out the shared connections that take no more exchanges or were unused too long.
    fn weed(&mut self, fresh: Duration, now: Instant) -> impl Iterator<Item = (HomeId, S)> {
        self.shared.extract_if(.., move |(_, connection)| !is_fresh(connection, fresh, now))
    }

    /// True if a request of `home` that found no connection should not open one.
    fn must_wait(&self, home: HomeId, most: usize) -> bool {
        let of_home = || self.shared.iter().filter(|(owner, _)| *owner == home);
        let shared = of_home().count();
        let dialing = self.dialing.iter().filter(|owner| **owner == home).count();
        let for_others = match self.stumbled {
            // One at a time: what comes of it may serve this request too.
            None => dialing > 0,
            // Whoever waits for another's dial would only wait longer, but a connection that is
            // there will have an exchange to give.
            Some(_) => shared > 0,
        };
        // One that has not said how much it takes may yet take this request too.
        let is_settling = of_home().any(|(_, connection)| connection.is_settling());
        for_others || is_settling || shared + dialing >= most
    }

    /// True while what the other end speaks need not be found out again.
    fn is_remembered(&self, now: Instant) -> bool {
        self.speaks != Speaks::Unknown && now.saturating_duration_since(self.seen) < MEMORY
    }

    /// The newest idle connection of `home`, which is the likeliest to be alive.
    fn take_idle(&mut self, home: HomeId, fresh: Duration, now: Instant) -> Option<Idle<E>> {
        loop {
            let newest = self.idle.iter().rposition(|idle| idle.home == home)?;
            let idle = self.idle.remove(newest);
            if now.saturating_duration_since(idle.since) < fresh {
                return Some(idle);
            }
        }
    }
}

/// True if a shared connection takes more exchanges and was not unused too long.
fn is_fresh<S: Shared>(connection: &S, fresh: Duration, now: Instant) -> bool {
    !connection.is_closing()
        && connection.idle_since().is_none_or(|since| now.saturating_duration_since(since) < fresh)
}

/// The right, and if `alone` the duty towards others, to open a connection.
pub(crate) struct Dialing<E: Exclusive, S: Shared> {
    pool: Arc<Pool<E, S>>,
    key: Arc<LaneKey>,
    home: HomeId,
    alone: bool,
    /// What was known when it began.
    speaks: Speaks,
    generation: Generation,
    end: DialEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DialEnd {
    /// By the dialer, which says nothing about the next dial.
    Cancelled,
    Failed,
    Opened,
}

impl<E: Exclusive, S: Shared> Dialing<E, S> {
    /// What the new connection will speak, as far as is known.
    pub(crate) fn speaks(&self) -> Speaks {
        if self.alone { self.speaks } else { Speaks::Http1 }
    }

    /// What the new connection has to remember.
    pub(crate) fn generation(&self) -> Generation {
        self.generation
    }

    /// Where to tell that an exchange of a shared connection was given back.
    pub(crate) fn news(&self) -> Arc<Notify> {
        self.pool.lock().lane(&self.key).news.clone()
    }

    /// The new connection speaks HTTP/1.1: it is the dialer's own, and others may dial at once.
    pub(crate) fn became_exclusive(mut self) {
        self.end = DialEnd::Opened;
        let mut state = self.pool.lock();
        let lane = state.lane(&self.key);
        lane.speaks = Speaks::Http1;
        lane.stumbled = None;
    }

    /// The new connection can be shared; the dialer has claimed its exchange already.
    pub(crate) fn became_shared(mut self, connection: S) {
        self.end = DialEnd::Opened;
        let mut state = self.pool.lock();
        let is_current = self.generation == state.generation;
        let lane = state.lane(&self.key);
        lane.speaks = Speaks::Http2;
        lane.stumbled = None;
        if is_current {
            lane.shared.push((self.home, connection));
        }
    }

    /// There is no new connection.
    pub(crate) fn failed(mut self) {
        self.end = DialEnd::Failed;
    }
}

impl<E: Exclusive, S: Shared> Drop for Dialing<E, S> {
    fn drop(&mut self) {
        if !self.alone {
            return;
        }
        let mut state = self.pool.lock();
        if self.generation != state.generation {
            // Nobody waits for this one any more.
            return;
        }
        let lane = state.lane(&self.key);
        if let Some(place) = lane.dialing.iter().position(|owner| *owner == self.home) {
            lane.dialing.swap_remove(place);
        }
        if self.end == DialEnd::Failed {
            lane.stumbled = Some(clock::now());
        }
        let news = lane.news.clone();
        drop(state);
        news.notify_waiters();
    }
}

/// A connection that was used so shortly before is taken for one that is still there. The read that
/// brought the end of its last answer brought nothing else, and to look again costs as much as a
/// tenth of a small exchange.
const JUST_USED: Duration = Duration::from_millis(1);
/// How long after a failed dial those who can wait for a live connection do so.
const RECOVERY: Duration = Duration::from_secs(5);
/// How long it is remembered what an origin speaks. Without that, every burst of requests to one of
/// HTTP/1.1 only would wait for the first one's connection, and nothing could leave early to one of
/// HTTP/2.
const MEMORY: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};

    use wayfare_net::runtime::Home;
    use wayfare_proto::address::origin::Origin;

    use wayfare_proto::route::proxy::Chain;

    use super::*;
    use crate::options::Options;

    struct Line(Generation, Peer);

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Peer {
        Gone,
        There,
    }

    impl Exclusive for Line {
        fn is_quiet(&mut self) -> bool {
            self.1 == Peer::There
        }

        fn generation(&self) -> Generation {
            self.0
        }
    }

    /// A connection whose exchanges are free after so many claims; `usize::MAX` is never.
    #[derive(Clone, Default)]
    struct Trunk {
        refusals: Arc<AtomicUsize>,
        closing: Arc<AtomicBool>,
        _end: Option<Arc<End>>,
    }

    /// The end of a connection that looks for another one.
    struct End(Arc<Connections>);

    impl Drop for End {
        fn drop(&mut self) {
            self.0.counts();
        }
    }

    impl Trunk {
        fn full() -> Self {
            Self { refusals: Arc::new(AtomicUsize::new(usize::MAX)), ..Self::default() }
        }
    }

    impl Shared for Trunk {
        fn claim(&self) -> bool {
            let less = |left: usize| left.checked_sub(1);
            self.refusals.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_err()
        }

        fn is_closing(&self) -> bool {
            self.closing.load(Ordering::Acquire)
        }

        fn is_settling(&self) -> bool {
            false
        }

        fn idle_since(&self) -> Option<Instant> {
            None
        }
    }

    type Connections = Pool<Line, Trunk>;
    type Result = Found<Line, Trunk, Dialing<Line, Trunk>>;

    fn key() -> Arc<LaneKey> {
        let origin = Origin::of(&"https://a.test/".parse().unwrap()).unwrap();
        Arc::new(LaneKey::new(origin, &Options::default(), Chain::DIRECT))
    }

    fn find(pool: &Arc<Connections>, key: &Arc<LaneKey>, reuse: Reuse) -> Result {
        find_at(pool, key, reuse, clock::now())
    }

    fn find_at(pool: &Arc<Connections>, key: &Arc<LaneKey>, reuse: Reuse, now: Instant) -> Result {
        pool.find(&Wanted {
            key,
            home: Home::Caller.id(),
            sharing: Sharing::Possible,
            reuse,
            fresh: Duration::from_secs(60),
            now,
        })
    }

    fn dial(pool: &Arc<Connections>, key: &Arc<LaneKey>) -> Dialing<Line, Trunk> {
        match find(pool, key, Reuse::Allowed) {
            Found::Dial(dialing) => dialing,
            _ => panic!("there should be nothing but to dial"),
        }
    }

    fn wait(pool: &Arc<Connections>, key: &Arc<LaneKey>) -> OwnedNotified {
        match find(pool, key, Reuse::Allowed) {
            Found::Wait(news) => news,
            _ => panic!("there should be somebody to wait for"),
        }
    }

    fn has_come(news: OwnedNotified) -> bool {
        let mut news = std::pin::pin!(news);
        news.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn a_connection_is_taken_unseen_only_a_moment_after_its_use_and_by_who_can_send_again() {
        let (pool, key, now) = (Connections::new(6), key(), clock::now());
        let keep = || {
            let line = Line(Generation::default(), Peer::Gone);
            pool.keep(&key, Home::Caller.id(), line, now);
        };
        let is_taken = |reuse, after| {
            keep();
            matches!(find_at(&pool, &key, reuse, now + after), Found::Exclusive(_))
        };
        assert!(is_taken(Reuse::Trusting, JUST_USED / 2));
        assert!(!is_taken(Reuse::Trusting, JUST_USED));
        assert!(!is_taken(Reuse::Allowed, JUST_USED / 2));
        assert!(!is_taken(Reuse::Forbidden, JUST_USED / 2));
    }

    #[test]
    fn an_exchange_given_back_during_the_first_look_is_found_by_the_second() {
        let (pool, key) = (Connections::new(1), key());
        let trunk = Trunk::full();
        dial(&pool, &key).became_shared(trunk.clone());
        drop(wait(&pool, &key));
        trunk.refusals.store(1, Ordering::Release);
        assert!(matches!(find(&pool, &key, Reuse::Allowed), Found::Shared(_)));
    }

    #[test]
    fn waiters_for_a_stalled_dial_get_away_when_the_pool_is_cleared() {
        let (pool, key) = (Connections::new(6), key());
        let stalled = dial(&pool, &key);
        let (first, second) = (wait(&pool, &key), wait(&pool, &key));
        pool.clear();
        assert!(has_come(first) && has_come(second));
        let anew = dial(&pool, &key);
        let second = wait(&pool, &key);
        anew.became_shared(Trunk::default());
        assert!(has_come(second));
        assert!(matches!(find(&pool, &key, Reuse::Allowed), Found::Shared(_)));
        drop(stalled);
    }

    #[test]
    fn what_was_in_use_or_being_opened_when_the_pool_was_cleared_is_not_kept() {
        let (pool, key) = (Connections::new(6), key());
        let (early, late, shared) = (dial(&pool, &key), dial(&pool, &self::key()), self::key());
        let shared_dial = dial(&pool, &shared);
        let generation = early.generation();
        early.became_exclusive();
        pool.keep(&key, Home::Caller.id(), Line(generation, Peer::There), clock::now());
        assert_eq!(pool.counts(), (1, 0));
        pool.clear();
        assert_eq!(pool.counts(), (0, 0));
        pool.keep(&key, Home::Caller.id(), Line(generation, Peer::There), clock::now());
        let generation = late.generation();
        late.became_exclusive();
        pool.keep(&key, Home::Caller.id(), Line(generation, Peer::There), clock::now());
        shared_dial.became_shared(Trunk::default());
        assert_eq!(pool.counts(), (0, 0));
        let generation = dial(&pool, &key).generation();
        pool.keep(&key, Home::Caller.id(), Line(generation, Peer::There), clock::now());
        assert_eq!(pool.counts(), (1, 0));
    }

    #[test]
    fn a_second_try_uses_no_connection_that_waited_and_closes_them_all() {
        let (pool, key) = (Connections::new(6), key());
        for _ in 0..3 {
            pool.keep(
                &key,
                Home::Caller.id(),
                Line(Generation::default(), Peer::There),
                clock::now(),
            );
        }
        assert!(matches!(find(&pool, &key, Reuse::Forbidden), Found::Dial(_)));
        assert_eq!(pool.counts(), (0, 0));
    }

    #[test]
    fn after_a_failed_dial_others_dial_at_once_but_no_more_than_there_may_be() {
        let (pool, key) = (Connections::new(3), key());
        dial(&pool, &key).failed();
        let dials: Vec<_> = (0..3).map(|_| dial(&pool, &key)).collect();
        let news = wait(&pool, &key);
        drop(dials);
        assert!(has_come(news));
    }

    #[test]
    fn a_failed_dial_beside_a_live_connection_makes_others_wait_for_that() {
        let (pool, key) = (Connections::new(6), key());
        let trunk = Trunk::full();
        dial(&pool, &key).became_shared(trunk.clone());
        dial(&pool, &key).failed();
        let news = wait(&pool, &key);
        pool.sweep(Duration::from_secs(60), clock::now() + RECOVERY);
        assert!(has_come(news));
        dial(&pool, &key).failed();
        drop(wait(&pool, &key));
        trunk.closing.store(true, Ordering::Release);
        dial(&pool, &key);
    }

    #[test]
    fn the_end_of_a_connection_finds_the_pool_unlocked() {
        let (pool, key) = (Connections::new(6), key());
        let put = || {
            let _end = Some(Arc::new(End(pool.clone())));
            let trunk = Trunk { _end, ..Trunk::default() };
            let closing = trunk.closing.clone();
            dial(&pool, &key).became_shared(trunk);
            closing
        };
        put().store(true, Ordering::Release);
        put().store(true, Ordering::Release);
        pool.sweep(Duration::from_secs(60), clock::now());
        let dialing = dial(&pool, &key);
        pool.clear();
        let _end = Some(Arc::new(End(pool.clone())));
        dialing.became_shared(Trunk { _end, ..Trunk::default() });
        put();
        pool.clear();
        assert_eq!(pool.counts(), (0, 0));
    }

    #[test]
    fn a_cancelled_dial_is_no_failure() {
        let (pool, key) = (Connections::new(6), key());
        drop(dial(&pool, &key));
        let _second = dial(&pool, &key);
        drop(wait(&pool, &key));
    }

    #[test]
    fn what_an_origin_speaks_is_remembered_for_a_while_after_its_last_connection() {
        let (pool, key) = (Connections::new(6), key());
        let fresh = Duration::from_secs(60);
        dial(&pool, &key).became_exclusive();
        assert!(!pool.sweep(fresh, clock::now()));
        let _both = (dial(&pool, &key), dial(&pool, &key));
        assert!(!pool.sweep(fresh, clock::now() + MEMORY));
        let _first = dial(&pool, &key);
        drop(wait(&pool, &key));
    }
}
