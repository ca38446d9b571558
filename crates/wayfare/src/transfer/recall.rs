//! What is remembered of a server: brought before a request, used in it, and learnt from its answer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use http::{HeaderValue, StatusCode, header};
use url::Url;
use wayfare_net::tls::Rejection;
use wayfare_proto::address::origin::Origin;
use wayfare_proto::policy::cookie::accept::Refusal;
use wayfare_proto::policy::cookie::{Context, Cookie};
use wayfare_proto::policy::hsts::{normal, upgrade};
use wayfare_proto::policy::redirect::is_redirect;
use wayfare_proto::syntax::strict_transport_security::Strict;
use wayfare_proto::trace::event::What;

use super::Transfer;
use crate::options::{CookieControl, Exceptions};
use crate::protocol::Answer;

/// Something to be done on the side, most often nothing.
///
/// Small, so that a transfer that waits for its turn stays small.
pub(super) enum Errand<'a> {
    Going(Pin<Box<dyn Future<Output = ()> + Send + 'a>>),
    None,
}

impl Future for Errand<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        match self.get_mut() {
            Self::Going(going) => going.as_mut().poll(cx),
            Self::None => Poll::Ready(()),
        }
    }
}

impl Transfer {
    /// Brings what is kept elsewhere of the host, and moves the URL to TLS if that host is strict.
    /// For a place that it has been at already, nothing is left to do.
    pub(super) fn recall(&mut self) -> Errand<'_> {
        if self.key.is_some() || !Origin::has(&self.url) {
            return Errand::None;
        }
        if !self.must_bring(&self.url) {
            self.obey_strictness();
            return Errand::None;
        }
        let host = self.url.host_str().unwrap_or_default().to_owned();
        let bringing = self.bring(host);
        Errand::Going(Box::pin(async move {
            let failures = bringing.await;
            self.tell_failures("read", failures);
            self.obey_strictness();
        }))
    }

    /// The `Cookie` field of the request as it goes out now. One that was set by hand, or for every
    /// request, is sent as it is and alone.
    pub(super) fn cookie_field(&self) -> Option<HeaderValue> {
        let cookies = &self.shared.remembered.cookies;
        if self.options.cookies.load == CookieControl::Manual
            || cookies.is_idle()
            || self.key.is_none()
            || self.headers.contains_key(header::COOKIE)
            || self.sends_default(&header::COOKIE)
        {
            return None;
        }
        let now = self.shared.remembered.calendar.now();
        cookies.field(&self.cookie_context(), now, |sent| {
            self.emit(|| What::CookiesSent { names: sent.iter().map(name).collect() });
        })
    }

    /// Takes in what the answer wants remembered, and brings what is needed to judge it.
    pub(super) fn remember(&mut self, answer: &Answer) -> Errand<'_> {
        // What a proxy answers in its own name teaches nothing about the origin.
        let is_of_proxy = answer.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
            && self.key.as_ref().is_some_and(|key| key.forwarder().is_some());
        if self.key.is_none() || is_of_proxy {
            return Errand::None;
        }
        self.remember_cookies(answer);
        self.remember_strictness(answer);
        let ahead = self.strange_target(answer);
        let remembered = &self.shared.remembered;
        if ahead.is_none() && !remembered.cookies.must_save() && !remembered.hosts.must_save() {
            return Errand::None;
        }
        let (remembered, bringing) = (remembered.clone(), ahead.map(|target| self.bring(target)));
        Errand::Going(Box::pin(async move {
            let saved = [remembered.cookies.save().await, remembered.hosts.save().await];
            self.tell_failures("written", saved.into_iter().filter_map(Result::err));
            if let Some(bringing) = bringing {
                let failures = bringing.await;
                self.tell_failures("read", failures);
            }
        }))
    }

    /// Moves a redirect's target to TLS if its host is strict, before anybody judges how safe it is.
    pub(super) fn upgrade_if_strict(&self, url: &mut Url) {
        if url.scheme() == "http" && self.is_strict(url) {
            let from = url.clone();
            if upgrade(url) {
                let (from, to) = (Box::new(from), Box::new(url.clone()));
                self.emit(|| What::Upgraded { from, to });
            }
        }
    }

    /// True if nobody may accept these certificates, because their host is strict (RFC 6797 §8.4).
    pub(super) fn forbids_exceptions(&self, rejection: &Rejection) -> bool {
        let hosts = &self.shared.remembered.hosts;
        let calendar = &self.shared.remembered.calendar;
        self.obeys_strictness()
            && (hosts.is_strict(&rejection.host, || calendar.now()) || self.is_strict(&self.url))
    }

    fn obey_strictness(&mut self) {
        if !self.obeys_strictness() || !self.is_strict(&self.url) {
            return;
        }
        let mut url = Url::clone(&self.url);
        self.upgrade_if_strict(&mut url);
        let host = url.host_str().unwrap_or_default();
        if self.options.tls.exceptions().has_for(host) {
            // What was accepted before the host was strict holds no longer, and a connection that
            // was made by it is not used.
            let tls = self.options.tls.clone().with_exceptions(Exceptions::default());
            std::sync::Arc::make_mut(&mut self.options).tls = tls;
        }
        if url != *self.url {
            self.url = std::sync::Arc::new(url);
        }
    }

    fn obeys_strictness(&self) -> bool {
        self.shared.remembered.obeys_strictness(self.options.hsts)
    }

    fn is_strict(&self, url: &Url) -> bool {
        let remembered = &self.shared.remembered;
        let host = url.host_str().unwrap_or_default();
        self.obeys_strictness() && remembered.hosts.is_strict(host, || remembered.calendar.now())
    }

    fn must_bring(&self, url: &Url) -> bool {
        let remembered = &self.shared.remembered;
        let host = url.host_str().unwrap_or_default();
        (self.keeps_cookies() && remembered.cookies.must_bring(host))
            || (self.obeys_strictness() && remembered.hosts.must_bring(host))
    }

    fn keeps_cookies(&self) -> bool {
        let cookies = &self.options.cookies;
        cookies.load == CookieControl::Automatic || cookies.save == CookieControl::Automatic
    }

    /// Brings what is kept elsewhere of a host, and gives what failed of it.
    fn bring(&self, host: String) -> impl Future<Output = Vec<io::Error>> + Send + 'static {
        let remembered = self.shared.remembered.clone();
        let home = self.obeys_strictness().then(|| self.home.clone());
        let keeps_cookies = self.keeps_cookies();
        async move {
            let mut brought = Vec::new();
            if keeps_cookies {
                brought.extend(remembered.cookies.bring(&host).await.err());
            }
            if let Some(home) = home {
                brought.extend(remembered.hosts.bring(&host, &home).await.err());
            }
            brought
        }
    }

    fn tell_failures(&self, done: &str, failures: impl IntoIterator<Item = io::Error>) {
        for why in failures {
            let message = format!("what is remembered could not be {done}: {why}");
            self.emit(|| What::StoreFailed { message });
        }
    }

    fn cookie_context(&self) -> Context<'_> {
        let mut context = Context::of(&self.url);
        context.site = self.options.cookies.site;
        context.partition = self.options.cookies.partition.as_deref();
        context
    }

    fn remember_cookies(&self, answer: &Answer) {
        if self.options.cookies.save == CookieControl::Manual
            || !answer.headers.contains_key(header::SET_COOKIE)
        {
            return;
        }
        let remembered = &self.shared.remembered;
        let (context, now) = (self.cookie_context(), remembered.calendar.now());
        let most = remembered.cookies.most_per_answer();
        for (at, field) in answer.headers.get_all(header::SET_COOKIE).iter().enumerate() {
            let stored = match at < most {
                true => remembered.cookies.store(field.as_bytes(), &context, now).map(drop),
                false => Err((Vec::new(), Refusal::TooMany)),
            };
            if let Err((name, why)) = stored {
                let name = String::from_utf8_lossy(&name).into_owned();
                self.emit(|| What::CookieRefused { name, why });
            }
        }
    }

    /// RFC 6797 §8.1: only the first field counts, and only over TLS that was in order.
    fn remember_strictness(&self, answer: &Answer) {
        let Some(field) = answer.headers.get(header::STRICT_TRANSPORT_SECURITY) else { return };
        let tls = answer.connection.tls.as_ref();
        let is_in_order = tls.is_some_and(|tls| {
            tls.problems.is_empty() && tls.exception.is_none() && self.options.tls.proves_hosts()
        });
        if !self.obeys_strictness() || self.url.scheme() != "https" || !is_in_order {
            return;
        }
        if let (Some(strict), Some(host)) = (Strict::parse(field.as_bytes()), self.url.host_str()) {
            let remembered = &self.shared.remembered;
            remembered.hosts.learn(host, &strict, remembered.calendar.now());
        }
    }

    /// The host that an answer redirects to, if it is not known yet whether that is strict.
    fn strange_target(&self, answer: &Answer) -> Option<String> {
        if !is_redirect(answer.status) || !self.obeys_strictness() {
            return None;
        }
        let location = answer.headers.get(header::LOCATION)?;
        let target = self.url.join(std::str::from_utf8(location.as_bytes()).ok()?).ok()?;
        let host = normal(target.host_str()?)?;
        (Origin::has(&target) && self.shared.remembered.hosts.must_bring(&host)).then_some(host)
    }
}

/// A cookie's name; a value is never told.
fn name(cookie: &Cookie) -> String {
    String::from_utf8_lossy(&cookie.name).into_owned()
}
