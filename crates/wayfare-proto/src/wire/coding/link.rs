//! One coding in a chain: what all of them have in common.

use std::fmt;

use super::brotli::Brotli;
use super::deflate::Deflate;
use super::fault::Fault;
use super::gzip::Gzip;
use super::zstd::Zstd;

/// A content coding that can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `br` (RFC 7932).
    Brotli,
    /// `deflate` (RFC 1950, or bare RFC 1951).
    Deflate,
    /// `gzip` and `x-gzip` (RFC 1952).
    Gzip,
    /// `zstd` (RFC 8878, RFC 9659).
    Zstd,
}

impl Coding {
    /// The coding with this name, in any case (RFC 9110 §8.4.1).
    pub fn from_name(name: &[u8]) -> Option<Coding> {
        let known = [
            ("br", Coding::Brotli),
            ("deflate", Coding::Deflate),
            ("gzip", Coding::Gzip),
            ("x-gzip", Coding::Gzip),
            ("zstd", Coding::Zstd),
        ];
        let found = known.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()));
        found.map(|&(_, coding)| coding)
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Coding::Brotli => "br",
            Coding::Deflate => "deflate",
            Coding::Gzip => "gzip",
            Coding::Zstd => "zstd",
        })
    }
}

/// What one step of a link did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    pub(super) consumed: usize,
    pub(super) produced: usize,
}

/// A link with the count of what went through it.
#[derive(Debug)]
pub(super) struct Link {
    engine: Engine,
    pub(super) coding: Coding,
    pub(super) coded: u64,
    pub(super) plain: u64,
}

enum Engine {
    Brotli(Brotli),
    Deflate(Deflate),
    Gzip(Gzip),
    Zstd(Zstd),
}

impl Link {
    pub(super) fn new(coding: Coding) -> Result<Link, Fault> {
        let engine = match coding {
            Coding::Brotli => Engine::Brotli(Brotli::new()),
            Coding::Deflate => Engine::Deflate(Deflate::new()),
            Coding::Gzip => Engine::Gzip(Gzip::new()),
            Coding::Zstd => Engine::Zstd(Zstd::new()?),
        };
        Ok(Link { engine, coding, coded: 0, plain: 0 })
    }

    /// Takes from `input` and fills `output`, as far as either goes.
    ///
    /// An engine may hold finished output back when `output` is full, so this is also to be
    /// called without input. `output` must not be empty.
    pub(super) fn run(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let step = match &mut self.engine {
            Engine::Brotli(engine) => engine.run(input, output),
            Engine::Deflate(engine) => engine.run(input, output),
            Engine::Gzip(engine) => engine.run(input, output),
            Engine::Zstd(engine) => engine.run(input, output),
        }?;
        self.coded += step.consumed as u64;
        self.plain += step.produced as u64;
        Ok(step)
    }

    /// Whether the input may end here.
    pub(super) fn is_complete(&self) -> bool {
        // Servers label empty bodies, and answers to HEAD that proxies turned into GET.
        self.coded == 0
            || match &self.engine {
                Engine::Brotli(engine) => engine.is_complete(),
                Engine::Deflate(engine) => engine.is_complete(),
                Engine::Gzip(engine) => engine.is_complete(),
                Engine::Zstd(engine) => engine.is_complete(),
            }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}
