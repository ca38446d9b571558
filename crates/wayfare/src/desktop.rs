//! The proxies that the desktop's settings name.

use wayfare_net::proxy::desktop::Desktop;

use crate::proxies::Proxies;

impl Proxies {
    /// The settings of the desktop decide, scripts included, which is asked over D-Bus for every
    /// request and has a second for each answer; see [`Desktop`](crate::proxy::Desktop).
    ///
    /// Where there is no desktop the environment decides, and the rule says so. Linux only.
    ///
    /// ```
    /// use wayfare::options::Proxies;
    /// let manager = wayfare::Manager::builder().proxies(Proxies::desktop()).build();
    /// ```
    #[must_use]
    pub fn desktop() -> Self {
        Self::factory(Desktop::new())
    }
}
