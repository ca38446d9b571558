//! Files and directories where the user's own are private by their place.
//!
//! Untested: compiled for platforms other than Unix.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a directory, and those above it, unless it is there.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Checks that a directory is there.
pub(super) fn check_directory(path: &Path) -> io::Result<()> {
    fs::metadata(path).map(drop)
}

/// Nothing: others cannot put anything beside the database.
pub(super) fn check_beside(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes an empty file unless it is there.
pub(super) fn make_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path).map(drop)
}

/// Checks that a file is one.
pub(super) fn check_file(path: &Path) -> io::Result<()> {
    fs::metadata(path).map(drop)
}
