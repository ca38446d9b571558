//! Where each body goes: standard output, a file, or a name in a directory.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use http::{HeaderMap, Method, header};
use wayfare::names;
use wayfare::rules::content_disposition::ContentDisposition;

use super::Stop;
use crate::arguments::transfer::Output;
use crate::exit;

/// A URL and where its body goes.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) url: String,
    pub(super) target: Target,
}

/// Where a body goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// This file, which the user named: links are followed, a device is written to.
    File(PathBuf),
    /// A file of this name in a directory, where a URL gave the name: neither.
    Named { dir: PathBuf, name: String },
    /// The name that the server suggests, or else the one given, unless a file has it.
    Suggested { dir: PathBuf, otherwise: String },
    /// Standard output; what may garble a terminal only if it was asked for by name.
    Stdout { is_asked_for: bool },
}

impl Place {
    pub(super) fn is_file(&self) -> bool {
        !matches!(self.target, Target::Stdout { .. })
    }

    /// A short name to tell transfers apart by.
    pub(super) fn label(&self) -> String {
        match &self.target {
            Target::File(path) => {
                path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
            }
            Target::Named { name, .. } => name.clone(),
            Target::Suggested { otherwise, .. } => otherwise.clone(),
            Target::Stdout { .. } => name_of(&self.url),
        }
    }
}

/// Gives each URL its place.
pub(super) fn assign(
    urls: &[String],
    dir: Option<&Path>,
    output: &Output,
    method: &Method,
) -> Result<Vec<Place>, Stop> {
    let files = &output.output;
    if files.len() > urls.len() {
        return Err(Stop::usage("there are more -o than URLs"));
    }
    let into_dir = dir.is_some() || output.remote_name || output.remote_header_name;
    let streams = method == Method::HEAD || urls.len() == 1;
    if !streams && !into_dir && files.len() < urls.len() {
        return Err(Stop::usage(match *method {
            Method::GET => "several URLs need a place for each: -d DIR, -O, or one -o FILE per URL",
            _ => {
                "several URLs need a place for each answer: --dir DIR, -O, or one -o FILE per URL; \
                     what is to be sent is named by -T FILE or -d DATA"
            }
        }));
    }
    if let Some(dir) = dir {
        make_dir(dir)?;
    }
    files
        .iter()
        .filter(|file| !is_standard_output(file))
        .try_for_each(|file| can_be_saved(file))?;
    let naming = Naming { dir: dir.unwrap_or(Path::new("")), into_dir, output };
    let place = |(index, url): (usize, &String)| Place {
        url: url.clone(),
        target: naming.target(url, files.get(index).map(PathBuf::as_path)),
    };
    let places: Vec<_> = urls.iter().enumerate().map(place).collect();
    apart(&places)?;
    Ok(places)
}

/// What decides over the names of files.
struct Naming<'a> {
    dir: &'a Path,
    into_dir: bool,
    output: &'a Output,
}

impl Naming<'_> {
    fn target(&self, url: &str, file: Option<&Path>) -> Target {
        match file {
            Some(file) if is_standard_output(file) => Target::Stdout { is_asked_for: true },
            Some(file) => Target::File(file.to_owned()),
            None if !self.into_dir => Target::Stdout { is_asked_for: false },
            None if self.output.remote_header_name => {
                Target::Suggested { dir: self.dir.to_owned(), otherwise: name_of(url) }
            }
            None => Target::Named { dir: self.dir.to_owned(), name: name_of(url) },
        }
    }
}

/// Two transfers into one file would leave either.
fn apart(places: &[Place]) -> Result<(), Stop> {
    let mut taken = HashSet::new();
    for place in places {
        let path = match &place.target {
            Target::File(path) => path.clone(),
            Target::Named { dir, name } => dir.join(name),
            Target::Stdout { .. } | Target::Suggested { .. } => continue,
        };
        // A device takes any number; it is no file that one would take from the other.
        if !is_device(&path) && !taken.insert(path.clone()) {
            let path = path.display();
            return Err(Stop::usage(format!("two URLs would be saved as {path}; give each an -o")));
        }
    }
    Ok(())
}

/// True for the names of standard output; a file that it leads to is not replaced but written to.
fn is_standard_output(file: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].map(Path::new).contains(&file)
}

/// True for what is there and neither a file nor a directory: a device, a pipe, a socket.
fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|facts| !facts.is_file() && !facts.is_dir())
}

/// Finds what can be known before anything is asked to be wrong with a file's name.
fn can_be_saved(file: &Path) -> Result<(), Stop> {
    let stop = |why| Err(Stop { code: exit::WRITE, why });
    if file.is_dir() {
        let name = file.display();
        return stop(format!("{name} is a directory; `--dir {name}` saves into it"));
    }
    match file.parent().filter(|dir| *dir != Path::new("")) {
        Some(dir) if !dir.exists() => stop(format!("there is no directory {}", dir.display())),
        _ => Ok(()),
    }
}

/// Makes the directory to save into, if it is missing and was meant to be one.
fn make_dir(dir: &Path) -> Result<(), Stop> {
    let stop = |why| Err(Stop { code: exit::WRITE, why });
    let name = dir.display();
    if dir.is_dir() {
        return Ok(());
    }
    if dir.exists() {
        return stop(format!("{name} is a file, not a directory"));
    }
    if is_rather_data(&dir.to_string_lossy()) {
        return Err(Stop::usage(format!(
            "-d names a directory here, and there is none of the name {name}; \
             `wayfare post -d` sends data"
        )));
    }
    match std::fs::create_dir_all(dir) {
        Err(why) => stop(format!("cannot make the directory {name}: {why}")),
        Ok(()) => Ok(()),
    }
}

/// True for what curl's -d would be given; a path that begins like one is taken for one.
fn is_rather_data(name: &str) -> bool {
    !name.starts_with(['.', '/']) && (name.starts_with(['@', '{', '[']) || name.contains('='))
}

/// The file name in a URL: of the one that was asked for, so that no redirect chooses it.
fn name_of(url: &str) -> String {
    let parsed = url::Url::parse(url).ok();
    let name = parsed.and_then(|url| names::of_path(url.path()));
    name.unwrap_or_else(|| "index.html".to_owned())
}

/// A name that was free and is taken now; given back unless it is kept.
pub(super) struct Reserved {
    pub(super) path: PathBuf,
    keep: bool,
}

impl Reserved {
    /// Takes the name that the fields suggest.
    pub(super) fn suggested(dir: &Path, otherwise: &str, fields: &HeaderMap) -> Result<Self, Stop> {
        let suggested = fields
            .get(header::CONTENT_DISPOSITION)
            .and_then(|value| ContentDisposition::parse(value.as_bytes())?.file_name());
        let path = dir.join(suggested.as_deref().unwrap_or(otherwise));
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(_) => Ok(Self { path, keep: false }),
            Err(why) => {
                let why = match why.kind() {
                    std::io::ErrorKind::AlreadyExists => "there is a file of this name".to_owned(),
                    _ => why.to_string(),
                };
                let why = format!("cannot save to {}: {why}", path.display());
                Err(Stop { code: exit::WRITE, why })
            }
        }
    }

    /// The file is whole.
    pub(super) fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.keep {
            // It was made here and is empty; if it cannot be removed that is the lesser evil.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_leads_out_of_the_directory() {
        assert_eq!(name_of("http://a.test/..%2f..%2fx"), "x");
        assert_eq!(name_of("http://a.test/%2e%2e"), "index.html");
        assert_eq!(name_of("http://a.test/b/c.txt?q=/d#e/f"), "c.txt");
        assert_eq!(name_of("nonsense"), "index.html");
    }
}
