//! Tells a decompression bomb from a body that compresses well.

use super::fault::Fault;
use super::link::Coding;

/// How much a coded body may grow.
///
/// The defaults let any body of up to 10 MiB through, and beyond that one that grew forty-fold
/// (gzip, deflate) or a hundred-fold (br, zstd), which is far above what real content reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BombGuard {
    /// Up to this many plain bytes the ratio does not matter.
    pub above: u64,
    /// The most plain bytes for each coded byte of gzip and deflate.
    pub deflate_ratio: u32,
    /// The most plain bytes for each coded byte of br and zstd.
    pub dense_ratio: u32,
    /// The most plain bytes in all.
    pub most: u64,
}

impl BombGuard {
    /// Lets everything through.
    pub const fn off() -> Self {
        BombGuard {
            above: u64::MAX,
            deflate_ratio: u32::MAX,
            dense_ratio: u32::MAX,
            most: u64::MAX,
        }
    }

    /// Judges what one link of a chain made of its input so far.
    pub(super) fn check_link(&self, coding: Coding, coded: u64, plain: u64) -> Result<(), Fault> {
        let ratio = match coding {
            Coding::Brotli | Coding::Zstd => self.dense_ratio,
            Coding::Deflate | Coding::Gzip => self.deflate_ratio,
        };
        if plain > self.above && plain > coded.saturating_mul(ratio.into()) {
            return Err(Fault::Bomb { coded, plain });
        }
        Ok(())
    }

    /// Judges the size of the whole plain body so far.
    pub(super) fn check_size(&self, plain: u64) -> Result<(), Fault> {
        if plain > self.most {
            return Err(Fault::TooLarge { most: self.most });
        }
        Ok(())
    }
}

impl Default for BombGuard {
    fn default() -> Self {
        BombGuard { above: 10 << 20, deflate_ratio: 40, dense_ratio: 100, most: u64::MAX }
    }
}
