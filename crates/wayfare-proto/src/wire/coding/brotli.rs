//! The br coding (RFC 7932).

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::fault::Fault;
use super::link::{Coding, Step};

/// A decoder for one brotli stream.
pub(super) struct Brotli {
    /// Boxed, since the engine's state is several kilobytes.
    engine: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    total: usize,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Body,
    Ended,
}

impl Brotli {
    pub(super) fn new() -> Self {
        // The strict form refuses the "large window" extension, whose window of up to 1 GiB is
        // no part of RFC 7932.
        let engine = BrotliState::new_strict(
            StandardAlloc::default(),
            StandardAlloc::default(),
            StandardAlloc::default(),
        );
        Brotli { engine: Box::new(engine), total: 0, state: State::Body }
    }

    pub(super) fn run(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let mut step = Step::default();
        if self.state == State::Body {
            let mut available = input.len();
            let mut room = output.len();
            let result = BrotliDecompressStream(
                &mut available,
                &mut step.consumed,
                input,
                &mut room,
                &mut step.produced,
                output,
                &mut self.total,
                &mut self.engine,
            );
            match result {
                BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
                BrotliResult::ResultFailure => return Err(Fault::Malformed(Coding::Brotli)),
                BrotliResult::ResultSuccess => self.state = State::Ended,
            }
        }
        if self.state == State::Ended && step.consumed < input.len() {
            return Err(Fault::Trailing);
        }
        Ok(step)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.state == State::Ended
    }
}
