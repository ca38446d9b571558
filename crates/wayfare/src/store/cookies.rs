//! The cookies of a manager: one jar, and whoever keeps it longer.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderValue;
use wayfare_proto::address::site::PublicSuffixes;
use wayfare_proto::policy::cookie::accept::Refusal;
use wayfare_proto::policy::cookie::choose::Chosen;
use wayfare_proto::policy::cookie::jar::{Jar, Keeping, Stored};
use wayfare_proto::policy::cookie::{Change, Context, Cookie, CookieKey, Limits, Sessions};
use wayfare_proto::syntax::set_cookie::SetCookie;
use wayfare_proto::syntax::stamp::Stamp;

use super::{Below, Calendar, Site, Storing, Unsaved};

/// Keeps cookies longer than a manager lives, or in another place.
///
/// A manager asks for the cookies of a site when it first goes there, and then has them in memory;
/// it tells every change, one call at a time. What fails is told as an event and goes on in memory.
/// Register one with [`crate::Builder::cookie_store`].
///
/// ```
/// use wayfare::cookies::{Change, Cookie, CookieStore, Storing};
/// struct Nowhere;
/// impl CookieStore for Nowhere {
///     fn load<'a>(&'a self, site: &'a str) -> Storing<'a, Vec<Cookie>> {
///         Box::pin(async { Ok(Vec::new()) })
///     }
///     fn load_all(&self) -> Storing<'_, Vec<Cookie>> { self.load("") }
///     fn save(&self, changes: Vec<Change>) -> Storing<'_, ()> { Box::pin(async { Ok(()) }) }
/// }
/// ```
pub trait CookieStore: Send + Sync {
    /// The cookies of a site: those whose domain is it or below it. A site is a registrable
    /// domain such as `example.org`, or the host itself where there is no such.
    ///
    /// # Cancel safety
    /// The future may be dropped; it is asked again then.
    fn load<'a>(&'a self, site: &'a str) -> Storing<'a, Vec<Cookie>>;

    /// Every cookie, for those who want to see or clear them all.
    ///
    /// # Cancel safety
    /// The future may be dropped; it is asked again then.
    fn load_all(&self) -> Storing<'_, Vec<Cookie>>;

    /// Takes changes in, the oldest first.
    ///
    /// # Cancel safety
    /// The future may be dropped when its transfer is aborted; the same changes come again then,
    /// with the next ones.
    fn save(&self, changes: Vec<Change>) -> Storing<'_, ()>;

    /// How often it was changed by others than this manager, as far as it knows; when the number is
    /// another one, sites are loaded again before their cookies are needed. 0 by default.
    fn changes_elsewhere(&self) -> u64 {
        0
    }

    /// True if it is time to [look](CookieStore::look) whether others have changed it; asked before
    /// each request, so it has to be quick. By default it never is.
    fn is_look_due(&self) -> bool {
        false
    }

    /// Finds out whether others have changed it.
    ///
    /// # Cancel safety
    /// The future may be dropped.
    fn look(&self) -> Storing<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Whether it wants to know of cookies without a date of expiry; by default not, so that they
    /// end with the manager.
    fn sessions(&self) -> Sessions {
        Sessions::Forget
    }
}

/// The cookies of a manager.
pub(crate) struct Cookies {
    jar: Mutex<Jar>,
    store: Option<Arc<dyn CookieStore>>,
    unsaved: Unsaved<Change>,
    /// Whether there may be anything to send, so that nobody pays for an empty jar.
    is_used: AtomicBool,
    /// What [`CookieStore::changes_elsewhere`] said last.
    elsewhere: AtomicU64,
    calendar: Calendar,
}

impl Cookies {
    pub(super) fn new(
        store: Option<Arc<dyn CookieStore>>,
        limits: Limits,
        suffixes: PublicSuffixes,
        calendar: Calendar,
    ) -> Self {
        let keeping = store.as_ref().map(|store| Keeping::Elsewhere(store.sessions()));
        let jar = Jar::new(limits, suffixes, keeping.unwrap_or_default());
        let is_used = AtomicBool::new(store.is_some());
        let elsewhere = AtomicU64::new(0);
        Self {
            jar: Mutex::new(jar),
            store,
            unsaved: Unsaved::default(),
            is_used,
            elsewhere,
            calendar,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// True if there is nothing to send to anybody.
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_used.load(Ordering::Acquire)
    }

    /// True if the cookies of a host have to be brought first.
    pub(crate) fn must_bring(&self, host: &str) -> bool {
        self.store.as_ref().is_some_and(|store| {
            let jar = self.lock();
            store.is_look_due()
                || store.changes_elsewhere() != self.elsewhere.load(Ordering::Acquire)
                || !jar.is_loaded(jar.site_of(host))
        })
    }

    /// Brings the cookies of a host's site, if they are kept elsewhere. When that fails, the site
    /// begins without any.
    pub(crate) async fn bring(&self, host: &str) -> io::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        // What a look fails with is told, and costs nothing else.
        let looked = if store.is_look_due() { store.look().await } else { Ok(()) };
        let elsewhere = store.changes_elsewhere();
        if elsewhere != self.elsewhere.load(Ordering::Acquire) {
            // What the store has not heard of would be taken for dropped by others.
            self.save().await?;
            self.lock().doubt(self.calendar.now());
            self.elsewhere.store(elsewhere, Ordering::Release);
        }
        let site = self.lock().site_of(host).to_owned();
        if self.lock().is_loaded(&site) {
            return looked;
        }
        self.save().await?;
        let loaded = store.load(&site).await;
        let (cookies, result) =
            loaded.map_or_else(|why| (Vec::new(), Err(why)), |all| (all, Ok(())));
        self.lock().load(&site, cookies);
        looked.and(result)
    }

    /// Brings every cookie that is kept elsewhere.
    pub(crate) async fn bring_all(&self) -> io::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        // What is not there yet must not come back as it was.
        self.save().await?;
        let mut sites: HashMap<String, Vec<Cookie>> = HashMap::new();
        let all = store.load_all().await?;
        let mut jar = self.lock();
        for cookie in all {
            sites.entry(jar.site_of(&cookie.domain).to_owned()).or_default().push(cookie);
        }
        for (site, cookies) in sites {
            jar.load(&site, cookies);
        }
        Ok(())
    }

    /// The `Cookie` field of a request, if there is anything to send; `tell` is given the cookies.
    pub(crate) fn field(
        &self,
        context: &Context<'_>,
        now: Stamp,
        tell: impl FnOnce(Chosen<'_>),
    ) -> Option<HeaderValue> {
        let mut jar = self.lock();
        let cookies = jar.matching(context, now);
        let field = cookies.field()?.clone();
        tell(cookies);
        Some(field)
    }

    /// Keeps what a `Set-Cookie` field sets.
    pub(crate) fn store(
        &self,
        field: &[u8],
        context: &Context<'_>,
        now: Stamp,
    ) -> Result<Stored, (Vec<u8>, Refusal)> {
        let set = SetCookie::parse(field).map_err(|flaw| (Vec::new(), flaw.into()))?;
        let stored = self.lock().store(&set, context, now);
        self.is_used.store(true, Ordering::Release);
        stored.map_err(|why| (set.name, why))
    }

    pub(crate) fn insert(&self, cookie: Cookie, now: Stamp) -> Result<Stored, Refusal> {
        self.is_used.store(true, Ordering::Release);
        self.lock().insert(cookie, now)
    }

    pub(crate) fn remove(&self, key: &CookieKey) -> bool {
        self.lock().remove(key).is_some()
    }

    /// The site that a host belongs to, and whose names it has.
    pub(crate) fn site_of(&self, host: &str) -> Site {
        let jar = self.lock();
        let name = jar.site_of(host).to_owned();
        let has_one_owner = jar.suffixes().registrable(&name).is_some();
        Site { name, below: if has_one_owner { Below::Included } else { Below::Left } }
    }

    /// Forgets the cookies of a site; says how many.
    pub(crate) fn forget(&self, site: &Site) -> usize {
        self.lock().forget(&site.name)
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Every cookie that is here and good, in the order of their domains, paths and names.
    pub(crate) fn list(&self, now: Stamp) -> Vec<Cookie> {
        let jar = self.lock();
        let mut all: Vec<_> =
            jar.iter().filter(|cookie| !cookie.is_expired(now)).cloned().collect();
        drop(jar);
        all.sort_by(|one, other| {
            (&one.domain, &one.path, &one.name).cmp(&(&other.domain, &other.path, &other.name))
        });
        all
    }

    pub(crate) fn most_per_answer(&self) -> usize {
        self.lock().limits().per_answer
    }

    /// True if somebody should be told of changes.
    pub(crate) fn must_save(&self) -> bool {
        self.store.is_some() && self.lock().has_changes()
    }

    /// Tells the store what has changed, in order and one call at a time.
    pub(crate) async fn save(&self) -> io::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        self.unsaved.tell(|| self.lock().take_changes(), |changes| store.save(changes)).await
    }

    fn lock(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
