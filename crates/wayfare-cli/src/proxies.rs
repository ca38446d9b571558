//! Which way requests go, as the options say, and `wayfare proxy`, which tells it.

#[cfg(all(feature = "dbus", target_os = "linux"))]
mod desktop;
#[cfg(feature = "pac")]
pub(crate) mod pac;
#[cfg(not(all(feature = "dbus", target_os = "linux")))]
mod without_desktop;
#[cfg(not(feature = "pac"))]
pub(crate) mod without_pac;

use std::process::ExitCode;

use serde_json::json;
use wayfare::Manager;
use wayfare::delegate::{Delegate, Login, ProxyQuestion};
use wayfare::options::Proxies;
use wayfare::proxy::{Chain, Credentials};

use crate::advice::{self, Given};
use crate::arguments::Proxy;
use crate::arguments::transfer::ProxyOptions;
use crate::{exit, output};
#[cfg(all(feature = "dbus", target_os = "linux"))]
use desktop as of_desktop;
#[cfg(feature = "pac")]
pub(crate) use pac as scripts;
#[cfg(not(all(feature = "dbus", target_os = "linux")))]
use without_desktop as of_desktop;
#[cfg(not(feature = "pac"))]
pub(crate) use without_pac as scripts;

/// Prints the ways to a URL.
pub(crate) fn run(asked: &Proxy) -> ExitCode {
    let proxies = match of(&asked.proxy) {
        Ok(proxies) => proxies,
        Err(Unusable { code, why }) => {
            output::complain(&why);
            return exit::with(code);
        }
    };
    let manager = Manager::builder().proxies(proxies).build();
    let (ways, rule) = match manager.blocking().ways_to(&asked.url) {
        Ok(told) => told,
        Err(error) => {
            output::complain(&advice::line(&error, &Given::of(&asked.url)));
            return exit::with(exit::code(&error));
        }
    };
    let ways: Vec<_> = ways.iter().map(ToString::to_string).collect();
    let text = if asked.json {
        format!("{}\n", json!({"ways": ways, "rule": rule}))
    } else {
        format!("{}\n({})\n", ways.join("\n"), output::visible(&rule))
    };
    if output::print(&text) { ExitCode::SUCCESS } else { exit::with(exit::WRITE) }
}

/// Options that cannot be used, and why.
pub(crate) struct Unusable {
    pub(crate) code: u8,
    pub(crate) why: String,
}

/// The proxies that the options name.
pub(crate) fn of(options: &ProxyOptions) -> Result<Proxies, Unusable> {
    let proxies = match (&options.proxy, &options.pac) {
        (Some(way), _) => Proxies::list_by(vec![told(way, credentials(options).as_ref())], "-x"),
        (None, Some(place)) => scripts::by_script(place)?,
        (None, None) if options.wpad => scripts::of_network()?,
        (None, None) if options.desktop => of_desktop::proxies()?,
        (None, None) => Proxies::system(),
    };
    Ok(match &options.noproxy {
        Some(list) => proxies.with_bypass(&list.to_string()),
        None => proxies,
    })
}

/// The way with credentials for the proxies that have none.
pub(crate) fn told(way: &Chain, credentials: Option<&Credentials>) -> Chain {
    let Some(credentials) = credentials else { return way.clone() };
    let told = way.proxies().iter().map(|proxy| match proxy.credentials() {
        Some(_) => proxy.clone(),
        None => proxy.clone().with_credentials(credentials.clone()),
    });
    Chain::through(told.collect())
}

/// Answers proxies of the environment as -U says; those of -x are told unasked.
pub(crate) struct ByOption(Option<Credentials>);

impl ByOption {
    pub(crate) fn new(options: &ProxyOptions) -> Self {
        Self(credentials(options))
    }
}

impl Delegate for ByOption {
    fn proxy_credentials<'a>(&'a self, _: &'a ProxyQuestion) -> Login<'a> {
        Box::pin(std::future::ready(self.0.clone()))
    }
}

fn credentials(options: &ProxyOptions) -> Option<Credentials> {
    let text = options.proxy_user.as_deref()?;
    Some(match text.split_once(':').unwrap_or((text, "")) {
        ("", "") => Credentials::ambient(),
        (user, password) => Credentials::new(user, password),
    })
}
