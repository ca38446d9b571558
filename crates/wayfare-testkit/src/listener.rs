//! Accepts connections for every server of this crate: TLS, counting, and where it all runs.

use std::future::Future;
use std::io::{self, Read as _};
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::stream::{BoxStream, Rewound, Slowed};

/// A connection that is open and, where TLS is spoken, through its handshake.
pub(crate) struct Accepted {
    /// Counts from 1 in the order of arrival.
    pub(crate) number: u64,
    pub(crate) stream: BoxStream,
    pub(crate) alpn: Option<Vec<u8>>,
}

pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
pub(crate) type Handler = Arc<dyn Fn(Accepted) -> Task + Send + Sync>;

/// What to accept and whom to give it to.
#[derive(Clone)]
pub(crate) struct Reception {
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Bytes a second that each connection carries each way.
    pub(crate) rate: Option<u64>,
    /// After so many connections the port is closed and new ones are refused.
    pub(crate) at_most: Option<u64>,
    pub(crate) handler: Handler,
}

/// Where a server's work is done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Home {
    /// As a task of the runtime that the caller is in.
    Here,
    /// On a thread of its own with a runtime of its own.
    OwnThread,
}

/// Counts of one server's connections.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    opened: AtomicU64,
    open: AtomicU64,
    peak: AtomicU64,
    failed_handshakes: AtomicU64,
}

/// A port that is being listened on until this is dropped.
pub(crate) struct Listening {
    address: SocketAddr,
    connections: Arc<Connections>,
    runner: Option<Box<dyn Runner>>,
}

/// What accepts connections; dropping it closes the port and all of them.
pub(crate) trait Runner: Send + Sync {
    /// Closes all, and is done when that is done.
    fn end(self: Box<Self>) -> Task;
}

struct TaskRunner {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

struct ThreadRunner {
    stop: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Connections {
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::SeqCst)
    }

    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::SeqCst)
    }

    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Ordering::SeqCst)
    }

    pub(crate) fn failed_handshakes(&self) -> u64 {
        self.failed_handshakes.load(Ordering::SeqCst)
    }

    pub(crate) fn enter(self: &Arc<Self>) -> OpenConnection {
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.opened.fetch_add(1, Ordering::SeqCst);
        self.peak.fetch_max(open, Ordering::SeqCst);
        OpenConnection(Arc::clone(self))
    }
}

/// Held while a connection is open.
pub(crate) struct OpenConnection(Arc<Connections>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Listening {
    pub(crate) fn start(
        address: impl ToSocketAddrs,
        reception: Reception,
        connections: Arc<Connections>,
        home: Home,
    ) -> io::Result<Self> {
        let addresses: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
        let (stop, stopped) = watch::channel(false);
        let desk = Desk { reception, connections: Arc::clone(&connections), stopped };
        let (address, runner): (_, Box<dyn Runner>) = match home {
            Home::Here => {
                let listener = bind(&addresses)?;
                let address = listener.local_addr()?;
                let task = tokio::spawn(desk.accept_all(listener));
                (address, Box::new(TaskRunner { stop, task }))
            }
            Home::OwnThread => {
                let (address, thread) = start_thread(addresses, desk)?;
                (address, Box::new(ThreadRunner { stop, thread: Some(thread) }))
            }
        };
        Ok(Self::new(address, connections, runner))
    }

    pub(crate) fn new(
        address: SocketAddr,
        connections: Arc<Connections>,
        runner: Box<dyn Runner>,
    ) -> Self {
        Self { address, connections, runner: Some(runner) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Closes the port and all connections, and returns when that is done.
    pub(crate) async fn shutdown(mut self) {
        if let Some(runner) = self.runner.take() {
            runner.end().await;
        }
    }
}

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening")
            .field("address", &self.address)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

impl Runner for TaskRunner {
    fn end(mut self: Box<Self>) -> Task {
        Box::pin(async move {
            let _ = self.stop.send(true);
            let _ = (&mut self.task).await;
        })
    }
}

impl Drop for TaskRunner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Runner for ThreadRunner {
    fn end(self: Box<Self>) -> Task {
        // The thread ends within a poll or two; dropping waits for it.
        Box::pin(async move { drop(self) })
    }
}

impl Drop for ThreadRunner {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn bind(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on");
    for address in addresses {
        match bind_one(*address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Windows gives the option another meaning: there it lets a second process steal the port.
    if !cfg!(windows) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(4096)
}

fn start_thread(
    addresses: Vec<SocketAddr>,
    desk: Desk,
) -> io::Result<(SocketAddr, std::thread::JoinHandle<()>)> {
    let (report, reported) = std::sync::mpsc::channel();
    let thread =
        std::thread::Builder::new().name("wayfare-testkit".to_owned()).spawn(move || {
            let bound = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .and_then(|runtime| {
                    let listener = {
                        let _inside = runtime.enter();
                        bind(&addresses)?
                    };
                    Ok((runtime, listener.local_addr()?, listener))
                });
            match bound {
                Ok((runtime, address, listener)) => {
                    let _ = report.send(Ok(address));
                    runtime.block_on(desk.accept_all(listener));
                }
                Err(error) => {
                    let _ = report.send(Err(error));
                }
            }
        })?;
    let gone = || io::Error::other("the server's thread ended before it listened");
    let address = reported.recv().map_err(|_| gone())??;
    Ok((address, thread))
}

/// Receives connections and starts a task for each.
struct Desk {
    reception: Reception,
    connections: Arc<Connections>,
    stopped: watch::Receiver<bool>,
}

impl Desk {
    async fn accept_all(mut self, listener: TcpListener) {
        let mut listener = Some(listener);
        let mut tasks = JoinSet::new();
        let mut number = 0;
        loop {
            if self.reception.at_most.is_some_and(|most| number >= most) {
                listener = None;
            }
            tokio::select! {
                _ = self.stopped.changed() => break,
                stream = accept(listener.as_ref()) => {
                    number += 1;
                    let open = self.connections.enter();
                    let _ = stream.set_nodelay(true);
                    let reception = self.reception.clone();
                    tasks.spawn(attend(number, Box::new(stream), reception, open));
                }
                Some(_) = tasks.join_next() => {}
            }
        }
        drop(listener);
        tasks.shutdown().await;
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // Out of file descriptors, or the client left: neither ends the server.
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Leads a connection through TLS, where that is spoken, to the server's handler.
pub(crate) async fn attend(
    number: u64,
    stream: BoxStream,
    reception: Reception,
    open: OpenConnection,
) {
    let stream: BoxStream = match reception.rate {
        Some(rate) => Box::new(Slowed::new(stream, rate)),
        None => stream,
    };
    let Some(config) = reception.tls else {
        return (reception.handler)(Accepted { number, stream, alpn: None }).await;
    };
    match TlsAcceptor::from(config).accept(stream).await {
        Ok(mut stream) => {
            let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            let mut early = Vec::new();
            if let Some(mut sent) = stream.get_mut().1.early_data() {
                // Memory that is full of what was read does not fail.
                let _ = sent.read_to_end(&mut early);
            }
            let stream: BoxStream = match early.is_empty() {
                true => Box::new(stream),
                false => Box::new(Rewound::new(early.into(), stream)),
            };
            (reception.handler)(Accepted { number, stream, alpn }).await;
        }
        Err(_) => {
            open.0.failed_handshakes.fetch_add(1, Ordering::SeqCst);
        }
    }
}
