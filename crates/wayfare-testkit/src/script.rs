//! What a scripted server does on a connection, step by step, and the player that does it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stream::ServerStream;

/// One thing that a scripted server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reads what the client must say; what differs is recorded, and the script goes on.
    Expect(Expected),
    /// Reads so many bytes of a request body.
    ReadBody(u64),
    /// Sends bytes, exactly these.
    Send(Bytes),
    /// Sends bytes one by one with a pause before each.
    SendSlowly {
        /// What is sent.
        bytes: Bytes,
        /// The pause before each byte.
        every: Duration,
    },
    /// Sends the same bytes again and again.
    RepeatSend {
        /// What is sent each time.
        bytes: Bytes,
        /// How often.
        times: Times,
        /// The pause before each time.
        every: Duration,
    },
    /// Does nothing for a while.
    Wait(Duration),
    /// Reads and throws away whatever comes until the client closes, but no longer than this.
    Drain(Duration),
    /// Ends our direction in order: a FIN, under TLS after a `close_notify`.
    Fin,
    /// Drops the socket without another word: under TLS a FIN without `close_notify`.
    Drop,
    /// Breaks the connection off with a TCP reset.
    Rst,
    /// Keeps the connection open and silent until the server is shut down.
    Stall,
}

/// What the client must say next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any request head, up to its empty line.
    AnyHead,
    /// A request head with this first line and at least these fields.
    Head(HeadPattern),
    /// One line; `*` stands for any text.
    Line(String),
}

/// A request head as a script wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadPattern {
    /// The request line; `*` stands for any text.
    pub first_line: String,
    /// Fields that must be there; `*` in a value stands for any text.
    pub fields: Vec<(String, String)>,
    /// Names of fields that must not be there.
    pub absent: Vec<String>,
}

/// How often a step repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// This often.
    Exactly(u64),
    /// Until the client has closed or the server is shut down.
    Forever,
}

/// What each of a scripted server's connections does, in the order of arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The steps of each connection.
    pub connections: Vec<Vec<Step>>,
    /// What happens to connections after those.
    pub afterwards: Afterwards,
}

/// What a scripted server does with connections that its script does not mention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Afterwards {
    /// Closes its port: connecting fails.
    Refuse,
    /// Plays the last connection's steps again.
    #[default]
    RepeatLast,
}

/// What a scripted server heard on one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Every byte that was read, in order, up to 64 MiB.
    pub bytes: Vec<u8>,
    /// Where the client did not say what the script expected, in words.
    pub mismatches: Vec<String>,
}

/// A shared [`Heard`] that fills while the connection lives.
pub(crate) type Ear = Arc<Mutex<Heard>>;

/// How a play ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The steps are over and the connection is still there.
    Open,
    /// The connection is over.
    Gone,
}

impl Step {
    /// Reads any request head.
    #[must_use]
    pub fn head() -> Self {
        Self::Expect(Expected::AnyHead)
    }

    /// Sends text or bytes.
    #[must_use]
    pub fn send(bytes: impl AsRef<[u8]>) -> Self {
        Self::Send(Bytes::copy_from_slice(bytes.as_ref()))
    }

    /// Waits so many milliseconds.
    #[must_use]
    pub fn wait_ms(milliseconds: u64) -> Self {
        Self::Wait(Duration::from_millis(milliseconds))
    }
}

impl Script {
    /// A script in which every connection goes the same way.
    #[must_use]
    pub fn always(steps: Vec<Step>) -> Self {
        Self { connections: vec![steps], afterwards: Afterwards::RepeatLast }
    }

    /// A script for these connections, after which new ones are refused.
    #[must_use]
    pub fn once(connections: Vec<Vec<Step>>) -> Self {
        Self { connections, afterwards: Afterwards::Refuse }
    }

    /// The steps of connection `number`, counted from 1.
    #[must_use]
    pub fn steps(&self, number: u64) -> &[Step] {
        let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        self.connections.get(index).or_else(|| self.connections.last()).map_or(&[], Vec::as_slice)
    }
}

/// Plays steps on a stream until they are over or the connection is.
pub(crate) async fn play<S: ServerStream>(steps: &[Step], stream: &mut S, ear: &Ear) -> Ended {
    let mut player = Player { stream, ahead: BytesMut::new(), ear };
    for step in steps {
        match player.step(step).await {
            Ok(Ended::Open) => {}
            // The client is gone; what it should have said was noted where it mattered.
            Ok(Ended::Gone) | Err(_) => return Ended::Gone,
        }
    }
    Ended::Open
}

/// Ends a connection so that what was sent arrives: a close with unread bytes would be a reset.
pub(crate) async fn hang_up<S: ServerStream>(stream: &mut S, ear: &Ear) {
    let _ = play(&[Step::Fin, Step::Drain(LINGER)], stream, ear).await;
}

struct Player<'a, S> {
    stream: &'a mut S,
    /// Read from the stream, not yet used by a step.
    ahead: BytesMut,
    ear: &'a Ear,
}

impl<S: ServerStream> Player<'_, S> {
    async fn step(&mut self, step: &Step) -> io::Result<Ended> {
        match step {
            Step::Expect(expected) => self.expect(expected).await?,
            Step::ReadBody(n) => self.read_body(*n).await?,
            Step::Send(bytes) => self.send(bytes).await?,
            Step::SendSlowly { bytes, every } => {
                for byte in bytes {
                    tokio::time::sleep(*every).await;
                    self.send(&[*byte]).await?;
                }
            }
            Step::RepeatSend { bytes, times, every } => self.repeat(bytes, *times, *every).await?,
            Step::Wait(time) => tokio::time::sleep(*time).await,
            Step::Drain(at_most) => {
                let _ = tokio::time::timeout(*at_most, self.drain()).await;
            }
            Step::Fin => self.stream.shutdown().await?,
            Step::Drop => return Ok(Ended::Gone),
            Step::Rst => {
                self.stream.break_off();
                return Ok(Ended::Gone);
            }
            Step::Stall => std::future::pending().await,
        }
        Ok(Ended::Open)
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    async fn repeat(&mut self, bytes: &Bytes, times: Times, every: Duration) -> io::Result<()> {
        let mut done = 0;
        while times == Times::Forever || Times::Exactly(done) != times {
            if !every.is_zero() {
                tokio::time::sleep(every).await;
            }
            self.send(bytes).await?;
            done += 1;
        }
        Ok(())
    }

    async fn expect(&mut self, expected: &Expected) -> io::Result<()> {
        let end: &[u8] = match expected {
            Expected::AnyHead | Expected::Head(_) => b"\r\n\r\n",
            Expected::Line(_) => b"\n",
        };
        let said = match self.read_until(end).await {
            Ok(said) => said,
            Err(error) => {
                self.note(format!("expected {}, but the client left", expected.describe()));
                return Err(error);
            }
        };
        if let Err(difference) = expected.check(&String::from_utf8_lossy(&said)) {
            self.note(difference);
        }
        Ok(())
    }

    async fn read_body(&mut self, n: u64) -> io::Result<()> {
        let mut left = n;
        loop {
            let used = left.min(self.ahead.len() as u64);
            // At most `ahead.len()`, so it fits.
            drop(self.ahead.split_to(used as usize));
            left -= used;
            if left == 0 {
                return Ok(());
            }
            self.fill().await?;
        }
    }

    async fn read_until(&mut self, end: &[u8]) -> io::Result<BytesMut> {
        let mut from = 0;
        loop {
            let found = self.ahead[from..].windows(end.len()).position(|bytes| bytes == end);
            if let Some(at) = found {
                return Ok(self.ahead.split_to(from + at + end.len()));
            }
            from = self.ahead.len().saturating_sub(end.len() - 1);
            self.fill().await?;
        }
    }

    async fn drain(&mut self) -> io::Result<()> {
        loop {
            self.fill().await?;
            self.ahead.clear();
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        let before = self.ahead.len();
        if self.stream.read_buf(&mut self.ahead).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut heard = self.ear.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(heard.bytes.len()).min(self.ahead.len() - before);
        heard.bytes.extend_from_slice(&self.ahead[before..before + room]);
        Ok(())
    }

    fn note(&self, mismatch: String) {
        self.ear.lock().unwrap_or_else(PoisonError::into_inner).mismatches.push(mismatch);
    }
}

impl Expected {
    fn describe(&self) -> String {
        match self {
            Self::AnyHead => "a request".to_owned(),
            Self::Head(pattern) => format!("`{}`", pattern.first_line),
            Self::Line(line) => format!("`{line}`"),
        }
    }

    fn check(&self, said: &str) -> Result<(), String> {
        match self {
            Self::AnyHead => Ok(()),
            Self::Head(pattern) => pattern.check(said),
            Self::Line(line) => fits(line, said.trim_end_matches(['\r', '\n']))
                .then_some(())
                .ok_or_else(|| format!("expected `{line}`, heard `{}`", said.trim_end())),
        }
    }
}

impl HeadPattern {
    fn check(&self, said: &str) -> Result<(), String> {
        let mut lines = said.lines();
        let first = lines.next().unwrap_or_default();
        if !fits(&self.first_line, first) {
            return Err(format!("expected `{}`, heard `{first}`", self.first_line));
        }
        let fields: Vec<(&str, &str)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name, value.trim()))
            .collect();
        for (name, value) in &self.fields {
            let there = fields.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && fits(value, v));
            if !there {
                return Err(format!("expected the field `{name}: {value}` in `{first}`"));
            }
        }
        for name in &self.absent {
            if fields.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
                return Err(format!("expected no field `{name}` in `{first}`"));
            }
        }
        Ok(())
    }
}

/// Whether a text fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(before) else {
        return false;
    };
    (0..=text.len()).any(|at| text.is_char_boundary(at) && fits(rest, &text[at..]))
}

const KEPT: usize = 64 << 20;
const LINGER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(fits("GET /* HTTP/1.1", "GET /a/b HTTP/1.1"));
        assert!(fits("*", ""));
        assert!(!fits("GET *", "PUT /"));
        assert!(fits("a*b*c", "a--b--c"));
        assert!(!fits("a*b*c", "a--c"));
    }

    #[test]
    fn a_head_is_compared_by_first_line_and_named_fields() {
        let pattern = HeadPattern {
            first_line: "GET / HTTP/1.1".into(),
            fields: vec![("Accept".into(), "*".into())],
            absent: vec!["cookie".into()],
        };
        assert_eq!(pattern.check("GET / HTTP/1.1\r\naccept: x\r\n\r\n"), Ok(()));
        assert!(pattern.check("GET / HTTP/1.1\r\n\r\n").is_err());
        assert!(pattern.check("GET / HTTP/1.1\r\naccept: x\r\nCookie: a\r\n\r\n").is_err());
    }

    #[tokio::test]
    async fn steps_are_played_in_order_and_what_was_heard_is_kept() {
        let (mut client, mut server) = tokio::io::duplex(1024);
        let ear = Ear::default();
        client.write_all(b"GET / HTTP/1.1\r\n\r\nbody").await.unwrap();
        let steps = [Step::head(), Step::ReadBody(4), Step::send("yes")];
        assert_eq!(play(&steps, &mut server, &ear).await, Ended::Open);
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "yes");
        assert_eq!(ear.lock().unwrap().bytes, b"GET / HTTP/1.1\r\n\r\nbody");
    }
}
