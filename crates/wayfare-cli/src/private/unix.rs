//! Who may read a new file, on Unix.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;

/// Lets the owner alone read and write what is made.
pub(super) fn for_owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}
