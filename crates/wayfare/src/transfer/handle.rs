//! A transfer that runs by itself, and the hold a caller has on it.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::sync::oneshot;
use url::Url;
use wayfare_net::runtime::Home;
use wayfare_proto::policy::schedule::Priority;
use wayfare_proto::trace::event::Event;
use wayfare_proto::trace::timeline::Timings;

use super::stop::{Stop, Stopped, Stopper, pair};
use super::{Transfer, run};
use crate::error::{Error, ErrorKind, Stage};
use crate::events::EventReceiver;
use crate::queue::Ticket;
use crate::reply::Reply;

/// A transfer that runs by itself; dropping the handle aborts it, unless it is
/// [detached](Handle::detach).
///
/// ```no_run
/// # async fn run(manager: wayfare::Manager) -> Result<(), wayfare::Error> {
/// let mut handle = manager.get("https://example.org/").start()?;
/// while let Some(event) = handle.event().await {
///     println!("{:?} {:?}", event.at, event.what);
///     # break;
/// }
/// let reply = handle.await?;
/// # Ok(()) }
/// ```
#[must_use = "dropping the handle aborts the transfer"]
pub struct Handle {
    events: EventReceiver,
    ticket: Arc<Ticket>,
    stopper: Stopper,
    outcome: oneshot::Receiver<Result<Reply, Error>>,
}

/// What a transfer came to, for those who asked to be told at its end.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finished {
    /// The URL that answered, or the last one tried.
    pub url: Url,
    /// The status; nothing if no answer came.
    pub status: Option<StatusCode>,
    /// The fields of the answer.
    pub headers: HeaderMap,
    /// The whole body; empty if it went to a data handler.
    pub body: Bytes,
    /// How long each phase took.
    pub timings: Timings,
    /// What went wrong, if something did.
    pub error: Option<Error>,
}

/// The closures of a transfer that reads its own body.
#[derive(Default)]
pub(crate) struct Handlers {
    pub(crate) data: Option<DataHandler>,
    pub(crate) error: Option<ErrorHandler>,
    pub(crate) finished: Vec<FinishedHandler>,
    pub(crate) tls_error: Option<ErrorHandler>,
}

pub(crate) type DataHandler = Box<dyn FnMut(&Bytes) + Send>;
pub(crate) type ErrorHandler = Box<dyn FnOnce(&Error) + Send>;
pub(crate) type FinishedHandler = Arc<dyn Fn(&Finished) + Send + Sync>;

impl Handle {
    pub(crate) fn start(
        transfer: Box<Transfer>,
        handlers: Option<Box<Handlers>>,
        events: EventReceiver,
        home: &Home,
    ) -> Result<Self, Error> {
        let (tell, outcome) = oneshot::channel();
        let ticket = transfer.ticket.clone();
        let stopper = spawn(home, move |mut stop| async move {
            let ended = match handlers {
                None => stop.or(Box::pin(run(transfer))).await.unwrap_or_else(|_| Err(aborted())),
                // Boxed, so that a transfer without handlers stays small while it waits.
                Some(handlers) => Box::pin(handlers.attend(transfer, stop)).await,
            };
            // Whoever let go of the handle does not want to know.
            let _ = tell.send(ended);
        })?;
        Ok(Self { events, ticket, stopper, outcome })
    }

    /// The next event of the transfer; nothing after its last.
    ///
    /// # Cancel safety
    /// No event is lost when the future is dropped.
    pub async fn event(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.events.poll_next(cx)).await
    }

    /// Stops the transfer now. Its last event is a failure, and so is its outcome; its handlers for
    /// errors and for its end are called.
    pub fn abort(&self) {
        self.stopper.abort();
    }

    /// Lets the transfer go on by itself to its end, for those who only want its handlers called.
    pub fn detach(self) {
        self.stopper.detach();
    }

    /// Changes the priority. One that waits for its turn moves at once; on one that has it, it
    /// has no effect any more.
    pub fn set_priority(&self, priority: Priority) {
        self.ticket.set_priority(priority);
    }

    /// Waits for the end of a transfer that reads its own body by handlers, or for the head of
    /// one that does not, whose reply is dropped then.
    ///
    /// # Errors
    /// What the transfer failed with.
    ///
    /// # Cancel safety
    /// Dropping the future aborts the transfer.
    pub async fn finished(self) -> Result<(), Error> {
        self.outcome().await.map(drop)
    }

    async fn outcome(mut self) -> Result<Reply, Error> {
        (&mut self.outcome).await.unwrap_or_else(|_| Err(aborted()))
    }
}

impl IntoFuture for Handle {
    type Output = Result<Reply, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    /// The reply. If handlers have read the body it is given again from memory, except for what
    /// went to a data handler.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.outcome())
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("priority", &self.ticket.priority()).finish_non_exhaustive()
    }
}

impl Handlers {
    pub(crate) fn is_empty(&self) -> bool {
        self.data.is_none()
            && self.error.is_none()
            && self.finished.is_empty()
            && self.tls_error.is_none()
    }

    /// Lives a transfer, reads its body and tells everybody what came of it.
    async fn attend(mut self, transfer: Box<Transfer>, mut stop: Stop) -> Result<Reply, Error> {
        let mut finished = Finished {
            url: Url::clone(&transfer.url),
            status: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timings: Timings::default(),
            error: None,
        };
        let ended = match stop.or(Box::pin(self.read(run(transfer), &mut finished))).await {
            Ok(ended) => ended,
            Err(Stopped::Aborted) => Err(aborted()),
            Err(Stopped::Dropped) => return Err(aborted()),
        };
        let reply = match ended {
            Ok(reply) => Some(reply),
            Err(error) => {
                self.tell_error(&error, &mut finished);
                finished.error = Some(error);
                None
            }
        };
        for tell in &self.finished {
            tell(&finished);
        }
        match (reply, finished.error) {
            (Some(reply), _) => Ok(reply),
            (None, error) => Err(error.unwrap_or_else(aborted)),
        }
    }

    fn tell_error(&mut self, error: &Error, finished: &mut Finished) {
        if let Some(url) = error.url() {
            finished.url = url.clone();
        }
        finished.timings = error.timings();
        if let (ErrorKind::Tls(_), Some(tell)) = (error.kind(), self.tls_error.take()) {
            tell(error);
        }
        if let Some(tell) = self.error.take() {
            tell(error);
        }
    }

    async fn read(
        &mut self,
        life: impl Future<Output = Result<Reply, Error>>,
        finished: &mut Finished,
    ) -> Result<Reply, Error> {
        let mut reply = life.await?;
        finished.url = reply.url().clone();
        finished.status = Some(reply.status());
        finished.headers = reply.headers().clone();
        match &mut self.data {
            None => {
                finished.body = reply.collect().await?;
                reply.put_back(finished.body.clone());
            }
            Some(tell) => {
                while let Some(chunk) = reply.chunk().await? {
                    tell(&chunk);
                }
            }
        }
        finished.timings = reply.timings();
        Ok(reply)
    }
}

fn aborted() -> Error {
    Error::new(ErrorKind::Aborted, Stage::Plan, "the transfer was aborted")
}

/// Runs work in `home` until it ends or is stopped.
pub(crate) fn spawn<W>(home: &Home, work: impl FnOnce(Stop) -> W) -> Result<Stopper, Error>
where
    W: Future<Output = ()> + Send + 'static,
{
    let (stopper, stop) = pair();
    home.spawn(work(stop))
        .map_err(|_| Error::invalid_request("a transfer can only be started in a runtime"))?;
    Ok(stopper)
}
