//! The face of a manager's cookies.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use wayfare_net::caller::block_on;
use wayfare_proto::policy::cookie::accept::Refusal;
use wayfare_proto::policy::cookie::jar::Stored;
use wayfare_proto::policy::cookie::{Context, Cookie, CookieKey, netscape};

use super::not_kept;
use crate::blocking::Blocking;
use crate::error::Error;
use crate::manager::parse;
use crate::store::{Remembered, json};

/// The cookies of a manager, shared with its transfers.
///
/// Where a [`CookieStore`](crate::cookies::CookieStore) keeps them, every method asks it for what is
/// not in memory yet, and those that change something wait until it has taken that.
///
/// ```
/// # async fn run() -> Result<(), wayfare::Error> {
/// use wayfare::cookies::Cookie;
/// let cookies = wayfare::Manager::new().cookies();
/// cookies.set(Cookie::new(b"sid", b"31d4", "www.example.org")).await?;
/// let field = cookies.header_for("http://www.example.org/").await?;
/// assert_eq!(field.unwrap(), "sid=31d4");
/// # Ok(()) }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run()).unwrap();
/// ```
#[derive(Clone)]
pub struct CookieJar(pub(super) Arc<Remembered>);

/// What became of imported cookies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// How many are kept.
    pub kept: usize,
    /// Those that had expired, and are not.
    pub expired: usize,
    /// What was refused, and why; lines or objects are counted from 1.
    pub refused: Vec<String>,
}

/// Cookies as the text of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// The text.
    pub text: Vec<u8>,
    /// How many the form has no place for.
    pub left_out: usize,
}

impl CookieJar {
    /// Every cookie that is good, in the order of domains, paths and names.
    ///
    /// # Errors
    /// [`ErrorKind::FileSystem`](crate::ErrorKind::FileSystem) if the store fails.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn list(&self) -> Result<Vec<Cookie>, Error> {
        self.0.cookies.bring_all().await.map_err(not_kept)?;
        Ok(self.0.cookies.list(self.0.calendar.now()))
    }

    /// The `Cookie` field that a request for a URL would have, if any.
    ///
    /// # Errors
    /// What is wrong with the URL, and as [`CookieJar::list`].
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn header_for(&self, url: &str) -> Result<Option<HeaderValue>, Error> {
        let url = parse(url)?;
        self.header(&Context::of(&url)).await
    }

    /// The `Cookie` field of a request that comes from another site, or that a script looks at.
    ///
    /// # Errors
    /// As [`CookieJar::list`].
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn header(&self, context: &Context<'_>) -> Result<Option<HeaderValue>, Error> {
        self.bring(context.url.host_str().unwrap_or_default()).await?;
        Ok(self.0.cookies.field(context, self.0.calendar.now(), |_| ()))
    }

    /// Keeps what the value of a `Set-Cookie` field sets, as an answer to a request for a URL would.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) for a cookie that is refused,
    /// with a [`Refusal`] as its source; else as [`CookieJar::header_for`].
    ///
    /// # Cancel safety
    /// It may be kept or not.
    pub async fn store(&self, url: &str, field: impl AsRef<[u8]>) -> Result<Stored, Error> {
        let url = parse(url)?;
        self.store_in(&Context::of(&url), field).await
    }

    /// Keeps what a `Set-Cookie` field sets in the answer to a request that comes from another site,
    /// or what a script sets.
    ///
    /// # Errors
    /// As [`CookieJar::store`].
    ///
    /// # Cancel safety
    /// It may be kept or not.
    pub async fn store_in(
        &self,
        context: &Context<'_>,
        field: impl AsRef<[u8]>,
    ) -> Result<Stored, Error> {
        self.bring(context.url.host_str().unwrap_or_default()).await?;
        let stored = self.0.cookies.store(field.as_ref(), context, self.0.calendar.now());
        let stored = stored.map_err(|(_, why)| refused(why))?;
        self.save().await?;
        Ok(stored)
    }

    /// Keeps a cookie of the application's own.
    ///
    /// # Errors
    /// As [`CookieJar::store`], for one that no host could have set.
    ///
    /// # Cancel safety
    /// It may be kept or not.
    pub async fn set(&self, cookie: Cookie) -> Result<Stored, Error> {
        self.bring(&cookie.domain).await?;
        let stored = self.0.cookies.insert(cookie, self.0.calendar.now()).map_err(refused)?;
        self.save().await?;
        Ok(stored)
    }

    /// Drops the cookie with this key; false if there is none.
    ///
    /// # Errors
    /// As [`CookieJar::list`].
    ///
    /// # Cancel safety
    /// It may be dropped or not.
    pub async fn remove(&self, key: &CookieKey) -> Result<bool, Error> {
        self.bring(&key.domain).await?;
        let removed = self.0.cookies.remove(key);
        self.save().await?;
        Ok(removed)
    }

    /// Drops every cookie.
    ///
    /// # Errors
    /// As [`CookieJar::list`].
    ///
    /// # Cancel safety
    /// They may be dropped or not.
    pub async fn clear(&self) -> Result<(), Error> {
        self.0.cookies.bring_all().await.map_err(not_kept)?;
        self.0.cookies.clear();
        self.save().await
    }

    /// Keeps the cookies of a file in the form of Netscape, curl and wget.
    ///
    /// # Errors
    /// As [`CookieJar::list`]; lines that are no cookies are told in what it gives.
    ///
    /// # Cancel safety
    /// Some may be kept.
    pub async fn import_netscape(&self, text: impl AsRef<[u8]>) -> Result<Imported, Error> {
        let read = netscape::read(text.as_ref());
        let mut imported = Imported::default();
        imported.refused.extend(read.faults.iter().map(netscape::BadLine::to_string));
        for (line, cookie) in read.cookies {
            self.import(cookie, &format!("line {line}"), &mut imported).await?;
        }
        self.save().await?;
        Ok(imported)
    }

    /// Keeps the cookies that [`CookieJar::export_json`] wrote.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) for a text that is no such
    /// thing, of which nothing is kept then; else as [`CookieJar::list`].
    ///
    /// # Cancel safety
    /// Some may be kept.
    pub async fn import_json(&self, text: &str) -> Result<Imported, Error> {
        let cookies = json::read(text)
            .map_err(|why| Error::invalid_request(format!("the cookies cannot be read: {why}")))?;
        let mut imported = Imported::default();
        for (at, cookie) in cookies.into_iter().enumerate() {
            self.import(cookie, &format!("cookie {}", at + 1), &mut imported).await?;
        }
        self.save().await?;
        Ok(imported)
    }

    /// Writes every cookie in the form of Netscape, curl and wget, which has no place for
    /// `SameSite`, partitions, and cookies without a name.
    ///
    /// # Errors
    /// As [`CookieJar::list`].
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn export_netscape(&self) -> Result<Exported, Error> {
        let written = netscape::write(&self.list().await?);
        Ok(Exported { text: written.text, left_out: written.left_out })
    }

    /// Writes every cookie as JSON, with everything that is known of it.
    ///
    /// # Errors
    /// As [`CookieJar::list`].
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn export_json(&self) -> Result<String, Error> {
        Ok(json::write(&self.list().await?))
    }

    async fn import(&self, cookie: Cookie, what: &str, into: &mut Imported) -> Result<(), Error> {
        self.bring(&cookie.domain).await?;
        match self.0.cookies.insert(cookie, self.0.calendar.now()) {
            Ok(Stored::Added | Stored::Replaced) => into.kept += 1,
            Ok(Stored::Dropped) => into.expired += 1,
            Err(why) => into.refused.push(format!("{what}: {why}")),
        }
        Ok(())
    }

    async fn bring(&self, host: &str) -> Result<(), Error> {
        self.0.cookies.bring(host).await.map_err(not_kept)
    }

    async fn save(&self) -> Result<(), Error> {
        self.0.cookies.save().await.map_err(not_kept)
    }
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieJar").field("cookies", &self.0.cookies.len()).finish_non_exhaustive()
    }
}

fn refused(why: Refusal) -> Error {
    Error::invalid_request(format!("the cookie is refused: {why}")).because(why)
}

/// Each waits for what the method of that name of [`CookieJar`] awaits.
impl Blocking<CookieJar> {
    /// Every cookie that is good, in the order of domains, paths and names.
    ///
    /// # Errors
    /// As [`CookieJar::list`].
    pub fn list(&self) -> Result<Vec<Cookie>, Error> {
        block_on(self.0.list())
    }

    /// The `Cookie` field that a request for a URL would have, if any.
    ///
    /// # Errors
    /// As [`CookieJar::header_for`].
    pub fn header_for(&self, url: &str) -> Result<Option<HeaderValue>, Error> {
        block_on(self.0.header_for(url))
    }

    /// The `Cookie` field of a request that comes from another site, or that a script looks at.
    ///
    /// # Errors
    /// As [`CookieJar::header`].
    pub fn header(&self, context: &Context<'_>) -> Result<Option<HeaderValue>, Error> {
        block_on(self.0.header(context))
    }

    /// Keeps what the value of a `Set-Cookie` field sets, as an answer to a request for a URL would.
    ///
    /// # Errors
    /// As [`CookieJar::store`].
    pub fn store(&self, url: &str, field: impl AsRef<[u8]>) -> Result<Stored, Error> {
        block_on(self.0.store(url, field))
    }

    /// Keeps what a field sets for a request from another site, or what a script sets.
    ///
    /// # Errors
    /// As [`CookieJar::store`].
    pub fn store_in(
        &self,
        context: &Context<'_>,
        field: impl AsRef<[u8]>,
    ) -> Result<Stored, Error> {
        block_on(self.0.store_in(context, field))
    }

    /// Keeps a cookie of the application's own.
    ///
    /// # Errors
    /// As [`CookieJar::set`].
    pub fn set(&self, cookie: Cookie) -> Result<Stored, Error> {
        block_on(self.0.set(cookie))
    }

    /// Drops the cookie with this key; false if there is none.
    ///
    /// # Errors
    /// As [`CookieJar::remove`].
    pub fn remove(&self, key: &CookieKey) -> Result<bool, Error> {
        block_on(self.0.remove(key))
    }

    /// Drops every cookie.
    ///
    /// # Errors
    /// As [`CookieJar::clear`].
    pub fn clear(&self) -> Result<(), Error> {
        block_on(self.0.clear())
    }

    /// Keeps the cookies of a file in the form of Netscape, curl and wget.
    ///
    /// # Errors
    /// As [`CookieJar::import_netscape`].
    pub fn import_netscape(&self, text: impl AsRef<[u8]>) -> Result<Imported, Error> {
        block_on(self.0.import_netscape(text))
    }

    /// Keeps the cookies that [`CookieJar::export_json`] wrote.
    ///
    /// # Errors
    /// As [`CookieJar::import_json`].
    pub fn import_json(&self, text: &str) -> Result<Imported, Error> {
        block_on(self.0.import_json(text))
    }

    /// Writes every cookie in the form of Netscape, curl and wget.
    ///
    /// # Errors
    /// As [`CookieJar::export_netscape`].
    pub fn export_netscape(&self) -> Result<Exported, Error> {
        block_on(self.0.export_netscape())
    }

    /// Writes every cookie as JSON, with everything that is known of it.
    ///
    /// # Errors
    /// As [`CookieJar::export_json`].
    pub fn export_json(&self) -> Result<String, Error> {
        block_on(self.0.export_json())
    }
}
