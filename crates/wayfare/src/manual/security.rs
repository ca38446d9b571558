//! What is safe by default, and how to give it up.
//!
//! * A server proves who it is before the first byte of a request is sent: by the system's
//!   authorities, or where a machine has none, by Mozilla's list compiled in. Key exchange prefers a
//!   post-quantum hybrid. Giving it up is spelled
//!   [`dangerous().trust_everybody()`](crate::options::DangerousTls::trust_everybody).
//! * The name of a server is hidden from whoever is on the way where the server's HTTPS record says how
//!   and an own resolver asks for it; see [`certificates`](super::certificates).
//! * Connections are shared only under the same TLS settings, versions, name servers, pinned addresses,
//!   way out of this machine and proxies with their credentials.
//! * Credentials for a proxy reach that proxy only, and what a proxy answers in place of a tunnel
//!   reaches nobody; see [`proxies`](super::proxies).
//! * Redirects never lead from `https` to `http`, nor to any scheme but these two. Fields with
//!   secrets (`Authorization`, `Cookie`, `Proxy-Authorization`, `X-Api-Key` and their like, and those in
//!   [`Redirects::secret_fields`](crate::options::Redirects)) stay behind when the origin changes, a
//!   changed port included, and do not come back later in the chain.
//! * Cookies go where RFC 6265bis lets them, and strict hosts are reached over TLS only; see
//!   [`cookies`](super::cookies).
//! * User name and password of a URL become credentials for its origin, are only said when it asks, and
//!   never leave in a URL or an error; see [`identity`](super::identity).
//! * Heads have limits (100 fields, 100 KiB each, 256 KiB in all), interim answers too (10), codings
//!   too (5 in a chain, and the bomb guard).
//! * HTTP/1.1 framing is read strictly: contradicting lengths, both framings at once, bare line
//!   feeds, folded fields, odd chunk sizes are errors, because two programs that read them
//!   differently are how answers get mixed up.
//! * What you give cannot break out of its place: methods, targets, fields and multipart names with
//!   line breaks are refused or encoded.
//! * `file:` reads regular files of this machine only, and no redirect leads there.
//!
//! The random numbers of TLS come from aws-lc. It measures the processor's jitter at the first
//! handshake of a process, which takes about 20 ms; a program that minds can be built with the
//! environment variable `AWS_LC_SYS_NO_JITTER_ENTROPY=1`, as the `wayfare` command is, and relies on
//! the kernel's random numbers then.
