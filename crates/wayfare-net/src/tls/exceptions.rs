//! Certificates that somebody decided to accept although something is wrong with them.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wayfare_proto::certificate::problem::ProblemKind;

/// One exact exception: this certificate, shown by this host, with exactly these things wrong.
///
/// Another certificate, another host, or one more problem is none of its business.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Exception {
    /// The host, in lower case.
    pub host: String,
    /// The SHA-256 digest of the server's own certificate.
    pub certificate: [u8; 32],
    /// Everything that is wrong.
    pub problems: BTreeSet<ProblemKind>,
}

/// The exceptions that hold, shared by everybody who has a clone.
///
/// ```
/// # use wayfare_net::tls::exceptions::Exceptions;
/// let exceptions = Exceptions::default();
/// assert_eq!(exceptions.all().len(), 0);
/// ```
#[derive(Clone, Default)]
pub struct Exceptions(Arc<Inner>);

#[derive(Default)]
struct Inner {
    held: Mutex<Held>,
    keeper: Option<Box<dyn Keeper>>,
}

#[derive(Default)]
struct Held {
    /// With whether they are kept elsewhere.
    all: BTreeSet<(Exception, Kept)>,
    /// Whether those that are kept elsewhere are here, too.
    loaded: bool,
}

/// Keeps exceptions longer than a program runs.
pub trait Keeper: Send + Sync {
    /// Every exception that is kept; asked for once, when the first is needed.
    ///
    /// # Errors
    /// If they cannot be read; then there are none.
    fn load(&self) -> io::Result<Vec<Exception>>;

    /// Keeps one.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn add(&self, exception: &Exception) -> io::Result<()>;

    /// Forgets those of a host.
    ///
    /// # Errors
    /// If that cannot be written.
    fn remove(&self, host: &str) -> io::Result<()>;
}

/// Exceptions in a file, one a line.
struct InFile(PathBuf);

/// How long an exception holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kept {
    /// Until it is removed; it is written to the file, if there is one.
    Always,
    /// As long as these exceptions live.
    Session,
}

impl Exceptions {
    /// Exceptions that are kept in a file, one a line: host, digest, and what is wrong.
    ///
    /// # Errors
    /// If the file is there but cannot be read, or a line is none of these; the message names it.
    pub fn in_file(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let all = read(path)?.into_iter().map(|exception| (exception, Kept::Always)).collect();
        let held = Held { all, loaded: true };
        let keeper: Box<dyn Keeper> = Box::new(InFile(path.to_owned()));
        Ok(Self(Arc::new(Inner { held: Mutex::new(held), keeper: Some(keeper) })))
    }

    /// Exceptions that somebody else keeps.
    #[must_use]
    pub fn kept_by(keeper: impl Keeper + 'static) -> Self {
        let keeper: Box<dyn Keeper> = Box::new(keeper);
        Self(Arc::new(Inner { held: Mutex::default(), keeper: Some(keeper) }))
    }

    /// True if they are kept longer than the program runs.
    #[must_use]
    pub fn are_kept(&self) -> bool {
        self.0.keeper.is_some()
    }

    /// Accepts what `exception` says.
    ///
    /// # Errors
    /// If it is to be kept always and cannot be written; it then holds for the session.
    pub fn add(&self, exception: Exception, kept: Kept) -> io::Result<()> {
        let written = match (kept, &self.0.keeper) {
            (Kept::Always, Some(keeper)) => keeper.add(&exception),
            _ => Ok(()),
        };
        self.lock().all.insert((exception, kept));
        written
    }

    /// Takes back every exception for `host`; true if there was one.
    ///
    /// Sessions that were agreed on with it are not resumed any more. Open connections are not
    /// closed: see `Manager::clear_connections`.
    ///
    /// # Errors
    /// If the file cannot be written; the exceptions are gone from memory then.
    pub fn remove(&self, host: &str) -> io::Result<bool> {
        let is_for = |exception: &Exception| exception.host.eq_ignore_ascii_case(host);
        let removed: Vec<_> =
            self.lock().all.extract_if(.., |(exception, _)| is_for(exception)).collect();
        if removed.is_empty() {
            return Ok(false);
        }
        if let Some(keeper) = &self.0.keeper {
            keeper.remove(host)?;
        }
        Ok(true)
    }

    /// All of them, sorted.
    #[must_use]
    pub fn all(&self) -> Vec<(Exception, Kept)> {
        self.lock().all.iter().cloned().collect()
    }

    /// True if there is any for this host.
    #[must_use]
    pub fn has_for(&self, host: &str) -> bool {
        self.lock().all.iter().any(|(exception, _)| exception.host.eq_ignore_ascii_case(host))
    }

    /// True if exactly this was accepted.
    #[must_use]
    pub fn holds(&self, exception: &Exception) -> bool {
        let held = self.lock();
        [Kept::Always, Kept::Session]
            .into_iter()
            .any(|kept| held.all.contains(&(exception.clone(), kept)))
    }

    /// True if both are the same set, not only equal ones.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = self.0.keeper.as_ref().filter(|_| !held.loaded) {
            held.loaded = true;
            // What cannot be read accepts nothing.
            let kept = keeper.load().unwrap_or_default();
            held.all.extend(kept.into_iter().map(|exception| (exception, Kept::Always)));
        }
        held
    }
}

impl Keeper for InFile {
    fn load(&self) -> io::Result<Vec<Exception>> {
        Ok(read(&self.0)?.into_iter().collect())
    }

    fn add(&self, exception: &Exception) -> io::Result<()> {
        self.rewrite(|all| {
            all.insert(exception.clone());
        })
    }

    fn remove(&self, host: &str) -> io::Result<()> {
        self.rewrite(|all| all.retain(|one| !one.host.eq_ignore_ascii_case(host)))
    }
}

impl InFile {
    /// Makes one change to the file as it is now, other processes' changes included. Written beside
    /// and renamed, so that a reader finds the old or the new list.
    fn rewrite(&self, change: impl FnOnce(&mut BTreeSet<Exception>)) -> io::Result<()> {
        let path = &self.0;
        let beside = |what: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(what);
            PathBuf::from(name)
        };
        let lock = File::options().create(true).append(true).open(beside(".lock"))?;
        lock.lock()?;
        let mut all = read(path)?;
        change(&mut all);
        let mut text = String::from("# host, SHA-256 of the certificate, what is wrong with it\n");
        for exception in &all {
            text.push_str(&format!("{exception}\n"));
        }
        // Nobody else writes while the lock is held, so what is there is left from a crash.
        let new = beside(".new");
        let _ = std::fs::remove_file(&new);
        let mut file = File::options().write(true).create_new(true).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    }
}

fn read(path: &Path) -> io::Result<BTreeSet<Exception>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(why) if why.kind() == io::ErrorKind::NotFound => String::new(),
        Err(why) => return Err(why),
    };
    let mut all = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let exception = line.parse::<Exception>().map_err(|why| {
            let message = format!("{}, line {}: {why}", path.display(), number + 1);
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        all.insert(exception);
    }
    Ok(all)
}

/// Equal if they are the same set, whatever is in it now.
impl PartialEq for Exceptions {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
    }
}

impl Eq for Exceptions {}

impl fmt::Debug for Exceptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exceptions").field("count", &self.lock().all.len()).finish()
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest: String = self.certificate.iter().map(|byte| format!("{byte:02x}")).collect();
        let problems: Vec<_> = self.problems.iter().map(|kind| kind.name()).collect();
        write!(f, "{} {digest} {}", self.host, problems.join(","))
    }
}

impl std::str::FromStr for Exception {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let [host, digest, problems] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err("not a host, a digest and a list of what is wrong".into());
        };
        let byte = |at: usize| u8::from_str_radix(digest.get(at * 2..at * 2 + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        let certificate = bytes
            .filter(|_| digest.len() == 64)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| format!("\"{digest}\" is not a SHA-256 digest in hexadecimal"))?;
        let kind = |name| {
            ProblemKind::from_name(name).ok_or_else(|| format!("\"{name}\" is no known problem"))
        };
        let problems = problems.split(',').map(kind).collect::<Result<_, _>>()?;
        Ok(Self { host: host.to_ascii_lowercase(), certificate, problems })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expired(host: &str) -> Exception {
        Exception {
            host: host.into(),
            certificate: [7; 32],
            problems: [ProblemKind::Expired, ProblemKind::SelfSigned].into(),
        }
    }

    #[test]
    fn an_exception_is_exact() {
        let exceptions = Exceptions::default();
        exceptions.add(expired("a.test"), Kept::Session).unwrap();
        assert!(exceptions.holds(&expired("a.test")));
        assert!(!exceptions.holds(&expired("b.test")));
        let mut less = expired("a.test");
        less.problems.remove(&ProblemKind::Expired);
        assert!(!exceptions.holds(&less));
        let other = Exception { certificate: [8; 32], ..expired("a.test") };
        assert!(!exceptions.holds(&other));
    }

    #[test]
    fn what_is_kept_always_is_there_again_and_what_is_removed_is_not() {
        let folder =
            std::env::temp_dir().join(format!("wayfare-exceptions-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("list");
        let exceptions = Exceptions::in_file(&path).unwrap();
        exceptions.add(expired("a.test"), Kept::Always).unwrap();
        exceptions.add(expired("b.test"), Kept::Session).unwrap();
        let again = Exceptions::in_file(&path).unwrap();
        assert!(again.holds(&expired("a.test")) && !again.holds(&expired("b.test")));
        assert!(exceptions.remove("A.test").unwrap());
        assert!(!exceptions.remove("a.test").unwrap());
        assert!(Exceptions::in_file(&path).unwrap().all().is_empty());
        std::fs::write(&path, "a.test 00 expired\n").unwrap();
        let why = Exceptions::in_file(&path).unwrap_err().to_string();
        assert!(why.contains("line 1") && why.contains("digest"), "{why}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_line_comes_back_as_it_was() {
        let line = expired("a.test").to_string();
        assert_eq!(line.parse(), Ok(expired("a.test")));
        assert!("a.test zz expired".parse::<Exception>().is_err());
        assert!(format!("a.test {} wet", "00".repeat(32)).parse::<Exception>().is_err());
    }
}
