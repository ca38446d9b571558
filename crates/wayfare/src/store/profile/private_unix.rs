//! Files and directories of one user alone.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes a directory, and those above it, for the user alone. One that is there stays as it is: it may
/// have other things in it.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    if let Ok(there) = fs::metadata(path) {
        return match there.is_dir() {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory")),
        };
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes an empty file unless it is there; what is there is made private.
pub(super) fn make_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    restrict(path, 0o600)
}

fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    match fs::metadata(path)?.permissions().mode() & 0o777 {
        now if now & !mode == 0 => Ok(()),
        _ => fs::set_permissions(path, Permissions::from_mode(mode)),
    }
}
