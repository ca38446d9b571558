//! Files and directories of one user alone.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use wayfare_net::place::{NOT_A_LINK, user_id};

/// Makes a directory, and those above it, for the user alone. One that is there stays as it is: it may
/// have other things in it.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    match check_directory(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(path)
        }
        checked => checked,
    }
}

/// Checks that a directory is the user's, and that nobody else can put anything there: what lies beside
/// a database is obeyed by whoever opens it.
pub(super) fn check_directory(path: &Path) -> io::Result<()> {
    let facts = fs::metadata(path)?;
    if !facts.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory"));
    }
    check_owner(&facts, &path.display().to_string())?;
    if facts.mode() & OTHERS_WRITE == 0 {
        return Ok(());
    }
    let why =
        format!("others may write to {0}, which has to end first: chmod go-w {0}", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// Checks that what lies beside the database is none, or a file of the user's.
pub(super) fn check_beside(path: &Path) -> io::Result<()> {
    let facts = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        facts => facts?,
    };
    let name = path.display().to_string();
    if !facts.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name} is not a file")));
    }
    check_owner(&facts, &name)
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

/// The rights of the group and of all others to write.
const OTHERS_WRITE: u32 = 0o022;
