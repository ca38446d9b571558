//! Accepts connections for every server of this crate: TLS, counting, and where it all runs.

use std::future::Future;
use std::io;
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

use crate::stream::{BoxStream, Slowed};

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
#[derive(Debug)]
pub(crate) struct Listening {
    address: SocketAddr,
    connections: Arc<Connections>,
    stop: watch::Sender<bool>,
    runner: Runner,
}

#[derive(Debug)]
enum Runner {
    Task(JoinHandle<()>),
    Thread(Option<std::thread::JoinHandle<()>>),
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

    fn enter(self: &Arc<Self>) -> OpenConnection {
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.opened.fetch_add(1, Ordering::SeqCst);
        self.peak.fetch_max(open, Ordering::SeqCst);
        OpenConnection(Arc::clone(self))
    }
}

/// Held while a connection is open.
struct OpenConnection(Arc<Connections>);

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
        let desk = Desk {
            reception,
            connections: Arc::clone(&connections),
            stopped,
        };
        let (address, runner) = match home {
            Home::Here => {
                let listener = bind(&addresses)?;
                (
                    listener.local_addr()?,
                    Runner::Task(tokio::spawn(desk.accept_all(listener))),
                )
            }
            Home::OwnThread => start_thread(addresses, desk)?,
        };
        Ok(Self {
            address,
            connections,
            stop,
            runner,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Closes the port and all connections, and returns when that is done.
    pub(crate) async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        match &mut self.runner {
            Runner::Task(task) => {
                let _ = task.await;
            }
            Runner::Thread(thread) => join(thread),
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        match &mut self.runner {
            Runner::Task(task) => task.abort(),
            Runner::Thread(thread) => join(thread),
        }
    }
}

fn join(thread: &mut Option<std::thread::JoinHandle<()>>) {
    if let Some(thread) = thread.take() {
        let _ = thread.join();
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
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // Windows gives the option another meaning: there it lets a second process steal the port.
    if !cfg!(windows) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(4096)
}

fn start_thread(addresses: Vec<SocketAddr>, desk: Desk) -> io::Result<(SocketAddr, Runner)> {
    let (report, reported) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new()
        .name("wayfare-testkit".to_owned())
        .spawn(move || {
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
    Ok((address, Runner::Thread(Some(thread))))
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
                    tasks.spawn(attend(number, stream, self.reception.clone(), open));
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

async fn attend(number: u64, stream: TcpStream, reception: Reception, open: OpenConnection) {
    let _ = stream.set_nodelay(true);
    let stream: BoxStream = match reception.rate {
        Some(rate) => Box::new(Slowed::new(stream, rate)),
        None => Box::new(stream),
    };
    let Some(config) = reception.tls else {
        return (reception.handler)(Accepted {
            number,
            stream,
            alpn: None,
        })
        .await;
    };
    match TlsAcceptor::from(config).accept(stream).await {
        Ok(stream) => {
            let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            (reception.handler)(Accepted {
                number,
                stream: Box::new(stream),
                alpn,
            })
            .await;
        }
        Err(_) => {
            open.0.failed_handshakes.fetch_add(1, Ordering::SeqCst);
        }
    }
}
