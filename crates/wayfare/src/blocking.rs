//! The blocking face: the same types, and a thread that waits.

use std::io::{self, Read, Write};
use std::ops::Deref;
use std::path::Path;
use std::pin::Pin;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::io::ReadBuf;
use wayfare_net::caller::block_on;
use wayfare_net::runtime::Home;
use wayfare_net::tls::facts::TlsFacts;
use wayfare_proto::route::proxy::Chain;

use crate::error::{Error, ErrorKind, Stage};
use crate::manager::Manager;
use crate::reply::Reply;

/// Something whose answers the calling thread waits for.
///
/// All I/O happens on that thread: there is no runtime behind it and no hand-over, so it works
/// inside and outside of async runtimes (where it blocks, as the name says) and from many threads
/// at once.
///
/// ```no_run
/// # fn main() -> Result<(), wayfare::Error> {
/// let manager = wayfare::Manager::new().blocking();
/// let text = manager.get("https://example.org/").send()?.text()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Blocking<T>(pub(crate) T);

impl Manager {
    /// The same manager for threads that wait.
    #[must_use]
    pub fn blocking(&self) -> Blocking<Self> {
        Blocking(self.clone())
    }
}

impl Blocking<Manager> {
    /// Opens a connection to the origin of `url`, TLS included, for the request that will follow.
    ///
    /// # Errors
    /// What a request would fail with before it is sent.
    pub fn preconnect(&self, url: &str) -> Result<(), Error> {
        block_on(self.0.preconnect_in(url, Home::Caller)).map(drop)
    }

    /// Opens a connection to the origin of `url`, or finds an open one, and tells what its TLS
    /// handshake agreed on; see [`Manager::handshake`].
    ///
    /// # Errors
    /// As [`Manager::handshake`].
    pub fn handshake(&self, url: &str) -> Result<TlsFacts, Error> {
        block_on(self.0.handshake_in(url, Home::Caller))
    }

    /// The ways a request for `url` would be tried by, and the rule that names them.
    ///
    /// # Errors
    /// [`ErrorKind::Proxy`](crate::ErrorKind::Proxy) if there is no telling.
    pub fn ways_to(&self, url: &str) -> Result<(Vec<Chain>, String), Error> {
        block_on(self.0.ways_to(url))
    }
}

impl<T> Deref for Blocking<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl Blocking<Reply> {
    /// The reply itself, unless its status is 400 or higher.
    ///
    /// # Errors
    /// [`ErrorKind::Status`] with the status; the body is dropped.
    pub fn error_for_status(self) -> Result<Self, Error> {
        self.0.error_for_status().map(Self)
    }

    /// The next bytes of the body; nothing at its end.
    ///
    /// # Errors
    /// As [`Reply::chunk`].
    pub fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        block_on(self.0.chunk())
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`Reply::bytes`].
    pub fn bytes(self) -> Result<Bytes, Error> {
        block_on(self.0.bytes())
    }

    /// The whole body as text.
    ///
    /// # Errors
    /// As [`Reply::text`].
    pub fn text(self) -> Result<String, Error> {
        block_on(self.0.text())
    }

    /// The whole body read as JSON.
    ///
    /// # Errors
    /// As [`Reply::json`].
    pub fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        block_on(self.0.json())
    }

    /// Writes the whole body to `writer` and says how many bytes it was.
    ///
    /// # Errors
    /// As [`Reply::copy_to`].
    pub fn copy_to<W: Write + ?Sized>(mut self, writer: &mut W) -> Result<u64, Error> {
        let failed = |why: io::Error| {
            let message = format!("the body could not be written: {why}");
            Error::new(ErrorKind::FileSystem, Stage::Store, message).because(why)
        };
        while let Some(chunk) = self.chunk()? {
            writer.write_all(&chunk).map_err(failed)?;
        }
        writer.flush().map_err(failed)?;
        Ok(self.0.received())
    }

    /// Saves the whole body as the file `path` and says how many bytes it was.
    ///
    /// # Errors
    /// As [`Reply::save_to`].
    pub fn save_to(self, path: impl AsRef<Path>) -> Result<u64, Error> {
        block_on(self.0.save_to(path))
    }

    /// Saves the whole body under a name that others have chosen, and says how many bytes it was.
    ///
    /// # Errors
    /// As [`Reply::save_in`].
    pub fn save_in(
        self,
        directory: impl AsRef<Path>,
        name: impl AsRef<Path>,
    ) -> Result<u64, Error> {
        block_on(self.0.save_in(directory, name))
    }
}

impl Read for Blocking<Reply> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut space = ReadBuf::new(buffer);
        block_on(std::future::poll_fn(|cx| {
            tokio::io::AsyncRead::poll_read(Pin::new(&mut self.0), cx, &mut space)
        }))?;
        Ok(space.filled().len())
    }
}
