//! The thread that has a profile's database: it reads when asked, and writes a moment later.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use wayfare_net::clock::now;
use wayfare_net::tls::exceptions::Exception;
use wayfare_proto::policy::cookie::Cookie;
use wayfare_proto::policy::hsts::StrictHost;

use super::Access;
use super::database::{Change, Database, Unusable};
use super::place;

/// What the thread is told to do.
pub(super) enum Order {
    /// Make these changes before long.
    Change(Vec<Change>),
    Cookies(Option<String>, Answer<Vec<Cookie>>),
    Exceptions(Answer<Vec<Exception>>),
    /// Make every change that was ordered before.
    Flush(Answer<()>),
    Hosts(Option<String>, Answer<Vec<StrictHost>>),
    /// See whether another process has changed something.
    Look(Answer<()>),
}

/// Where an answer goes.
pub(super) type Answer<T> = Box<dyn FnOnce(io::Result<T>) + Send>;

/// The thread's own.
pub(super) struct Worker {
    directory: PathBuf,
    access: Access,
    state: State,
    pending: Vec<Change>,
    /// When the first of what is pending came.
    since: Option<Instant>,
    shared: Shared,
    seen: Option<i64>,
    /// How often something was written.
    written: u64,
}

/// What the thread shares with those who order.
pub(super) struct Shared {
    /// Goes up with every change that another process made.
    pub(super) foreign: Arc<AtomicU64>,
    /// What could not be written and was not told yet.
    pub(super) trouble: Arc<Trouble>,
    pub(super) most_cookies: Arc<AtomicU64>,
}

/// What went wrong and was not told yet.
#[derive(Default)]
pub(super) struct Trouble {
    error: Mutex<Option<io::Error>>,
    /// Looked at before each request.
    is_there: AtomicBool,
}

impl Trouble {
    pub(super) fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Acquire)
    }

    pub(super) fn take(&self) -> Option<io::Error> {
        let mut error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_there.store(false, Ordering::Release);
        error.take()
    }

    fn note(&self, trouble: io::Error) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
        self.is_there.store(true, Ordering::Release);
    }
}

enum State {
    Closed,
    Open(Database),
    /// It can be read, and no more.
    Readable(Database),
    /// Nothing can be kept. Told once; from then on all is as if nothing was ever kept.
    Useless,
}

impl Worker {
    pub(super) fn new(directory: PathBuf, access: Access, shared: Shared) -> Self {
        Self {
            directory,
            access,
            state: State::Closed,
            pending: Vec::new(),
            since: None,
            shared,
            seen: None,
            written: 0,
        }
    }

    /// Works until nobody is left to order anything.
    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let order = match self.since {
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(since) => {
                    orders.recv_timeout((since + DELAY).saturating_duration_since(now()))
                }
            };
            match order {
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => self.write(),
                Err(RecvTimeoutError::Disconnected) => return self.write(),
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Change(_) if self.access == Access::ReadOnly => {}
            Order::Change(mut changes) => {
                self.pending.append(&mut changes);
                self.since.get_or_insert_with(now);
                if self.pending.len() >= MOST_PENDING {
                    self.write();
                }
            }
            Order::Cookies(site, answer) => answer(self.read(|it| it.cookies(site.as_deref()))),
            Order::Exceptions(answer) => answer(self.read(Database::exceptions)),
            Order::Hosts(site, answer) => answer(self.read(|it| it.hosts(site.as_deref()))),
            Order::Flush(answer) => {
                self.write();
                let left = self.pending.len();
                answer(match self.shared.trouble.take() {
                    Some(trouble) => Err(trouble),
                    None if left > 0 => Err(self.busy(left)),
                    None => Ok(()),
                });
            }
            Order::Look(answer) => {
                self.open();
                self.look();
                answer(self.shared.trouble.take().map_or(Ok(()), Err));
            }
        }
    }

    /// Reads something, after what is pending was written.
    fn read<T: Default>(
        &mut self,
        read: impl FnOnce(&Database) -> rusqlite::Result<T>,
    ) -> io::Result<T> {
        self.write();
        self.open();
        match &self.state {
            State::Open(database) | State::Readable(database) => {
                read(database).map_err(|why| named(&self.directory, &why))
            }
            State::Closed | State::Useless => {
                self.shared.trouble.take().map_or_else(|| Ok(T::default()), Err)
            }
        }
    }

    fn busy(&self, left: usize) -> io::Error {
        let why = format!("another process is writing; {left} changes are not written yet");
        io::Error::new(io::ErrorKind::ResourceBusy, in_words(&self.directory, &why))
    }

    fn open(&mut self) {
        if !matches!(self.state, State::Closed) {
            return;
        }
        let path = match place::prepare(&self.directory, self.access) {
            Ok(path) => path,
            // What is not there may come, but not from this one.
            Err(why) if self.access == Access::ReadOnly && is_missing(&why) => return,
            Err(why) => return self.give_up(why.kind(), &why),
        };
        match Database::open(&path, self.access) {
            Ok(database) => self.state = State::Open(database),
            Err(Unusable::Empty) => return,
            Err(why) => return self.give_up(io::ErrorKind::Other, &why),
        }
        self.look();
    }

    /// What cannot be written may still be read: to forget that a host is strict protects nobody.
    fn give_up(&mut self, kind: io::ErrorKind, why: &dyn std::fmt::Display) {
        self.shared.trouble.note(io::Error::new(kind, in_words(&self.directory, why)));
        let read = place::prepare(&self.directory, Access::ReadOnly)
            .ok()
            .and_then(|path| Database::open(&path, Access::ReadOnly).ok());
        self.state = read.map_or(State::Useless, State::Readable);
    }

    /// Writes what is pending.
    fn write(&mut self) {
        self.since = None;
        if self.pending.is_empty() {
            return;
        }
        self.open();
        let State::Open(database) = &mut self.state else {
            self.pending.clear();
            return;
        };
        let written = database.apply(&self.pending);
        match written {
            Ok(()) => self.pending.clear(),
            // Another process is still at it: the next time.
            Err(why) if is_busy(&why) => {
                self.since = Some(now());
                if self.pending.len() > MOST_LEFT {
                    let lost = self.pending.len() - MOST_LEFT;
                    self.pending.drain(..lost);
                    self.shared.trouble.note(self.busy(lost));
                }
                return;
            }
            Err(why) => {
                self.pending.clear();
                // A full or broken disk does not get better by more writing.
                return self.give_up(io::ErrorKind::Other, &why);
            }
        }
        self.written += 1;
        // The first time, and then now and then.
        if self.written % TIDY_EACH == 1 && self.access == Access::ReadAndWrite {
            // What is left too long is no harm, so a failure is none either.
            let most = self.shared.most_cookies.load(Ordering::Relaxed);
            let _ = database.tidy(SystemTime::now().into(), most);
        }
    }

    fn look(&mut self) {
        let (State::Open(database) | State::Readable(database)) = &self.state else { return };
        let Ok(version) = database.foreign_version() else { return };
        let before = self.seen.replace(version);
        if before.is_some_and(|before| before != version) {
            self.shared.foreign.fetch_add(1, Ordering::Release);
        }
    }
}

fn is_missing(why: &io::Error) -> bool {
    why.kind() == io::ErrorKind::NotFound
}

fn is_busy(why: &rusqlite::Error) -> bool {
    matches!(
        why.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
    )
}

fn named(directory: &Path, why: &rusqlite::Error) -> io::Error {
    io::Error::other(in_words(directory, why))
}

fn in_words(directory: &Path, why: &dyn std::fmt::Display) -> String {
    format!("the profile in {}: {why}", directory.display())
}

/// After so many times of writing what is too old or too much is dropped.
const TIDY_EACH: u64 = 1000;
/// How long changes wait for others to be written together with.
const DELAY: Duration = Duration::from_millis(100);
/// So many changes are kept for a database that others are writing.
const MOST_LEFT: usize = 100_000;
/// So many changes do not wait any longer.
const MOST_PENDING: usize = 10_000;
