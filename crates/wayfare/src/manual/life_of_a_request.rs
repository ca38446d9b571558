//! What happens between `send` and the last byte.
//!
//! ```no_run
//! # async fn run(manager: wayfare::Manager) -> Result<(), wayfare::Error> {
//! let reply = manager.get("https://example.org/").send().await?;
//! # Ok(()) }
//! ```
//!
//! 1. **It waits for its turn.** Six transfers at a time may use the connections to one origin; the
//!    rest waits by priority and arrival. (Event `Queued` if it has to wait, then `Started`.)
//! 2. **It is planned.** The manager's fields are added unless the request has its own, the body's
//!    media type, the codings that can be undone, and the cookies that match (`CookiesSent`). A host
//!    that wants TLS only is reached so (`Upgraded`).
//! 3. **It is attempted.** A kept connection is used if there is one that is quiet (`Reused`). Else
//!    the name is looked up (`Resolving`, `Resolved`), an address connected to (`Connecting`,
//!    `Connected`), TLS agreed on (`Securing`, `Secured`). The request is written (`UploadProgress`,
//!    `Sent`); interim answers are told (`Interim`); the head comes.
//! 4. **It teaches.** What a raw head says is taken in, whatever becomes of the answer (`Head`): its
//!    cookies, and whether the host wants TLS only.
//! 5. **It is judged.** A redirect is followed or not (`Redirected`); a kept connection that had gone
//!    costs nothing, because a request that can safely be sent again is (`Retried`).
//! 6. **It is delivered.** You have the [`Reply`](crate::Reply). Its body comes as you read it
//!    (`DownloadProgress`, `Trailers`), undone from its coding. At the end the connection is kept for
//!    the next, the turn passes on (`Finished`).
//!
//! Whatever goes wrong on the way ends in one [`Error`](crate::Error) and one event, `Failed`.
//! Dropping the future, the handle or the reply aborts the transfer; its connection is then closed,
//! unless the whole answer had arrived.
