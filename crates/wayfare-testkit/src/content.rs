//! The bodies that the servers send: always the same for the same length and seed.

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256};

/// The seed that is used where a request names none.
pub const DEFAULT_SEED: u64 = 1;

/// The pseudo-random body of `/bytes/{n}?seed=…`.
#[must_use]
pub fn bytes_of(n: u64, seed: u64) -> Bytes {
    bytes_at(0, n, seed)
}

/// A part of the endless pseudo-random text that [`bytes_of`] is the beginning of.
#[must_use]
pub fn bytes_at(offset: u64, n: u64, seed: u64) -> Bytes {
    let skip = usize::try_from(offset % 8).unwrap_or(0);
    let n = usize::try_from(n).unwrap_or(usize::MAX);
    let mut out = BytesMut::with_capacity(n + 16);
    let mut word = offset / 8;
    while out.len() < n + skip {
        out.extend_from_slice(&mix(seed, word).to_le_bytes());
        word += 1;
    }
    out.truncate(n + skip);
    out.freeze().slice(skip..)
}

/// Readable text of exactly `n` bytes: what the encoded endpoints (`/gzip/{n}`, …) carry.
#[must_use]
pub fn text_of(n: usize) -> String {
    let mut text = String::with_capacity(n + 64);
    let mut line = 0_u64;
    while text.len() < n {
        let word = mix(DEFAULT_SEED, line);
        text.push_str(&format!("line {line:08}: {word:016x} wayfare carries it there\n"));
        line += 1;
    }
    text.truncate(n);
    text
}

/// The SHA-256 of some bytes, as lower-case hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

// One step of splitmix64: no state to carry, so that any range can be made alone.
fn mix(seed: u64, word: u64) -> u64 {
    let mut z = seed.wrapping_mul(0xA076_1D64_78BD_642F) ^ word.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_equals_the_same_part_of_the_whole() {
        let whole = bytes_of(100, 7);
        for offset in [0, 1, 7, 8, 9, 63] {
            let from = usize::try_from(offset).unwrap();
            assert_eq!(bytes_at(offset, 20, 7), whole.slice(from..from + 20));
        }
        assert_ne!(bytes_of(100, 8), whole);
    }

    #[test]
    fn text_has_the_length_asked_for() {
        assert_eq!(text_of(0).len(), 0);
        assert_eq!(text_of(1000).len(), 1000);
    }

    #[test]
    fn the_digest_of_nothing_is_the_well_known_one() {
        assert!(sha256_hex(b"").starts_with("e3b0c44298fc1c149afbf4c8996fb924"));
    }
}
