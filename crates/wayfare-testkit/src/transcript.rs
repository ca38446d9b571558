//! Protocol conversations as data files: what the client must say, what the server says, and
//! what must come of it.
//!
//! A transcript is text, one step a line, played in order:
//!
//! | line | meaning |
//! |---|---|
//! | `# words` | a comment; the first one is the title |
//! | `> line` | the client must say this line; `*` stands for any text |
//! | `>! name` | the request head may not have this field |
//! | `>` | ends a request head: the lines before it, back to the last other step, are its request line and fields that it must have, in any order and among others |
//! | `>* 12` | the client must send 12 bytes of body |
//! | `< line` | the server says this line, with a CRLF |
//! | `<` | the server says an empty line |
//! | `<. text` | the server says this without a line end; `\r` `\n` `\t` `\0` `\\` `\x41` are escapes |
//! | `! close` | the server ends its direction (a FIN) |
//! | `! drop` | the server drops the socket (under TLS: without `close_notify`) |
//! | `! rst` | the server resets the connection |
//! | `! stall` | the server keeps silent until it is shut down |
//! | `! wait 50` | the server waits so many milliseconds |
//! | `! again` | connections after the last one are served like it; without this they are refused |
//! | `--` | the next connection begins |
//! | `? key = value` | something that must come of it, for the test to read (escapes as above) |
//!
//! `> ` lines without a `>` behind them are read one by one, which is what line protocols such
//! as FTP need. Spaces around `=` do not count.
//!
//! ```
//! use wayfare_testkit::transcript::Transcript;
//!
//! let text = "
//! ## A server that greets first
//! < 220 ready
//! > USER *
//! < 331 and the password?
//! ? replies = 2
//! ";
//! let transcript = Transcript::parse(text)?;
//! assert_eq!(transcript.title, "A server that greets first");
//! assert_eq!(transcript.expected("replies"), Some("2"));
//! # Ok::<(), wayfare_testkit::transcript::ParseError>(())
//! ```

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use crate::script::{Afterwards, Expected, HeadPattern, Script, Step};

/// A conversation read from a data file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// The file's first comment.
    pub title: String,
    /// What the server does.
    pub script: Script,
    /// What must come of it: the `?` lines, in order.
    pub expectations: Vec<(String, String)>,
}

/// Why a text is no transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl Transcript {
    /// Reads a transcript from text.
    ///
    /// # Errors
    /// When a line is none of those that the [format](self) knows.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut parser = Parser::default();
        for (index, line) in text.lines().enumerate() {
            parser
                .line(line.trim_end())
                .map_err(|message| ParseError { line: index + 1, message })?;
        }
        Ok(parser.finish())
    }

    /// Reads a transcript from a file.
    ///
    /// # Errors
    /// When the file cannot be read, or is none (as [`io::ErrorKind::InvalidData`]).
    pub fn read(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        Self::parse(&std::fs::read_to_string(path)?).map_err(|error| {
            let place = format!("{}: {error}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, place)
        })
    }

    /// Reads all `.txt` files of a directory, by name.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_all(directory: impl AsRef<Path>) -> io::Result<Vec<(String, Self)>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "txt") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                all.push((name, Self::read(&path)?));
            }
        }
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(all)
    }

    /// The value of the first expectation with this key.
    #[must_use]
    pub fn expected(&self, key: &str) -> Option<&str> {
        self.expectations.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

#[derive(Default)]
struct Parser {
    title: Option<String>,
    connections: Vec<Vec<Step>>,
    steps: Vec<Step>,
    /// `>` lines of which it is not known yet whether they are a request head.
    said: Vec<String>,
    absent: Vec<String>,
    afterwards: Option<Afterwards>,
    expectations: Vec<(String, String)>,
}

impl Parser {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(comment) = line.strip_prefix('#') {
            self.title.get_or_insert_with(|| comment.trim().to_owned());
            return Ok(());
        }
        if let Some(said) = line.strip_prefix('>') {
            return self.client_line(said);
        }
        if line.is_empty() {
            return Ok(());
        }
        self.flush()?;
        if let Some(says) = line.strip_prefix('<') {
            return self.server_line(says);
        }
        if let Some(act) = line.strip_prefix("! ") {
            return self.act(act.trim());
        }
        if let Some(expectation) = line.strip_prefix("? ") {
            let (key, value) =
                expectation.split_once('=').ok_or("an expectation reads `? key = value`")?;
            let value = String::from_utf8_lossy(&unescape(value.trim())?).into_owned();
            self.expectations.push((key.trim().to_owned(), value));
            return Ok(());
        }
        if line == "--" {
            self.connections.push(std::mem::take(&mut self.steps));
            return Ok(());
        }
        Err(format!("`{line}` begins with none of # > < ! ? --"))
    }

    fn client_line(&mut self, said: &str) -> Result<(), String> {
        if said.is_empty() {
            let mut lines = std::mem::take(&mut self.said).into_iter();
            let first_line = lines.next().ok_or("a request head has a first line")?;
            let fields = lines
                .map(|line| {
                    let (name, value) =
                        line.split_once(':').ok_or(format!("`{line}` is no field"))?;
                    Ok((name.to_owned(), value.trim().to_owned()))
                })
                .collect::<Result<_, String>>()?;
            let absent = std::mem::take(&mut self.absent);
            let pattern = HeadPattern { first_line, fields, absent };
            self.steps.push(Step::Expect(Expected::Head(pattern)));
        } else if let Some(name) = said.strip_prefix("! ") {
            self.absent.push(name.trim().to_owned());
        } else if let Some(length) = said.strip_prefix("* ") {
            self.flush()?;
            self.steps.push(Step::ReadBody(number(length)?));
        } else {
            let line = said.strip_prefix(' ').ok_or("a space belongs behind `>`")?;
            self.said.push(line.to_owned());
        }
        Ok(())
    }

    fn server_line(&mut self, says: &str) -> Result<(), String> {
        if let Some(text) = says.strip_prefix(". ") {
            return self.send(&unescape(text)?);
        }
        let text = if says.is_empty() {
            says
        } else {
            says.strip_prefix(' ').ok_or("a space belongs behind `<`")?
        };
        self.send(&[text.as_bytes(), b"\r\n"].concat())
    }

    /// Joins what is sent without a pause, so that it leaves in one piece.
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        if let Some(Step::Send(before)) = self.steps.last_mut() {
            *before = Bytes::from([before, bytes].concat());
        } else {
            self.steps.push(Step::send(bytes));
        }
        Ok(())
    }

    fn act(&mut self, act: &str) -> Result<(), String> {
        let step = match act.split_once(' ') {
            None if act == "again" => {
                self.afterwards = Some(Afterwards::RepeatLast);
                return Ok(());
            }
            None if act == "close" => Step::Fin,
            None if act == "drop" => Step::Drop,
            None if act == "rst" => Step::Rst,
            None if act == "stall" => Step::Stall,
            Some(("wait", time)) => Step::Wait(Duration::from_millis(number(time)?)),
            _ => return Err(format!("the server cannot `{act}`")),
        };
        self.steps.push(step);
        Ok(())
    }

    /// `>` lines without an end of a head are lines of a line protocol.
    fn flush(&mut self) -> Result<(), String> {
        if !self.absent.is_empty() {
            return Err("`>!` belongs into a request head, which ends in `>`".to_owned());
        }
        let lines = std::mem::take(&mut self.said);
        self.steps.extend(lines.into_iter().map(|line| Step::Expect(Expected::Line(line))));
        Ok(())
    }

    fn finish(mut self) -> Transcript {
        let lines = std::mem::take(&mut self.said);
        self.steps.extend(lines.into_iter().map(|line| Step::Expect(Expected::Line(line))));
        if !self.steps.is_empty() {
            self.connections.push(self.steps);
        }
        let afterwards = self.afterwards.unwrap_or(Afterwards::Refuse);
        Transcript {
            title: self.title.unwrap_or_default(),
            script: Script { connections: self.connections, afterwards },
            expectations: self.expectations,
        }
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("`{text}` is no number"))
}

fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let digits = [rest.next().unwrap_or(b' '), rest.next().unwrap_or(b' ')];
                let digits = std::str::from_utf8(&digits).map_err(|_| "\\x wants two digits")?;
                u8::from_str_radix(digits, 16).map_err(|_| "\\x wants two hexadecimal digits")?
            }
            _ => return Err(format!("`{text}` has an unknown escape")),
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_and_an_answer_become_steps() {
        let text = "# Title\n# more\n> GET / HTTP/1.1\n> host: *\n>! cookie\n>\n\
                    < HTTP/1.1 200 OK\n<\n<. a\\x42\\r\n! wait 5\n! rst\n? status = 200\n";
        let transcript = Transcript::parse(text).unwrap();
        let head = HeadPattern {
            first_line: "GET / HTTP/1.1".into(),
            fields: vec![("host".into(), "*".into())],
            absent: vec!["cookie".into()],
        };
        let steps = vec![
            Step::Expect(Expected::Head(head)),
            Step::send("HTTP/1.1 200 OK\r\n\r\naB\r"),
            Step::wait_ms(5),
            Step::Rst,
        ];
        assert_eq!(transcript.title, "Title");
        assert_eq!(transcript.script, Script::once(vec![steps]));
        assert_eq!(transcript.expected("status"), Some("200"));
    }

    #[test]
    fn lines_without_an_end_are_a_line_protocol() {
        let text = "< 220 hi\n> USER a\n> PASS b\n>* 3\n< 230 in\n--\n! stall\n! again\n";
        let script = Transcript::parse(text).unwrap().script;
        let line = |text: &str| Step::Expect(Expected::Line(text.into()));
        let first = vec![
            Step::send("220 hi\r\n"),
            line("USER a"),
            line("PASS b"),
            Step::ReadBody(3),
            Step::send("230 in\r\n"),
        ];
        assert_eq!(script.connections, [first, vec![Step::Stall]]);
        assert_eq!(script.afterwards, Afterwards::RepeatLast);
    }

    #[test]
    fn errors_name_their_line() {
        for (text, line) in [
            ("# a\nhello", 2),
            ("! jump", 1),
            (">", 1),
            ("? novalue", 1),
            ("\n<. \\q", 2),
            (">x", 1),
            (">! cookie\n< a", 2),
        ] {
            assert_eq!(Transcript::parse(text).unwrap_err().line, line, "{text}");
        }
    }
}
