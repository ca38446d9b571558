//! Certificates: who is trusted, what is wrong, and how an exception is made.
//!
//! # Who is trusted
//! The operating system's store, or where there is none the list that is compiled in. [`Tls`] adds
//! authorities of your own ([`with_authority_pem`](crate::options::Tls::with_authority_pem)) or takes
//! nobody but them ([`with_only_authority_pem`](crate::options::Tls::with_only_authority_pem)). A
//! server may also show one of these certificates as its own.
//!
//! # What is wrong
//! All of it is found out, not only the first thing: a chain that has expired *and* leads nowhere
//! says both. [`Error::rejection`](crate::Error::rejection) has the list, each with the certificate
//! it is about, in the terms of QSslError ([`ProblemKind::qt_code`](crate::tls::ProblemKind::qt_code)),
//! and the certificates themselves. `wayfare cert HOST` prints the same.
//!
//! Checked are the chain up to a trusted authority with its signatures, times, purposes, name
//! constraints and lengths (RFC 5280), the host's name against the alternative names (RFC 9525; the
//! common name never counts), RSA keys of less than 2048 bits, SHA-1 signatures, revocation lists
//! that were given, stapled OCSP answers, and pins.
//!
//! # Exceptions
//! [`Delegate::certificate`](crate::delegate::Delegate::certificate) is asked once however many
//! requests wait. The handshake has failed then: neither a byte of a request nor a certificate of
//! the client has been sent. On yes the request is made again. What is accepted is exact: this
//! host, this certificate, these problems; if the certificate is replaced, or one more thing goes
//! wrong, it is a new question. [`Exceptions`] holds them for the session or in a file, lists them
//! and takes them back; sessions that were agreed on with one are not resumed afterwards.
//!
//! A reply tells by [`Reply::tls`](crate::Reply::tls) what its connection was accepted with:
//! [`problems`](crate::tls::TlsFacts::problems) and [`exception`](crate::tls::TlsFacts::exception).
//!
//! # Revocation
//! * A stapled answer is believed if the certificate's own authority signed it, or somebody to whom
//!   that authority delegated the signing. "Revoked" is an error always.
//! * A certificate that must come with an answer (RFC 7633) is nothing without one.
//! * [`with_revocation_list`](crate::options::Tls::with_revocation_list) takes lists in PEM or DER;
//!   their own expiry is not looked at.
//! * [`Revocation::Demanded`] makes an unknown state an error; by default only what is known counts.
//! * [`Revocation::Fetched`] asks the authority itself where nothing is stapled, before anything of a
//!   request is sent. It costs a connection to the authority, which learns whom this client visits.
//!
//! # Who the client is
//! [`with_client_certificate`](crate::options::Tls::with_client_certificate) takes a chain and a key
//! in PKCS#1, PKCS#8 (encrypted too) or SEC1. Both are checked at once, not at the first handshake.
//! With the feature `pkcs12`, `with_client_bundle` takes a PKCS#12 bundle and its passphrase, also one
//! with the ciphers of old; without it, `openssl pkcs12 -in bundle.p12 -out both.pem` makes PEM of one.
//! The feature is off by default because it brings a pre-release of a crate.
//!
//! # Pins
//! [`Pins`] name SHA-256 digests of keys (RFC 7469) for a host, for all names below one (`*.a.test`)
//! or for all (`*`). Two are the least, because a single key that is lost locks everybody out;
//! [`Pins::without_backup`] is for those who know. Pins hold even where everybody is trusted.
//!
//! # Hidden names
//! A handshake tells everybody on the way which host it is with, unless that is hidden (RFC 9849). It is,
//! where the HTTPS record of the host says how, on the direct way. Only an own resolver
//! ([`Resolver::Own`]) asks for such records, and the name is only as secret as the questions: use
//! name servers with `tls://` or `https://`. A record that is not there when the connection is, is
//! waited for, for 300 ms.
//!
//! * Such a host is spoken to in TLS 1.3 only. A list without a configuration that can be used is as
//!   good as none.
//! * A server that does not take the hidden name must prove its public name. Then what it tells
//!   instead is tried once; if it tells nothing, the name is told in the clear on a new connection.
//!   A server that does not prove its public name gets neither: that is an error, and no exception can
//!   be made of it.
//! * [`TlsFacts::ech`](crate::tls::TlsFacts::ech) says what became of it, [`Tls::with_ech`] turns it
//!   off, or has something that looks like it sent everywhere ([`Ech::Grease`]).
//!
//! # Early data
//! A handshake takes a round trip before anything is sent. [`Tls::with_early_data`] has safe requests
//! leave together with the handshake of a continued session (RFC 8446 §2.3). It is off by default,
//! because whoever records such a request can send it to the server again, and because it is not
//! protected by fresh keys.
//!
//! * [`EarlyData::Safe`] is for `GET`, `HEAD` and `OPTIONS` without a body, [`EarlyData::Anonymous`]
//!   only for those of them that carry no secret: no `Authorization`, `Cookie` or other
//!   [secret field](crate::rules::SECRET_FIELDS), nor one of
//!   [`Redirects::secret_fields`](crate::options::Redirects::secret_fields), nor a sensitive value, and
//!   not where a client's certificate is set.
//! * It is sent where it is known what the server speaks: because only one version of HTTP is wanted,
//!   or because it was spoken with it in the last ten minutes. Nothing else is offered then. Over
//!   HTTP/2 the first request of a connection leaves early, and the others share the connection.
//! * The certificate was in order in the handshake that began the session. There is none where
//!   everybody is trusted, with an exception, own protocol names, [`Ech::Grease`], a hidden name, or
//!   [`Revocation::Fetched`], and none for proxies.
//! * What the server throws away unread is sent again after the handshake, on the same connection. A 425
//!   (Too Early) has it sent once more (RFC 8470 §5.2), and that origin is spared for an hour. A
//!   connection that breaks is an error, and nothing is sent again; but for a handshake in which the
//!   server says to speak something else by now, as anybody on the way can, too.
//! * [`Reply::early_data`](crate::Reply::early_data) tells what became of it; `--tls-earlydata` has the
//!   command do it.
//!
//! # What is not there
//! Servers, pre-shared keys, DTLS, and protocols older than TLS 1.2. Names are not hidden from HTTPS
//! proxies, nor behind any proxy.
//!
//! [`EarlyData::Anonymous`]: crate::options::EarlyData::Anonymous
//! [`EarlyData::Safe`]: crate::options::EarlyData::Safe
//! [`Ech::Grease`]: crate::options::Ech::Grease
//! [`Exceptions`]: crate::options::Exceptions
//! [`Pins`]: crate::options::Pins
//! [`Pins::without_backup`]: crate::options::Pins::without_backup
//! [`Revocation::Demanded`]: crate::options::Revocation::Demanded
//! [`Revocation::Fetched`]: crate::options::Revocation::Fetched
//! [`Resolver::Own`]: crate::dns::Resolver::Own
//! [`Tls`]: crate::options::Tls
//! [`Tls::with_early_data`]: crate::options::Tls::with_early_data
//! [`Tls::with_ech`]: crate::options::Tls::with_ech
