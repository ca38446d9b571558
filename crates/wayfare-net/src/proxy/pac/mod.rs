//! Proxy auto-configuration: a script that is asked for the way to every URL.

pub mod engine;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;
use wayfare_proto::route::pac;

use self::engine::{Engine, ScriptFault, World};
use super::factory::{ProxyFactory, ProxyList, ProxyQuery, Undecided};
use crate::network::Asking;

/// A script that is asked for the way to every URL.
///
/// It runs on a thread of its own, one question after the other, and may take a second for each
/// (looking names up included) and 16 MiB of memory. It can call what such scripts can call and
/// nothing else: no files, no sockets, no timers. Of URLs with TLS it is only told scheme, host and
/// port. An answer that names no usable way is a failure, and not the direct way.
///
/// ```
/// # use wayfare_net::proxy::pac::Pac;
/// let pac = Pac::new("function FindProxyForURL(url, host) { return 'PROXY gate.test:3128'; }")?;
/// # Ok::<(), wayfare_net::proxy::factory::Undecided>(())
/// ```
pub struct Pac {
    desk: Arc<Desk>,
}

/// Where questions wait for the script, and where it is watched.
///
/// The engine stops scripts at their deadline, but not inside of its own functions, of which some
/// can be made to run for years. Such a script is given up, with its thread.
#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Question>,
    /// Since when the script has been at work on a question, and whose that is.
    at_work: Option<(Instant, Answer)>,
    /// Nobody asks any more, or the script was given up.
    ended: bool,
}

type Answer = oneshot::Sender<Result<String, ScriptFault>>;

struct Question {
    url: String,
    host: String,
    answer: Answer,
}

impl Pac {
    /// Reads a script, of 1 MiB at most.
    ///
    /// # Errors
    /// [`Undecided`] with what is wrong with the script.
    pub fn new(script: &str) -> Result<Self, Undecided> {
        let desk = Arc::<Desk>::default();
        let (ready, made) = mpsc::channel();
        let script = script.to_owned();
        let at_desk = desk.clone();
        let work = move || {
            let engine = Engine::new(&script, &machine());
            let told = engine.as_ref().map(drop).map_err(Clone::clone);
            if ready.send(told).is_ok()
                && let Ok(engine) = engine
            {
                answer_all(&script, engine, &at_desk);
            }
        };
        std::thread::Builder::new()
            .name("wayfare-pac".into())
            .stack_size(STACK)
            .spawn(work)
            .map_err(|why| Undecided(format!("no thread for the script: {why}")))?;
        match made.recv_timeout(PATIENCE) {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => return Err(Undecided(fault.to_string())),
            Err(RecvTimeoutError::Timeout) => {
                return Err(Undecided("the script does not come to an end".to_owned()));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Undecided("the script's thread has ended".to_owned()));
            }
        }
        let watched = desk.clone();
        std::thread::Builder::new()
            .name("wayfare-pac-watch".into())
            .spawn(move || watched.watch())
            .map_err(|why| Undecided(format!("no thread to watch the script: {why}")))?;
        Ok(Self { desk })
    }

    async fn find(&self, query: &ProxyQuery) -> Result<ProxyList, Undecided> {
        let (answer, answered) = oneshot::channel();
        let url = match &query.url {
            Some(url) => pac::shown_url(url),
            // As browsers show sockets to scripts.
            None => format!("https://{}:{}/", query.host, query.port),
        };
        let host = query.host.trim_matches(['[', ']']).to_owned();
        let ended = |_| Undecided("the script's thread has ended".to_owned());
        self.desk.put(Question { url, host, answer }).map_err(Undecided)?;
        let text = answered.await.map_err(|_| ended(()))?;
        let text = text.map_err(|fault| Undecided(fault.to_string()))?;
        let ways = pac::parse(&text);
        if ways.is_empty() {
            return Err(Undecided(format!("the script's answer names no way: {}", shown(&text))));
        }
        Ok(ProxyList::new(ways, format!("the script's answer {}", shown(&text))))
    }
}

impl ProxyFactory for Pac {
    fn ways<'a>(&'a self, query: &'a ProxyQuery) -> Asking<'a, Result<ProxyList, Undecided>> {
        Box::pin(self.find(query))
    }
}

impl fmt::Debug for Pac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pac")
    }
}

impl Drop for Pac {
    fn drop(&mut self) {
        self.desk.end();
    }
}

impl Desk {
    fn put(&self, question: Question) -> Result<(), String> {
        let mut state = self.lock();
        if state.ended {
            return Err("the script did not come to an end, and was given up".to_owned());
        }
        if state.waiting.len() >= MOST_WAITING {
            return Err("too many questions wait for the script".to_owned());
        }
        state.waiting.push_back(question);
        self.changed.notify_all();
        Ok(())
    }

    /// The next question to work on; nothing when there will be none.
    fn take(&self) -> Option<(String, String)> {
        let mut state = self.lock();
        loop {
            if state.ended {
                return None;
            }
            match state.waiting.pop_front() {
                // Nobody waits for the answer of an aborted request.
                Some(question) if question.answer.is_closed() => {}
                Some(Question { url, host, answer }) => {
                    state.at_work = Some((Instant::now(), answer));
                    self.changed.notify_all();
                    return Some((url, host));
                }
                None => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Gives an answer, unless it is too late for that.
    fn tell(&self, told: Result<String, ScriptFault>) {
        if let Some((_, answer)) = self.lock().at_work.take() {
            let _ = answer.send(told);
        }
    }

    /// Gives the script up when it is at work for longer than it may be.
    fn watch(&self) {
        let mut state = self.lock();
        while !state.ended {
            let Some(since) = state.at_work.as_ref().map(|(since, _)| *since) else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = PATIENCE.saturating_sub(since.elapsed());
            if left.is_zero() {
                drop(state);
                return self.end();
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        let at_work = state.at_work.take().map(|(_, answer)| answer);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.changed.notify_all();
        for answer in at_work.into_iter().chain(waiting.into_iter().map(|one| one.answer)) {
            let _ = answer.send(Err(ScriptFault::Slow));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a script said, in so far as it can be shown.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(100).collect();
    format!("\"{}\"", start.escape_debug())
}

/// Answers until nobody can ask any more.
fn answer_all(script: &str, engine: Engine, desk: &Desk) {
    let mut engine = Ok(engine);
    while let Some((url, host)) = desk.take() {
        let told = match &engine {
            Ok(engine) => engine.find(&url, &host),
            Err(fault) => Err(ScriptFault::clone(fault)),
        };
        if told.is_err() {
            // What was stopped in the middle, or ran out of memory, starts from the beginning.
            engine = Engine::new(script, &machine());
        }
        desk.tell(told);
    }
}

fn machine() -> Rc<dyn World> {
    Rc::new(Machine)
}

/// This machine, as scripts see it.
struct Machine;

impl World for Machine {
    fn resolve(&self, name: &str, patience: Duration) -> Vec<IpAddr> {
        let (tell, told) = mpsc::channel();
        let asked = name.to_owned();
        let started =
            std::thread::Builder::new().name("wayfare-pac-name".into()).spawn(move || {
                let found = (asked.as_str(), 0).to_socket_addrs();
                // A script that waited too long does not want to know.
                let _ = tell.send(found.map(|all| all.map(|one| one.ip()).collect::<Vec<_>>()));
            });
        if started.is_err() {
            return Vec::new();
        }
        let mut found = told.recv_timeout(patience).ok().and_then(Result::ok).unwrap_or_default();
        found.dedup();
        found
    }

    fn own_addresses(&self) -> Vec<IpAddr> {
        // Which address would be used to reach the internet; nothing is sent by this.
        let towards = [
            (SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), SocketAddr::from(([192, 0, 2, 1], 9))),
            (
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
                SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 9)),
            ),
        ];
        let own = |(from, to): (SocketAddr, SocketAddr)| {
            let socket = UdpSocket::bind(from).ok()?;
            socket.connect(to).ok()?;
            socket.local_addr().ok().map(|own| own.ip())
        };
        towards.into_iter().filter_map(own).collect()
    }

    fn milliseconds(&self) -> f64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_secs_f64() * 1000.0
    }
}

/// A question takes a second at most where the engine can stop it, and starting over another one.
const PATIENCE: Duration = Duration::from_secs(3);
const MOST_WAITING: usize = 10_000;
/// Deep recursion of a script ends at its own limit, which lies within this.
const STACK: usize = 4 * 1024 * 1024;
