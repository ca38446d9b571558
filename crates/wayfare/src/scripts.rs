//! Auto-configuration scripts out of the network: fetched when first needed, and kept up to date.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;
use wayfare_net::clock::now;
use wayfare_net::network::Asking;
use wayfare_net::proxy::factory::{ProxyFactory, ProxyList, ProxyQuery, Undecided};
use wayfare_net::proxy::pac::Pac;
use wayfare_net::runtime::Home;
use wayfare_proto::policy::redirect::RedirectPolicy;
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
        Ok(Self::factory(Fetched(Arc::new(Keeper::new(manager, place)))))
    }
}

/// Asks a script that a keeper keeps.
struct Fetched(Arc<Keeper>);

impl ProxyFactory for Fetched {
    fn ways<'a>(&'a self, query: &'a ProxyQuery) -> Asking<'a, Result<ProxyList, Undecided>> {
        Box::pin(async move {
            let script = self.0.script().await?;
            let list = script.ways(query).await;
            list.map_err(|why| Undecided(format!("the script {}: {why}", shown(&self.0.place))))
        })
    }
}

/// One script: where it is, what was found there, and when to look again.
struct Keeper {
    manager: Manager,
    place: Url,
    state: Mutex<State>,
    /// Held by whoever fetches the first one, so that the others wait for the same.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    upkeep: Upkeep,
    last: Option<Result<Arc<Pac>, Undecided>>,
}

impl Keeper {
    fn new(manager: &Manager, place: Url) -> Self {
        let (state, fetching) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { manager: manager.clone(), place, state, fetching }
    }

    /// The script as it is known, or else as it is now.
    async fn script(self: &Arc<Self>) -> Result<Arc<Pac>, Undecided> {
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

    fn known(self: &Arc<Self>) -> Option<Result<Arc<Pac>, Undecided>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
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

    fn take(&self, fetched: Result<Arc<Pac>, Undecided>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(_) => state.upkeep.handle_fetched(now()),
            Err(_) => state.upkeep.handle_failure(now()),
        }
        if fetched.is_ok() || !matches!(state.last, Some(Ok(_))) {
            state.last = Some(fetched);
        }
    }

    async fn fetch(&self) -> Result<Arc<Pac>, Undecided> {
        fetch(&self.manager, &self.place).await.map_err(|why| {
            Undecided(format!("the script {} cannot be had: {why}", shown(&self.place)))
        })
    }
}

/// Fetches one script and reads it.
async fn fetch(manager: &Manager, place: &Url) -> Result<Arc<Pac>, Undecided> {
    let policy = RedirectPolicy::NoLessSafe;
    let request = manager
        .get(place)
        .proxies(Proxies::off())
        .redirects(Redirects { policy, ..Redirects::default() })
        .bodies(Bodies { most_collected: MOST, ..Bodies::default() })
        .timeouts(Timeouts { whole: PATIENCE.into(), ..Timeouts::default() });
    let answer = async { request.send().await?.error_for_status()?.text().await };
    let text = answer.await.map_err(|error| Undecided(error.message().to_owned()))?;
    let home = Home::current().map_err(|why| Undecided(why.to_string()))?;
    // A script may take its time before it can be asked.
    let read = home.unblock(move || Pac::new(&text)).await;
    read.map_err(|why| Undecided(why.to_string()))?.map(Arc::new)
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

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keeper").field(&shown(&self.place)).finish()
    }
}

/// What a script may have.
const MOST: u64 = 1024 * 1024;

const PATIENCE: Duration = Duration::from_secs(30);
