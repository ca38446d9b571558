//! The directory of a profile: the user's alone, and on this machine.

use std::io;
use std::path::{Path, PathBuf};

use wayfare_net::place::network_file_system;

use super::Access;
use super::private;

/// Finds the database in a directory, and makes both if they may be made.
pub(super) fn prepare(directory: &Path, access: Access) -> io::Result<PathBuf> {
    let database = directory.join(NAME);
    if access == Access::ReadOnly {
        // What is not there has nothing to be read.
        private::check_directory(directory)?;
        check_beside(&database)?;
        private::check_file(&database)?;
        return Ok(database);
    }
    private::make_directory(directory)?;
    if let Some(system) = network_file_system(directory)? {
        let why = format!(
            "{} is on a network file system ({system}), where processes cannot share a database",
            directory.display()
        );
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    check_beside(&database)?;
    // The files beside it get the rights of this one.
    private::make_file(&database)?;
    Ok(database)
}

/// Checks what SQLite takes for a part of the database, should it be there.
fn check_beside(database: &Path) -> io::Result<()> {
    BESIDE.iter().try_for_each(|end| {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        private::check_beside(Path::new(&name))
    })
}

const BESIDE: [&str; 3] = ["-journal", "-shm", "-wal"];
const NAME: &str = "profile.sqlite";
