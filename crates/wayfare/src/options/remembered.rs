//! What is remembered of servers, and with which requests it is used.

pub use wayfare_proto::policy::cookie::{Limits as CookieLimits, SiteContext};

/// Cookies: whether they go with requests and are taken from answers, and how many are kept.
///
/// ```
/// use wayfare::options::{CookieControl, Cookies};
/// let silent = Cookies { load: CookieControl::Manual, ..Cookies::default() };
/// let none = Cookies::off();
/// assert_eq!(none.save, CookieControl::Manual);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookies {
    /// Whether those that match go with a request; by default they do. A request that has a
    /// `Cookie` field of its own goes with that alone.
    pub load: CookieControl,
    /// Whether those that an answer sets are kept; by default they are, in memory unless there is
    /// a store.
    pub save: CookieControl,
    /// From which site requests come, for those who make them on behalf of a page; by default from
    /// the site they go to.
    pub site: SiteContext,
    /// The site of the page that requests are made for, for example `https://example.org`, which is
    /// the key of partitioned cookies; by default the site they go to.
    pub partition: Option<String>,
    /// How many are kept and sent. A manager's setting; changing it for one request has no effect.
    pub limits: CookieLimits,
}

impl Cookies {
    /// Neither sent nor kept.
    #[must_use]
    pub fn off() -> Self {
        Self { load: CookieControl::Manual, save: CookieControl::Manual, ..Self::default() }
    }
}

/// Who looks after cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookieControl {
    /// The manager does.
    #[default]
    Automatic,
    /// The application does, or nobody.
    Manual,
}

/// Whether hosts that want to be reached over TLS only (HSTS, RFC 6797) are remembered and obeyed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hsts {
    /// Where what is remembered is kept longer than the program runs: elsewhere it would protect
    /// nobody from the first request on.
    #[default]
    Automatic,
    /// Never.
    Off,
    /// Always.
    On,
}
