//! A profile: the directory with everything that a manager remembers, for the next time.

mod database;
mod place;
#[cfg(not(unix))]
#[path = "private_other.rs"]
mod private;
#[cfg(unix)]
#[path = "private_unix.rs"]
mod private;
mod worker;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wayfare_net::clock::now;
use wayfare_net::tls::exceptions::{Exception, Keeper};
use wayfare_proto::policy::cookie::{self, Cookie};
use wayfare_proto::policy::hsts::{self, StrictHost};

use super::cookies::CookieStore;
use super::hosts::HostStore;
use super::{Site, Storing};
use database::Change;
use worker::{Answer, Order, Shared, Trouble, Worker};

/// The directory with everything that a manager remembers: cookies, hosts that want TLS only, and
/// certificates that were accepted although something is wrong with them.
///
/// It is one SQLite database, which several processes may share; what was written is there after a
/// crash of any of them. Changes are written by a thread of its own, a tenth of a second after they
/// came, and those under way when the last clone goes. Nobody but the user may read it, and a directory
/// that is another user's, or that others may write to, is not used: what they put beside the database
/// would be taken for a part of it.
///
/// Where nothing can be kept (a full or read-only disk, a network file system, a database of a later
/// version) one [`StoreFailed`](crate::event::What::StoreFailed) says so, and the manager goes on in
/// memory.
///
/// Passwords, and what serves as well as one, are never written.
///
/// ```no_run
/// use wayfare::{Manager, Profile};
/// let manager = Manager::builder().profile(Profile::new("/home/ada/.local/share/app")).build();
/// ```
#[derive(Clone)]
pub struct Profile {
    inner: Arc<Inner>,
}

struct Inner {
    directory: PathBuf,
    access: Access,
    /// Gone when the profile is being dropped.
    orders: Option<Sender<Order>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    foreign: Arc<AtomicU64>,
    /// When another process's changes were looked for, in milliseconds since the beginning.
    looked: AtomicU64,
    began: Instant,
    /// What could not be written and was not told yet.
    trouble: Arc<Trouble>,
    most_cookies: Arc<AtomicU64>,
}

/// Whether a profile is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    ReadAndWrite,
    ReadOnly,
}

impl Profile {
    /// The profile in a directory, which is made if it is not there.
    #[must_use]
    pub fn new(directory: impl AsRef<Path>) -> Self {
        Self::open(directory.as_ref(), Access::ReadAndWrite)
    }

    /// The profile in a directory as it is, for a manager that leaves no trace there: what it learns
    /// stays in memory.
    #[must_use]
    pub fn private(directory: impl AsRef<Path>) -> Self {
        Self::open(directory.as_ref(), Access::ReadOnly)
    }

    fn open(directory: &Path, access: Access) -> Self {
        let (orders, ordered) = channel();
        let foreign = Arc::new(AtomicU64::new(0));
        let (trouble, most_cookies) = (Arc::default(), Arc::new(AtomicU64::new(3000)));
        let worker = Worker::new(
            directory.to_owned(),
            access,
            Shared {
                foreign: foreign.clone(),
                trouble: Arc::clone(&trouble),
                most_cookies: Arc::clone(&most_cookies),
            },
        );
        let thread = std::thread::Builder::new()
            .name("wayfare-profile".into())
            .spawn(move || worker.run(&ordered));
        Self {
            inner: Arc::new(Inner {
                directory: directory.to_owned(),
                access,
                orders: Some(orders),
                // Without a thread every order fails, and says so.
                thread: Mutex::new(thread.ok()),
                foreign,
                looked: AtomicU64::new(0),
                began: now(),
                trouble,
                most_cookies,
            }),
        }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.inner.directory
    }

    /// True if nothing is written to it.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.inner.access == Access::ReadOnly
    }

    /// Waits until everything that was learnt so far is written.
    ///
    /// # Errors
    /// What could not be written, unless that was told before.
    ///
    /// # Cancel safety
    /// It is written all the same.
    pub fn flush(&self) -> Storing<'static, ()> {
        self.ask(Order::Flush)
    }

    /// Forgets what is kept of a site.
    pub(crate) fn forget(&self, site: &Site) {
        self.inner.order(Order::Change(vec![Change::Forgot(site.clone())]));
    }

    fn ask<T: Send + 'static>(
        &self,
        order: impl FnOnce(Answer<T>) -> Order,
    ) -> Storing<'static, T> {
        let (answer, answered) = oneshot::channel();
        self.inner.order(order(Box::new(move |result| {
            // Who does not wait any more does not want to know.
            let _ = answer.send(result);
        })));
        Box::pin(async move { answered.await.unwrap_or_else(|_| Err(gone())) })
    }

    fn change(&self, changes: impl Iterator<Item = Change>) -> Storing<'static, ()> {
        let changes: Vec<_> = changes.collect();
        if self.inner.access == Access::ReadAndWrite && !changes.is_empty() {
            self.inner.order(Order::Change(changes));
        }
        // What went wrong with earlier ones.
        Box::pin(std::future::ready(self.inner.trouble.take().map_or(Ok(()), Err)))
    }

    /// How many cookies are kept; beyond that those are dropped that were used longest ago.
    pub(super) fn set_limit(&self, cookies: usize) {
        self.inner.most_cookies.store(cookies as u64, Ordering::Relaxed);
    }
}

impl Inner {
    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // An order whose thread is gone is dropped with its answer, which says so.
            let _ = orders.send(order);
        }
    }

    fn is_look_due(&self) -> bool {
        if self.trouble.is_there() {
            return true;
        }
        let looked = Duration::from_millis(self.looked.load(Ordering::Relaxed));
        now().saturating_duration_since(self.began).saturating_sub(looked) >= GLANCE
    }

    fn note_look(&self) {
        let since = now().saturating_duration_since(self.began).as_millis();
        self.looked.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.orders.take());
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // It has written what is left when it ends, which a disk that does not answer must not hold up
        // for ever. The thread itself may be the one to drop.
        let this = std::thread::current().id();
        let Some(thread) = thread.filter(|one| one.thread().id() != this) else { return };
        let (patience, mut pause) = (now() + LAST_WAIT, Duration::from_micros(50));
        while !thread.is_finished() && now() < patience {
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }
}

impl CookieStore for Profile {
    fn load<'a>(&'a self, site: &'a str) -> Storing<'a, Vec<Cookie>> {
        self.ask(|answer| Order::Cookies(Some(site.to_owned()), answer))
    }

    fn load_all(&self) -> Storing<'_, Vec<Cookie>> {
        self.ask(|answer| Order::Cookies(None, answer))
    }

    fn save(&self, changes: Vec<cookie::Change>) -> Storing<'_, ()> {
        self.change(changes.into_iter().map(Change::Cookie))
    }

    fn changes_elsewhere(&self) -> u64 {
        self.inner.foreign.load(Ordering::Acquire)
    }

    fn is_look_due(&self) -> bool {
        self.inner.is_look_due()
    }

    fn look(&self) -> Storing<'_, ()> {
        self.inner.note_look();
        self.ask(Order::Look)
    }
}

impl HostStore for Profile {
    fn load<'a>(&'a self, site: &'a str) -> Storing<'a, Vec<StrictHost>> {
        self.ask(|answer| Order::Hosts(Some(site.to_owned()), answer))
    }

    fn load_all(&self) -> Storing<'_, Vec<StrictHost>> {
        self.ask(|answer| Order::Hosts(None, answer))
    }

    fn save(&self, changes: Vec<hsts::Change>) -> Storing<'_, ()> {
        self.change(changes.into_iter().map(Change::Host))
    }

    fn changes_elsewhere(&self) -> u64 {
        self.inner.foreign.load(Ordering::Acquire)
    }

    fn is_look_due(&self) -> bool {
        self.inner.is_look_due()
    }

    fn look(&self) -> Storing<'_, ()> {
        self.inner.note_look();
        self.ask(Order::Look)
    }
}

impl Keeper for Profile {
    fn load(&self) -> io::Result<Vec<Exception>> {
        let (answer, answered) = channel();
        self.inner.order(Order::Exceptions(Box::new(move |result| {
            let _ = answer.send(result);
        })));
        answered.recv().unwrap_or_else(|_| Err(gone()))
    }

    fn add(&self, exception: &Exception) -> io::Result<()> {
        self.inner.order(Order::Change(vec![Change::ExceptionAdded(exception.clone())]));
        Ok(())
    }

    fn remove(&self, host: &str) -> io::Result<()> {
        let host = host.to_ascii_lowercase();
        self.inner.order(Order::Change(vec![Change::ExceptionsRemoved(host)]));
        Ok(())
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("directory", &self.inner.directory)
            .field("access", &self.inner.access)
            .finish_non_exhaustive()
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread of the profile could not be started")
}

/// How long the end of a program waits for the last changes to be written.
const LAST_WAIT: Duration = Duration::from_secs(10);
/// How often other processes' changes are looked for, at most.
const GLANCE: Duration = Duration::from_secs(1);
