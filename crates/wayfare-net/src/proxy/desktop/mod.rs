//! The desktop's settings, asked for over D-Bus (`org.freedesktop.portal.ProxyResolver`).

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use url::Url;
use wayfare_proto::route::{pac, portal};
use zbus::connection::Builder;
use zbus::{Connection, fdo};

use super::factory::{ProxyFactory, ProxyList, ProxyQuery, Undecided};
use super::system;
use crate::network::Asking;
use crate::runtime::{Home, sleep};

/// The desktop, which is asked for the way to every URL: GNOME's, KDE's and others' settings,
/// their auto-configuration scripts included.
///
/// It has a second for each answer. Of URLs with TLS it is only told scheme, host and port. Where
/// there is no desktop to ask (no session bus, or no such portal on it) the environment decides,
/// and the rule says so; where there is one that fails or is silent there is no telling.
///
/// ```
/// # use wayfare_net::proxy::desktop::Desktop;
/// let desktop = Desktop::new();
/// ```
#[derive(Clone, Default)]
pub struct Desktop(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The bus, if it is not the session's.
    address: Option<String>,
    kept: Mutex<Option<Connection>>,
}

/// Why the desktop did not say.
enum Silence {
    /// There is none.
    Absent(String),
    Failed(String),
}

impl Desktop {
    /// The desktop of this session.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The desktop on the bus at this address, as `DBUS_SESSION_BUS_ADDRESS` would say it.
    #[must_use]
    pub fn at(address: &str) -> Self {
        Self(Arc::new(Shared { address: Some(address.to_owned()), kept: Mutex::default() }))
    }

    async fn find(&self, query: &ProxyQuery) -> Result<ProxyList, Undecided> {
        let shown = match &query.url {
            Some(url) => pac::shown_url(url),
            None => format!("https://{}:{}/", query.host, query.port),
        };
        match self.lookup(shown.clone()).await {
            Ok(answer) => read(&answer),
            Err(Silence::Absent(why)) => by_environment(&shown, query, &why),
            Err(Silence::Failed(why)) => {
                Err(Undecided(format!("the desktop gave no answer: {why}")))
            }
        }
    }

    /// Asks in a runtime of our own: the connection needs one that stays, and the caller may have
    /// none.
    async fn lookup(&self, url: String) -> Result<Vec<String>, Silence> {
        let failed = |why: &dyn fmt::Display| Silence::Failed(why.to_string());
        let home = Home::own().map_err(|why| failed(&why))?;
        let (tell, told) = oneshot::channel();
        let (shared, clock) = (self.0.clone(), home.clone());
        let task = async move {
            let answer = tokio::select! {
                answer = shared.ask(&url) => answer,
                () = sleep(&clock, PATIENCE) => {
                    Err(Silence::Failed("it was silent for a second".to_owned()))
                }
            };
            // Whoever asked may have gone.
            let _ = tell.send(answer);
        };
        // A runtime takes every task.
        let _ = home.spawn(task);
        told.await.unwrap_or_else(|_| Err(Silence::Failed("the runtime has ended".to_owned())))
    }
}

impl Shared {
    async fn ask(&self, url: &str) -> Result<Vec<String>, Silence> {
        let bus = self.bus().await?;
        let told = bus.call_method(Some(NAME), PATH, Some(INTERFACE), "Lookup", &url).await;
        let told = told.map_err(|why| {
            if is_absence(&why) {
                Silence::Absent("the session has no portal for proxies".to_owned())
            } else {
                Silence::Failed(why.to_string())
            }
        })?;
        told.body().deserialize().map_err(|why| Silence::Failed(why.to_string()))
    }

    /// The connection to the bus: the one that is there if it still works.
    async fn bus(&self) -> Result<Connection, Silence> {
        if let Some(kept) = self.kept().as_ref().filter(|kept| !kept.is_closed()) {
            return Ok(kept.clone());
        }
        let builder = match &self.address {
            Some(address) => Builder::address(address.as_str()),
            None => Builder::session(),
        };
        let absent = |why| Silence::Absent(format!("there is no session bus: {why}"));
        let opened = builder.build().await.map_err(absent)?;
        *self.kept() = Some(opened.clone());
        Ok(opened)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Connection>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProxyFactory for Desktop {
    fn ways<'a>(&'a self, query: &'a ProxyQuery) -> Asking<'a, Result<ProxyList, Undecided>> {
        Box::pin(self.find(query))
    }
}

impl fmt::Debug for Desktop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desktop")
    }
}

fn read(answer: &[String]) -> Result<ProxyList, Undecided> {
    let ways = portal::ways(answer);
    if ways.is_empty() {
        let shown: String = answer.join(" ").chars().take(100).collect();
        return Err(Undecided(format!("the desktop's answer names no way: \"{shown}\"")));
    }
    Ok(ProxyList::new(ways, "the desktop"))
}

fn by_environment(shown: &str, query: &ProxyQuery, why: &str) -> Result<ProxyList, Undecided> {
    let bad = |why: &dyn fmt::Display| Undecided(why.to_string());
    let url = match &query.url {
        Some(url) => url.clone(),
        None => Url::parse(shown).map_err(|why| bad(&why))?,
    };
    let choice = system::settings().choose(&url).map_err(|why| bad(&why))?;
    let rule = format!("{}, as the desktop cannot be asked: {why}", choice.rule);
    Ok(ProxyList::new(vec![choice.chain], rule))
}

/// True where nobody on the bus can be asked, as opposed to somebody who fails.
fn is_absence(error: &zbus::Error) -> bool {
    let told = match error {
        zbus::Error::MethodError(name, ..) => name.to_string(),
        zbus::Error::FDO(known) => {
            return matches!(
                **known,
                fdo::Error::ServiceUnknown(_)
                    | fdo::Error::NameHasNoOwner(_)
                    | fdo::Error::UnknownInterface(_)
                    | fdo::Error::UnknownMethod(_)
                    | fdo::Error::UnknownObject(_)
            );
        }
        _ => return false,
    };
    let absences =
        ["ServiceUnknown", "NameHasNoOwner", "UnknownInterface", "UnknownMethod", "UnknownObject"];
    told.strip_prefix("org.freedesktop.DBus.Error.").is_some_and(|told| absences.contains(&told))
}

const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const INTERFACE: &str = "org.freedesktop.portal.ProxyResolver";
const PATIENCE: Duration = Duration::from_secs(1);
