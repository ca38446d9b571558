//! -b, -c and --no-cookies: where cookies come from, and where they are written afterwards.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use http::HeaderValue;
use wayfare::Manager;
use wayfare::options::Cookies;

use super::Stop;
use crate::arguments::transfer::Asking;
use crate::{exit, output, private};

/// What is done with cookies.
pub(super) fn options(asking: &Asking) -> Cookies {
    if asking.no_cookies { Cookies::off() } else { Cookies::default() }
}

/// The `Cookie` field that -b itself says; as with curl, what it says has an `=`.
pub(super) fn field(asking: &Asking) -> Option<HeaderValue> {
    let said = said(asking).collect::<Vec<_>>().join("; ");
    let mut field = HeaderValue::from_str(&said).ok().filter(|_| !said.is_empty())?;
    field.set_sensitive(true);
    Some(field)
}

/// Reads the files that -b names into the manager's jar.
pub(super) fn read(asking: &Asking, manager: &Manager) -> Result<(), Stop> {
    if said(asking).any(|said| HeaderValue::from_str(said).is_err()) {
        return Err(Stop::usage("--cookie has a character that no field can have"));
    }
    let names = asking.cookie.iter().filter(|said| !said.is_empty() && !said.contains('='));
    for name in names {
        let unreadable = |why: String| Stop {
            code: exit::READ,
            why: format!("--cookie: the file {name} cannot be read: {why}; cookies have an `=`"),
        };
        // The file that -c is going to write need not be there yet.
        let is_written = asking.cookie_jar.as_deref() == Some(Path::new(name));
        let text = match fs::read(name) {
            Err(why) if why.kind() == io::ErrorKind::NotFound && is_written => continue,
            read => read.map_err(|why| unreadable(why.to_string()))?,
        };
        let imported = manager.blocking().cookies().import_netscape(text);
        let imported = imported.map_err(|why| unreadable(why.message().to_owned()))?;
        if let Some(first) = imported.refused.first() {
            let more = imported.refused.len() - 1;
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            output::complain(&format!("--cookie: {name}: {first}{more}"));
        }
    }
    Ok(())
}

/// Writes the manager's cookies to the file of -c; says why it could not.
pub(super) fn write(asking: &Asking, manager: &Manager) -> Result<(), String> {
    let Some(path) = &asking.cookie_jar else { return Ok(()) };
    let exported = manager.blocking().cookies().export_netscape();
    let exported = exported.map_err(|why| format!("--cookie-jar: {}", why.message()))?;
    let written = match path.as_os_str() == "-" {
        true => to_output(&exported.text),
        false => private::replace(path, &exported.text),
    };
    written.map_err(|why| format!("--cookie-jar: {} cannot be written: {why}", path.display()))?;
    match exported.left_out {
        0 => Ok(()),
        // They are partitioned, or have no name.
        count => Err(format!("--cookie-jar: the file has no place for {count} of the cookies")),
    }
}

fn said(asking: &Asking) -> impl Iterator<Item = &str> {
    asking.cookie.iter().map(String::as_str).filter(|said| said.contains('='))
}

fn to_output(text: &[u8]) -> io::Result<()> {
    let mut out = output::out();
    out.write_all(text)?;
    out.flush()
}
