//! One stream of events per transfer, emitted by its transitions and read by everybody else.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use wayfare_net::clock::now;
use wayfare_proto::trace::event::{Event, What};
use wayfare_proto::trace::timeline::{Moment, Timeline, Timings};

use crate::options::Progress;

/// A reader of events.
#[derive(Clone)]
pub(crate) enum Listener {
    Channel(EventSender),
    Closure(Arc<dyn Fn(&Event) + Send + Sync>),
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Channel(_) => "Channel",
            Self::Closure(_) => "Closure",
        })
    }
}

/// Where a transfer's transitions leave their marks: the timeline always, events if anyone reads.
#[derive(Debug)]
pub(crate) struct Emitter {
    pub(crate) timeline: Timeline,
    listeners: Vec<Listener>,
    progress: Progress,
    last_progress: Option<Instant>,
    /// The newest progress was kept back, to be calm.
    untold: bool,
}

impl Emitter {
    pub(crate) fn new(listeners: Vec<Listener>, progress: Progress) -> Self {
        Self {
            timeline: Timeline::new(now()),
            listeners,
            progress,
            last_progress: None,
            untold: false,
        }
    }

    /// Emits what `what` makes, which is only called if anyone listens.
    pub(crate) fn emit(&self, what: impl FnOnce() -> What) {
        if !self.listeners.is_empty() {
            self.tell(what(), now());
        }
    }

    /// True if anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        !self.listeners.is_empty()
    }

    pub(crate) fn mark(&mut self, moment: Moment) {
        self.timeline.mark(moment, now());
    }

    /// Emits progress, but not more often than asked for.
    pub(crate) fn progress(&mut self, what: impl FnOnce() -> What) {
        if self.listeners.is_empty() {
            return;
        }
        let moment = now();
        self.untold = self.progress == Progress::Calm
            && self.last_progress.is_some_and(|last| moment - last < CALM);
        if !self.untold {
            self.last_progress = Some(moment);
            self.tell(what(), moment);
        }
    }

    /// Tells the last progress in any case, if it was kept back.
    pub(crate) fn last_progress(&mut self, what: impl FnOnce() -> What) {
        if std::mem::take(&mut self.untold) {
            self.emit(what);
        }
    }

    /// Ends the stream for those who read it: nothing comes after a last event.
    pub(crate) fn close(&mut self) {
        self.listeners = Vec::new();
    }

    pub(crate) fn timings(&self) -> Timings {
        self.timeline.timings()
    }

    fn tell(&self, what: What, moment: Instant) {
        let at = moment.saturating_duration_since(self.timeline.handed_over());
        let event = Event::new(at, what);
        for listener in &self.listeners {
            match listener {
                Listener::Channel(channel) => channel.send(event.clone()),
                Listener::Closure(closure) => closure(&event),
            }
        }
    }
}

/// A queue of events, which costs next to nothing while it is empty: there may be as many of them
/// as there are waiting transfers, and a general channel sets aside room for dozens of events.
pub(crate) fn channel() -> (EventSender, EventReceiver) {
    let queue = Arc::<EventQueue>::default();
    (EventSender(Arc::new(Sending(queue.clone()))), EventReceiver(queue))
}

/// Where events are put; the queue ends when the last clone has gone.
#[derive(Clone)]
pub(crate) struct EventSender(Arc<Sending>);

/// Where events are taken from.
pub(crate) struct EventReceiver(Arc<EventQueue>);

struct Sending(Arc<EventQueue>);

#[derive(Default)]
struct EventQueue(Mutex<Queued>);

#[derive(Default)]
struct Queued {
    events: VecDeque<Event>,
    reader: Option<Waker>,
    ended: bool,
    /// Nobody will ever take anything out.
    unread: bool,
}

impl EventQueue {
    fn lock(&self) -> MutexGuard<'_, Queued> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Queued)) {
        let mut queued = self.lock();
        change(&mut queued);
        let reader = queued.reader.take();
        drop(queued);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl EventSender {
    fn send(&self, event: Event) {
        self.0.0.change(|queued| {
            if !queued.unread {
                if queued.events.capacity() == 0 {
                    // One who waits for its turn has one thing to tell.
                    queued.events.reserve_exact(1);
                }
                // Of progress that nobody has read only the newest matters, and an unread stream
                // must not grow for as long as its transfer lasts.
                match queued.events.back_mut() {
                    Some(last) if is_same_progress(last, &event) => *last = event,
                    _ => queued.events.push_back(event),
                }
            }
        });
    }
}

fn is_same_progress(one: &Event, other: &Event) -> bool {
    matches!(
        (&one.what, &other.what),
        (What::DownloadProgress { .. }, What::DownloadProgress { .. })
            | (What::UploadProgress { .. }, What::UploadProgress { .. })
    )
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.change(|queued| queued.ended = true);
    }
}

impl EventReceiver {
    /// The next event; nothing after the last.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut queued = self.0.lock();
        match queued.events.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None if queued.ended => Poll::Ready(None),
            None => {
                queued.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for EventReceiver {
    fn drop(&mut self) {
        let mut queued = self.0.lock();
        queued.unread = true;
        let events = std::mem::take(&mut queued.events);
        drop(queued);
        drop(events);
    }
}

/// Progress is told at most so often unless every piece is asked for.
const CALM: Duration = Duration::from_millis(100);
