//! A chain of content codings, undone in one go (RFC 9110 §8.4).

use bytes::{Buf, Bytes, BytesMut};

use super::fault::Fault;
use super::guard::BombGuard;
use super::link::{Coding, Link};
use crate::syntax::field::list;

/// Decodes a body through one or more codings, piece by piece and in bounded memory.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use wayfare_proto::wire::coding::decoder::{Decoder, Selection};
///
/// let Selection::Decode(mut decoder) = Decoder::for_header([&b"deflate"[..]])? else { panic!() };
/// let mut input = Bytes::from_static(b"\x4b\x04\x00");
/// let mut output = BytesMut::new();
/// decoder.push(&mut input, &mut output, 4096)?;
/// decoder.finish()?;
/// assert_eq!(output, "a");
/// # Ok::<(), wayfare_proto::wire::coding::fault::Fault>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    /// In the order of decoding: the coding that was applied last comes first.
    links: Vec<Link>,
    /// What each link but the last made for the next one.
    between: Vec<BytesMut>,
    guard: BombGuard,
}

/// What a `Content-Encoding` asks for.
#[derive(Debug)]
pub enum Selection {
    /// Decode.
    Decode(Decoder),
    /// The body is plain.
    Identity,
    /// A coding is not known; only the body as it came can be given out.
    Unknown,
}

/// Where a push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Every coding is complete. The body may end here; another gzip member or zstd frame may
    /// still follow.
    Done,
    /// All input was taken, and more is needed.
    NeedInput,
    /// The room is used up; push again, with the same input, before giving more.
    OutputFull,
}

impl Decoder {
    /// Chooses the decoder for the values of all `Content-Encoding` fields, in their order.
    ///
    /// # Errors
    ///
    /// [`Fault::TooManyLinks`] for more than five codings over all fields, known or not;
    /// [`Fault::OutOfMemory`].
    pub fn for_header<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<Selection, Fault> {
        let mut codings = Vec::new();
        let names = values.into_iter().flat_map(list);
        for name in names.filter(|name| !name.eq_ignore_ascii_case(b"identity")) {
            if codings.len() == LINKS {
                return Err(Fault::TooManyLinks);
            }
            codings.push(Coding::from_name(name));
        }
        match codings.into_iter().collect::<Option<Vec<Coding>>>() {
            None => Ok(Selection::Unknown),
            Some(codings) if codings.is_empty() => Ok(Selection::Identity),
            Some(codings) => Decoder::new(&codings).map(Selection::Decode),
        }
    }

    /// Decodes what these codings, in the order in which they were applied, have made.
    fn new(codings: &[Coding]) -> Result<Decoder, Fault> {
        let links = codings.iter().rev().map(|&coding| Link::new(coding));
        Ok(Decoder {
            links: links.collect::<Result<_, _>>()?,
            between: vec![BytesMut::new(); codings.len().saturating_sub(1)],
            guard: BombGuard::default(),
        })
    }

    /// Replaces the default guard.
    pub fn with_guard(self, guard: BombGuard) -> Self {
        Decoder { guard, ..self }
    }

    /// Takes from the front of `input` and appends at most `room` plain bytes to `output`.
    ///
    /// # Errors
    ///
    /// Any [`Fault`] except [`Fault::Truncated`]. The decoder is then of no more use; what was
    /// appended before the fault is genuine.
    pub fn push(
        &mut self,
        input: &mut Bytes,
        output: &mut BytesMut,
        room: usize,
    ) -> Result<Progress, Fault> {
        let end = output.len().saturating_add(room);
        loop {
            let mut moved = false;
            for at in 0..self.links.len() {
                moved |= self.step(at, input, output, end)?;
            }
            if output.len() >= end {
                return Ok(Progress::OutputFull);
            }
            if !moved {
                let is_complete = self.links.iter().all(Link::is_complete);
                return Ok(if is_complete { Progress::Done } else { Progress::NeedInput });
            }
        }
    }

    /// Takes note that the input has ended, every push having been made.
    ///
    /// # Errors
    ///
    /// [`Fault::Truncated`] unless every coding is complete. A body of zero bytes is.
    pub fn finish(&mut self) -> Result<(), Fault> {
        let is_drained = self.between.iter().all(BytesMut::is_empty);
        if is_drained && self.links.iter().all(Link::is_complete) {
            return Ok(());
        }
        Err(Fault::Truncated)
    }

    /// Runs one link, if there is room behind it; tells whether any byte moved.
    fn step(
        &mut self,
        at: usize,
        input: &mut Bytes,
        output: &mut BytesMut,
        end: usize,
    ) -> Result<bool, Fault> {
        let (before, behind) = self.between.split_at_mut(at);
        let source: &[u8] = before.last().map_or(&input[..], |buffer| &buffer[..]);
        let is_last = behind.is_empty();
        let (sink, room) = match behind.first_mut() {
            Some(buffer) if buffer.is_empty() => (buffer, STEP),
            Some(_) => return Ok(false),
            None => {
                let room = end.saturating_sub(output.len()).min(STEP);
                (&mut *output, room)
            }
        };
        if room == 0 {
            return Ok(false);
        }
        let link = &mut self.links[at];
        let start = sink.len();
        sink.resize(start + room, 0);
        let result = link.run(source, &mut sink[start..]);
        sink.truncate(start + result.as_ref().map_or(0, |step| step.produced));
        let step = result?;
        match before.last_mut() {
            Some(buffer) => buffer.advance(step.consumed),
            None => input.advance(step.consumed),
        }
        self.guard.check_link(link.coding, link.coded, link.plain)?;
        if is_last {
            self.check_whole()?;
        }
        Ok(step.consumed + step.produced > 0)
    }

    /// Judges the chain as a whole: links that each stay below the ratio can multiply to a bomb.
    fn check_whole(&self) -> Result<(), Fault> {
        let [first, .., last] = &self.links[..] else {
            return self.guard.check_size(self.links.first().map_or(0, |link| link.plain));
        };
        let dense = |link: &&Link| matches!(link.coding, Coding::Brotli | Coding::Zstd);
        let coding = self.links.iter().find(dense).unwrap_or(last).coding;
        self.guard.check_link(coding, first.coded, last.plain)?;
        self.guard.check_size(last.plain)
    }
}

/// The most codings in one chain.
const LINKS: usize = 5;
/// The most bytes that one link makes in one step.
const STEP: usize = 16 * 1024;
