//! The thread that has a profile's database: it reads when asked, and writes a moment later.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
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
    Look,
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
    /// What could not be written and was not told yet.
    trouble: Option<io::Error>,
    /// Goes up with every change that another process made.
    foreign: Arc<AtomicU64>,
    seen: Option<i64>,
    is_tidy: bool,
}

enum State {
    Closed,
    Open(Database),
    /// Nothing can be kept. Told once; from then on all is as if nothing was ever kept.
    Useless,
}

impl Worker {
    pub(super) fn new(directory: PathBuf, access: Access, foreign: Arc<AtomicU64>) -> Self {
        Self {
            directory,
            access,
            state: State::Closed,
            pending: Vec::new(),
            since: None,
            trouble: None,
            foreign,
            seen: None,
            is_tidy: access == Access::ReadOnly,
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
                Err(RecvTimeoutError::Disconnected) => {
                    // Another process may be writing; it is waited for, but not for ever.
                    for _ in 0..LAST_TRIES {
                        self.write();
                    }
                    return;
                }
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
                answer(self.trouble.take().map_or(Ok(()), Err));
            }
            Order::Look => self.look(),
        }
    }

    /// Reads something, after what is pending was written.
    fn read<T: Default>(
        &mut self,
        read: impl FnOnce(&Database) -> rusqlite::Result<T>,
    ) -> io::Result<T> {
        self.write();
        self.open();
        let State::Open(database) = &self.state else {
            return self.trouble.take().map_or_else(|| Ok(T::default()), Err);
        };
        let read = read(database);
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        read.map_err(|why| named(&self.directory, &why))
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

    fn give_up(&mut self, kind: io::ErrorKind, why: &dyn std::fmt::Display) {
        self.trouble = Some(io::Error::new(kind, in_words(&self.directory, why)));
        self.state = State::Useless;
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
            // Another process is still at it: the next time, unless it goes on for ever.
            Err(why) if is_busy(&why) && self.pending.len() < MOST_PENDING => {
                self.since = Some(now());
                return;
            }
            Err(why) => {
                self.trouble = Some(named(&self.directory, &why));
                self.pending.clear();
                // A full or broken disk does not get better by more writing.
                self.state = State::Useless;
                return;
            }
        }
        if !std::mem::replace(&mut self.is_tidy, true) {
            // What is left too long is no harm, so a failure is none either.
            let _ = database.tidy(SystemTime::now().into());
        }
    }

    fn look(&mut self) {
        let State::Open(database) = &self.state else { return };
        let Ok(version) = database.foreign_version() else { return };
        let before = self.seen.replace(version);
        if before.is_some_and(|before| before != version) {
            self.foreign.fetch_add(1, Ordering::Release);
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

/// How long changes wait for others to be written together with.
const DELAY: Duration = Duration::from_millis(100);
/// How often the last changes are tried to be written, each time with all patience.
const LAST_TRIES: usize = 3;
/// So many changes do not wait any longer.
const MOST_PENDING: usize = 10_000;
