//! A request as the application puts it together, and the ways to send it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use tokio::sync::oneshot;
use url::Url;
use wayfare_net::caller;
use wayfare_net::runtime::Home;
use wayfare_proto::policy::schedule::Priority;
use wayfare_proto::trace::event::Event;

use crate::blocking::Blocking;
use crate::body::Body;
use crate::delegate::Credentials;
use crate::error::Error;
use crate::events::{Listener, channel};
use crate::manager::{Manager, no_home, no_url};
use crate::options::{
    Auth, Bodies, Connections, Cookies, Dns, HeadLimits, Hsts, Options, Proxies, Redirects,
    Timeouts, Tls,
};
use crate::reply::Reply;
use crate::transfer::handle::{Finished, FinishedHandler, Handle, Handlers, spawn};
use crate::transfer::identity::Own;
use crate::transfer::{Transfer, run};

/// Marks requests that are awaited.
#[derive(Clone, Copy, Debug)]
pub enum Awaited {}

/// Marks requests whose thread waits.
#[derive(Clone, Copy, Debug)]
pub enum Waited {}

/// A request being put together.
///
/// A mistake made on the way (a URL that is none, a field with a line break) is kept and told when
/// it is sent, so that a chain of calls stays one expression.
///
/// ```no_run
/// # async fn run(manager: wayfare::Manager) -> Result<(), wayfare::Error> {
/// let reply = manager
///     .post("https://example.org/form")
///     .header("X-Token", "abc")
///     .form([("name", "value")])
///     .send()
///     .await?;
/// # Ok(()) }
/// ```
#[must_use = "a request does nothing until it is sent or started"]
pub struct Request<Face = Awaited> {
    /// Made in its place at once: a request is handed from call to call, and should be light.
    transfer: Box<Transfer>,
    /// The first thing that is wrong with it.
    mistake: Option<Error>,
    listeners: Vec<Listener>,
    /// The manager's, for when it is started.
    finished: Vec<FinishedHandler>,
    handlers: Option<Box<Handlers>>,
    face: PhantomData<Face>,
}

macro_rules! verbs {
    ($face:ty) => {
        /// Asks for a resource.
        pub fn get(&self, url: impl AsRef<str>) -> Request<$face> {
            self.request(Method::GET, url)
        }

        /// Asks for the head of a resource only.
        pub fn head(&self, url: impl AsRef<str>) -> Request<$face> {
            self.request(Method::HEAD, url)
        }

        /// Sends something to be processed.
        pub fn post(&self, url: impl AsRef<str>) -> Request<$face> {
            self.request(Method::POST, url)
        }

        /// Stores something under the URL.
        pub fn put(&self, url: impl AsRef<str>) -> Request<$face> {
            self.request(Method::PUT, url)
        }

        /// Changes a part of a resource.
        pub fn patch(&self, url: impl AsRef<str>) -> Request<$face> {
            self.request(Method::PATCH, url)
        }

        /// Removes a resource.
        pub fn delete(&self, url: impl AsRef<str>) -> Request<$face> {
            self.request(Method::DELETE, url)
        }
    };
}

impl Manager {
    verbs!(Awaited);

    /// Sends a request with any method.
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> Request {
        Request::new(self, method, url.as_ref())
    }
}

impl Blocking<Manager> {
    verbs!(Waited);

    /// Sends a request with any method.
    pub fn request(&self, method: Method, url: impl AsRef<str>) -> Request<Waited> {
        Request::new(&self.0, method, url.as_ref())
    }
}

impl<Face> Request<Face> {
    fn new(manager: &Manager, method: Method, url: &str) -> Self {
        let (url, mistake) = match manager.shared.read_url(url) {
            Ok(url) => (Some(url), None),
            Err(why) => (None, Some(no_url(url, why))),
        };
        let mut request = Self {
            transfer: Transfer::draft(manager.shared.clone(), method, url),
            mistake,
            listeners: manager.listeners.clone(),
            finished: manager.finished.clone(),
            handlers: None,
            face: PhantomData,
        };
        request.take_user_info();
        request
    }

    /// Adds a field; one of the same name stays, except for `Authorization`, which is replaced.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        match (name.try_into(), value.try_into()) {
            // Credentials of the URL give way to those named here.
            (Ok(name), Ok(value)) if name == header::AUTHORIZATION => {
                self.transfer.headers.insert(name, value);
            }
            (Ok(name), Ok(value)) => {
                self.transfer.headers.append(name, value);
            }
            (Err(_), _) => {
                self.fail("a field's name may have letters, digits and !#$%&'*+-.^_`|~ only");
            }
            // The value may be a secret: it is not shown.
            (Ok(name), Err(_)) => {
                self.fail(&format!(
                    "the value of the field \"{name}\" has a line break or another control character"
                ));
            }
        }
        self
    }

    /// Replaces all fields.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.transfer.headers = headers;
        self
    }

    /// Sets `Authorization: Basic` (RFC 7617), for this origin only, without being asked; the server
    /// learns the password as it is. [`Request::credentials`] waits for the server to ask, and says
    /// it in the strongest way that the server takes.
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        if user.contains(':') {
            self.fail("a user name for Basic authentication cannot contain a colon");
            return self;
        }
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        // Base64 has no character that a field value forbids.
        if let Ok(mut value) = HeaderValue::from_str(&format!("Basic {encoded}")) {
            value.set_sensitive(true);
            self.transfer.headers.insert(header::AUTHORIZATION, value);
        }
        self
    }

    /// Sets who it says to be when a server of this origin asks; see [`Auth`](crate::options::Auth)
    /// for how. Nobody else is told, and what the server accepted goes along unasked only with
    /// requests that say to be the same.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.transfer.own = Some(Box::new(Own::Known(credentials)));
        self
    }

    /// Sets how it says who is asking.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.options_mut().auth = auth;
        self
    }

    /// Sets `Authorization: Bearer` (RFC 6750), for this origin only.
    pub fn bearer_auth(mut self, token: &str) -> Self {
        match HeaderValue::from_str(&format!("Bearer {token}")) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.transfer.headers.insert(header::AUTHORIZATION, value);
            }
            Err(_) => self.fail("a bearer token has characters that no field value may have"),
        }
        self
    }

    /// Adds names and values to the query of the URL.
    pub fn query<I, N, V>(mut self, pairs: I) -> Self
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        if self.mistake.is_none() {
            self.url_mut().query_pairs_mut().extend_pairs(pairs);
        }
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.transfer.body = body.into();
        self
    }

    /// Sets the body to a value as JSON.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match Body::json(value) {
            Ok(body) => self.transfer.body = body,
            Err(error) => self.fail(error.message()),
        }
        self
    }

    /// Sets the body to a url-encoded form.
    pub fn form<I, N, V>(mut self, pairs: I) -> Self
    where
        I: IntoIterator<Item = (N, V)>,
        N: AsRef<str>,
        V: AsRef<str>,
    {
        self.transfer.body = Body::form(pairs);
        self
    }

    /// Sets how urgent it is among those that wait; [`Priority::Normal`] by default.
    pub fn priority(self, priority: Priority) -> Self {
        self.transfer.ticket.set_priority(priority);
        self
    }

    /// Sets how long to wait.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.options_mut().timeouts = timeouts;
        self
    }

    /// Sets which redirects are followed.
    pub fn redirects(mut self, redirects: Redirects) -> Self {
        self.options_mut().redirects = redirects;
        self
    }

    /// Sets how the body of the answer is read.
    pub fn bodies(mut self, bodies: Bodies) -> Self {
        self.options_mut().bodies = bodies;
        self
    }

    /// Sets how connections are made; see [`Connections`] for what only a manager can set.
    pub fn connections(mut self, connections: Connections) -> Self {
        self.options_mut().connections = connections;
        self
    }

    /// Sets the limits on the head of the answer.
    pub fn heads(mut self, heads: HeadLimits) -> Self {
        self.options_mut().heads = heads;
        self
    }

    /// Sets how names become addresses; the request uses no connection made under other settings.
    pub fn dns(mut self, dns: Dns) -> Self {
        self.options_mut().dns = dns;
        self
    }

    /// Sets which way it goes; the request uses no connection made by another way.
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.options_mut().proxies = proxies;
        self
    }

    /// Sets what is done with cookies.
    pub fn cookies(mut self, cookies: Cookies) -> Self {
        self.options_mut().cookies = cookies;
        self
    }

    /// Sets whether hosts that want to be reached over TLS only are remembered and obeyed.
    pub fn hsts(mut self, hsts: Hsts) -> Self {
        self.options_mut().hsts = hsts;
        self
    }

    /// Sets whom to trust; the request uses no connection made under other settings.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.options_mut().tls = tls;
        self
    }

    /// The settings it has now.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.transfer.options
    }

    /// Has every event of this transfer told to `closure`, on the thread where it happens.
    pub fn on_event(mut self, closure: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listeners.push(Listener::Closure(Arc::new(closure)));
        self
    }

    /// User name and password in a URL become the request's credentials, and never leave in the
    /// URL.
    fn take_user_info(&mut self) {
        if self.transfer.url.username().is_empty() && self.transfer.url.password().is_none() {
            return;
        }
        let url = self.url_mut();
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let (user, password) = (decoded(url.username()), decoded(url.password().unwrap_or("")));
        // Neither fails on a URL that had them.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        self.transfer.own = Some(Box::new(match password.is_empty() {
            true => Own::Named(user),
            false => Own::Known(Credentials::new(user, password)),
        }));
    }

    fn url_mut(&mut self) -> &mut Url {
        Arc::make_mut(&mut self.transfer.url)
    }

    fn options_mut(&mut self) -> &mut Options {
        Arc::make_mut(&mut self.transfer.options)
    }

    fn fail(&mut self, why: &str) {
        let url = &self.transfer.url;
        self.mistake.get_or_insert_with(|| Error::invalid_request(why).at(url));
    }

    fn into_transfer(self, home: Home) -> Result<Box<Transfer>, Error> {
        match self.mistake {
            None => Ok(self.transfer.handed_over(home, self.listeners)),
            Some(mistake) => Err(mistake),
        }
    }
}

impl Request<Awaited> {
    /// Sends it and waits for the head of the answer.
    ///
    /// Inside a tokio runtime everything happens in the caller's task; elsewhere the transfer
    /// runs in Wayfare's own runtime.
    ///
    /// # Errors
    /// See [`crate::ErrorKind`]; an answer with any status is not an error.
    ///
    /// # Cancel safety
    /// Dropping the future aborts the transfer; its connection is never used again.
    pub async fn send(self) -> Result<Reply, Error> {
        if self.handlers.is_some() {
            let message = "handlers need `start`; `send` gives the reply to its caller";
            return Err(Error::invalid_request(message));
        }
        let home = Home::current().map_err(|why| no_home(&why))?;
        let is_inside = Home::is_inside_runtime();
        let transfer = self.into_transfer(home.clone())?;
        if is_inside {
            return run(transfer).await;
        }
        let (tell, told) = oneshot::channel();
        let _stopper = spawn(&home, move |mut stop| async move {
            if let Ok(lived) = stop.or(Box::pin(run(transfer))).await {
                // Whoever dropped the future does not want to know.
                let _ = tell.send(lived);
            }
        })?;
        told.await.unwrap_or_else(|_| Err(Error::invalid_request("the runtime has shut down")))
    }

    /// Starts it at once, without being awaited.
    ///
    /// # Errors
    /// What is wrong with the request itself; everything later is the handle's to tell.
    pub fn start(mut self) -> Result<Handle, Error> {
        let home = Home::current().map_err(|why| no_home(&why))?;
        let (tell, events) = channel();
        self.listeners.reserve_exact(1);
        self.listeners.push(Listener::Channel(tell));
        let mut handlers = self.handlers.take().unwrap_or_default();
        handlers.finished.append(&mut self.finished);
        let handlers = (!handlers.is_empty()).then_some(handlers);
        Handle::start(self.into_transfer(home.clone())?, handlers, events, &home)
    }

    /// Has the end of the transfer told to `closure`, with its whole body; only for
    /// [`Request::start`].
    pub fn on_finished(mut self, closure: impl Fn(&Finished) + Send + Sync + 'static) -> Self {
        self.handlers.get_or_insert_default().finished.push(Arc::new(closure));
        self
    }

    /// Has every piece of the body told to `closure` as it arrives; only for [`Request::start`].
    pub fn on_data(mut self, closure: impl FnMut(&Bytes) + Send + 'static) -> Self {
        self.handlers.get_or_insert_default().data = Some(Box::new(closure));
        self
    }

    /// Has an error told to `closure`, before the end is; only for [`Request::start`].
    pub fn on_error(mut self, closure: impl FnOnce(&Error) + Send + 'static) -> Self {
        self.handlers.get_or_insert_default().error = Some(Box::new(closure));
        self
    }

    /// Has an error of the TLS handshake told to `closure`, before other handlers hear of it; only
    /// for [`Request::start`].
    pub fn on_tls_error(mut self, closure: impl FnOnce(&Error) + Send + 'static) -> Self {
        self.handlers.get_or_insert_default().tls_error = Some(Box::new(closure));
        self
    }
}

impl Request<Waited> {
    /// Sends it and waits for the head of the answer, doing all I/O on this thread.
    ///
    /// # Errors
    /// See [`crate::ErrorKind`]; an answer with any status is not an error.
    pub fn send(self) -> Result<Blocking<Reply>, Error> {
        let transfer = self.into_transfer(Home::Caller)?;
        caller::block_on(run(transfer)).map(Blocking)
    }
}

impl<Face> fmt::Debug for Request<Face> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.transfer.method)
            .field("url", &self.mistake.as_ref().map_or(Ok(self.transfer.url.as_str()), Err))
            .field("body", &self.transfer.body)
            .field("priority", &self.transfer.ticket.priority())
            .finish_non_exhaustive()
    }
}
