//! One request's life: plan, attempt, learn, judge, deliver.

pub(crate) mod access;
mod attempt;
mod deliver;
mod door;
mod forwarder;
pub(crate) mod handle;
pub(crate) mod identity;
mod judge;
mod learn;
pub(crate) mod logins;
mod manners;
mod plan;
mod recall;
pub(crate) mod shared;
mod sources;
mod stop;
mod talk;
mod trust;
mod way;

use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use http::{HeaderMap, Method};
use url::Url;
use wayfare_net::clock::now;
use wayfare_net::runtime::{Home, Timer};
use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::policy::redirect::{self, BodyFate, Border};
use wayfare_proto::policy::retry::Tries;
use wayfare_proto::policy::schedule::Priority;
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::trace::event::What;

use crate::body::Body;
use crate::delegate::RedirectQuestion;
use crate::error::{Error, ErrorKind, Phase, Stage};
use crate::events::{Emitter, Listener};
use crate::options::Options;
use crate::protocol::Answer;
use crate::queue::{LaneKey, Ticket, Turn};
use crate::reply::{Redirect, Reply};
use identity::{Own, Said, Unauthorized};
use judge::Verdict;
use shared::Shared;
use way::Challenged;

/// One request's life. Read this first.
async fn live(transfer: &mut Transfer) -> Result<Reply, Error> {
    transfer.recall().await; // what is remembered of the server
    transfer.choose().await?; // 0 which way to go
    let mut turn = transfer.turn(None).await; // 1 wait for its turn
    loop {
        let outgoing = transfer.plan()?; // 2 rules: what to send
        let outcome = transfer.attempt(outgoing).await; // 3 connection, send, head
        transfer.learn(&outcome).await; // 4 what the answer teaches
        match transfer.judge(outcome)? {
            // 5 rules: 3xx, 408, broken
            Verdict::Deliver(answer) => return transfer.deliver(answer, turn), // 6
            Verdict::Again(again) => transfer.follow(again),
            Verdict::Ask(question) => match transfer.ask(question).await? {
                Asked::Yes(again) => transfer.follow(again),
                Asked::No(answer) => return transfer.deliver(answer, turn),
            },
        }
        transfer.recall().await; // another URL is another place
        transfer.choose().await?; // and may have another way
        turn = transfer.turn(turn).await; // another origin has another queue
    }
}

/// Lives a transfer to its reply, within its overall deadline.
pub(crate) async fn run(mut transfer: Box<Transfer>) -> Result<Reply, Error> {
    let Some(deadline) = transfer.deadline else {
        let lived = live(&mut transfer).await;
        return transfer.conclude(lived);
    };
    let mut timer = Timer::new(transfer.home.clone());
    let wait = transfer.options.timeouts.whole;
    let lived = {
        let mut life = Box::pin(live(&mut transfer));
        std::future::poll_fn(|cx| match life.as_mut().poll(cx) {
            std::task::Poll::Ready(lived) => std::task::Poll::Ready(Some(lived)),
            std::task::Poll::Pending => timer.poll_until(deadline, cx).map(|()| None),
        })
        .await
    };
    let lived = lived.unwrap_or_else(|| Err(late(wait, transfer.stage)));
    transfer.conclude(lived)
}

/// A request on its way, and everything it has met so far.
pub(crate) struct Transfer {
    shared: Arc<Shared>,
    home: Home,
    pub(crate) options: Arc<Options>,
    pub(crate) method: Method,
    pub(crate) url: Arc<Url>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// Known once the way is chosen; nothing for what needs no connection.
    key: Option<Arc<LaneKey>>,
    /// Kept apart, because most transfers have none of it while they wait.
    journey: Option<Box<Journey>>,
    /// Where it is, for the error of a deadline that ends it there.
    stage: Stage,
    /// Whether the chain has left the first origin.
    border: Border,
    tries: Tries,
    /// Who it says to be itself.
    pub(crate) own: Option<Box<Own>>,
    /// How often a proxy was told who is asking.
    logins: u8,
    expectation: Expectation,
    pub(crate) ticket: Arc<Ticket>,
    /// There once it is handed over; taken by the reply, which goes on with it.
    emitter: Option<Box<Emitter>>,
    deadline: Option<Instant>,
}

/// The turns that a transfer's journey took or may take.
#[derive(Default)]
struct Journey {
    redirects: Vec<Redirect>,
    /// The ways to be tried after the one taken.
    other_ways: Vec<Chain>,
    /// Who servers were told is asking.
    said: Said,
    /// A way has failed and another was taken.
    left_first_way: bool,
}

/// What a transfer does next.
pub(crate) enum Again {
    /// The same by the next way.
    OtherWay,
    /// The same once more.
    Resend(&'static str),
    /// The same once more, but the body is not to wait for `100 Continue`.
    Unexpecting,
    /// What a redirect says.
    Redirect(redirect::Next, http::StatusCode),
}

/// Whether an `Expect` that was asked for is sent (RFC 9110 §10.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expectation {
    AsAsked,
    /// A server on the way failed it, so this transfer has given it up.
    GivenUp,
}

/// What is put to the delegate.
pub(crate) enum Question {
    /// Certificates that are not in order, and the error if they are not accepted.
    Certificate(Error),
    /// Who is asking a server.
    Identity(Box<Unauthorized>),
    /// Who is asking a proxy.
    Login(Box<Challenged>),
    /// A redirect, and the answer to deliver if it is not to be followed.
    Redirect { next: redirect::Next, answer: Box<Answer> },
}

enum Asked {
    No(Box<Answer>),
    Yes(Again),
}

impl Transfer {
    /// A transfer that has not begun, with the manager's settings; without a URL it may not begin.
    pub(crate) fn draft(shared: Arc<Shared>, method: Method, url: Option<Url>) -> Box<Self> {
        // Never sent anywhere, so any URL will do, and this one is one.
        static NOWHERE: LazyLock<Arc<Url>> =
            LazyLock::new(|| Arc::new(Url::parse("data:").expect("a URL")));
        Box::new(Self {
            options: shared.options.clone(),
            shared,
            home: Home::Caller,
            method,
            url: url.map_or_else(|| NOWHERE.clone(), Arc::new),
            headers: HeaderMap::new(),
            body: Body::empty(),
            key: None,
            journey: None,
            stage: Stage::Queue,
            border: Border::Kept,
            own: None,
            tries: Tries::default(),
            logins: 0,
            expectation: Expectation::AsAsked,
            ticket: Ticket::new(Priority::Normal),
            emitter: None,
            deadline: None,
        })
    }

    /// The same transfer, about to begin: from now on time counts, and what happens is told.
    pub(crate) fn handed_over(
        mut self: Box<Self>,
        home: Home,
        listeners: Vec<Listener>,
    ) -> Box<Self> {
        let emitter = Box::new(Emitter::new(listeners, self.options.bodies.progress));
        self.deadline = self.options.timeouts.whole.deadline(emitter.timeline.handed_over());
        self.emitter = Some(emitter);
        self.home = home;
        self
    }

    /// Waits for a turn, unless the one at hand still serves. What needs no connection needs no
    /// turn.
    async fn turn(&mut self, at_hand: Option<Turn>) -> Option<Turn> {
        let key = self.key.clone()?;
        if at_hand.as_ref().is_some_and(|turn| turn.is_for(&key)) {
            return at_hand;
        }
        drop(at_hand);
        self.stage = Stage::Queue;
        let mut waiting = self.shared.queue.turn(key, self.ticket.clone());
        let mut told = false;
        let emitter = self.emitter();
        let turn = std::future::poll_fn(|cx| {
            let polled = std::pin::Pin::new(&mut waiting).poll(cx);
            if polled.is_pending() && !told {
                told = true;
                emitter.emit(|| What::Queued);
            }
            polled
        })
        .await;
        // Who did not have to wait began when it was handed over: the clock need not be asked.
        let handed_over = self.emitter().timeline.handed_over();
        self.emitter().timeline.start(if told { now() } else { handed_over });
        self.emit(|| What::Started);
        Some(turn)
    }

    /// Takes on what the verdict says.
    fn follow(&mut self, again: Again) {
        match again {
            Again::Resend(why) => self.emit(|| What::Retried { why }),
            Again::OtherWay => self.take_other_way(),
            Again::Unexpecting => {
                self.expectation = Expectation::GivenUp;
                self.emit(|| What::Retried { why: "the server does not know Expect" });
            }
            Again::Redirect(next, status) => {
                let from = std::mem::replace(&mut self.url, Arc::new(next.url.clone()));
                let from = Arc::unwrap_or_clone(from);
                redirect::prepare(&mut self.headers, &next, &self.options.redirects.secret_fields);
                self.emit(|| What::Redirected {
                    status,
                    from: Box::new(from.clone()),
                    to: Box::new(next.url.clone()),
                });
                if next.border == Border::Crossed {
                    self.border = Border::Crossed;
                }
                self.journey().redirects.push(Redirect::new(from, status));
                self.journey().said.move_on();
                if next.body == BodyFate::Drop {
                    self.body = Body::empty();
                }
                self.method = next.method;
                self.tries = Tries::default();
                self.key = None;
            }
        }
    }

    /// Puts a question to the delegate. Boxed, so that a transfer that waits for its turn stays
    /// small.
    ///
    /// The turn is kept meanwhile, however long somebody thinks: the answer that asks may be delivered
    /// after all, body and all, and until then it is on a connection that counts. To read the body
    /// first, only to have the connection free, would be to read what nobody may want.
    fn ask(&mut self, question: Question) -> impl Future<Output = Result<Asked, Error>> + Send {
        Box::pin(self.ask_delegate(question))
    }

    async fn ask_delegate(&mut self, question: Question) -> Result<Asked, Error> {
        let (next, answer) = match question {
            Question::Certificate(error) => return self.trust(error).await.map(Asked::Yes),
            Question::Identity(asked) => return self.identify(*asked).await,
            Question::Login(challenged) => return self.login(*challenged).await.map(Asked::Yes),
            Question::Redirect { next, answer } => (next, answer),
        };
        let asked = RedirectQuestion::new(
            Url::clone(&self.url),
            next.url.clone(),
            answer.status,
            next.method.clone(),
        );
        if !self.shared.delegate.redirect(&asked).await {
            return Ok(Asked::No(answer));
        }
        self.may_redirect(&next)?;
        Ok(Asked::Yes(Again::Redirect(next, answer.status)))
    }

    /// A redirect that keeps the body needs a body that can be sent again.
    fn may_redirect(&self, next: &redirect::Next) -> Result<(), Error> {
        if next.body == BodyFate::Drop || self.body.is_replayable() {
            return Ok(());
        }
        let message = "redirected with its body, which can be read only once";
        Err(Error::new(ErrorKind::BodyNotReplayable, Stage::Plan, message))
    }

    fn conclude(&mut self, lived: Result<Reply, Error>) -> Result<Reply, Error> {
        lived.map_err(|error| {
            let mut error = error.at(&self.url).for_method(&self.method);
            if let Some(key) = &self.key {
                error = error.through(&key.footing.way);
            }
            if let Some(emitter) = self.emitter.take() {
                error = error.after(emitter.timings());
                emitter.emit(|| What::Failed { message: error.to_string() });
            }
            error
        })
    }

    fn journey(&mut self) -> &mut Journey {
        self.journey.get_or_insert_default()
    }

    fn emit(&self, what: impl FnOnce() -> What) {
        if let Some(emitter) = &self.emitter {
            emitter.emit(what);
        }
    }

    fn emitter(&mut self) -> &mut Emitter {
        // Only `deliver` and `conclude` take it, and nothing comes after those.
        self.emitter.as_mut().expect("the transfer has not ended")
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.emit(|| What::Failed { message: "the transfer was aborted".to_owned() });
    }
}

fn late(wait: Wait, stage: Stage) -> Error {
    let limit = match wait {
        Wait::AtMost(limit) => limit,
        Wait::Forever => std::time::Duration::ZERO,
    };
    Error::timeout(Phase::Whole, stage, limit)
}
