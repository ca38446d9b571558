//! --profile and --private: what is remembered from one command to the next, and `forget`.

use std::process::ExitCode;
use std::sync::OnceLock;

use wayfare::{Builder, Manager, Profile};

use crate::arguments::{Forget, Memory};
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

/// The manager of a profile alone, for those who look at what it keeps.
pub(crate) fn alone(what_for: &str) -> Result<Manager, String> {
    match profile() {
        Some(profile) => Ok(Manager::builder().profile(profile).build()),
        None => Err(format!("{what_for} needs --profile DIR")),
    }
}

/// Forgets a site.
pub(crate) fn forget(asked: &Forget) -> ExitCode {
    let forgotten = alone("forget").map_err(|why| (exit::USAGE, why)).and_then(|manager| {
        manager.forget(&asked.site);
        save(&manager).map_err(|why| (exit::WRITE, why))
    });
    match forgotten {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, why)) => {
            output::complain(&output::visible(&why));
            exit::with(code)
        }
    }
}
