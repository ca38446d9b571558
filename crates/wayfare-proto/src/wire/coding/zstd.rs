//! The zstd coding: any number of frames (RFC 8878), with the window that RFC 9659 allows.

use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::fault::Fault;
use super::link::{Coding, Step};

/// A decoder for a sequence of frames.
pub(super) struct Zstd {
    engine: Decoder<'static>,
    state: State,
    output: Output,
}

#[derive(PartialEq, Eq)]
enum State {
    Between,
    InFrame,
}

/// Whether the engine may hold output back for want of room.
#[derive(PartialEq, Eq)]
enum Output {
    Flushed,
    Pending,
}

impl Zstd {
    pub(super) fn new() -> Result<Self, Fault> {
        let mut engine = Decoder::new().map_err(|_| Fault::OutOfMemory)?;
        engine
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOG))
            .map_err(|_| Fault::OutOfMemory)?;
        Ok(Zstd { engine, state: State::Between, output: Output::Flushed })
    }

    pub(super) fn run(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        // The engine calls it an error to be run again and again without anything to do.
        if input.is_empty() && self.output == Output::Flushed {
            return Ok(Step::default());
        }
        let status = self
            .engine
            .run_on_buffers(input, output)
            .map_err(|_| Fault::Malformed(Coding::Zstd))?;
        self.state = if status.remaining == 0 { State::Between } else { State::InFrame };
        let is_full = status.bytes_written == output.len() && status.remaining != 0;
        self.output = if is_full { Output::Pending } else { Output::Flushed };
        Ok(Step { consumed: status.bytes_read, produced: status.bytes_written })
    }

    /// Whether no frame is open.
    pub(super) fn is_complete(&self) -> bool {
        self.state == State::Between
    }
}

/// RFC 9659 §3: a window of 8 MiB.
const WINDOW_LOG: u32 = 23;
