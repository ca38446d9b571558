//! `wayfare cookies`: what is in a profile or a file of cookies, and changes to it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use wayfare::Manager;
use wayfare::cookies::{Cookie, Imported, Limits, Scope, Stamp};
use wayfare::options;
use wayfare::rules::date;

use crate::arguments::{CookieAction, Cookies};
use crate::fetch::Stop;
use crate::memory::{self, Begin};
use crate::{exit, output, private};

/// Shows or changes cookies.
pub(crate) fn run(asked: &Cookies) -> ExitCode {
    match act(asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop { code, why }) => {
            output::complain(&output::visible(&why));
            exit::with(code)
        }
    }
}

fn act(asked: &Cookies) -> Result<(), Stop> {
    if asked.cookie_jar.is_some() && memory::is_named() {
        return Err(Stop::usage(
            "-c names a file in the place of --profile: one of them is enough",
        ));
    }
    let manager = match &asked.cookie_jar {
        Some(file) => of_file(file, asked.imports())?,
        None => of_profile(asked.action.as_ref().unwrap_or(&CookieAction::List))?,
    };
    let jar = manager.blocking().cookies();
    match asked.action.as_ref().unwrap_or(&CookieAction::List) {
        CookieAction::List => print(&list(&all(&manager)?)),
        CookieAction::Export { json: true } => {
            print(&format!("{}\n", jar.export_json().map_err(|why| failed(&why))?))
        }
        CookieAction::Export { json: false } => {
            let exported = jar.export_netscape().map_err(|why| failed(&why))?;
            print(&String::from_utf8_lossy(&exported.text))
        }
        CookieAction::Import { file } => {
            let text = fs::read(file).map_err(|why| Stop {
                code: exit::READ,
                why: format!("{} cannot be read: {why}", file.display()),
            })?;
            let imported = match std::str::from_utf8(&text) {
                Ok(json) if json.trim_start().starts_with('[') => jar.import_json(json),
                _ => jar.import_netscape(&text),
            };
            let imported = imported.map_err(|why| unreadable(file, &why.message()))?;
            complain(file, &imported);
            let ending = all(&manager)?.iter().filter(|cookie| cookie.expiry.is_none()).count();
            save(asked, &manager)?;
            if asked.cookie_jar.is_none() && ending > 0 {
                output::complain(&format!(
                    "{ending} cookies have no date of expiry, and are not kept in a profile"
                ));
            }
            print(&format!(
                "{} kept, {} expired, {} refused\n",
                imported.kept,
                imported.expired,
                imported.refused.len()
            ))
        }
        CookieAction::Remove { domain, name } => remove(asked, &manager, domain, name.as_deref()),
    }
}

fn remove(
    asked: &Cookies,
    manager: &Manager,
    domain: &str,
    name: Option<&str>,
) -> Result<(), Stop> {
    let domain = memory::host_of(domain.trim_start_matches('.')).to_lowercase();
    let is_meant = |cookie: &&Cookie| {
        let is_below = cookie.domain.strip_suffix(&domain);
        is_below.is_some_and(|before| before.is_empty() || before.ends_with('.'))
            && name.is_none_or(|name| cookie.name == name.as_bytes())
    };
    let all = all(manager)?;
    let keys: Vec<_> = all.iter().filter(is_meant).map(Cookie::key).collect();
    for key in &keys {
        manager.blocking().cookies().remove(key).map_err(|why| failed(&why))?;
    }
    save(asked, manager)?;
    print(&format!("{} removed\n", keys.len()))
}

fn of_profile(action: &CookieAction) -> Result<Manager, Stop> {
    let begin = match action {
        CookieAction::Import { .. } => Begin::May,
        _ => Begin::MustNot,
    };
    let manager = memory::alone("without -c FILE this", begin)?;
    if matches!(action, CookieAction::Import { .. } | CookieAction::Remove { .. }) {
        memory::not_private("this")?;
    }
    Ok(manager)
}

/// A manager that holds whatever a file has.
fn of_file(file: &Path, may_begin: bool) -> Result<Manager, Stop> {
    let limits = Limits {
        per_domain: usize::MAX,
        per_site: usize::MAX,
        all: usize::MAX / 2,
        ..Limits::default()
    };
    let cookies = options::Cookies { limits, ..Default::default() };
    let manager = Manager::builder().cookies(cookies).build();
    let jar = manager.blocking().cookies();
    let read = match fs::read(file) {
        Ok(text) => jar.import_netscape(text).map_err(|why| unreadable(file, &why.message()))?,
        // A file may begin with an import.
        Err(why) if why.kind() == ErrorKind::NotFound && may_begin => Imported::default(),
        Err(why) => return Err(unreadable(file, &why)),
    };
    complain(file, &read);
    Ok(manager)
}

/// Tells what was refused, the first of it one by one.
fn complain(file: &Path, imported: &Imported) {
    for why in imported.refused.iter().take(MOST_COMPLAINTS) {
        output::complain(&format!("{}: {why}", file.display()));
    }
    if let Some(more) = imported.refused.len().checked_sub(MOST_COMPLAINTS + 1) {
        output::complain(&format!("{}: and {} more", file.display(), more + 1));
    }
}

fn save(asked: &Cookies, manager: &Manager) -> Result<(), Stop> {
    let Some(file) = &asked.cookie_jar else {
        return memory::save(manager).map_err(|why| Stop { code: exit::WRITE, why });
    };
    let exported = manager.blocking().cookies().export_netscape().map_err(|why| failed(&why))?;
    if exported.left_out > 0 {
        let count = exported.left_out;
        output::complain(&format!("the file has no place for {count} of the cookies"));
    }
    private::replace(file, &exported.text).map_err(|why| Stop {
        code: exit::WRITE,
        why: format!("{} cannot be written: {why}", file.display()),
    })
}

fn all(manager: &Manager) -> Result<Vec<Cookie>, Stop> {
    manager.blocking().cookies().list().map_err(|why| failed(&why))
}

/// The cookies a line each, without their values, which may be secrets.
fn list(all: &[Cookie]) -> String {
    let row = |cookie: &Cookie| {
        let dot = if cookie.scope == Scope::Domain { "." } else { "" };
        let text = |bytes: &[u8]| output::visible(&String::from_utf8_lossy(bytes));
        let expiry = cookie.expiry.map(Stamp::seconds).map(date::format);
        let flags = [(cookie.secure, " Secure"), (cookie.http_only, " HttpOnly")];
        let flags: String =
            flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| *flag).collect();
        format!(
            "{dot}{}{} {} until {}{flags}\n",
            output::visible(&cookie.domain),
            text(&cookie.path),
            text(&cookie.name),
            expiry.as_deref().unwrap_or("the session ends"),
        )
    };
    all.iter().map(row).collect()
}

fn print(text: &str) -> Result<(), Stop> {
    let failed = |why| Stop { code: exit::WRITE, why: output::unwritable(&why) };
    output::write(text).map_err(failed)
}

fn unreadable(file: &Path, why: &dyn std::fmt::Display) -> Stop {
    Stop { code: exit::READ, why: format!("{} cannot be read: {why}", file.display()) }
}

fn failed(why: &wayfare::Error) -> Stop {
    memory::failed(why)
}

const MOST_COMPLAINTS: usize = 20;
