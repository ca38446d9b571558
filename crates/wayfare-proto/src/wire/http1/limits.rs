//! How much of a head or a trailer section a peer may make us hold.

/// The bounds on one message's head, and on its trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The most field lines in one head or one trailer section.
    pub fields: usize,
    /// The most bytes in one field line, its line end not counted.
    pub field_bytes: usize,
    /// The most bytes in one head or one trailer section, line ends included.
    pub head_bytes: usize,
    /// The most 1xx heads before the final one.
    pub interim: u8,
}

impl Default for HeadLimits {
    fn default() -> Self {
        HeadLimits { fields: 100, field_bytes: 100 * 1024, head_bytes: 256 * 1024, interim: 10 }
    }
}
