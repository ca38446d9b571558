//! Files and directories of one user alone.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use wayfare_net::place::{NOT_A_LINK, user_id};

/// Makes a directory, and those above it, for the user alone. One that is there stays as it is: it may
/// have other things in it. It has to be the user's, who could be led astray in any other.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) if !there.is_dir() => {
            Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory"))
        }
        Ok(there) => check_owner(&there, "the directory"),
        Err(_) => DirBuilder::new().recursive(true).mode(0o700).create(path),
    }
}

/// Makes an empty file for the user alone unless it is there. One that is there has to be a file of the
/// user's, and no link to one.
pub(super) fn make_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).custom_flags(NOT_A_LINK).open(path)?;
    check(&file)?;
    match file.metadata()?.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => file.set_permissions(Permissions::from_mode(0o600)),
    }
}

/// Checks that a file is one that can be read: the user's own, and no link.
pub(super) fn check_file(path: &Path) -> io::Result<()> {
    check(&OpenOptions::new().read(true).custom_flags(NOT_A_LINK).open(path)?)
}

fn check(file: &File) -> io::Result<()> {
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the database is not a file"));
    }
    check_owner(&facts, "the database")
}

fn check_owner(facts: &fs::Metadata, what: &str) -> io::Result<()> {
    if facts.uid() == user_id() {
        return Ok(());
    }
    let why = format!("{what} belongs to another user");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}
