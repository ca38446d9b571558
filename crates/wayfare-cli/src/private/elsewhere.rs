//! Who may read a new file, where its directory decides.

use std::fs::OpenOptions;

/// Leaves it to the directory.
pub(super) fn for_owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}
