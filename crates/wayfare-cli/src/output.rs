//! The only place that writes to the terminal: lines on standard error, bytes on standard output.

use std::io::{self, IsTerminal, StdoutLock, Write};

/// Writes a line to standard error. A standard error that is gone is nobody's concern.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes a line that says what went wrong.
pub(crate) fn complain(line: &str) {
    let lines: Vec<_> = line.split('\n').map(visible).collect();
    note(&format!("wayfare: {}", lines.join("\n")));
}

/// Writes a text to standard output; false, and told, if it could not be written. Whoever reads it
/// may stop when there was enough, which needs no telling.
pub(crate) fn print(text: &str) -> bool {
    match write(text) {
        Ok(()) => return true,
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => {}
        Err(why) => complain(&unwritable(&why)),
    }
    false
}

/// Writes a text to standard output.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// What is said of a standard output that cannot be written.
pub(crate) fn unwritable(why: &io::Error) -> String {
    format!("cannot write to standard output: {why}")
}

/// Standard output, for bodies.
pub(crate) fn out() -> StdoutLock<'static> {
    io::stdout().lock()
}

/// True if a person reads standard output.
pub(crate) fn is_out_terminal() -> bool {
    io::stdout().is_terminal()
}

/// True if a person reads standard error.
pub(crate) fn is_note_terminal() -> bool {
    io::stderr().is_terminal()
}

/// A text with the characters that a terminal would obey made visible, and those that turn the
/// direction of what is read.
pub(crate) fn visible(text: &str) -> String {
    wayfare::rules::visible(text).into_owned()
}

/// A number of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    indicatif::BinaryBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_made_visible() {
        assert_eq!(visible("a\u{1b}[2Jb\r\n"), "a\\u{1b}[2Jb\\r\\n");
        assert_eq!(visible("caf\u{e9}\tok"), "caf\u{e9}\tok");
        assert_eq!(visible("\u{9b}1m"), "\\u{9b}1m");
        assert_eq!(visible("a\u{202e}b\u{2066}"), "a\\u{202e}b\\u{2066}");
    }
}
