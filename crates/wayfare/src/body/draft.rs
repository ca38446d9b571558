//! A file being written, which is either published whole or not there.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wayfare_net::runtime::Home;

use super::random;

/// Does file work where it blocks nobody: on the calling thread it blocks only the caller.
pub(crate) async fn work<T, F>(home: &Home, work: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    match home {
        Home::Caller => work(),
        Home::Runtime(_) => home.unblock(work).await?,
    }
}

/// A file that is removed unless it is published.
pub(crate) struct Draft {
    file: File,
    path: Option<PathBuf>,
}

impl Draft {
    pub(crate) fn beside(target: &Path) -> io::Result<Self> {
        let Some(name) = target.file_name() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
        };
        if target.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        for _ in 0..ATTEMPTS {
            // Nobody can lay a link in its way beforehand, and `create_new` does not follow one.
            let salt: String =
                random::bytes().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            let mut draft_name = std::ffi::OsString::from(".");
            draft_name.push(name);
            draft_name.push(format!(".{salt}.part"));
            let path = target.with_file_name(draft_name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
                Err(why) => return Err(why),
                Ok(file) => return Ok(Self { file, path: Some(path) }),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(crate) fn write(mut self, bytes: &[u8]) -> io::Result<Self> {
        self.file.write_all(bytes)?;
        Ok(self)
    }

    /// Makes it durable and gives it its name.
    pub(crate) fn publish(mut self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        if let Some(path) = &self.path {
            std::fs::rename(path, target)?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            // The transfer has failed already; a file that cannot be removed is the lesser evil.
            let _ = std::fs::remove_file(path);
        }
    }
}

const ATTEMPTS: u32 = 16;
