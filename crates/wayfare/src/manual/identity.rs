//! Who is asking: credentials, schemes, and who never learns of them.
//!
//! # When something is said
//!
//! Nothing is said before a server asks (401): only then is it known in which ways it takes an answer,
//! and the strongest of those that [`Auth::schemes`](crate::options::Auth::schemes) allows is taken:
//! Negotiate (Kerberos), NTLM (version 2 only), Digest (SHA-512-256, SHA-256, MD5), Basic. That costs a
//! round trip once; what the server accepted goes along unasked with later requests for the same
//! places: below the folder of the path for Basic, the places a Digest names or the whole server, the
//! connection for NTLM and Negotiate. A scheme is not replaced by a weaker one in the middle of a
//! transfer, but for Negotiate where there is no ticket, or only a password.
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
//! 4. whoever is logged in, if the server takes Negotiate and
//!    [`Auth::ambient`](crate::options::Auth::ambient) names it; this comes before a `.netrc`.
//! 5. the [`Delegate`](crate::delegate::Delegate::credentials), asked once for each realm however many
//!    requests wait.
//!
//! What a server refused is not said again: by the same transfer ever, by others for a minute.
//! [`Manager::clear_access_cache`](crate::Manager::clear_access_cache) forgets who was let in where, and
//! [`AuthenticationReuse::Manual`](crate::options::AuthenticationReuse) has nothing go along by itself.
//!
//! While the delegate thinks, the request keeps its place among those of its origin, because the 401 may
//! be delivered after all: with as many guarded requests as an origin has connections, others wait for
//! the answer, too. Their deadlines go on.
//!
//! If nobody knows, or the body of the request can be read only once, the 401 is delivered like any
//! other answer.
//!
//! # Negotiate
//!
//! With the feature `negotiate`, on Linux and other Unix systems but Apple's, tickets are had from
//! MIT's Kerberos library (`libgssapi_krb5.so.2`, Debian's `libgssapi-krb5-2`), which is loaded when a
//! server first asks for one. Without the feature or the library, or where no ticket is to be had, the
//! server's next offer is taken, and an event
//! ([`SchemePassedOver`](crate::event::What::SchemePassedOver)) says why. Windows has a library of its own
//! for this (SSPI), which is not used yet.
//!
//! A ticket is had for whoever is logged in on this machine:
//! [`Credentials::ambient`](crate::delegate::Credentials::ambient). For a user and a password it is had
//! only where [`Auth::schemes`](crate::options::Auth::schemes) allow Negotiate and nothing else, because
//! each password that is tried is told to whoever issues tickets, and wrong ones may lock an account
//! there: a server, or a proxy, that offers Negotiate must not bring that about. Where other schemes are
//! allowed, too, a password is said by the next one. No ticket for a password is a refusal like that of
//! a server: it is not tried again, and the next source is asked. A ticket tells the
//! server the user's name, so nobody hears of it by themselves: a request, the manager's credentials or
//! the delegate have to say so, or [`Auth::ambient`](crate::options::Auth::ambient) has to name the
//! server or the proxy. A host that is named without more is told over `https` and on its own port only
//! ([`Place`](crate::options::Place) has the other ways): over `http` whoever is on the way can lead a
//! request there, and take the ticket.
//!
//! A ticket is for the service `HTTP` of the URL's host, and over TLS for its certificate
//! (`tls-server-end-point`), so that nobody in between can use it for themselves. The host is what the
//! URL calls it: DNS, whose answers nobody has proven, is not asked for another name, whatever
//! `dns_canonicalize_hostname` and `rdns` say in `krb5.conf`; so a server has to have a key by the name,
//! the alias or the short name that it is called by. Its realm is the one of `domain_realm`, or else
//! what the user's own realm says. Nothing but Kerberos is negotiated, and tickets are not passed on:
//! the server cannot be the user elsewhere.
//!
//! The server has to prove itself, too. Over `http`, or where its certificate was not in order, an
//! answer without such a proof is an error if the ticket was what the server had just asked for. A
//! proof that comes is checked always, but none is demanded over TLS, where the certificate has proven
//! the server; from a proxy; and where a ticket was said unasked, because places that need no user say
//! nothing. So over `http` whoever is on the way can answer later requests: only `https` is safe
//! from them. Where a server, or a proxy, asks again with each request,
//! although it took a ticket on the same connection, each request has its own from then on.
//!
//! The calls of the library may wait for the network. They are made on threads that may. A request waits
//! for a token as long as it would for the first byte of an answer
//! ([`Timeouts::first_byte`](crate::options::Timeouts::first_byte)), or for a proxy, and then goes on
//! without. The call itself ends by the library's own limits (`krb5.conf`); no more than eight are under
//! way at once in a process, and further ones wait for their turn. What the library copies of a password
//! is not in reach, and is not overwritten.
//!
//! # Who never learns of it
//!
//! Credentials are bound to the origin they were given for: scheme, host and port. After a redirect to
//! another one the request's own are gone for the rest of the chain, and what is said there is what the
//! manager, `.netrc` or the delegate know of that place. A proxy hears what is for it and nothing else.
//!
//! A connection that NTLM or Negotiate proved is its user's: no other request, and no HTTP/2, shares it.
//! Negotiate, Digest and NTLM prove the password without telling it; Basic tells it to whoever reads along, so allow
//! it over `http` only where that is nobody.
//!
//! Passwords are overwritten when they are dropped, are marked as secret in fields, and stand in no
//! event, error, `Debug` text or profile. Heads that say who is asking are overwritten as they are
//! sent, to servers over HTTP/1.1 as well as to proxies. What is not in reach: the fields themselves
//! (`http::HeaderValue`, which events and the request share), the buffers of HTTP/2 and TLS, and those
//! of the system.
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
