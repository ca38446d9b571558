//! --profile and --private: what is remembered from one command to the next, and `forget`.

use std::process::ExitCode;
use std::sync::OnceLock;

use url::Url;
use wayfare::{Builder, Error, ErrorKind, Forgotten, Manager, Profile};

use crate::arguments::{Forget, Memory};
use crate::fetch::Stop;
use crate::{exit, output};

/// Options of the whole program, set once before anything else is done.
static MEMORY: OnceLock<Memory> = OnceLock::new();

/// Takes note of the options.
pub(crate) fn set(memory: Memory) {
    // There is one command line.
    let _ = MEMORY.set(memory);
}

/// The profile that was named.
pub(crate) fn profile() -> Option<Profile> {
    let memory = MEMORY.get()?;
    let directory = memory.profile.as_ref()?;
    Some(match memory.private {
        true => Profile::private(directory),
        false => Profile::new(directory),
    })
}

/// True if a profile was named.
pub(crate) fn is_named() -> bool {
    MEMORY.get().is_some_and(|memory| memory.profile.is_some())
}

/// Says why there can be no profile where one was named, before anything is sent without it.
pub(crate) fn check() -> Result<(), Stop> {
    let Some(directory) = MEMORY.get().and_then(|memory| memory.profile.as_ref()) else {
        return Ok(());
    };
    match std::fs::metadata(directory) {
        Ok(found) if !found.is_dir() => Err(Stop {
            code: exit::READ,
            why: format!("--profile: {} is not a directory", directory.display()),
        }),
        _ => Ok(()),
    }
}

/// The same manager, with the profile that was named.
pub(crate) fn of(builder: Builder) -> Builder {
    match profile() {
        Some(profile) => builder.profile(profile),
        None => builder,
    }
}

/// Writes what is left; says why it could not.
pub(crate) fn save(manager: &Manager) -> Result<(), String> {
    manager.blocking().save().map_err(|why| why.message().to_owned())
}

/// Whether a profile may begin with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    May,
    MustNot,
}

/// The manager of a profile alone, for those who look at what it keeps.
pub(crate) fn alone(what_for: &str, begin: Begin) -> Result<Manager, Stop> {
    match profile() {
        // What is looked at, or taken out of, has to be there.
        Some(profile) if begin == Begin::MustNot && !profile.directory().is_dir() => Err(Stop {
            code: exit::READ,
            why: format!("there is no profile in {}", profile.directory().display()),
        }),
        Some(profile) => Ok(Manager::builder().profile(profile).build()),
        None => Err(Stop::usage(format!("{what_for} needs --profile DIR"))),
    }
}

/// Forgets a site.
pub(crate) fn forget(asked: &Forget) -> ExitCode {
    let forgotten = alone("forget", Begin::MustNot).and_then(|manager| {
        not_private("forget")?;
        let host = host_of(&asked.site);
        manager.blocking().forget(&host).map_err(|why| failed(&why))
    });
    match forgotten {
        Ok(Forgotten { site, cookies, strict_hosts, exceptions, .. }) => {
            let told = output::print(&format!(
                "{site}: {cookies} cookies, {strict_hosts} strict hosts, {exceptions} exceptions \
                 forgotten\n"
            ));
            exit::with(if told { 0 } else { exit::WRITE })
        }
        Err(Stop { code, why }) => {
            output::complain(&output::visible(&why));
            exit::with(code)
        }
    }
}

/// The host of what may be a URL, or have a port.
pub(crate) fn host_of(text: &str) -> String {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let host = Url::parse(&with_scheme).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_else(|| text.to_owned())
}

/// What changes a profile cannot leave it as it is.
pub(crate) fn not_private(what: &str) -> Result<(), Stop> {
    match MEMORY.get().is_some_and(|memory| memory.private) {
        true => {
            Err(Stop::usage(format!("{what} changes the profile, so --private makes no sense")))
        }
        false => Ok(()),
    }
}

/// How a command ends for which a profile could not be read or written.
pub(crate) fn failed(why: &Error) -> Stop {
    let code = match why.kind() {
        ErrorKind::FileSystem => exit::WRITE,
        ErrorKind::InvalidRequest => exit::USAGE,
        _ => exit::code(why),
    };
    Stop { code, why: why.message().to_owned() }
}
