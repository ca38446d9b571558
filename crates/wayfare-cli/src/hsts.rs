//! `wayfare hsts`: hosts that are to be reached over TLS only, in a profile and as lists.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use wayfare::hsts::{Reach, StrictHost, StrictTransportSecurityHosts, compile_list};
use wayfare::rules::date;
use wayfare::{Blocking, Error};

use crate::arguments::{Hsts, HstsAction};
use crate::fetch::Stop;
use crate::memory::{self, Begin};
use crate::{exit, output, private};

/// Makes a list, or shows and changes what a profile knows.
pub(crate) fn run(asked: &Hsts) -> ExitCode {
    let done = match &asked.action {
        HstsAction::Import { file, output: list } => import(file, list),
        HstsAction::List => list(),
        HstsAction::Add { host, include_subdomains, max_age } => {
            let reach = if *include_subdomains { Reach::Subdomains } else { Reach::Host };
            change(|hosts| hosts.add(host, Duration::from_secs(*max_age), reach).map(|()| true))
        }
        HstsAction::Remove { host } => change(|hosts| hosts.remove(host)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop { code, why }) => {
            output::complain(&output::visible(&why));
            exit::with(code)
        }
    }
}

fn list() -> Result<(), Stop> {
    let manager = memory::alone("this", Begin::MustNot)?;
    let hosts = manager.blocking().strict_transport_security_hosts().list();
    let row = |host: &StrictHost| {
        let below = if host.reach == Reach::Subdomains { " and every name below it" } else { "" };
        format!("{}{below} until {}\n", host.host, date::format(host.expiry.seconds()))
    };
    let hosts = hosts.map_err(|why| memory::failed(&why))?;
    print(&hosts.iter().map(row).collect::<String>())
}

fn change(
    change: impl FnOnce(&Blocking<StrictTransportSecurityHosts>) -> Result<bool, Error>,
) -> Result<(), Stop> {
    let manager = memory::alone("this", Begin::May)?;
    memory::not_private("this")?;
    let is_known = change(&manager.blocking().strict_transport_security_hosts())
        .map_err(|why| memory::failed(&why))?;
    memory::save(&manager).map_err(|why| Stop { code: exit::WRITE, why })?;
    print(if is_known { "done\n" } else { "nothing was known of it\n" })
}

fn print(text: &str) -> Result<(), Stop> {
    let failed = |why| Stop { code: exit::WRITE, why: output::unwritable(&why) };
    output::write(text).map_err(failed)
}

fn import(file: &Path, list: &Path) -> Result<(), Stop> {
    let unreadable = |why: &dyn std::fmt::Display| Stop {
        code: exit::READ,
        why: format!("{} cannot be read: {why}", file.display()),
    };
    let text = fs::read_to_string(file).map_err(|why| unreadable(&why))?;
    let (bytes, count, refused) = compile_list(&text).map_err(|why| Stop {
        code: exit::READ,
        why: format!("{}: {}", file.display(), why.message()),
    })?;
    for name in &refused {
        output::complain(&format!("{name} is no host's name, and left out"));
    }
    private::replace(list, &bytes).map_err(|why| Stop {
        code: exit::WRITE,
        why: format!("{} cannot be written: {why}", list.display()),
    })?;
    print(&format!("{count} hosts in {}\n", list.display()))
}
