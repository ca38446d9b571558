//! Endpoints with a content coding, and bodies that swell when decoded.

use std::io::{self, Write};
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::{StatusCode, header};

use super::{Answer, Call, Refusal, full, response, set};
use crate::content::text_of;

/// How many zeros a bomb holds.
pub const BOMB_LENGTH: u64 = 50 << 20;

/// A content coding that the server can produce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Deflate,
    DeflateRaw,
    Gzip,
    Zstd,
}

impl Coding {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "br" => Self::Brotli,
            "deflate" => Self::Deflate,
            "deflate-raw" => Self::DeflateRaw,
            "gzip" => Self::Gzip,
            "zstd" => Self::Zstd,
            _ => return None,
        })
    }

    fn token(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Deflate | Self::DeflateRaw => "deflate",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Encodes bytes.
    pub(crate) fn encode(self, plain: &[u8]) -> Vec<u8> {
        self.encode_from(&mut io::Cursor::new(plain)).expect("memory takes all that is written")
    }

    fn encode_from(self, plain: &mut dyn io::Read) -> io::Result<Vec<u8>> {
        let level = Compression::default();
        match self {
            Self::Brotli => {
                let mut out = Vec::new();
                let params = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
                brotli::BrotliCompress(&mut { plain }, &mut out, &params)?;
                Ok(out)
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), level);
                io::copy(plain, &mut encoder)?;
                encoder.finish()
            }
            Self::DeflateRaw => {
                let mut encoder = DeflateEncoder::new(Vec::new(), level);
                io::copy(plain, &mut encoder)?;
                encoder.finish()
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), level);
                io::copy(plain, &mut encoder)?;
                encoder.flush()?;
                encoder.finish()
            }
            Self::Zstd => zstd::stream::encode_all(plain, 3),
        }
    }
}

pub(super) fn coded(call: &Call) -> Result<Answer, Refusal> {
    let coding = Coding::from_name(call.part(0)).ok_or_else(unknown)?;
    let n: usize = call.number(1)?;
    if n > LARGEST {
        return Err(Refusal(format!("at most {LARGEST} bytes are encoded")));
    }
    let mut response =
        response(StatusCode::OK, "text/plain", full(coding.encode(text_of(n).as_bytes())));
    set(&mut response, header::CONTENT_ENCODING, coding.token());
    set(&mut response, header::VARY, "accept-encoding");
    Ok(Answer::Respond(response))
}

pub(super) fn bomb(call: &Call) -> Result<Answer, Refusal> {
    let coding = Coding::from_name(call.part(1)).ok_or_else(unknown)?;
    let mut response = response(StatusCode::OK, "application/octet-stream", full(bomb_of(coding)));
    set(&mut response, header::CONTENT_ENCODING, coding.token());
    Ok(Answer::Respond(response))
}

/// Makes each bomb once.
fn bomb_of(coding: Coding) -> Bytes {
    static BOMBS: [OnceLock<Bytes>; 5] = [const { OnceLock::new() }; 5];
    let make = || {
        let zeros = &mut io::Read::take(io::repeat(0), BOMB_LENGTH);
        coding.encode_from(zeros).expect("memory takes all that is written").into()
    };
    BOMBS[coding as usize].get_or_init(make).clone()
}

fn unknown() -> Refusal {
    Refusal("the codecs are gzip, deflate, deflate-raw, br and zstd".to_owned())
}

const LARGEST: usize = 64 << 20;
