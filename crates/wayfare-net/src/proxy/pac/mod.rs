//! Proxy auto-configuration: a script that is asked for the way to every URL.

pub mod engine;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::rc::Rc;
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
/// use wayfare_net::proxy::pac::Pac;
/// let pac = Pac::new("function FindProxyForURL(url, host) { return 'PROXY gate.test:3128'; }")?;
/// # Ok::<(), wayfare_net::proxy::factory::Undecided>(())
/// ```
pub struct Pac {
    questions: mpsc::Sender<Question>,
}

struct Question {
    url: String,
    host: String,
    answer: oneshot::Sender<Result<String, ScriptFault>>,
}

impl Pac {
    /// Reads a script, of 1 MiB at most.
    ///
    /// # Errors
    /// [`Undecided`] with what is wrong with the script.
    pub fn new(script: &str) -> Result<Self, Undecided> {
        let (questions, asked) = mpsc::channel::<Question>();
        let (ready, made) = mpsc::channel();
        let script = script.to_owned();
        let work = move || {
            let engine = Engine::new(&script, &machine());
            let told = engine.as_ref().map(drop).map_err(Clone::clone);
            if ready.send(told).is_ok()
                && let Ok(engine) = engine
            {
                answer_all(&script, engine, &asked);
            }
        };
        std::thread::Builder::new()
            .name("wayfare-pac".into())
            .stack_size(STACK)
            .spawn(work)
            .map_err(|why| Undecided(format!("no thread for the script: {why}")))?;
        match made.recv() {
            Ok(Ok(())) => Ok(Self { questions }),
            Ok(Err(fault)) => Err(Undecided(fault.to_string())),
            Err(_) => Err(Undecided("the script's thread has ended".to_owned())),
        }
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
        self.questions.send(Question { url, host, answer }).map_err(|_| ended(()))?;
        let text = answered.await.map_err(|_| ended(()))?;
        let text = text.map_err(|fault| Undecided(fault.to_string()))?;
        let ways = pac::parse(&text);
        if ways.is_empty() {
            let shown: String = text.chars().take(100).collect();
            return Err(Undecided(format!("the script's answer names no way: \"{shown}\"")));
        }
        Ok(ProxyList::new(ways, format!("the script's answer \"{text}\"")))
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

/// Answers until nobody can ask any more.
fn answer_all(script: &str, engine: Engine, asked: &mpsc::Receiver<Question>) {
    let mut engine = Ok(engine);
    for Question { url, host, answer } in asked {
        // Nobody waits for the answer of an aborted request.
        if answer.is_closed() {
            continue;
        }
        let told = match &engine {
            Ok(engine) => engine.find(&url, &host),
            Err(fault) => Err(ScriptFault::clone(fault)),
        };
        if told.is_err() {
            // What was stopped in the middle, or ran out of memory, starts from the beginning.
            engine = Engine::new(script, &machine());
        }
        let _ = answer.send(told);
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

/// Deep recursion of a script ends at its own limit, which lies within this.
const STACK: usize = 4 * 1024 * 1024;
