//! One HTTP/2 connection seen from a server that writes its own frames.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::H2Heard;
use super::frames::{
    ACK, DATA, END_STREAM, Frame, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS,
};
use crate::faults::GOOD;
use crate::stream::BoxStream;

pub(super) type H2Ear = Arc<Mutex<H2Heard>>;

/// A connection through its preface, and how politely it is dealt with.
pub(super) struct Talk {
    stream: BoxStream,
    ahead: BytesMut,
    /// Requests that came whole while nobody asked for one.
    waiting: VecDeque<u32>,
    ear: H2Ear,
    pub(super) pings: Pings,
    pub(super) windows: Windows,
}

/// What becomes of the client's PINGs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pings {
    Answered,
    Ignored,
}

/// Whether the client may send more once it has sent something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Windows {
    Opened,
    Shut,
}

impl Talk {
    /// Reads the client's preface and says the server's.
    pub(super) async fn begin(
        stream: BoxStream,
        ear: H2Ear,
        settings: &[(u16, u32)],
    ) -> io::Result<Self> {
        let (pings, windows) = (Pings::Answered, Windows::Opened);
        let (ahead, waiting) = (BytesMut::new(), VecDeque::new());
        let mut talk = Self { stream, ahead, waiting, ear, pings, windows };
        while talk.ahead.len() < PREFACE.len() {
            talk.fill().await?;
        }
        if talk.ahead.split_to(PREFACE.len()) != PREFACE {
            return Err(io::Error::other("this client does not speak HTTP/2"));
        }
        talk.send(&[Frame::settings(settings)]).await?;
        Ok(talk)
    }

    pub(super) async fn send(&mut self, frames: &[Frame]) -> io::Result<()> {
        let mut bytes = BytesMut::new();
        for frame in frames {
            frame.write_to(&mut bytes);
        }
        self.send_bytes(&bytes).await
    }

    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Sends the same frames until the client is gone.
    pub(super) async fn flood(&mut self, frames: &[Frame]) -> io::Result<()> {
        let mut bytes = BytesMut::new();
        while bytes.len() < 16 * 1024 {
            for frame in frames {
                frame.write_to(&mut bytes);
            }
        }
        loop {
            self.send_bytes(&bytes).await?;
            tokio::task::yield_now().await;
        }
    }

    /// Reads until a request is whole, and returns its stream.
    pub(super) async fn request(&mut self) -> io::Result<u32> {
        if let Some(stream) = self.waiting.pop_front() {
            return Ok(stream);
        }
        loop {
            let frame = self.frame().await?;
            if self.attend_to(&frame).await? == Noted::RequestEnds {
                return Ok(frame.stream);
            }
        }
    }

    /// Reads until a request's head is there, its body or not, and returns its stream.
    pub(super) async fn request_head(&mut self) -> io::Result<u32> {
        loop {
            let frame = self.frame().await?;
            self.attend_to(&frame).await?;
            if frame.kind == HEADERS {
                return Ok(frame.stream);
            }
        }
    }

    /// Answers as one should.
    pub(super) async fn answer(&mut self, stream: u32) -> io::Result<()> {
        self.send(&good(stream)).await?;
        self.hear().open -= 1;
        Ok(())
    }

    /// Answers every request as one should, each after a pause, until the client is gone.
    pub(super) async fn serve_on(&mut self, pause: Duration) -> io::Result<()> {
        let at = Instant::now() + pause;
        let mut due: VecDeque<_> = self.waiting.drain(..).map(|stream| (at, stream)).collect();
        loop {
            let next = due.front().map(|(at, _)| *at);
            let frame = tokio::select! {
                frame = self.frame() => frame?,
                () = sleep_until(next) => {
                    if let Some((_, stream)) = due.pop_front() {
                        self.answer(stream).await?;
                    }
                    continue;
                }
            };
            if self.attend_to(&frame).await? == Noted::RequestEnds {
                due.push_back((Instant::now() + pause, frame.stream));
            }
        }
    }

    /// Deals with the client's frames for a while, without answering requests.
    pub(super) async fn listen(&mut self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        loop {
            let frame = tokio::select! {
                frame = self.frame() => frame?,
                () = tokio::time::sleep_until(until) => return Ok(()),
            };
            if self.attend_to(&frame).await? == Noted::RequestEnds {
                self.waiting.push_back(frame.stream);
            }
        }
    }

    /// Ends our direction and waits for the client to do the same.
    pub(super) async fn hang_up(&mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        self.listen(Duration::from_secs(1)).await
    }

    pub(super) fn hear(&self) -> MutexGuard<'_, H2Heard> {
        self.ear.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancel safe: what was read stays in the buffer.
    async fn frame(&mut self) -> io::Result<Frame> {
        loop {
            if let Some(frame) = Frame::read_from(&mut self.ahead) {
                return Ok(frame);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.ahead).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn attend_to(&mut self, frame: &Frame) -> io::Result<Noted> {
        self.hear().note(frame);
        let length = u32::try_from(frame.payload.len()).unwrap_or(0);
        match frame.kind {
            SETTINGS if !frame.is(SETTINGS, ACK) => {
                self.send(&[Frame::new(SETTINGS, ACK, 0, "")]).await?;
            }
            PING if !frame.is(PING, ACK) && self.pings == Pings::Answered => {
                self.send(&[Frame::new(PING, ACK, 0, frame.payload.clone())]).await?;
            }
            DATA if length > 0 && self.windows == Windows::Opened => {
                let mut updates = vec![Frame::window_update(0, length)];
                if !frame.is(DATA, END_STREAM) {
                    updates.push(Frame::window_update(frame.stream, length));
                }
                self.send(&updates).await?;
            }
            _ => {}
        }
        let ends = frame.is(HEADERS, END_STREAM) || frame.is(DATA, END_STREAM);
        Ok(if ends { Noted::RequestEnds } else { Noted::Other })
    }
}

#[derive(PartialEq, Eq)]
enum Noted {
    Other,
    RequestEnds,
}

impl H2Heard {
    fn note(&mut self, frame: &Frame) {
        match frame.kind {
            HEADERS => {
                self.requests += 1;
                self.open += 1;
                self.peak_open = self.peak_open.max(self.open);
            }
            DATA => self.body_bytes += frame.payload.len() as u64,
            PING => self.pings += 1,
            RST_STREAM => {
                self.resets += 1;
                self.open -= 1;
            }
            GOAWAY => {
                let code = frame.payload.get(4..8).and_then(|code| code.try_into().ok());
                self.go_away = code.map(u32::from_be_bytes);
            }
            _ => {}
        }
    }
}

/// The frames of an answer that is as it should be.
pub(super) fn good(stream: u32) -> [Frame; 2] {
    let fields = [(":status", "200"), ("content-type", "text/plain"), ("content-length", "5")];
    [Frame::headers(stream, 0, &fields), Frame::data(stream, END_STREAM, GOOD)]
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
