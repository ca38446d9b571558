//! Random bytes for names that nobody should guess.

use std::hash::{BuildHasher, RandomState};

/// 24 bytes that nobody can foresee: keyed hashes, whose keys come from the operating system.
pub(crate) fn bytes() -> [u8; 24] {
    let mut bytes = [0; 24];
    for (place, word) in bytes.chunks_exact_mut(8).enumerate() {
        let hash = RandomState::new().hash_one((std::process::id(), place));
        word.copy_from_slice(&hash.to_ne_bytes());
    }
    bytes
}
