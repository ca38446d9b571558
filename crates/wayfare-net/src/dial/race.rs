//! Reaching a host: the driver of the race between its addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use wayfare_proto::route::happy_eyeballs::{Answer, Family, Next, Open, Race};
use wayfare_proto::route::memory::Advice;
use wayfare_proto::wire::dns::record::Service;

use super::{Attempt, DialFailure, DialStage, DialStep, Dialer, Listener};
use crate::clock::now;
use crate::network::{Asking, Question};
use crate::runtime::{Timer, Within, within};
use crate::socket::Stream;

/// Connects to the first address of `host` that answers.
///
/// # Errors
/// [`DialFailure`] with every address that was tried, and those that were not.
///
/// # Cancel safety
/// Dropping the future closes every socket of the race and abandons its lookups.
pub(super) async fn reach(
    (host, port): (&str, u16),
    late: Late,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<(Box<dyn Stream>, Vec<Service>), DialFailure> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let literal = bare.parse::<IpAddr>().ok();
    let mut driver = match literal {
        Some(address) => {
            let mut race = Race::new(dialer.pace, Advice::default(), Open::default());
            race.handle_answer(Answer::All(vec![address]), now());
            Driver::new(race, Vec::new(), port, dialer)
        }
        None => {
            listener(DialStep::Resolving { host });
            let questions = dialer.network.questions(dialer.home, host);
            let advice = dialer.memories.advice(&dialer.sockets.binding, host, port);
            let race = Race::new(dialer.pace, advice, open(&questions));
            Driver::new(race, questions, port, dialer)
        }
    };
    let reached = std::future::poll_fn(|cx| driver.poll(dialer, listener, cx)).await;
    if literal.is_none() {
        dialer.memories.learn(&dialer.sockets.binding, host, port, &driver.race);
    }
    let stream = reached?;
    if late == Late::Awaited {
        driver.await_services().await;
    }
    Ok((stream, driver.services))
}

/// HTTPS records that are not there when the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// Waited for a moment: they say how to hide the name, which would be told in a moment.
    Awaited,
    /// Of no use any more.
    Left,
}

/// The addresses of `host`, for whoever needs them without connecting.
///
/// # Errors
/// [`DialFailure`] of the lookup.
pub(super) async fn resolve(
    host: &str,
    dialer: &Dialer<'_>,
    listener: Listener<'_>,
) -> Result<Vec<IpAddr>, DialFailure> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![address]);
    }
    listener(DialStep::Resolving { host });
    let started = now();
    let looking = dialer.network.resolve(dialer.home, host);
    let addresses = match within(dialer.home, dialer.waits.resolve.deadline(started), looking).await
    {
        Within::Done(Ok(addresses)) if addresses.is_empty() => {
            return Err(DialFailure::resolve(io::ErrorKind::NotFound.into()));
        }
        Within::Done(found) => found.map_err(DialFailure::resolve)?,
        Within::TooLate => {
            return Err(DialFailure::timed_out(DialStage::Resolve, now() - started, Vec::new()));
        }
    };
    listener(DialStep::Resolved { addresses: &addresses });
    Ok(addresses)
}

fn open(questions: &[Question<'_>]) -> Open {
    let mut open = Open::default();
    for question in questions {
        match question {
            Question::All(_) => (open.v4, open.v6) = (true, true),
            Question::Family(Family::V4, _) => open.v4 = true,
            Question::Family(Family::V6, _) => open.v6 = true,
            Question::Services(_) => open.https = true,
        }
    }
    open
}

struct Driver<'a> {
    race: Race,
    port: u16,
    was_looked_up: bool,
    questions: Vec<Question<'a>>,
    /// Told if nobody has an address.
    unresolved: Option<io::Error>,
    /// The HTTPS records that may be used.
    services: Vec<Service>,
    running: Vec<Runner<'a>>,
    failed: Vec<Attempt>,
    phase: Phase,
    patience: Timer,
    alarm: Timer,
}

/// What is being waited for, and since when.
#[derive(Clone, Copy)]
enum Phase {
    Connecting { since: Instant, deadline: Option<Instant> },
    Resolving { since: Instant, deadline: Option<Instant> },
}

struct Runner<'a> {
    address: SocketAddr,
    began: Instant,
    connecting: Asking<'a, io::Result<Box<dyn Stream>>>,
}

impl<'a> Driver<'a> {
    fn new(race: Race, questions: Vec<Question<'a>>, port: u16, dialer: &Dialer<'a>) -> Self {
        let since = now();
        Self {
            race,
            port,
            was_looked_up: !questions.is_empty(),
            questions,
            unresolved: None,
            services: Vec::new(),
            running: Vec::new(),
            failed: Vec::new(),
            phase: Phase::Resolving { since, deadline: dialer.waits.resolve.deadline(since) },
            patience: Timer::new(dialer.home.clone()),
            alarm: Timer::new(dialer.home.clone()),
        }
    }

    fn poll(
        &mut self,
        dialer: &Dialer<'a>,
        listener: Listener<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Box<dyn Stream>, DialFailure>> {
        loop {
            self.poll_questions(cx);
            if let Some((address, stream)) = self.poll_running(cx) {
                self.race.handle_connected(address.ip());
                listener(DialStep::Connected { address });
                return Poll::Ready(Ok(stream));
            }
            match self.race.next(now()) {
                Next::Start(ip) => self.start(ip, dialer, listener),
                // A winner is returned above, as soon as there is one.
                Next::GiveUp | Next::Won(_) => return Poll::Ready(Err(self.give_up())),
                Next::Wait(until) => {
                    if self.is_too_late(cx) {
                        return Poll::Ready(Err(self.time_out()));
                    }
                    let rings = until.is_some_and(|at| self.alarm.poll_until(at, cx).is_ready());
                    if !rings {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    fn poll_questions(&mut self, cx: &mut Context<'_>) {
        let mut index = 0;
        while let Some(question) = self.questions.get_mut(index) {
            let answered = match question {
                Question::All(asked) => asked.as_mut().poll(cx).map_ok(Answer::All),
                Question::Family(family, asked) => {
                    asked.as_mut().poll(cx).map_ok(|found| Answer::Family(*family, found))
                }
                Question::Services(asked) => asked.as_mut().poll(cx).map(|found| {
                    // Without these records there is no less to connect to.
                    self.services = usable(found.unwrap_or_default(), self.port);
                    Ok(Answer::Hints(hints(&self.services)))
                }),
            };
            let Poll::Ready(answered) = answered else {
                index += 1;
                continue;
            };
            let answer = answered.unwrap_or_else(|why| {
                self.unresolved.get_or_insert(why);
                match question {
                    Question::All(_) => Answer::All(Vec::new()),
                    Question::Family(family, _) => Answer::Family(*family, Vec::new()),
                    Question::Services(_) => Answer::Hints(Vec::new()),
                }
            });
            drop(self.questions.remove(index));
            self.race.handle_answer(answer, now());
        }
    }

    /// The first runner that has arrived; those that fell are noted.
    fn poll_running(&mut self, cx: &mut Context<'_>) -> Option<(SocketAddr, Box<dyn Stream>)> {
        let mut index = 0;
        while let Some(runner) = self.running.get_mut(index) {
            match runner.connecting.as_mut().poll(cx) {
                Poll::Pending => index += 1,
                Poll::Ready(Ok(stream)) => return Some((runner.address, stream)),
                Poll::Ready(Err(error)) => {
                    let Runner { address, began, .. } = self.running.remove(index);
                    self.failed.push(Attempt { address, error, took: now() - began });
                    self.race.handle_failed(address.ip(), now());
                }
            }
        }
        None
    }

    fn start(&mut self, ip: IpAddr, dialer: &Dialer<'a>, listener: Listener<'_>) {
        let (address, began) = (SocketAddr::new(ip, self.port), now());
        if let Phase::Resolving { .. } = self.phase {
            if self.was_looked_up {
                listener(DialStep::Resolved { addresses: &self.race.addresses() });
            }
            let deadline = dialer.waits.connect.deadline(began);
            self.phase = Phase::Connecting { since: began, deadline };
        }
        listener(DialStep::Connecting { address });
        let connecting = dialer.network.connect(dialer.home, address, dialer.sockets);
        self.running.push(Runner { address, began, connecting });
    }

    fn is_too_late(&mut self, cx: &mut Context<'_>) -> bool {
        let (Phase::Connecting { deadline, .. } | Phase::Resolving { deadline, .. }) = self.phase;
        deadline.is_some_and(|deadline| self.patience.poll_until(deadline, cx).is_ready())
    }

    async fn await_services(&mut self) {
        self.questions.retain(|question| matches!(question, Question::Services(_)));
        let until = now() + LATE_SERVICES;
        std::future::poll_fn(|cx| {
            self.poll_questions(cx);
            if self.questions.is_empty() {
                Poll::Ready(())
            } else {
                self.alarm.poll_until(until, cx)
            }
        })
        .await;
    }

    fn give_up(&mut self) -> DialFailure {
        if let Phase::Connecting { .. } = self.phase {
            return DialFailure::unreachable(std::mem::take(&mut self.failed));
        }
        let nothing = || io::ErrorKind::NotFound.into();
        DialFailure::resolve(self.unresolved.take().unwrap_or_else(nothing))
    }

    fn time_out(&mut self) -> DialFailure {
        let (stage, since) = match self.phase {
            Phase::Connecting { since, .. } => (DialStage::Connect, since),
            Phase::Resolving { since, .. } => (DialStage::Resolve, since),
        };
        let mut attempts = std::mem::take(&mut self.failed);
        attempts.extend(self.running.drain(..).map(|runner| Attempt {
            address: runner.address,
            error: io::ErrorKind::TimedOut.into(),
            took: now() - runner.began,
        }));
        let untried = self.race.untried().into_iter().map(|ip| SocketAddr::new(ip, self.port));
        DialFailure::timed_out(stage, now() - since, attempts).without(untried.collect())
    }
}

/// The records for the host itself at its own port. Those that lead to other hosts and ports are
/// left out: a client may do without them (RFC 9460 §3), and reaches the origin where its URL says.
fn usable(mut services: Vec<Service>, port: u16) -> Vec<Service> {
    services.retain(|service| {
        service.is_usable()
            && service.target.is_empty()
            && service.port.is_none_or(|other| other == port)
    });
    services
}

/// Longer than most answers take, and short beside a page that does not come: some name servers
/// never answer for types that they do not know.
const LATE_SERVICES: Duration = Duration::from_millis(300);

fn hints(services: &[Service]) -> Vec<IpAddr> {
    let v6 = services.iter().flat_map(|service| &service.ipv6_hints).map(|ip| IpAddr::V6(*ip));
    let v4 = services.iter().flat_map(|service| &service.ipv4_hints).map(|ip| IpAddr::V4(*ip));
    v6.chain(v4).collect()
}
