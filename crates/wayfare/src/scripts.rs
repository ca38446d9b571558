//! Auto-configuration scripts out of the network: fetched when first needed, and kept up to date.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use url::Url;
use wayfare_net::clock::now;
use wayfare_net::network::Asking;
use wayfare_net::proxy::announced;
use wayfare_net::proxy::factory::{ProxyFactory, ProxyList, ProxyQuery, Undecided};
use wayfare_net::proxy::pac::Pac;
use wayfare_net::runtime::Home;
use wayfare_proto::policy::redirect::RedirectPolicy;
use wayfare_proto::route::proxy::Chain;
use wayfare_proto::route::upkeep::{Act, Upkeep};

use crate::error::{Error, ErrorKind, ProxyProblem, Stage};
use crate::manager::Manager;
use crate::options::{Bodies, Redirects, Timeouts};
use crate::proxies::Proxies;

impl Proxies {
    /// A script decides, which is fetched from this `http` or `https` URL when the first request
    /// needs it: directly, once for all who wait, 1 MiB at most, within 30 s.
    ///
    /// It is fetched by a manager of its own with the default settings; see
    /// [`Proxies::pac_url_by`]. It is used for an hour, and the first request after that has it
    /// fetched again, without waiting: if that fails the script that is there stays, and the next
    /// try is five minutes later. While there is no script requests fail and nothing goes
    /// directly; after a failure the script is asked for again at most every ten seconds.
    ///
    /// ```
    /// use wayfare::options::Proxies;
    /// let proxies = Proxies::pac_url("https://gate.test/proxy.pac")?;
    /// let manager = wayfare::Manager::builder().proxies(proxies).build();
    /// # Ok::<(), wayfare::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Proxy`] with [`ProxyProblem::Settings`] if it is no such URL.
    pub fn pac_url(url: &str) -> Result<Self, Error> {
        Self::pac_url_by(&Manager::new(), url)
    }

    /// A script decides, which is fetched from this URL by `manager`, with its trust, names and
    /// network, but never through its proxies; the rest is as with [`Proxies::pac_url`].
    ///
    /// # Errors
    /// As [`Proxies::pac_url`].
    pub fn pac_url_by(manager: &Manager, url: &str) -> Result<Self, Error> {
        let place = match Url::parse(url) {
            Ok(place) if matches!(place.scheme(), "http" | "https") => place,
            Ok(_) => return Err(unusable(url, "only http and https can be fetched")),
            Err(why) => return Err(unusable(url, &why.to_string())),
        };
        Ok(Self::kept(manager, Place::At(place)))
    }

    /// A script decides if the network has one (web proxy auto-discovery); see
    /// [`Proxies::wpad_by`].
    #[must_use]
    pub fn wpad() -> Self {
        Self::wpad_by(&Manager::new())
    }

    /// A script decides if the network has one, which is looked for by `manager`, but never through
    /// its proxies: first where DHCP says (option 252, as far as the files of dhclient,
    /// NetworkManager or systemd-networkd tell it), then at `http://wpad.DOMAIN/wpad.dat` for each
    /// domain of the search list of `/etc/resolv.conf` that has two labels at least.
    ///
    /// **Whoever gives out addresses or answers names in this network chooses where requests go**,
    /// sees those without TLS, and the hosts of the others. Only use it where the network is as
    /// trusted as the machine, or where people ask for it.
    ///
    /// The first place that has a script holds; it is kept as with [`Proxies::pac_url`]. Each has
    /// 5 s, and none is begun after 10 s. If there is none requests go directly, and after five
    /// minutes it is looked for again. In another network set it anew, with
    /// [`Manager::set_proxies`]: changes of the network are only heard of when a script is fetched
    /// again.
    #[must_use]
    pub fn wpad_by(manager: &Manager) -> Self {
        Self::kept(manager, Place::Announced(Arc::new(announced::places)))
    }

    fn kept(manager: &Manager, place: Place) -> Self {
        Self::factory(Fetched(Arc::new(Keeper {
            manager: manager.clone(),
            place,
            state: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        })))
    }
}

/// Asks a script that a keeper keeps.
struct Fetched(Arc<Keeper>);

impl ProxyFactory for Fetched {
    fn ways<'a>(&'a self, query: &'a ProxyQuery) -> Asking<'a, Result<ProxyList, Undecided>> {
        Box::pin(async move {
            let found = self.0.found().await?;
            let Some((pac, place)) = &found.script else {
                let rule = "no script was found in the network";
                return Ok(ProxyList::new(vec![Chain::DIRECT], rule));
            };
            match pac.ways(query).await {
                Ok(list) => Ok(ProxyList::new(list.ways, format!("{} of {place}", list.rule))),
                Err(why) => Err(Undecided(format!("the script {place}: {why}"))),
            }
        })
    }
}

/// One script: where it is, what was found there, and when to look again.
struct Keeper {
    manager: Manager,
    place: Place,
    state: Mutex<State>,
    /// Held by whoever fetches the first one, so that the others wait for the same.
    fetching: tokio::sync::Mutex<()>,
}

enum Place {
    /// Wherever the network may have put one: tells the places, and may read files for it.
    Announced(Arc<dyn Fn() -> Vec<Url> + Send + Sync>),
    At(Url),
}

/// What was found.
struct Found {
    /// The script and where it was, without a password; none if the network has none.
    script: Option<(Pac, String)>,
    /// Where it was looked for.
    places: Vec<Url>,
}

type Fetching = Result<Arc<Found>, Undecided>;

#[derive(Default)]
struct State {
    upkeep: Upkeep,
    last: Option<Fetching>,
}

impl Keeper {
    /// The script as it is known, or else as it is now.
    async fn found(self: &Arc<Self>) -> Fetching {
        if let Some(known) = self.known() {
            return known;
        }
        // Whoever is dropped while fetching leaves it to the next in line.
        let _turn = self.fetching.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        let fetched = self.fetch().await;
        self.take(fetched.clone());
        fetched
    }

    fn known(self: &Arc<Self>) -> Option<Fetching> {
        let mut state = self.state();
        match state.upkeep.next(now()) {
            Act::Fetch => return None,
            Act::Refresh => self.refresh(),
            Act::Refuse | Act::Use => {}
        }
        state.last.clone()
    }

    /// Fetches beside everybody's requests; nobody waits.
    fn refresh(self: &Arc<Self>) {
        let keeper = self.clone();
        let task = async move { keeper.take(keeper.fetch().await) };
        if let Ok(home) = Home::current() {
            // This home is a runtime, which takes every task.
            let _ = home.spawn(task);
        }
    }

    fn take(&self, fetched: Fetching) {
        let mut state = self.state();
        match &fetched {
            Ok(found) if found.script.is_some() => state.upkeep.handle_fetched(now()),
            Ok(_) => state.upkeep.handle_none(now()),
            Err(_) => state.upkeep.handle_failure(now()),
        }
        if fetched.is_ok() || !matches!(state.last, Some(Ok(_))) {
            state.last = Some(fetched);
        }
    }

    async fn fetch(&self) -> Fetching {
        match &self.place {
            Place::Announced(places) => self.search(places.clone()).await,
            Place::At(url) => {
                let lost =
                    |why| Undecided(format!("the script {} cannot be had: {why}", shown(url)));
                let pac = fetch(&self.manager, url, PATIENCE).await.map_err(lost)?;
                let places = vec![url.clone()];
                Ok(Arc::new(Found { script: Some((pac, shown(url))), places }))
            }
        }
    }

    /// Looks wherever the network may have put a script.
    async fn search(&self, places: Arc<dyn Fn() -> Vec<Url> + Send + Sync>) -> Fetching {
        let failed = |why: std::io::Error| Undecided(format!("no search for a script: {why}"));
        let places = Home::current().map_err(failed)?.unblock(move || places()).await;
        let places = places.map_err(failed)?;
        let began = now();
        for place in &places {
            if now().saturating_duration_since(began) >= SEARCH {
                break;
            }
            // What is not there, or is no script (a portal answers everything), is passed over.
            if let Ok(pac) = fetch(&self.manager, place, SEARCH / 2).await {
                return Ok(Arc::new(Found {
                    script: Some((pac, shown(place))),
                    places: places.clone(),
                }));
            }
        }
        // In the same network a script that cannot be had now still holds.
        match &self.state().last {
            Some(Ok(found)) if found.script.is_some() && found.places == places => {
                Err(Undecided("the script has gone".to_owned()))
            }
            _ => Ok(Arc::new(Found { script: None, places })),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fetches one script and reads it.
async fn fetch(manager: &Manager, place: &Url, patience: Duration) -> Result<Pac, Undecided> {
    let policy = RedirectPolicy::NoLessSafe;
    let request = manager
        .get(place)
        .proxies(Proxies::off())
        .redirects(Redirects { policy, ..Redirects::default() })
        .bodies(Bodies { most_collected: MOST, ..Bodies::default() })
        .timeouts(Timeouts { whole: patience.into(), ..Timeouts::default() });
    let answer = async { request.send().await?.error_for_status()?.text().await };
    let text = answer.await.map_err(|error| Undecided(error.message().to_owned()))?;
    let home = Home::current().map_err(|why| Undecided(why.to_string()))?;
    // A script may take its time before it can be asked.
    home.unblock(move || Pac::new(&text)).await.map_err(|why| Undecided(why.to_string()))?
}

fn unusable(url: &str, why: &str) -> Error {
    let url = Url::parse(url).map_or_else(|_| "given".to_owned(), |url| shown(&url));
    let message = format!("the script {url} cannot be had: {why}");
    Error::new(ErrorKind::Proxy(ProxyProblem::Settings), Stage::Plan, message)
}

/// The URL without a name and a password.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // Neither can fail where there is a name or a password.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.into()
}

/// What a script may have.
const MOST: u64 = 1024 * 1024;

const PATIENCE: Duration = Duration::from_secs(30);

/// After so long no further place is looked at; each may take half of it.
const SEARCH: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
