//! What is remembered of servers: cookies, and hosts that want TLS only.
//!
//! # Cookies
//!
//! A manager keeps cookies in memory, by the rules of RFC 6265bis, and sends them with the requests
//! they are for. Every hop of a transfer is asked for its cookies and taught by its answer: a cookie
//! that a redirect sets goes with the request that follows it, and a 304, 401 or 404 teaches, too.
//! What a proxy answers in its own name teaches nothing, and no proxy is told cookies when it is asked
//! for a tunnel.
//!
//! [`Cookies`](crate::options::Cookies) says what is done, for a manager or for one request: whether
//! cookies go along ([`load`](crate::options::Cookies::load)), whether they are kept
//! ([`save`](crate::options::Cookies::save)), and from which site the request comes
//! ([`site`](crate::options::Cookies::site)). Without a word it comes from the site it goes to, as what
//! somebody types does; a program that makes requests on behalf of a page says so, for `SameSite`.
//! [`Cookies::off`](crate::options::Cookies::off) is no cookies at all. An empty jar costs nothing.
//!
//! **A `Cookie` field of your own**, of the request or of the manager, goes out as it is and alone: the
//! jar adds nothing and replaces nothing, and what the answer sets is kept all the same. It stays behind
//! when a redirect leaves the origin; then the jar's go.
//!
//! What is refused, and why, is an event (`CookieRefused`), and so are the names of what was sent
//! (`CookiesSent`); no event of these has a value. The rules that servers meet most often:
//!
//! * `Domain` must be the host or above it, and no suffix under which names have different owners
//!   (`co.uk`, `github.io`); the list of those is compiled in, and
//!   [`Builder::public_suffixes`](crate::Builder::public_suffixes) replaces it. An IP address has no
//!   domain above it. A dot at the end makes a host another one, and a suffix none the less.
//! * `Secure` cookies come and go over `https` only, and what comes unprotected cannot replace or
//!   hide one.
//! * `__Secure-` and `__Host-` at the beginning of a name are promises, in whatever case.
//! * `Partitioned` ones need `Secure`, and belong to the site of the page
//!   ([`Cookies::partition`](crate::options::Cookies::partition)).
//! * Name and value have 4096 bytes, an attribute 1024; a domain has 50 cookies, a jar 3,000, an answer
//!   sets 50, a request takes 150 and 8190 bytes along
//!   ([`CookieLimits`](crate::options::CookieLimits)); none lives longer than 400 days. The least used
//!   give way, those without `Secure` first.
//! * Bytes are kept as they are: nothing is decoded, and a control character refuses the cookie.
//!
//! [`Manager::cookies`](crate::Manager::cookies) shows and changes them, and reads and writes files: in
//! the form of Netscape, curl and wget, which has no place for `SameSite`, partitions and cookies
//! without a name, or as JSON with everything.
//!
//! ```
//! # fn main() -> Result<(), wayfare::Error> {
//! let manager = wayfare::Manager::new().blocking();
//! let jar = manager.cookies();
//! jar.store("https://www.example.org/", "sid=31d4; Secure; Max-Age=3600")?;
//! let kept = jar.export_json()?;
//! jar.clear()?;
//! jar.import_json(&kept)?;
//! assert_eq!(jar.header_for("https://www.example.org/")?.unwrap(), "sid=31d4");
//! # Ok(()) }
//! ```
//!
//! A [`Profile`](crate::Profile) keeps them from one run of a program to the next. A
//! [`CookieStore`](crate::cookies::CookieStore) of your own keeps them longer, or shares them. It is
//! asked for the cookies of a site when a request first goes there, and told every change, in order;
//! cookies without a date of expiry are only told to one that asks for them. When it fails, an event
//! says so (`StoreFailed`) and the memory goes on.
//!
//! # Hosts that want TLS only
//!
//! A host that says `Strict-Transport-Security` over TLS that was in order is reached over TLS only for
//! as long as it says (RFC 6797): an `http` URL of it becomes `https` before a connection is thought of
//! (event `Upgraded`), also as the target of a redirect; port 80 becomes 443, another port stays. If its
//! certificates are not in order nobody is asked for an exception, and one that was made before holds
//! no longer.
//!
//! That protects from the second meeting on, so it is on by default where something lasts from one run
//! of a program to the next, and off elsewhere; [`Hsts`](crate::options::Hsts) switches it either way.
//! IP addresses are never strict; nor is a host believed whose certificate was accepted by an exception,
//! under another name, or without being looked at.
//!
//! [`Manager::strict_transport_security_hosts`](crate::Manager::strict_transport_security_hosts) shows
//! and changes what is known. A list in a file protects the first meeting, too:
//! `wayfare hsts import` or [`compile_list`](crate::hsts::compile_list) makes it, out of Chromium's list
//! for example, and [`Builder::strict_hosts_list`](crate::Builder::strict_hosts_list) searches it where
//! it lies.
