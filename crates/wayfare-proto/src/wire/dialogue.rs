//! Lock-step talks before a connection can be used: bytes in, bytes out, no socket and no clock.

use std::error::Error;

use bytes::BytesMut;

/// A talk in which each side waits for the other, such as the opening of a SOCKS connection.
///
/// One driver runs them all: it calls [`Dialogue::advance`], writes what was put into `output`,
/// and reads more as long as there is more to be said.
pub trait Dialogue {
    /// What the talk ends in.
    type Outcome;
    /// Why it can fail.
    type Failure: Error + Send + Sync + 'static;

    /// Takes what it understands from the front of `input` and appends what it has to say to
    /// `output`. Bytes behind the end of the talk stay in `input`. It does not matter how the
    /// bytes were cut into reads, and it is not called again after its end.
    ///
    /// # Errors
    /// Whatever the other side may not say, or says no with.
    fn advance(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Step<Self::Outcome>, Self::Failure>;

    /// What it means that the other side ends the talk here.
    fn handle_end(&self, input: &BytesMut) -> Self::Failure;
}

/// How a talk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// It is over; what is in the output still has to be written.
    Done(T),
    /// The other side's turn.
    More,
}
