//! Files that only their owner may read.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;

/// Makes a file that is created with `options` its owner's alone.
pub(super) fn for_owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}
