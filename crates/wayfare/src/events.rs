//! One stream of events per transfer, emitted by its transitions and read by everybody else.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;
use wayfare_net::clock::now;
use wayfare_proto::trace::event::{Event, What};
use wayfare_proto::trace::timeline::{Moment, Timeline, Timings};

use crate::options::Progress;

/// A reader of events.
#[derive(Clone)]
pub(crate) enum Listener {
    Channel(UnboundedSender<Event>),
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
}

impl Emitter {
    pub(crate) fn new(listeners: Vec<Listener>, progress: Progress) -> Self {
        Self { timeline: Timeline::new(now()), listeners, progress, last_progress: None }
    }

    /// Emits what `what` makes, which is only called if anyone listens.
    pub(crate) fn emit(&self, what: impl FnOnce() -> What) {
        if !self.listeners.is_empty() {
            self.tell(what(), now());
        }
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
        let calm = self.progress == Progress::Calm
            && self.last_progress.is_some_and(|last| moment - last < CALM);
        if !calm {
            self.last_progress = Some(moment);
            self.tell(what(), moment);
        }
    }

    pub(crate) fn timings(&self) -> Timings {
        self.timeline.timings()
    }

    fn tell(&self, what: What, moment: Instant) {
        let at = moment.saturating_duration_since(self.timeline.handed_over());
        let event = Event::new(at, what);
        for listener in &self.listeners {
            match listener {
                // A reader who has gone does not want to know.
                Listener::Channel(channel) => drop(channel.send(event.clone())),
                Listener::Closure(closure) => closure(&event),
            }
        }
    }
}

/// Progress is told at most so often unless every piece is asked for.
const CALM: Duration = Duration::from_millis(100);
