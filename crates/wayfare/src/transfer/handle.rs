//! A transfer that runs by itself, and the hold a caller has on it.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use tokio::sync::oneshot;
use url::Url;
use wayfare_net::runtime::Home;
use wayfare_proto::policy::schedule::Priority;
use wayfare_proto::trace::event::Event;
use wayfare_proto::trace::timeline::Timings;

use super::{Transfer, run};
use crate::error::{Error, ErrorKind, Stage};
use crate::events::EventReceiver;
use crate::queue::Ticket;
use crate::reply::Reply;

/// A transfer that runs by itself; dropping the handle aborts it.
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
pub struct Handle {
    events: EventReceiver,
    ticket: Arc<Ticket>,
    abort: AbortOnDrop,
    outcome: oneshot::Receiver<Result<Option<Reply>, Error>>,
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
        let abort = spawn(home, async move {
            let ended = match handlers {
                None => run(transfer).await.map(Some),
                // Boxed, so that a transfer without handlers stays small while it waits.
                Some(handlers) => Box::pin(handlers.attend(transfer)).await.map(|()| None),
            };
            // Whoever let go of the handle does not want to know.
            let _ = tell.send(ended);
        })?;
        Ok(Self { events, ticket, abort, outcome })
    }

    /// The next event of the transfer; nothing after its last.
    ///
    /// # Cancel safety
    /// No event is lost when the future is dropped.
    pub async fn event(&mut self) -> Option<Event> {
        std::future::poll_fn(|cx| self.events.poll_next(cx)).await
    }

    /// Stops the transfer now. Its last event is a failure, and so is its outcome.
    pub fn abort(&self) {
        self.abort.abort();
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

    async fn outcome(mut self) -> Result<Option<Reply>, Error> {
        let outcome = (&mut self.outcome).await;
        outcome.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Aborted, Stage::Plan, "the transfer was aborted"))
        })
    }
}

impl IntoFuture for Handle {
    type Output = Result<Reply, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            self.outcome().await?.ok_or_else(|| {
                Error::invalid_request("the body went to the handlers; there is no reply to have")
            })
        })
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
    async fn attend(mut self, transfer: Box<Transfer>) -> Result<(), Error> {
        let mut finished = Finished {
            url: transfer.url.clone(),
            status: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timings: Timings::default(),
            error: None,
        };
        if let Err(error) = self.read(run(transfer).await, &mut finished).await {
            if let Some(url) = error.url() {
                finished.url = url.clone();
            }
            if let (ErrorKind::Tls(_), Some(tell)) = (error.kind(), self.tls_error.take()) {
                tell(&error);
            }
            if let Some(tell) = self.error.take() {
                tell(&error);
            }
            finished.error = Some(error);
        }
        for tell in &self.finished {
            tell(&finished);
        }
        finished.error.map_or(Ok(()), Err)
    }

    async fn read(
        &mut self,
        lived: Result<Reply, Error>,
        finished: &mut Finished,
    ) -> Result<(), Error> {
        let mut reply = lived?;
        finished.url = reply.url().clone();
        finished.status = Some(reply.status());
        finished.headers = reply.headers().clone();
        let read = match &mut self.data {
            None => reply.collect().await,
            Some(tell) => pump(&mut reply, tell).await,
        };
        finished.timings = reply.timings();
        finished.body = read?;
        Ok(())
    }
}

async fn pump(reply: &mut Reply, tell: &mut DataHandler) -> Result<Bytes, Error> {
    while let Some(chunk) = reply.chunk().await? {
        tell(&chunk);
    }
    Ok(BytesMut::new().freeze())
}

/// Runs `work` in `home` until it ends or the guard is dropped.
pub(crate) fn spawn(
    home: &Home,
    work: impl Future<Output = ()> + Send + 'static,
) -> Result<AbortOnDrop, Error> {
    let (stop, mut stopped) = oneshot::channel::<()>();
    let mut work = Box::pin(work);
    let guarded = async move {
        std::future::poll_fn(|cx| {
            if Pin::new(&mut stopped).poll(cx).is_ready() {
                return std::task::Poll::Ready(());
            }
            work.as_mut().poll(cx)
        })
        .await;
    };
    home.spawn(guarded)
        .map_err(|_| Error::invalid_request("a transfer can only be started in a runtime"))?;
    Ok(AbortOnDrop(Mutex::new(Some(stop))))
}

/// Stops the spawned work when dropped.
pub(crate) struct AbortOnDrop(Mutex<Option<oneshot::Sender<()>>>);

impl AbortOnDrop {
    fn abort(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
