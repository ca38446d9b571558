//! Whose turn it is: the schedule's rules, and the waking of those who wait.

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use url::Url;
use wayfare_net::tls::policy::TlsPolicy;
use wayfare_proto::address::origin::{self, Origin};
use wayfare_proto::policy::auth::Scheme;
use wayfare_proto::policy::schedule::{Arrival, Counts, Place, Priority, Schedule};
use wayfare_proto::route::hops::{Plain, is_forwarded};
use wayfare_proto::route::proxy::{Chain, Proxy};
use wayfare_proto::syntax::credentials::Credentials;

use crate::options::{Binding, Dns, Options, Versions};

/// What decides whether two requests may share connections.
#[derive(Clone, Debug)]
pub(crate) struct LaneKey {
    pub(crate) origin: Origin,
    pub(crate) footing: Footing,
    /// Made once: a key is looked up several times per exchange.
    hash: u64,
}

/// The settings of a request that a connection is made with.
#[derive(Clone, Debug)]
pub(crate) struct Footing {
    pub(crate) binding: Binding,
    pub(crate) versions: Versions,
    /// By identity; holding it keeps the identity from being given to another policy.
    pub(crate) tls: Arc<TlsPolicy>,
    pub(crate) dns: Dns,
    /// The proxies on the way, credentials included.
    pub(crate) way: Chain,
    /// Whose they are, if a connection is proven to be somebody's.
    pub(crate) owner: Option<Owner>,
    /// What a shared connection tells its peer once, for all its exchanges.
    shared: Option<SharedLimits>,
}

/// Whose connections are that were proven to be somebody's, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) scheme: Scheme,
    pub(crate) credentials: Credentials,
}

/// The limits of a request that hold for a whole HTTP/2 connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SharedLimits {
    read_buffer: usize,
    head_bytes: usize,
}

impl LaneKey {
    pub(crate) fn new(origin: Origin, options: &Options, way: Chain) -> Self {
        // Keyed by the process, because servers choose the origins of redirects.
        static KEYS: OnceLock<RandomState> = OnceLock::new();
        let shared = shared_limits(origin.scheme(), options);
        let tls = options.tls.policy().clone();
        let hash = KEYS.get_or_init(RandomState::new).hash_one((&origin, Arc::as_ptr(&tls)));
        let versions = options.connections.versions;
        let (binding, dns) = (options.connections.binding.clone(), options.dns.clone());
        let footing = Footing { binding, versions, tls, dns, way, owner: None, shared };
        Self { origin, footing, hash }
    }

    /// True if this is the lane of a URL under these settings.
    pub(crate) fn serves(&self, url: &Url, options: &Options, way: &Chain) -> bool {
        let footing = &self.footing;
        self.origin.is_of(url)
            && footing.versions == options.connections.versions
            && footing.binding == options.connections.binding
            && Arc::ptr_eq(&footing.tls, options.tls.policy())
            && footing.dns == options.dns
            && footing.way == *way
            && footing.owner.is_none()
            && footing.shared == shared_limits(self.origin.scheme(), options)
    }
}

impl LaneKey {
    /// The lane beside this one whose connections are `owner`'s alone. They carry one exchange at a
    /// time, since all on a connection would be the owner's.
    pub(crate) fn owned_by(&self, owner: Owner) -> Self {
        let mut key = self.clone();
        key.footing.versions = Versions::Http1;
        key.footing.shared = None;
        key.footing.owner = Some(owner);
        key
    }

    /// Whether an HTTP proxy may be given these requests.
    pub(crate) fn plain(&self) -> Plain {
        match self.footing.versions {
            Versions::Any | Versions::Http1 => Plain::Forwarded,
            Versions::Http2 => Plain::Tunneled,
        }
    }

    /// The proxy that is given the requests themselves, if there is one.
    pub(crate) fn forwarder(&self) -> Option<&Proxy> {
        let way = &self.footing.way;
        if !is_forwarded(&self.origin, way, self.plain()) {
            return None;
        }
        way.proxies().last()
    }
}

/// Nothing where connections are never shared, so that other limits need no other connection.
fn shared_limits(scheme: origin::Scheme, options: &Options) -> Option<SharedLimits> {
    match (scheme, options.connections.versions) {
        (_, Versions::Http1) | (origin::Scheme::Http, Versions::Any) => None,
        _ => Some(SharedLimits {
            read_buffer: options.bodies.read_buffer,
            head_bytes: options.heads.head_bytes,
        }),
    }
}

impl PartialEq for LaneKey {
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (&self.footing, &other.footing);
        self.origin == other.origin
            && one.versions == two.versions
            && Arc::ptr_eq(&one.tls, &two.tls)
            && one.dns == two.dns
            && one.way == two.way
            && one.owner == two.owner
            && one.binding == two.binding
            && one.shared == two.shared
    }
}

impl Eq for LaneKey {}

impl Hash for LaneKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Builds hashers for [`LaneKey`]s, which bring their hash along.
pub(crate) type Ready = BuildHasherDefault<ReadyHash>;

/// Takes a hash that was made before.
#[derive(Default)]
pub(crate) struct ReadyHash(u64);

impl Hasher for ReadyHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type Lanes = Schedule<Arc<LaneKey>, Arc<Ticket>, Ready>;

/// The one queue of a manager.
pub(crate) struct Queue {
    schedule: Mutex<Lanes>,
}

impl Queue {
    pub(crate) fn new(per_lane: usize, overall: Option<usize>) -> Arc<Self> {
        let schedule = Schedule::new(per_lane, overall.unwrap_or(usize::MAX));
        Arc::new(Self { schedule: Mutex::new(schedule) })
    }

    /// Waits for a turn in the lane of `key`; `ticket` is where the priority can be changed.
    pub(crate) fn turn(self: &Arc<Self>, key: Arc<LaneKey>, ticket: Arc<Ticket>) -> Waiting {
        Waiting { queue: self.clone(), key, ticket, state: WaitingState::New }
    }

    pub(crate) fn set_room(&self, key: &Arc<LaneKey>, room: usize) {
        let mut schedule = self.lock();
        schedule.set_room(key, room);
        wake_next(schedule);
    }

    pub(crate) fn reset_room(&self, key: &Arc<LaneKey>) {
        let mut schedule = self.lock();
        schedule.reset_room(key);
        wake_next(schedule);
    }

    pub(crate) fn total(&self) -> Counts {
        self.lock().total()
    }

    pub(crate) fn of_origin(&self, key: &Arc<LaneKey>) -> Counts {
        self.lock().counts(key)
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.total()).finish()
    }
}

/// Wakes everybody who may go now, outside of the lock.
fn wake_next(mut schedule: MutexGuard<'_, Lanes>) {
    let Some(first) = schedule.grant_next() else { return };
    let mut rest = Vec::new();
    while let Some(ticket) = schedule.grant_next() {
        rest.push(ticket);
    }
    drop(schedule);
    first.grant();
    for ticket in rest {
        ticket.grant();
    }
}

/// A transfer's standing with the queue, which outlives single turns.
pub(crate) struct Ticket {
    priority: AtomicU8,
    inner: Mutex<TicketState>,
}

enum TicketState {
    Away,
    Granted,
    Waiting { queue: Arc<Queue>, key: Arc<LaneKey>, place: Place, waker: Waker },
}

impl Ticket {
    pub(crate) fn new(priority: Priority) -> Arc<Self> {
        Arc::new(Self {
            priority: AtomicU8::new(priority as u8),
            inner: Mutex::new(TicketState::Away),
        })
    }

    pub(crate) fn priority(&self) -> Priority {
        match self.priority.load(Ordering::Relaxed) {
            0 => Priority::High,
            1 => Priority::Normal,
            _ => Priority::Low,
        }
    }

    /// Changes the priority; one who waits moves at once.
    pub(crate) fn set_priority(&self, priority: Priority) {
        self.priority.store(priority as u8, Ordering::Relaxed);
        let waiting = match &*self.lock() {
            TicketState::Waiting { queue, key, .. } => Some((queue.clone(), key.clone())),
            _ => None,
        };
        let Some((queue, key)) = waiting else { return };
        // The schedule's lock comes first everywhere; the ticket may have changed in between.
        let mut schedule = queue.lock();
        self.move_to(priority, &mut schedule, &key);
    }

    fn move_to(&self, priority: Priority, schedule: &mut Lanes, key: &Arc<LaneKey>) {
        if let TicketState::Waiting { place, .. } = &mut *self.lock()
            && let Some(moved) = schedule.change(key, *place, priority)
        {
            *place = moved;
        }
    }

    fn grant(&self) {
        let before = std::mem::replace(&mut *self.lock(), TicketState::Granted);
        if let TicketState::Waiting { waker, .. } = before {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, TicketState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a turn.
pub(crate) struct Waiting {
    queue: Arc<Queue>,
    key: Arc<LaneKey>,
    ticket: Arc<Ticket>,
    state: WaitingState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WaitingState {
    New,
    Listed,
    Over,
}

impl Waiting {
    fn arrive(&mut self, waker: &Waker) -> Poll<Turn> {
        let ticket = self.ticket.clone();
        let mut schedule = self.queue.lock();
        let priority = ticket.priority();
        let arrival = schedule.arrive(&self.key, priority, || ticket.clone());
        match arrival {
            Arrival::Go => {
                drop(schedule);
                Poll::Ready(self.take_turn())
            }
            Arrival::Wait(place) => {
                *ticket.lock() = TicketState::Waiting {
                    queue: self.queue.clone(),
                    key: self.key.clone(),
                    place,
                    waker: waker.clone(),
                };
                // Who changed the priority since it was read found nobody listed to be moved.
                let wanted = ticket.priority();
                if wanted != priority {
                    ticket.move_to(wanted, &mut schedule, &self.key);
                }
                drop(schedule);
                self.state = WaitingState::Listed;
                Poll::Pending
            }
        }
    }

    fn take_turn(&mut self) -> Turn {
        self.state = WaitingState::Over;
        Turn { queue: self.queue.clone(), key: self.key.clone() }
    }
}

impl Future for Waiting {
    type Output = Turn;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Turn> {
        let this = self.get_mut();
        if this.state == WaitingState::New {
            return this.arrive(cx.waker());
        }
        let mut inner = this.ticket.lock();
        match &mut *inner {
            TicketState::Waiting { waker, .. } => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            TicketState::Granted | TicketState::Away => {
                *inner = TicketState::Away;
                drop(inner);
                Poll::Ready(this.take_turn())
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.state != WaitingState::Listed {
            return;
        }
        let mut schedule = self.queue.lock();
        let state = std::mem::replace(&mut *self.ticket.lock(), TicketState::Away);
        match state {
            TicketState::Waiting { place, .. } if schedule.cancel(&self.key, place).is_some() => {}
            // The turn had been granted between the last poll and now: it goes to the next.
            _ => {
                schedule.leave(&self.key);
                wake_next(schedule);
            }
        }
    }
}

/// The right to use a connection, given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    queue: Arc<Queue>,
    key: Arc<LaneKey>,
}

impl Turn {
    pub(crate) fn is_for(&self, key: &LaneKey) -> bool {
        *self.key == *key
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut schedule = self.queue.lock();
        schedule.leave(&self.key);
        wake_next(schedule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(port: u16) -> Arc<LaneKey> {
        let url = format!("http://a.test:{port}/").parse().unwrap();
        let origin = Origin::of(&url).unwrap();
        Arc::new(LaneKey::new(origin, &Options::default(), Chain::DIRECT))
    }

    #[tokio::test]
    async fn a_cancelled_waiter_lets_the_next_one_go() {
        let queue = Queue::new(1, None);
        let key = key(1);
        let turn = |priority| queue.turn(key.clone(), Ticket::new(priority));
        let first = turn(Priority::Normal).await;
        let mut second = Box::pin(turn(Priority::High));
        let mut third = Box::pin(turn(Priority::Low));
        assert!(futures_pending(&mut second).await);
        assert!(futures_pending(&mut third).await);
        drop(first);
        // The second was granted by that, but goes away before it noticed.
        drop(second);
        third.await;
        assert_eq!(queue.total(), Counts::default());
    }

    #[tokio::test]
    async fn a_live_change_of_priority_moves_a_waiter() {
        let queue = Queue::new(1, None);
        let key = key(1);
        let first = queue.turn(key.clone(), Ticket::new(Priority::Normal)).await;
        let mut early = Box::pin(queue.turn(key.clone(), Ticket::new(Priority::Normal)));
        let ticket = Ticket::new(Priority::Low);
        let mut late = Box::pin(queue.turn(key.clone(), ticket.clone()));
        assert!(futures_pending(&mut early).await);
        assert!(futures_pending(&mut late).await);
        ticket.set_priority(Priority::High);
        assert_eq!(queue.of_origin(&key).waiting, [1, 1, 0]);
        drop(first);
        let late = late.await;
        assert!(futures_pending(&mut early).await);
        drop(late);
        early.await;
    }

    #[tokio::test]
    async fn a_priority_changed_while_the_waiter_is_being_listed_holds() {
        let queue = Queue::new(1, None);
        let key = key(1);
        let _first = queue.turn(key.clone(), Ticket::new(Priority::Normal)).await;
        let ticket = Ticket::new(Priority::Low);
        let mut waiting = Box::pin(queue.turn(key.clone(), ticket.clone()));
        std::thread::scope(|scope| {
            // Who changes the priority looks under this lock, and sees that nobody waits yet.
            let state = ticket.lock();
            assert!(matches!(*state, TicketState::Away));
            let listing = scope.spawn(|| {
                let mut cx = Context::from_waker(Waker::noop());
                assert!(waiting.as_mut().poll(&mut cx).is_pending());
            });
            while queue.schedule.try_lock().is_ok() {
                std::thread::yield_now();
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
            ticket.priority.store(Priority::High as u8, Ordering::Relaxed);
            drop(state);
            listing.join().unwrap();
        });
        assert_eq!(queue.of_origin(&key).waiting, [1, 0, 0]);
    }

    async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
        std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx).is_pending())).await
    }
}
