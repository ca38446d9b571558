//! Connections kept for the next request, apart by everything that must not be mixed.

// A lane's key holds a TLS policy, which is made on first use; hash and equality go by identity.
#![allow(clippy::mutable_key_type)]

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use wayfare_net::runtime::HomeId;

use crate::queue::{LaneKey, Ready};

/// A connection for one exchange at a time.
pub(crate) trait Exclusive: Send {
    /// False if the peer has closed it, or sent something nobody asked for.
    fn is_quiet(&mut self) -> bool;
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
    lanes: Mutex<HashMap<Arc<LaneKey>, Lane<E, S>, Ready>>,
    most_shared: usize,
}

struct Lane<E, S> {
    idle: Vec<Idle<E>>,
    shared: Vec<(HomeId, S)>,
    dialing: Option<HomeId>,
    /// The last dial came to nothing: whoever waits for another's would only wait longer.
    stumbled: bool,
    speaks: Speaks,
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

impl<E: Exclusive, S: Shared> Pool<E, S> {
    pub(crate) fn new(most_shared: usize) -> Arc<Self> {
        Arc::new(Self { lanes: Mutex::default(), most_shared: most_shared.max(1) })
    }

    /// Finds a connection for a request, or says what to do.
    pub(crate) fn find(self: &Arc<Self>, wanted: &Wanted<'_>) -> Found<E, S, Dialing<E, S>> {
        let Wanted { key, home, sharing, fresh, now } = *wanted;
        let mut lanes = self.lock();
        if !lanes.contains_key(key) {
            lanes.insert(key.clone(), Lane::new());
        }
        let Some(lane) = lanes.get_mut(key) else { unreachable!("inserted above") };
        lane.shared.retain(|(_, connection)| is_fresh(connection, fresh, now));
        if let Some(connection) = lane.claim(home) {
            return Found::Shared(connection);
        }
        while let Some(mut connection) = lane.take_idle(home, fresh, now) {
            if connection.is_quiet() {
                return Found::Exclusive(connection);
            }
        }
        let may_share = sharing == Sharing::Possible && lane.speaks != Speaks::Http1;
        let of_home = || lane.shared.iter().filter(|(owner, _)| *owner == home);
        let full = of_home().count() >= self.most_shared;
        // A connection that has not said how much it takes may yet take this one too.
        let settling = of_home().any(|(_, connection)| connection.is_settling());
        let others_dial = lane.dialing == Some(home) && !lane.stumbled;
        if may_share && (others_dial || full || settling) {
            // Made under the lock, so that no news is missed between here and the first poll.
            return Found::Wait(lane.news.clone().notified_owned());
        }
        if may_share {
            lane.dialing = Some(home);
        }
        let alone = may_share;
        Found::Dial(Dialing { pool: self.clone(), key: key.clone(), home, alone, done: false })
    }

    /// Keeps a connection for the next request.
    pub(crate) fn keep(&self, key: &Arc<LaneKey>, home: HomeId, connection: E, now: Instant) {
        let mut lanes = self.lock();
        let lane = lanes.entry(key.clone()).or_insert_with(Lane::new);
        lane.idle.push(Idle { home, since: now, connection });
    }

    /// Closes every connection that nobody uses; true if there was one.
    pub(crate) fn evict_idle(&self) -> bool {
        let mut evicted = Vec::new();
        for lane in self.lock().values_mut() {
            evicted.append(&mut lane.idle);
        }
        !evicted.is_empty()
    }

    /// Forgets every connection; those in use are not disturbed, but not used again.
    pub(crate) fn clear(&self) {
        let lanes = std::mem::take(&mut *self.lock());
        drop(lanes);
    }

    /// Closes what was unused too long or was closed by its peer; true while there is something
    /// left to watch.
    pub(crate) fn sweep(&self, fresh: Duration, now: Instant) -> bool {
        let mut gone = Vec::new();
        let mut lanes = self.lock();
        lanes.retain(|_, lane| {
            let (keep, drop) = std::mem::take(&mut lane.idle)
                .into_iter()
                .partition(|idle| now.saturating_duration_since(idle.since) < fresh);
            lane.idle = keep;
            gone.push(drop);
            lane.idle.retain_mut(|idle| idle.connection.is_quiet());
            lane.shared.retain(|(_, connection)| is_fresh(connection, fresh, now));
            lane.dialing.is_some()
                || !lane.idle.is_empty()
                || !lane.shared.is_empty()
                || Arc::strong_count(&lane.news) > 1
        });
        let watching = !lanes.is_empty();
        drop(lanes);
        drop(gone);
        watching
    }

    /// How many connections are kept unused, and how many are shared.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let lanes = self.lock();
        lanes.values().fold((0, 0), |(idle, shared), lane| {
            (idle + lane.idle.len(), shared + lane.shared.len())
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<LaneKey>, Lane<E, S>, Ready>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E, S> fmt::Debug for Pool<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl<E, S: Shared> Lane<E, S> {
    fn new() -> Self {
        Self {
            idle: Vec::new(),
            shared: Vec::new(),
            dialing: None,
            stumbled: false,
            speaks: Speaks::default(),
            news: Arc::default(),
        }
    }

    fn claim(&self, home: HomeId) -> Option<S> {
        self.shared
            .iter()
            .find(|(owner, connection)| *owner == home && connection.claim())
            .map(|(_, connection)| connection.clone())
    }

    /// The newest idle connection of `home`, which is the likeliest to be alive.
    fn take_idle(&mut self, home: HomeId, fresh: Duration, now: Instant) -> Option<E> {
        loop {
            let newest = self.idle.iter().rposition(|idle| idle.home == home)?;
            let idle = self.idle.remove(newest);
            if now.saturating_duration_since(idle.since) < fresh {
                return Some(idle.connection);
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
    done: bool,
}

impl<E: Exclusive, S: Shared> Dialing<E, S> {
    /// Where to tell that an exchange of a shared connection was given back.
    pub(crate) fn news(&self) -> Arc<Notify> {
        let mut lanes = self.pool.lock();
        lanes.entry(self.key.clone()).or_insert_with(Lane::new).news.clone()
    }

    /// The new connection speaks HTTP/1.1: it is the dialer's own, and others may dial at once.
    pub(crate) fn became_exclusive(mut self) {
        self.done = true;
        if let Some(lane) = self.pool.lock().get_mut(&self.key) {
            lane.speaks = Speaks::Http1;
            lane.stumbled = false;
        }
    }

    /// The new connection can be shared; the dialer has claimed its exchange already.
    pub(crate) fn became_shared(mut self, connection: S) {
        self.done = true;
        let mut lanes = self.pool.lock();
        let lane = lanes.entry(self.key.clone()).or_insert_with(Lane::new);
        lane.speaks = Speaks::Http2;
        lane.stumbled = false;
        lane.shared.push((self.home, connection));
    }
}

impl<E: Exclusive, S: Shared> Drop for Dialing<E, S> {
    fn drop(&mut self) {
        if !self.alone {
            return;
        }
        let news = self.pool.lock().get_mut(&self.key).map(|lane| {
            lane.dialing = None;
            lane.stumbled = !self.done;
            lane.news.clone()
        });
        if let Some(news) = news {
            news.notify_waiters();
        }
    }
}
