//! Files of cookies in the form that Netscape began and curl, wget and browsers go on with.
//!
//! A line has seven parts between tabs: domain, whether names below it count, path, whether it is
//! `Secure`, expiry in seconds since 1970 or 0, name, value. The form has no place for `SameSite`
//! and partitions.

use std::fmt;

use super::{Cookie, Scope};
use crate::address::site::is_address;
use crate::syntax::stamp::Stamp;

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// The cookies, each with its line, the first being 1. Whether anybody may set such a cookie
    /// has not been looked at.
    pub cookies: Vec<(usize, Cookie)>,
    /// Lines that are neither cookies nor comments.
    pub faults: Vec<BadLine>,
}

/// A line that is no cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Which one, the first being 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The file's content.
    pub text: Vec<u8>,
    /// Cookies that could not be written: without a name, partitioned, or with a tab.
    pub left_out: usize,
}

/// Reads a file, however long its lines are.
///
/// ```
/// use wayfare_proto::policy::cookie::netscape;
/// let read = netscape::read(b"# a comment\n.example.org\tTRUE\t/\tTRUE\t0\tsid\t31d4\n");
/// assert_eq!(read.cookies[0].1.domain, "example.org");
/// ```
#[must_use]
pub fn read(text: &[u8]) -> Read {
    let mut read = Read::default();
    for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (line, http_only) = match line.strip_prefix(HTTP_ONLY) {
            Some(line) => (line, true),
            None => (line, false),
        };
        if line.is_empty() || (line.starts_with(b"#") && !http_only) {
            continue;
        }
        match cookie(line) {
            Ok(cookie) => read.cookies.push((at + 1, Cookie { http_only, ..cookie })),
            Err(why) => read.faults.push(BadLine { line: at + 1, why }),
        }
    }
    read
}

/// Writes cookies as a file, which is read back the same but for what the form has no place for.
#[must_use]
pub fn write<'a>(cookies: impl IntoIterator<Item = &'a Cookie>) -> Written {
    let mut written = Written { text: HEADING.as_bytes().to_vec(), left_out: 0 };
    for cookie in cookies {
        let expiry = cookie.expiry.map_or(0, Stamp::seconds);
        // 0 and less is not a moment here; the value is last, so a tab in it does no harm.
        let is_writable = !cookie.name.is_empty()
            && cookie.partition.is_none()
            && !cookie.name.contains(&b'\t')
            && !cookie.path.contains(&b'\t')
            && (expiry > 0 || cookie.expiry.is_none());
        if !is_writable {
            written.left_out += 1;
            continue;
        }
        let text = &mut written.text;
        if cookie.http_only {
            text.extend_from_slice(HTTP_ONLY);
        }
        let (dot, below) = match cookie.scope {
            Scope::Domain => (".", "TRUE"),
            Scope::Host => ("", "FALSE"),
        };
        let secure = if cookie.secure { "TRUE" } else { "FALSE" };
        text.extend_from_slice(format!("{dot}{}\t{below}\t", cookie.domain).as_bytes());
        text.extend_from_slice(&cookie.path);
        text.extend_from_slice(format!("\t{secure}\t{expiry}\t").as_bytes());
        text.extend_from_slice(&cookie.name);
        text.push(b'\t');
        text.extend_from_slice(&cookie.value);
        text.push(b'\n');
    }
    written
}

fn cookie(line: &[u8]) -> Result<Cookie, &'static str> {
    let mut parts = line.splitn(7, |&byte| byte == b'\t');
    let mut part = || parts.next().ok_or("it has not seven parts between tabs");
    let (domain, below, path) = (part()?, part()?, part()?);
    let (secure, expiry, name) = (part()?, part()?, part()?);
    // Some leave the tab before an empty value out.
    let value = part().unwrap_or_default();
    let domain = std::str::from_utf8(domain).map_err(|_| "its domain is no text")?;
    let domain = domain.strip_prefix('.').unwrap_or(domain).to_ascii_lowercase();
    let scope = match truth(below)? {
        true if !is_address(&domain) => Scope::Domain,
        _ => Scope::Host,
    };
    let expiry = std::str::from_utf8(expiry).ok().and_then(|digits| digits.parse::<i64>().ok());
    let expiry = match expiry.ok_or("its expiry is no number of seconds")? {
        0 => None,
        seconds => Some(Stamp::from_seconds(seconds)),
    };
    if !path.starts_with(b"/") {
        return Err("its path does not begin with a slash");
    }
    let mut cookie = Cookie::new(name, value, &domain);
    cookie.path = path.to_vec();
    cookie.secure = truth(secure)?;
    (cookie.scope, cookie.expiry) = (scope, expiry);
    Ok(cookie)
}

fn truth(word: &[u8]) -> Result<bool, &'static str> {
    match word {
        b"TRUE" | b"true" => Ok(true),
        b"FALSE" | b"false" => Ok(false),
        _ => Err("its second and fourth part are TRUE or FALSE"),
    }
}

const HTTP_ONLY: &[u8] = b"#HttpOnly_";
const HEADING: &str =
    "# Netscape HTTP Cookie File\n# domain, below it too, path, Secure, expiry, name, value\n\n";
