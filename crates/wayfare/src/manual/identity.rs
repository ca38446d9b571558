//! Who is asking: credentials, schemes, and who never learns of them.
//!
//! # When something is said
//!
//! Nothing is said before a server asks (401): only then is it known in which ways it takes an answer,
//! and the strongest of those that [`Auth::schemes`](crate::options::Auth::schemes) allows is taken:
//! NTLM (version 2 only), Digest (SHA-512-256, SHA-256, MD5), Basic; Negotiate is not spoken yet. That costs a round trip
//! once; what the server accepted goes along unasked with later requests for the same places: below
//! the folder of the path for Basic, the places a Digest names or the whole server, the connection for
//! NTLM. A scheme is not replaced by a weaker one in the middle of a transfer.
//!
//! [`Request::basic_auth`](crate::Request::basic_auth) and
//! [`Request::bearer_auth`](crate::Request::bearer_auth) say it unasked, for servers that hide what they
//! guard behind a 404, or take tokens. An `Authorization` field of your own is sent as it is, and a 401
//! is then your answer.
//!
//! # Where it comes from
//!
//! In this order, and nobody else is asked once one of them knows:
//!
//! 1. the request: [`Request::credentials`](crate::Request::credentials), or the user and password of its
//!    URL, which are taken out of what is sent and shown. They are this request's alone: what they open
//!    is only open to requests that bring the same.
//! 2. the manager: [`Manager::set_credentials`](crate::Manager::set_credentials), by origin, realm and
//!    path.
//! 3. a `.netrc`, if [`Auth::netrc`](crate::options::Auth::netrc) says so. A URL that names a user takes
//!    that user's entry or none.
//! 4. the [`Delegate`](crate::delegate::Delegate::credentials), asked once for each realm however many
//!    requests wait.
//!
//! What a server refused is not said again: by the same transfer ever, by others for a minute.
//! [`Manager::clear_access_cache`](crate::Manager::clear_access_cache) forgets who was let in where, and
//! [`AuthenticationReuse::Manual`](crate::options::AuthenticationReuse) has nothing go along by itself.
//!
//! If nobody knows, or the body of the request can be read only once, the 401 is delivered like any
//! other answer.
//!
//! # Who never learns of it
//!
//! Credentials are bound to the origin they were given for: scheme, host and port. After a redirect to
//! another one the request's own are gone for the rest of the chain, and what is said there is what the
//! manager, `.netrc` or the delegate know of that place. A proxy hears what is for it and nothing else.
//!
//! A connection that NTLM proved is its user's: no other request, and no HTTP/2, shares it.
//! Digest and NTLM prove the password without telling it; Basic tells it to whoever reads along, so allow
//! it over `http` only where that is nobody.
//!
//! Passwords are overwritten when they are dropped, are marked as secret in fields, and stand in no
//! event, error, `Debug` text or profile.
//!
//! ```no_run
//! use wayfare::delegate::Credentials;
//! use wayfare::options::{Auth, Scheme, Schemes};
//! # fn main() -> Result<(), wayfare::Error> {
//! let proofs = Auth { schemes: Schemes::all().without(Scheme::Basic), ..Auth::default() };
//! let manager = wayfare::Manager::builder().auth(proofs).build();
//! manager.set_credentials("https://example.org/docs/", None, Some(Credentials::new("ada", "secret")))?;
//! let reply = manager.blocking().get("https://example.org/docs/one").send()?;
//! # Ok(()) }
//! ```
