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

/// A file being written, which is removed unless it is published.
pub(crate) struct Draft {
    file: File,
    /// Its own path; nothing for a device or a pipe, which is written to as it is.
    path: Option<PathBuf>,
    target: PathBuf,
}

impl Draft {
    /// Begins what will be a file whose name somebody else has chosen: a link of that name is
    /// replaced and not followed, and what is no regular file is refused.
    pub(crate) fn of_suggested(target: &Path) -> io::Result<Self> {
        match std::fs::symlink_metadata(target) {
            Ok(facts) if facts.is_file() => {
                let draft = Self::beside(target.to_owned())?;
                draft.file.set_permissions(facts.permissions())?;
                Ok(draft)
            }
            Ok(facts) if facts.is_symlink() => Self::beside(target.to_owned()),
            Ok(_) => Err(io::ErrorKind::IsADirectory.into()),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Self::beside(target.to_owned()),
            Err(why) => Err(why),
        }
    }

    /// Begins what will be `target`, which a link may lead to.
    pub(crate) fn of(target: &Path) -> io::Result<Self> {
        match std::fs::metadata(target) {
            Ok(facts) if facts.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(facts) if !facts.is_file() => Ok(Self {
                file: OpenOptions::new().write(true).open(target)?,
                path: None,
                target: target.to_owned(),
            }),
            Ok(facts) => {
                let draft = Self::beside(target.canonicalize()?)?;
                // A file that was private stays so.
                draft.file.set_permissions(facts.permissions())?;
                Ok(draft)
            }
            Err(why) if why.kind() == io::ErrorKind::NotFound => Self::beside(target.to_owned()),
            Err(why) => Err(why),
        }
    }

    fn beside(target: PathBuf) -> io::Result<Self> {
        if target.file_name().is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
        }
        for _ in 0..ATTEMPTS {
            // Nobody can lay a link in its way beforehand, and `create_new` does not follow one.
            let salt: String =
                random::bytes().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            // Without the target's name, which may be as long as a name can be.
            let path = target.with_file_name(format!(".{salt}.part"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
                Err(why) => return Err(why),
                Ok(file) => return Ok(Self { file, path: Some(path), target }),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(crate) fn write(mut self, bytes: &[u8]) -> io::Result<Self> {
        self.file.write_all(bytes)?;
        Ok(self)
    }

    /// Makes it durable and gives it its name.
    pub(crate) fn publish(mut self) -> io::Result<()> {
        if let Some(path) = &self.path {
            self.file.sync_all()?;
            std::fs::rename(path, &self.target)?;
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

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("wayfare-draft-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        folder
    }

    #[test]
    fn a_link_is_followed_and_stays_a_link() {
        let folder = folder("link");
        let (real, link) = (folder.join("real"), folder.join("link"));
        std::fs::write(&real, "old").unwrap();
        symlink(&real, &link).unwrap();
        Draft::of(&link).unwrap().write(b"new").unwrap().publish().unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&real).unwrap(), b"new");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_private_file_stays_private() {
        let folder = folder("mode");
        let file = folder.join("file");
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        Draft::of(&file).unwrap().write(b"new").unwrap().publish().unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_pipe_is_written_to_and_not_replaced() {
        let folder = folder("pipe");
        let pipe = folder.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let path = pipe.clone();
        let reader = std::thread::spawn(move || std::fs::read(path).unwrap());
        Draft::of(&pipe).unwrap().write(b"through").unwrap().publish().unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(!std::fs::metadata(&pipe).unwrap().is_file());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_suggested_name_replaces_a_link_and_refuses_a_pipe() {
        let folder = folder("suggested");
        let (outside, link, pipe) = (folder.join("out"), folder.join("link"), folder.join("pipe"));
        std::fs::write(&outside, "old").unwrap();
        symlink(&outside, &link).unwrap();
        Draft::of_suggested(&link).unwrap().write(b"new").unwrap().publish().unwrap();
        assert_eq!(std::fs::read(&outside).unwrap(), b"old");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_file());
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(Draft::of_suggested(&pipe).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_unpublished_draft_leaves_nothing() {
        let folder = folder("none");
        let file = folder.join("file");
        drop(Draft::of(&file).unwrap().write(b"part").unwrap());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
