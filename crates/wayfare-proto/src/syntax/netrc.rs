//! `.netrc`: user names and passwords by host, as FTP programs and curl have kept them.

use std::fmt;

use zeroize::Zeroize;

use crate::syntax::credentials::Credentials;

/// The entries of a `.netrc` file.
///
/// ```
/// # use wayfare_proto::syntax::netrc::Netrc;
/// let netrc = Netrc::parse("machine a.test login ada password secret").unwrap();
/// assert_eq!(netrc.find("a.test", None).unwrap().user(), "ada");
/// assert!(netrc.find("b.test", None).is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Netrc {
    entries: Vec<Entry>,
}

#[derive(Clone, Default)]
struct Entry {
    /// Nothing for `default`.
    machine: Option<String>,
    login: Option<String>,
    password: Option<String>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.password.zeroize();
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("machine", &self.machine).finish_non_exhaustive()
    }
}

/// Why a file was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it; never what stands there, which may be a password.
    pub what: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Fault {}

impl Netrc {
    /// Reads a file.
    ///
    /// # Errors
    /// The first line that cannot be understood, and a file of more than 128 KiB.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > LONGEST_FILE {
            return Err(Fault { line: 1, what: "the file has more than 128 KiB" });
        }
        let mut words = Words { rest: text, line: 1 };
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(word) = words.keyword()? {
            match word.as_str() {
                "machine" => {
                    let machine = Some(words.value()?.to_ascii_lowercase());
                    entries.push(Entry { machine, login: None, password: None });
                }
                "default" => entries.push(Entry::default()),
                "macdef" => words.skip_macro(),
                "login" => words.last(&mut entries)?.login = Some(words.value()?),
                "password" => words.last(&mut entries)?.password = Some(words.value()?),
                "account" => drop((words.last(&mut entries)?, words.value()?)),
                _ => return Err(words.fault("there should be a keyword of netrc")),
            }
        }
        Ok(Self { entries })
    }

    /// The first entry with a password for `host`, and for `user` if one is named; then the
    /// default. An entry without a login serves a user that is named, and nobody else.
    #[must_use]
    pub fn find(&self, host: &str, user: Option<&str>) -> Option<Credentials> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let is_for = |entry: &&Entry| entry.machine.as_deref().is_none_or(|name| name == host);
        self.entries.iter().filter(is_for).find_map(|entry| {
            let login = match (user, entry.login.as_deref()) {
                (Some(user), Some(login)) if user != login => return None,
                (user, login) => login.or(user)?,
            };
            Some(Credentials::new(login, entry.password.clone()?))
        })
    }
}

struct Words<'a> {
    rest: &'a str,
    line: usize,
}

impl Words<'_> {
    /// The next keyword; comments may stand before it.
    fn keyword(&mut self) -> Result<Option<String>, Fault> {
        self.skip_space();
        while self.rest.starts_with('#') {
            self.advance(self.rest.find('\n').unwrap_or(self.rest.len()));
            self.skip_space();
        }
        self.next()
    }

    fn skip_space(&mut self) {
        self.advance(self.rest.len() - self.rest.trim_start().len());
    }

    /// The next word; a quoted one may have spaces and escapes.
    fn next(&mut self) -> Result<Option<String>, Fault> {
        self.skip_space();
        if self.rest.is_empty() {
            return Ok(None);
        }
        if self.rest.starts_with('"') {
            return self.quoted().map(Some);
        }
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        if end > LONGEST_WORD {
            return Err(self.fault("a word is longer than 16 KiB"));
        }
        let word = self.rest[..end].to_owned();
        self.advance(end);
        Ok(Some(word))
    }

    fn quoted(&mut self) -> Result<String, Fault> {
        let mut word = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.advance(at + 1);
                    return Ok(word);
                }
                '\n' => break,
                '\\' => match characters.next() {
                    Some((_, 'n')) => word.push('\n'),
                    Some((_, 'r')) => word.push('\r'),
                    Some((_, 't')) => word.push('\t'),
                    Some((_, other)) => word.push(other),
                    None => break,
                },
                other => word.push(other),
            }
        }
        Err(self.fault("a quoted word does not end on its line"))
    }

    fn value(&mut self) -> Result<String, Fault> {
        self.next()?.ok_or_else(|| self.fault("the file ends where a word should stand"))
    }

    fn last<'e>(&self, entries: &'e mut [Entry]) -> Result<&'e mut Entry, Fault> {
        entries.last_mut().ok_or_else(|| self.fault("there is no machine before it"))
    }

    /// A macro goes on to the first empty line.
    fn skip_macro(&mut self) {
        let end = self.rest.find("\n\n").map_or(self.rest.len(), |at| at + 2);
        let windows = self.rest.find("\r\n\r\n").map_or(end, |at| at + 4);
        self.advance(end.min(windows));
    }

    fn advance(&mut self, length: usize) {
        let (passed, rest) = self.rest.split_at(length);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }

    fn fault(&self, what: &'static str) -> Fault {
        Fault { line: self.line, what }
    }
}

const LONGEST_FILE: usize = 128 * 1024;
const LONGEST_WORD: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# mine\n\
        machine a.test login ada password one # not the second\n\
        machine a.test\n\tlogin ben\n\tpassword \"two words \\\"\"\n\
        machine only.test login carl\n\
        macdef init\n cd /pub\n machine evil.test login x password y\n\n\
        machine bare.test password three account none\n\
        default login guest password me@home\n";

    fn find(host: &str, user: Option<&str>) -> Option<String> {
        let found = Netrc::parse(FILE).unwrap().find(host, user)?;
        Some(format!("{}:{}", found.user(), found.password()))
    }

    #[test]
    fn an_entry_is_found_by_its_host_and_the_user_that_is_named() {
        let table = [
            ("a.test", None, Some("ada:one")),
            ("A.TEST.", None, Some("ada:one")),
            ("a.test", Some("ben"), Some("ben:two words \"")),
            // Nobody else's password is used for a user who is named (CVE-2026-8926).
            ("a.test", Some("eve"), None),
            ("bare.test", Some("dora"), Some("dora:three")),
            ("bare.test", None, Some("guest:me@home")),
            ("only.test", None, Some("guest:me@home")),
            ("evil.test", None, Some("guest:me@home")),
            ("evil.test", Some("guest"), Some("guest:me@home")),
        ];
        for (host, user, expected) in table {
            assert_eq!(find(host, user).as_deref(), expected, "{host} {user:?}");
        }
    }

    #[test]
    fn a_default_without_a_login_gives_nothing() {
        // CVE-2025-0167.
        let netrc = Netrc::parse("machine a.test login ada password one default").unwrap();
        assert!(netrc.find("b.test", None).is_none());
        let netrc = Netrc::parse("machine a login ada password one\nmachine b login ben").unwrap();
        assert!(netrc.find("b", None).is_none(), "CVE-2024-11053");
    }

    #[test]
    fn a_password_may_begin_with_the_sign_of_a_comment() {
        let netrc =
            Netrc::parse("machine a login ada # not it\npassword #s3cret # but this").unwrap();
        assert_eq!(netrc.find("a", None).unwrap().password(), "#s3cret");
    }

    #[test]
    fn what_is_broken_is_named_by_its_line_and_not_shown() {
        let table = [
            ("machine a\nlogin", 2, "the file ends where a word should stand"),
            ("\nlogin ada", 2, "there is no machine before it"),
            ("machine a login \"ada\npassword x\"", 1, "a quoted word does not end on its line"),
            ("machine a secret", 1, "there should be a keyword of netrc"),
        ];
        for (text, line, what) in table {
            assert_eq!(Netrc::parse(text).unwrap_err(), Fault { line, what }, "{text}");
        }
        assert!(Netrc::parse(&"#".repeat(200_000)).is_err());
        assert!(Netrc::parse(&format!("machine {}", "a".repeat(20_000))).is_err());
    }
}
