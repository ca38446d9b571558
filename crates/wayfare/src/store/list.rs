//! A list of strict hosts in a file, which is searched where it lies.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use wayfare_proto::policy::hsts::preload::{self, NotAList, Span, Table};
use wayfare_proto::policy::hsts::{normal, parents};
use wayfare_proto::syntax::strict_transport_security::Reach;

use super::hosts::Listed;

/// A list of strict hosts in a file that [`compile`] made.
pub(crate) struct StrictList {
    file: Mutex<File>,
    table: Table,
}

impl StrictList {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let table = Table::read(|span| read(&mut file, span).map_err(Trouble::from))?;
        Ok(Self { file: Mutex::new(file), table })
    }

    /// What the list says of a host: by its own name, or by one above that speaks for all below.
    pub(crate) fn says(&self, host: &str) -> io::Result<Listed> {
        let Some(host) = normal(host) else { return Ok(Listed::No) };
        if self.find(&host)?.is_some() {
            return Ok(Listed::Yes);
        }
        for parent in parents(&host) {
            if self.find(parent)? == Some(Reach::Subdomains) {
                return Ok(Listed::Yes);
            }
        }
        Ok(Listed::No)
    }

    fn find(&self, name: &str) -> io::Result<Option<Reach>> {
        let Some(span) = self.table.span_of(name) else { return Ok(None) };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(preload::find(&read(&mut file, span)?, name))
    }
}

/// Makes a list out of a text: Chromium's `transport_security_state_static.json`, or a name a line,
/// with a dot before it if the names below it count, and `#` before comments. Gives the file's bytes,
/// how many hosts they list, and the names that are none.
///
/// # Errors
/// What is wrong with a text that looks like JSON.
pub(crate) fn compile(text: &str) -> Result<(Vec<u8>, usize, Vec<String>), String> {
    let hosts = match text.trim_start().starts_with(['{', '/']) {
        true => chromium(text)?,
        false => plain(text),
    };
    let given = hosts.iter().map(|(name, reach)| (name.as_str(), *reach));
    let (file, refused) = preload::write(given);
    let count = hosts.len() - refused.len();
    Ok((file, count, refused.into_iter().map(str::to_owned).collect()))
}

fn chromium(text: &str) -> Result<Vec<(String, Reach)>, String> {
    // Comments stand on lines of their own there; no value goes over a line's end.
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    let bare: String = text.lines().filter(|line| !is_comment(line)).collect::<Vec<_>>().join("\n");
    let parsed: Value = serde_json::from_str(&bare).map_err(|why| format!("not JSON: {why}"))?;
    let entries = parsed["entries"].as_array().ok_or("there are no \"entries\"")?;
    let strict = entries.iter().filter(|entry| entry["mode"] == "force-https");
    let host = |entry: &Value| {
        let reach = match entry["include_subdomains"] == true {
            true => Reach::Subdomains,
            false => Reach::Host,
        };
        Some((entry["name"].as_str()?.to_owned(), reach))
    };
    Ok(strict.filter_map(host).collect())
}

fn plain(text: &str) -> Vec<(String, Reach)> {
    let bare = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
    let host = |line: String| match line.strip_prefix('.') {
        Some(name) => (name.to_owned(), Reach::Subdomains),
        None => (line, Reach::Host),
    };
    text.lines().map(bare).filter(|line| !line.is_empty()).map(host).collect()
}

fn read(file: &mut File, span: Span) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(span.offset))?;
    let mut bytes = Vec::with_capacity(span.length.min(1 << 20));
    file.take(span.length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What reading a table fails with.
struct Trouble(io::Error);

impl From<io::Error> for Trouble {
    fn from(why: io::Error) -> Self {
        Self(why)
    }
}

impl From<NotAList> for Trouble {
    fn from(why: NotAList) -> Self {
        Self(io::Error::new(io::ErrorKind::InvalidData, why))
    }
}

impl From<Trouble> for io::Error {
    fn from(trouble: Trouble) -> Self {
        trouble.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str, hosts: &[&str]) -> Vec<bool> {
        let (bytes, ..) = compile(text).unwrap();
        let path = std::env::temp_dir().join(format!(
            "wayfare-list-{}-{}",
            std::process::id(),
            bytes.len()
        ));
        std::fs::write(&path, bytes).unwrap();
        let list = StrictList::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        hosts.iter().map(|host| list.says(host).unwrap() == Listed::Yes).collect()
    }

    #[test]
    fn both_forms_of_text_make_the_same_list() {
        let json = "// a comment\n{ \"pinsets\": [],\n  // another\n \"entries\": [\n\
            {\"name\": \"a.test\", \"policy\": \"custom\", \"mode\": \"force-https\"},\n\
            {\"name\": \"b.test\", \"mode\": \"force-https\", \"include_subdomains\": true},\n\
            {\"name\": \"pins.test\", \"include_subdomains\": true}]}";
        let plain = "# a comment\na.test\n\n.b.test # below it, too\n";
        let hosts = ["a.test", "x.a.test", "b.test", "x.y.b.test.", "pins.test", "127.0.0.1"];
        let expected = [true, false, true, true, false, false];
        assert_eq!(says(json, &hosts), expected);
        assert_eq!(says(plain, &hosts), expected);
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        assert!(compile("{\"entries\": 5}").is_err() && compile("{").is_err());
        let (_, count, refused) = compile("a.test\n127.0.0.1\na b").unwrap();
        assert_eq!((count, refused), (1, vec!["127.0.0.1".to_owned(), "a b".to_owned()]));
        let file = std::env::temp_dir().join(format!("wayfare-no-list-{}", std::process::id()));
        std::fs::write(&file, "a.test\n").unwrap();
        let why = StrictList::open(&file).err().unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(why.to_string().contains("not a list of strict hosts"), "{why}");
    }
}
