//! A byte pipe in virtual time: what is written arrives after the link's latency, at its rate.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::link::{Direction, Link, Reach};
use crate::stream::ServerStream;

/// One end of a connection in a [`World`](super::World).
pub struct WorldStream {
    incoming: Arc<Lane>,
    outgoing: Arc<Lane>,
    sleep: Option<Pin<Box<Sleep>>>,
    local: SocketAddr,
    peer: SocketAddr,
}

/// One direction of one connection.
struct Lane {
    link: Arc<Link>,
    direction: Direction,
    state: Mutex<LaneState>,
}

#[derive(Default)]
struct LaneState {
    /// What is on its way, with the time at which it is there.
    under_way: VecDeque<(Instant, Parcel)>,
    bytes_under_way: usize,
    reset: bool,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

enum Parcel {
    Data(Bytes),
    Fin,
}

/// Makes both ends of a connection to a host behind `link`: the client's and the server's.
pub(super) fn pair(
    link: &Arc<Link>,
    client: SocketAddr,
    server: SocketAddr,
) -> (WorldStream, WorldStream) {
    let up = Lane::new(Arc::clone(link), Direction::Up);
    let down = Lane::new(Arc::clone(link), Direction::Down);
    let near = WorldStream {
        incoming: Arc::clone(&down),
        outgoing: Arc::clone(&up),
        sleep: None,
        local: client,
        peer: server,
    };
    let far =
        WorldStream { incoming: up, outgoing: down, sleep: None, local: server, peer: client };
    (near, far)
}

impl Lane {
    fn new(link: Arc<Link>, direction: Direction) -> Arc<Self> {
        Arc::new(Self { link, direction, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, parcel: Parcel) {
        let length = parcel.length();
        let arrival = self.link.arrival_of(self.direction, length);
        let mut state = self.lock();
        state.bytes_under_way += length;
        state.under_way.push_back((arrival, parcel));
        wake(&mut state.reader);
    }

    fn reset(&self) {
        let mut state = self.lock();
        state.reset = true;
        wake(&mut state.reader);
        wake(&mut state.writer);
    }
}

impl Parcel {
    fn length(&self) -> usize {
        match self {
            Self::Data(bytes) => bytes.len(),
            Self::Fin => 0,
        }
    }
}

impl WorldStream {
    /// The address of this end.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// The address of the other end.
    #[must_use]
    pub fn peer_address(&self) -> SocketAddr {
        self.peer
    }

    /// Breaks the connection: both ends get "connection reset".
    fn reset(&self) {
        self.incoming.reset();
        self.outgoing.reset();
    }

    /// Pending while the link is silent, an error once the connection is broken.
    fn poll_link(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.incoming.link.poll_reach(cx) {
            Reach::Cut => {
                self.reset();
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
            Reach::Silent => Poll::Pending,
            Reach::Open | Reach::Refusing => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncRead for WorldStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_link(cx))?;
        loop {
            let lane = Arc::clone(&self.incoming);
            let mut state = lane.lock();
            if state.reset {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let Some((arrival, _)) = state.under_way.front() else {
                state.reader = Some(cx.waker().clone());
                return Poll::Pending;
            };
            if *arrival <= Instant::now() {
                state.deliver(buf);
                return Poll::Ready(Ok(()));
            }
            let arrival = *arrival;
            state.reader = Some(cx.waker().clone());
            drop(state);
            let sleep = self.sleep.insert(Box::pin(tokio::time::sleep_until(arrival)));
            std::task::ready!(sleep.as_mut().poll(cx));
        }
    }
}

impl LaneState {
    /// Hands over what is there; an end of the stream stays there for the next reader.
    fn deliver(&mut self, buf: &mut ReadBuf<'_>) {
        let now = Instant::now();
        while let Some((arrival, parcel)) = self.under_way.front_mut() {
            let Parcel::Data(bytes) = parcel else { break };
            if *arrival > now || buf.remaining() == 0 {
                break;
            }
            let part = bytes.split_to(bytes.len().min(buf.remaining()));
            buf.put_slice(&part);
            self.bytes_under_way -= part.len();
            if bytes.is_empty() {
                self.under_way.pop_front();
            }
        }
        wake(&mut self.writer);
    }
}

impl AsyncWrite for WorldStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_link(cx))?;
        let room = {
            let mut state = self.outgoing.lock();
            if state.reset {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if state.reader_gone {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let room = WINDOW - state.bytes_under_way.min(WINDOW);
            if room == 0 && !buf.is_empty() {
                state.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            room
        };
        let n = buf.len().min(room);
        // Segments, so that a slow link delivers a long write little by little.
        for segment in BytesMut::from(&buf[..n]).freeze().chunks(SEGMENT) {
            self.outgoing.post(Parcel::Data(Bytes::copy_from_slice(segment)));
        }
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.post(Parcel::Fin);
        Poll::Ready(Ok(()))
    }
}

impl Drop for WorldStream {
    fn drop(&mut self) {
        self.outgoing.post(Parcel::Fin);
        let mut state = self.incoming.lock();
        state.reader_gone = true;
        wake(&mut state.writer);
    }
}

impl ServerStream for WorldStream {
    fn break_off(&mut self) {
        self.reset();
    }
}

impl wayfare_net::socket::Stream for WorldStream {
    fn local_address(&self) -> Option<SocketAddr> {
        Some(self.local)
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        Some(self.peer)
    }
}

impl std::fmt::Debug for WorldStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WorldStream({} to {})", self.local, self.peer)
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// How long a segment of this length occupies a link of this many bytes a second.
pub(super) fn time_on_link(length: usize, bandwidth: Option<u64>) -> Duration {
    match bandwidth {
        Some(rate) => Duration::from_secs_f64(length as f64 / rate.max(1) as f64),
        None => Duration::ZERO,
    }
}

/// How much may be under way in one direction, as a TCP window would have it.
const WINDOW: usize = 256 * 1024;
const SEGMENT: usize = 1400;
