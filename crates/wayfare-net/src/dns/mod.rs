//! Our own resolver, and what is kept of answers.
//!
//! It is a stub (RFC 1034 §5.3.1): it asks servers that do the walking. Host names go through it
//! on request only; the operating system's resolver knows more places to look.

mod ask;
mod failure;
mod https;
mod lines;
mod resolving;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wayfare_proto::policy::name_cache::NameCache;
use wayfare_proto::route::name_server::{NameServer, Transport};
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::wire::dns::answer::{Verdict, judge};
use wayfare_proto::wire::dns::message::Question;
use wayfare_proto::wire::dns::order;
use wayfare_proto::wire::dns::record::{Record, RecordType};
use wayfare_proto::wire::resolv_conf::ResolvConf;

pub use failure::{LookupFailure, LookupFault};
pub use resolving::Resolving;

use crate::clock::now;
use crate::dial::Memories;
use crate::network::Network;
use crate::runtime::{Home, Within, within};
use crate::socket::{Binding, SocketOptions};
use crate::tls::policy::TlsPolicy;
use lines::Lines;

/// Who looks names up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Resolver {
    /// Our own, which asks these servers in this order; those of `/etc/resolv.conf` if there are
    /// none. It knows no other names than theirs and `localhost`.
    Own(Vec<NameServer>),
    /// The operating system's.
    #[default]
    System,
}

/// What a lookup needs besides the question.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The machine, or a test's stand-in.
    pub network: &'a dyn Network,
    /// Where I/O is done.
    pub home: &'a Home,
    /// How sockets are set up.
    pub sockets: &'a SocketOptions,
    /// Whom to trust, for servers that speak TLS.
    pub tls: &'a Arc<TlsPolicy>,
    /// What earlier dials have taught.
    pub memories: &'a Memories,
    /// Name servers whose address is given here; `*` stands for every host.
    pub pins: &'a [(String, IpAddr)],
    /// The proxies through which servers are asked.
    pub way: &'a Chain,
    /// Connections that are kept.
    lines: &'a Lines,
}

/// Records, and where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookedUp {
    /// The records that were asked for. MX and SRV records are in the order in which their servers
    /// are to be tried.
    pub records: Vec<Record>,
    /// The name that was asked for, completed if it had to be.
    pub name: String,
    /// The server that answered.
    pub server: NameServer,
    /// How the answer came: over UDP a long one comes over TCP after all.
    pub transport: Transport,
    /// The server says that it has checked the answer (DNSSEC). Worth as much as the way to the
    /// server: over UDP anybody on it can say so.
    pub authentic: bool,
}

/// Answers that are kept, and what is known of servers. One for all that share answers.
#[derive(Debug, Default)]
pub struct Names {
    cache: Mutex<NameCache<Key, Kept>>,
    /// Servers that did not answer lately, which are asked last.
    ailing: Mutex<HashMap<NameServer, Instant>>,
    conf: Mutex<Option<(Instant, Arc<ResolvConf>)>>,
    lines: Lines,
}

/// Answers are apart by the way out of this machine and by who was asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    binding: Binding,
    resolver: Resolver,
    name: String,
    /// Nothing for the addresses that the system's resolver gives.
    kind: Option<RecordType>,
    trust: Option<Trust>,
}

impl Key {
    fn of_system(binding: &Binding, name: &str) -> Self {
        let (binding, name) = (binding.clone(), name.to_ascii_lowercase());
        Self { binding, resolver: Resolver::System, name, kind: None, trust: None }
    }
}

/// How a server that speaks TLS had to prove itself, and where it was looked for: an answer that
/// was got with less care must not be given to somebody who asked for more.
#[derive(Clone, Debug)]
struct Trust {
    /// By identity; holding it keeps the identity from being given to another policy.
    tls: Arc<TlsPolicy>,
    pins: Vec<(String, IpAddr)>,
    /// Whose answer it is may depend on from where it was asked.
    way: Chain,
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tls, &other.tls) && self.pins == other.pins && self.way == other.way
    }
}

impl Eq for Trust {}

impl Hash for Trust {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.tls).hash(state);
        self.pins.hash(state);
    }
}

#[derive(Clone, Debug)]
enum Kept {
    Addresses(Vec<IpAddr>),
    Found(LookedUp, Duration),
    Nothing(LookupFailure),
}

impl Names {
    /// Looks records up at `servers`, or at those of `/etc/resolv.conf` if there are none; names
    /// are only completed with that file's domains.
    ///
    /// # Errors
    /// [`LookupFailure`] of the server that knew best.
    ///
    /// # Cancel safety
    /// Dropping the future closes its sockets.
    pub async fn lookup(
        &self,
        around: &Around<'_>,
        servers: &[NameServer],
        name: &str,
        kind: RecordType,
    ) -> Result<LookedUp, LookupFailure> {
        let conf = self.conf(around.home).await;
        if !servers.is_empty() {
            return self.question(around, (servers, &conf), Question::new(name, kind)?).await;
        }
        let own: Vec<_> = conf.servers.iter().map(NameServer::at).collect();
        let mut last = None;
        for candidate in conf.candidates(name) {
            let question = Question::new(&candidate, kind)?;
            match self.question(around, (&own, &conf), question).await {
                Err(failure) if failure.kind == LookupFault::NotFound => last = Some(failure),
                // A name that exists without these records is the one that was meant: going on
                // would find one family's addresses under another name than the other's.
                done => return done,
            }
        }
        Err(last.unwrap_or_else(|| LookupFailure::new(LookupFault::NotFound, "there is no name")))
    }

    /// Looks up the PTR records of an address.
    ///
    /// # Errors
    /// As [`Names::lookup`].
    ///
    /// # Cancel safety
    /// As [`Names::lookup`].
    pub async fn reverse(
        &self,
        around: &Around<'_>,
        servers: &[NameServer],
        address: IpAddr,
    ) -> Result<LookedUp, LookupFailure> {
        let question = Question::about(address);
        // The final dot keeps it from being completed.
        let name = format!("{}.", question.name());
        self.lookup(around, servers, &name, question.kind()).await
    }

    /// Forgets every answer; for a machine that has changed its network.
    pub fn forget(&self) {
        self.cache().forget(|_| true);
        self.ailing().clear();
        self.lines.clear();
    }

    /// Closes the connections to name servers that were not used for ten seconds; true while there
    /// are others.
    pub fn sweep(&self) -> bool {
        self.lines.sweep()
    }

    async fn question(
        &self,
        around: &Around<'_>,
        (servers, conf): (&[NameServer], &ResolvConf),
        question: Question,
    ) -> Result<LookedUp, LookupFailure> {
        let key = Key {
            binding: around.sockets.binding.clone(),
            resolver: Resolver::Own(servers.to_vec()),
            name: question.name().to_owned(),
            kind: Some(question.kind()),
            trust: Some(Trust::of(around)),
        };
        if let Some(kept) = self.kept(&key) {
            return kept;
        }
        let outcome = self.ask_around(around, (servers, conf), &question).await;
        let (kept, good_for) = match &outcome {
            Ok((found, ttl)) => (Kept::Found(found.clone(), *ttl), *ttl),
            Err(failure) => {
                (Kept::Nothing(failure.clone()), Duration::from_secs(failure.ttl.into()))
            }
        };
        self.cache().keep(key, kept, good_for, now());
        outcome.map(|(found, _)| found)
    }

    /// Asks the servers in turn until one knows, all of them as often as the file says.
    async fn ask_around(
        &self,
        around: &Around<'_>,
        (servers, conf): (&[NameServer], &ResolvConf),
        question: &Question,
    ) -> Result<(LookedUp, Duration), LookupFailure> {
        let mut worst = None;
        for _ in 0..conf.attempts {
            for server in self.healthy_first(servers) {
                let failure = match self.ask_one(around, server, question, conf.timeout).await {
                    Err(failure) if !failure.is_final() => failure,
                    done => return done,
                };
                // What a server says is more than that one said nothing.
                let is_silence = failure.kind == LookupFault::Timeout;
                if worst.is_none() || !is_silence {
                    worst = Some(failure);
                }
            }
        }
        let nobody = || LookupFailure::new(LookupFault::Resolver, "there is no server to ask");
        Err(worst.unwrap_or_else(nobody))
    }

    async fn ask_one(
        &self,
        around: &Around<'_>,
        server: &NameServer,
        question: &Question,
        patience: Duration,
    ) -> Result<(LookedUp, Duration), LookupFailure> {
        let until = now() + patience;
        let asking = ask::ask(question, server, around, until);
        let heard = match within(around.home, Some(until), asking).await {
            Within::Done(heard) => heard,
            Within::TooLate => {
                let message = format!("the server did not answer within {patience:?}");
                Err(LookupFailure::new(LookupFault::Timeout, message))
            }
        };
        let heard = heard.map_err(|failure| {
            if matches!(failure.kind, LookupFault::Timeout | LookupFault::Resolver) {
                self.ailing().insert(server.clone(), now());
            }
            failure.by(server)
        })?;
        self.ailing().remove(server);
        understand(question, server, &heard).map_err(|failure| failure.by(server))
    }

    /// The servers in their order, those that did not answer lately behind.
    fn healthy_first<'s>(&self, servers: &'s [NameServer]) -> Vec<&'s NameServer> {
        let mut ailing = self.ailing();
        ailing.retain(|_, since| now().saturating_duration_since(*since) < AILING);
        let mut order: Vec<_> = servers.iter().collect();
        order.sort_by_key(|server| ailing.contains_key(*server));
        order
    }

    fn kept(&self, key: &Key) -> Option<Result<LookedUp, LookupFailure>> {
        let cache = self.cache();
        let (kept, left) = cache.find(key, now())?;
        match kept {
            Kept::Addresses(_) => None,
            Kept::Nothing(failure) => Some(Err(failure.clone())),
            Kept::Found(found, ttl) => {
                let mut found = found.clone();
                let age = u32::try_from((*ttl - left).as_secs()).unwrap_or(u32::MAX);
                for record in &mut found.records {
                    record.ttl = record.ttl.saturating_sub(age);
                }
                Some(Ok(found))
            }
        }
    }

    /// The file as it was within the last second.
    async fn conf(&self, home: &Home) -> Arc<ResolvConf> {
        let fresh = |read: &Instant| now().saturating_duration_since(*read) < CONF_AGE;
        let lock = || self.conf.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, conf)) = lock().as_ref().filter(|(read, _)| fresh(read)) {
            return conf.clone();
        }
        let read = home.unblock(|| std::fs::read_to_string(CONF).unwrap_or_default()).await;
        let conf = Arc::new(ResolvConf::parse(&read.unwrap_or_default()));
        *lock() = Some((now(), conf.clone()));
        conf
    }

    /// The addresses of a name as the system's resolver gave them not long ago, best first.
    #[must_use]
    pub fn kept_addresses(&self, binding: &Binding, name: &str) -> Option<Vec<IpAddr>> {
        match self.cache().find(&Key::of_system(binding, name), now())?.0 {
            Kept::Addresses(addresses) => Some(addresses.clone()),
            Kept::Found(..) | Kept::Nothing(_) => None,
        }
    }

    fn cache(&self) -> MutexGuard<'_, NameCache<Key, Kept>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ailing(&self) -> MutexGuard<'_, HashMap<NameServer, Instant>> {
        self.ailing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The records of an answer, and how long they may be kept.
fn understand(
    question: &Question,
    server: &NameServer,
    heard: &ask::Heard,
) -> Result<(LookedUp, Duration), LookupFailure> {
    let (mut records, ttl) = match judge(question, &heard.reply) {
        Verdict::Found { records, ttl } => (records, ttl),
        Verdict::NoData { ttl } => {
            let message = format!("{} has no {} record", question.name(), question.kind());
            return Err(LookupFailure::new(LookupFault::NoData, message).for_seconds(ttl));
        }
        Verdict::NoSuchName { ttl } => {
            let message = format!("there is no name {}", question.name());
            return Err(LookupFailure::new(LookupFault::NotFound, message).for_seconds(ttl));
        }
        Verdict::Unusable(fault) => return Err(LookupFailure::of(fault)),
    };
    for record in &mut records {
        record.ttl = record.ttl.saturating_sub(heard.age);
    }
    order::sort(&mut records, &mut |below| random() % below);
    let found = LookedUp {
        records,
        name: question.name().to_owned(),
        server: server.clone(),
        transport: heard.transport,
        authentic: heard.reply.authentic,
    };
    Ok((found, Duration::from_secs(ttl.saturating_sub(heard.age).into())))
}

/// A number that nobody can foresee: a keyed hash, whose keys come from the operating system.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

/// A question's number (RFC 5452 §9.2).
fn random_id() -> u16 {
    let [low, high, ..] = random().to_ne_bytes();
    u16::from_ne_bytes([low, high])
}

const CONF: &str = "/etc/resolv.conf";
const CONF_AGE: Duration = Duration::from_secs(1);
const AILING: Duration = Duration::from_secs(30);
