//! Files that only their owner may read: here the folder decides (untested).

use std::fs::OpenOptions;

/// Leaves the file as the folder's rules have it.
pub(super) fn for_owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}
