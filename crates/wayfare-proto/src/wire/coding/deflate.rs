//! The deflate coding, with the zlib wrapper or without it (RFC 1950, RFC 1951).

use flate2::{Decompress, FlushDecompress, Status};

use super::fault::Fault;
use super::link::{Coding, Step};

/// A decoder that finds out at the first two bytes which of the two forms it has.
pub(super) struct Deflate {
    state: State,
}

enum State {
    Body(Decompress),
    Ended,
    /// The first byte, once it is there.
    Sniff(Option<u8>),
}

impl Deflate {
    pub(super) fn new() -> Self {
        Deflate { state: State::Sniff(None) }
    }

    pub(super) fn run(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let mut step = Step::default();
        loop {
            let rest = &input[step.consumed..];
            match &mut self.state {
                State::Sniff(first) => match (*first, rest) {
                    (_, []) => return Ok(step),
                    (None, [byte, ..]) => {
                        *first = Some(*byte);
                        step.consumed += 1;
                    }
                    (Some(first), [second, ..]) => {
                        let mut engine = Decompress::new(is_zlib([first, *second]));
                        // One byte is too little for any output, so it is taken as a whole.
                        inflate(&mut engine, &[first], output, Coding::Deflate)?;
                        self.state = State::Body(engine);
                    }
                },
                State::Body(engine) => {
                    let room = &mut output[step.produced..];
                    let (inflated, ended) = inflate(engine, rest, room, Coding::Deflate)?;
                    step.consumed += inflated.consumed;
                    step.produced += inflated.produced;
                    if !ended {
                        return Ok(step);
                    }
                    self.state = State::Ended;
                }
                State::Ended if rest.is_empty() => return Ok(step),
                State::Ended => return Err(Fault::Trailing),
            }
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

/// One step of the engine that gzip and deflate share; tells whether the stream ended.
pub(super) fn inflate(
    engine: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
    coding: Coding,
) -> Result<(Step, bool), Fault> {
    let before = (engine.total_in(), engine.total_out());
    let status = engine
        .decompress(input, output, FlushDecompress::None)
        .map_err(|_| Fault::Malformed(coding))?;
    // Both differences are bounded by the lengths of the slices.
    let step = Step {
        consumed: (engine.total_in() - before.0) as usize,
        produced: (engine.total_out() - before.1) as usize,
    };
    Ok((step, status == Status::StreamEnd))
}

/// RFC 1950 §2.2: method 8, a window of at most 32 KiB, and a check on both bytes.
fn is_zlib(start: [u8; 2]) -> bool {
    start[0] & 0x0f == 8 && start[0] >> 4 <= 7 && u16::from_be_bytes(start).is_multiple_of(31)
}
