//! The harness of these tests: one request, said once and sent through every face of the library.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::print_stderr)] // Each test file uses its own part.

use std::future::Future;
use std::io::Read;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};
use url::Url;
use wayfare::delegate::Credentials;
use wayfare::options::{Bodies, Connections, Redirects, Timeouts, Tls, Versions};
use wayfare::queueing::Priority;
use wayfare::{Body, Error, Manager, Redirect, Reply, Request};
use wayfare_testkit::{Authority, ServerIdentity};

/// A way to use the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Face {
    /// Awaited outside of any tokio runtime.
    Alone,
    /// Awaited inside a tokio runtime.
    Awaited,
    /// Waited for by the calling thread.
    Waited,
}

pub const FACES: [Face; 3] = [Face::Alone, Face::Awaited, Face::Waited];

/// What came back.
#[derive(Debug)]
pub struct Got {
    pub status: u16,
    pub version: Version,
    pub headers: HeaderMap,
    pub url: Url,
    pub redirects: Vec<Redirect>,
    pub reused: bool,
    pub upload_complete: bool,
    pub early: wayfare::tls::EarlyOutcome,
    pub trailers: Option<HeaderMap>,
    pub body: Bytes,
}

/// What came of the body of an answer whose head came.
#[derive(Debug)]
pub struct Partial {
    pub status: StatusCode,
    pub body: Vec<u8>,
    pub error: Option<Error>,
}

/// A request, whatever face it is sent through.
pub struct Ask {
    pub method: Method,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Body>,
    pub timeouts: Option<Timeouts>,
    pub redirects: Option<Redirects>,
    pub bodies: Option<Bodies>,
    pub connections: Option<Connections>,
    pub tls: Option<Tls>,
    pub priority: Priority,
    pub who: Option<Credentials>,
}

impl Ask {
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            method: method.parse().unwrap(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeouts: None,
            redirects: None,
            bodies: None,
            connections: None,
            tls: None,
            priority: Priority::Normal,
            who: None,
        }
    }

    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    pub fn post(url: impl Into<String>, body: impl Into<Body>) -> Self {
        Self::new("POST", url).body(body)
    }

    pub fn put(url: impl Into<String>, body: impl Into<Body>) -> Self {
        Self::new("PUT", url).body(body)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = Some(timeouts);
        self
    }

    pub fn redirects(mut self, redirects: Redirects) -> Self {
        self.redirects = Some(redirects);
        self
    }

    pub fn bodies(mut self, bodies: Bodies) -> Self {
        self.bodies = Some(bodies);
        self
    }

    pub fn connections(mut self, connections: Connections) -> Self {
        self.connections = Some(connections);
        self
    }

    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    pub fn credentials(mut self, who: Credentials) -> Self {
        self.who = Some(who);
        self
    }

    /// The request for an awaiting caller.
    pub fn awaited(self, manager: &Manager) -> Request {
        let request = manager.request(self.method.clone(), &self.url);
        self.apply(request)
    }

    pub fn apply<F>(self, mut request: Request<F>) -> Request<F> {
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        if let Some(timeouts) = self.timeouts {
            request = request.timeouts(timeouts);
        }
        if let Some(redirects) = self.redirects {
            request = request.redirects(redirects);
        }
        if let Some(bodies) = self.bodies {
            request = request.bodies(bodies);
        }
        if let Some(connections) = self.connections {
            request = request.connections(connections);
        }
        if let Some(tls) = self.tls {
            request = request.tls(tls);
        }
        if let Some(who) = self.who {
            request = request.credentials(who);
        }
        request.priority(self.priority)
    }
}

/// Sends a request and reads its whole body.
pub fn fetch(face: Face, manager: &Manager, ask: Ask) -> Result<Got, Error> {
    match face {
        Face::Alone => block_on(fetch_awaited(manager, ask)),
        Face::Awaited => runtime().block_on(async {
            // On a worker thread, as tasks are, and not on the thread that blocks.
            let manager = manager.clone();
            tokio::spawn(async move { fetch_awaited(&manager, ask).await }).await.unwrap()
        }),
        Face::Waited => {
            let request = manager.blocking().request(ask.method.clone(), &ask.url);
            let mut reply = ask.apply(request).send()?;
            let mut body = Vec::new();
            while let Some(chunk) = reply.chunk()? {
                body.extend_from_slice(&chunk);
            }
            Ok(got(&reply, body.into()))
        }
    }
}

/// As [`fetch`], for those who are in a runtime already.
pub async fn fetch_awaited(manager: &Manager, ask: Ask) -> Result<Got, Error> {
    let mut reply = ask.awaited(manager).send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk().await? {
        body.extend_from_slice(&chunk);
    }
    Ok(got(&reply, body.into()))
}

/// Sends a request and reads as much of the body as can be had.
pub fn fetch_partly(face: Face, manager: &Manager, ask: Ask) -> Result<Partial, Error> {
    match face {
        Face::Alone => block_on(partly(manager, ask)),
        Face::Awaited => runtime().block_on(partly(manager, ask)),
        Face::Waited => {
            let request = manager.blocking().request(ask.method.clone(), &ask.url);
            let mut reply = ask.apply(request).send()?;
            let mut partial = Partial { status: reply.status(), body: Vec::new(), error: None };
            loop {
                match reply.chunk() {
                    Ok(Some(chunk)) => partial.body.extend_from_slice(&chunk),
                    Ok(None) => return Ok(partial),
                    Err(error) => {
                        partial.error = Some(error);
                        return Ok(partial);
                    }
                }
            }
        }
    }
}

async fn partly(manager: &Manager, ask: Ask) -> Result<Partial, Error> {
    let mut reply = ask.awaited(manager).send().await?;
    let mut partial = Partial { status: reply.status(), body: Vec::new(), error: None };
    loop {
        match reply.chunk().await {
            Ok(Some(chunk)) => partial.body.extend_from_slice(&chunk),
            Ok(None) => return Ok(partial),
            Err(error) => {
                partial.error = Some(error);
                return Ok(partial);
            }
        }
    }
}

pub fn got(reply: &Reply, body: Bytes) -> Got {
    Got {
        status: reply.status().as_u16(),
        version: reply.version(),
        headers: reply.headers().clone(),
        url: reply.url().clone(),
        redirects: reply.redirects().to_vec(),
        reused: reply.is_on_reused_connection(),
        upload_complete: reply.is_upload_complete(),
        early: reply.early_data(),
        trailers: reply.trailers().cloned(),
        body,
    }
}

impl Got {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The runtime that awaited tests share, so that their connections can be.
pub fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    })
}

/// An executor that is not tokio's.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// One authority and one identity for `localhost` and 127.0.0.1, made once.
pub fn identity() -> &'static (Authority, ServerIdentity) {
    static IDENTITY: OnceLock<(Authority, ServerIdentity)> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let authority = Authority::new();
        let identity = authority.issue(&["localhost", "127.0.0.1", "a.test", "b.test"]);
        (authority, identity)
    })
}

/// Trusts [`identity`]'s authority only.
pub fn trust() -> Tls {
    Tls::default().with_only_authority_pem(identity().0.pem()).unwrap()
}

/// A manager that trusts [`identity`].
pub fn manager() -> Manager {
    Manager::builder().tls(trust()).build()
}

/// The same with these versions of HTTP.
pub fn manager_for(versions: Versions) -> Manager {
    let connections = Connections { versions, ..Connections::default() };
    Manager::builder().tls(trust()).connections(connections).build()
}

/// Waits until `true`, for what another thread does soon.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(10), "not in 10 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// True if no transfer goes or waits.
pub fn is_at_rest(manager: &Manager) -> bool {
    let counts = manager.queue();
    counts.active == 0 && counts.waiting == [0; 3]
}

/// Runs `work` for every item on a few threads, and tells all failures together, those that do not
/// end among them.
pub fn for_all<T, W>(items: Vec<T>, threads: usize, name: impl Fn(&T) -> String, work: W)
where
    T: Send + Sync + 'static,
    W: Fn(&T) -> Result<(), String> + Send + Sync + 'static,
{
    let names: Vec<String> = items.iter().map(name).collect();
    let shared = Arc::new((items, work, std::sync::atomic::AtomicUsize::new(0)));
    let (tell, told) = std::sync::mpsc::channel();
    for _ in 0..threads {
        let (shared, tell) = (shared.clone(), tell.clone());
        std::thread::spawn(move || {
            let (items, work, next) = &*shared;
            loop {
                let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(item) = items.get(index) else { return };
                let worked = std::panic::AssertUnwindSafe(|| work(item));
                let result = std::panic::catch_unwind(worked);
                let result = result.unwrap_or_else(|_| Err("panicked, as told above".into()));
                if tell.send((index, result)).is_err() {
                    return;
                }
            }
        });
    }
    drop(tell);
    let mut results: Vec<Option<Result<(), String>>> = names.iter().map(|_| None).collect();
    while let Ok((index, result)) = told.recv_timeout(Duration::from_secs(30)) {
        results[index] = Some(result);
    }
    let failures: Vec<String> = names
        .iter()
        .zip(results)
        .filter_map(|(name, result)| match result {
            Some(Ok(())) => None,
            Some(Err(why)) => Some(format!("{name}: {why}")),
            None => Some(format!("{name}: did not end, or was not reached")),
        })
        .collect();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), names.len(), failures.join("\n"));
}

/// A reader that gives `left` bytes of `fill` and then ends.
pub struct Filler {
    pub fill: u8,
    pub left: u64,
}

impl Read for Filler {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        buffer[..most].fill(self.fill);
        self.left -= most as u64;
        Ok(most)
    }
}

/// A directory that is removed at the end.
pub struct Directory(pub std::path::PathBuf);

impl Directory {
    pub fn new(name: &str) -> Self {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("wayfare-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn join(&self, name: &str) -> std::path::PathBuf {
        self.0.join(name)
    }

    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A reply in the hands of whoever asked for it.
pub enum Held {
    Alone(Reply),
    Awaited(Reply),
    Waited(wayfare::Blocking<Reply>),
}

/// Does one thing with a held reply, in its face.
#[macro_export]
macro_rules! held {
    ($held:expr, $reply:ident => $act:expr) => {
        match $held {
            $crate::it::Held::Alone($reply) => $crate::it::block_on($act),
            $crate::it::Held::Awaited($reply) => $crate::it::runtime().block_on($act),
            $crate::it::Held::Waited($reply) => $act,
        }
    };
}

/// Sends a request and holds its reply.
pub fn hold(face: Face, manager: &Manager, ask: Ask) -> Result<Held, Error> {
    Ok(match face {
        Face::Alone => Held::Alone(block_on(ask.awaited(manager).send())?),
        Face::Awaited => Held::Awaited(runtime().block_on(ask.awaited(manager).send())?),
        Face::Waited => {
            let request = manager.blocking().request(ask.method.clone(), &ask.url);
            Held::Waited(ask.apply(request).send()?)
        }
    })
}

impl Held {
    pub fn reply(&self) -> &Reply {
        match self {
            Self::Alone(reply) | Self::Awaited(reply) => reply,
            Self::Waited(reply) => reply,
        }
    }

    pub fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        held!(self, reply => reply.chunk())
    }

    pub fn bytes(self) -> Result<Bytes, Error> {
        held!(self, reply => reply.bytes())
    }

    pub fn text(self) -> Result<String, Error> {
        held!(self, reply => reply.text())
    }

    pub fn json(self) -> Result<serde_json::Value, Error> {
        held!(self, reply => reply.json())
    }

    pub fn save_to(self, path: &std::path::Path) -> Result<u64, Error> {
        held!(self, reply => reply.save_to(path))
    }

    pub fn error_for_status(self) -> Result<Self, Error> {
        Ok(match self {
            Self::Alone(reply) => Self::Alone(reply.error_for_status()?),
            Self::Awaited(reply) => Self::Awaited(reply.error_for_status()?),
            Self::Waited(reply) => Self::Waited(reply.error_for_status()?),
        })
    }
}

/// A port for a server that is told its port: below those that the system gives to clients, and
/// never the same twice, or servers that start at the same time would meet each other.
pub fn free_port() -> u16 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    loop {
        let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let port = 12_000 + (std::process::id().wrapping_mul(613).wrapping_add(next)) % 20_000;
        let port = u16::try_from(port).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
