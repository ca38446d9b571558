//! Which way requests go, what proxies are told, and what is done when one fails.
//!
//! # Who chooses
//!
//! [`Proxies`](crate::options::Proxies) is a group of settings like any other: a manager has one, and
//! a request may have its own. [`Manager::set_proxies`](crate::Manager::set_proxies) changes the
//! manager's while it is in use.
//!
//! * [`Proxies::system`](crate::options::Proxies::system), the default: the variables `http_proxy`,
//!   `https_proxy`, `all_proxy` and `no_proxy`, as they are at the first request of the process. A
//!   variable that names no proxy fails the requests that it is for. Where none of them is set, the
//!   static settings of Windows and macOS decide ([`Machine`](crate::proxy::Machine)); a script that
//!   those name is not run, but [`machine`](crate::proxy::machine) tells where it is, for
//!   `Proxies::pac_url`. What a Linux desktop knows is not read.
//! * `Proxies::desktop` (feature `dbus`, Linux): the desktop is asked for every request over D-Bus, and
//!   the environment decides where there is none.
//! * [`Proxies::through`](crate::options::Proxies::through): one proxy, or a chain of them.
//! * [`Proxies::list`](crate::options::Proxies::list): several ways, tried in order.
//! * [`Proxies::factory`](crate::options::Proxies::factory): the application is asked for every
//!   request, and may take its time. With the feature `pac` a `Pac` is such a factory: it asks an
//!   auto-configuration script that the program has.
//! * `Proxies::pac_url` (feature `pac`): a script decides, which is fetched from a URL when the first
//!   request needs it, directly and once for all who wait, and again after an hour. A failed refresh
//!   keeps the script that is there; without any script requests fail.
//! * `Proxies::wpad` (feature `pac`): a script decides if the network has one. **Only in a network that
//!   is trusted**: whoever gives out addresses there, or answers names, chooses which way requests go.
//!   It is never searched for otherwise. The search begins with what DHCP said, goes on with `wpad` in
//!   each domain that completes names, as it is given, and never goes to a parent of it.
//! * [`Proxies::off`](crate::options::Proxies::off): none.
//!
//! [`Proxies::with_bypass`](crate::options::Proxies::with_bypass) names hosts that are reached
//! directly, by the entries of [`Bypass`](crate::proxy::Bypass). This machine itself (`localhost` and
//! loopback addresses) is reached directly under the environment's settings, as browsers, Qt and Go
//! do; a proxy that the program names is used for it, too. With [`Proxies::system`] the entries take the
//! place of `no_proxy`. `wayfare proxy URL` tells which rule gives which way.
//!
//! # Which way
//!
//! An HTTP proxy is given requests for `http` resources by their whole URL, and is asked for a
//! tunnel (`CONNECT`) for everything else; one of the kind `connect` is only ever asked for tunnels.
//! An `https` proxy is spoken to over TLS, and must prove itself under the request's TLS settings.
//! SOCKS 4 and 5 get addresses that were looked up here, and of those the first one; 4a and 5h get names, and no
//! name is looked up here. Each proxy of a chain carries the connection to the next.
//!
//! The way is part of what decides which connections a request may use, credentials included: the
//! limit of six and the kept connections are for each origin and way.
//!
//! # Who is asking
//!
//! Credentials come with the proxy's URL, or else from
//! [`Delegate::proxy_credentials`](crate::delegate::Delegate::proxy_credentials), which is asked once
//! for each proxy and realm, also by many requests at a time, and not again when its answer was
//! refused. [`Manager::forget_proxies`](crate::Manager::forget_proxies) starts afresh.
//!
//! An HTTP proxy is told nothing before it asks (407), and then in the strongest way that it takes and
//! [`Auth::schemes`](crate::options::Auth::schemes) allows: Negotiate, NTLM (version 2), Digest, Basic. A password
//! is used for Negotiate only where nothing else is allowed, as with servers. The same
//! connection is used if the proxy leaves it open, and another if not; what the proxy took it is told
//! at once the next time. SOCKS 5 is told user name and password. To an `https` proxy Negotiate and NTLM
//! are bound to its certificate, so that nobody in between can use the proof for themselves.
//!
//! For Negotiate, to proxies and servers alike, the Kerberos library asks the realm's own servers for
//! tickets: directly, past all proxies, and by names that it looks up with the system's resolver, past
//! those of [`Dns`](crate::options::Dns). Who is on that way sees which services are asked for, so where
//! proxies are there to hide that, leave it off:
//! [`Schemes::without`](crate::options::Schemes::without)`(Scheme::Negotiate)`.
//!
//! A connection can be proven to one peer: if a proxy that is given the request itself and the server
//! behind both take NTLM or Negotiate only, the server's 401 is the answer. Behind a tunnel each has its
//! own. A proxy that is given the request itself may pass the requests of many on by one connection, so
//! nothing is proven through it to a server unless it says that it does not, as squid does
//! (`Proxy-Support: Session-Based-Authentication`, RFC 4559 §6).
//!
//! A proxy that is given the request itself asks for its body once more, too. A body that can be read
//! only once therefore waits up to a second (`Expect: 100-continue`) for a proxy that has not asked yet;
//! with NTLM or Negotiate, which may need the body again on the same connection, it is an error.
//!
//! They are told to that proxy and nobody else: not to the origin, not to the next proxy, not along
//! with a redirect. A `Proxy-Authorization` of the program's own only goes to a proxy that is given
//! the request itself, and to the first of a list only. In turn a proxy that is asked for a tunnel hears host, port, the manager's or
//! request's default `User-Agent`, and nothing else of the request.
//!
//! # When one fails
//!
//! What a proxy answers in place of a tunnel is never the server's: status, fields and body end in an
//! error of the kind [`ErrorKind::Proxy`](crate::ErrorKind::Proxy), and a 407 of a proxy that was
//! given the request itself does too. An error of the server behind names the way to it
//! ([`Error::way`](crate::Error::way)).
//!
//! If a proxy cannot be reached, is silent, breaks off or speaks gibberish, the next way of the list
//! is tried, and the proxy comes last in later lists: for five minutes at first, and twice as long
//! each time, up to half an hour. Where it says that *this* way is blocked (a status of 5xx, a general
//! failure of SOCKS) the next is tried as well, but nothing is remembered. Where it refuses the request
//! (another status, its rules, the credentials) the request fails. The direct way is only ever taken
//! if the list has it.
//!
//! # Sockets of your own
//!
//! A SOCKS proxy can wait for a connection ([`Manager::bind_at`](crate::Manager::bind_at), `BIND`), and
//! one of version 5 relays datagrams ([`Manager::relay_at`](crate::Manager::relay_at),
//! `UDP ASSOCIATE`); [`sockets`](crate::sockets) has what comes of it, for both faces. The way is named
//! there and then, or chosen as for requests ([`Manager::bind_for`](crate::Manager::bind_for),
//! [`Manager::relay_for`](crate::Manager::relay_for)): among those that can do it, the next if one
//! fails, of the variables that of `all_proxy`. The last proxy of a chain is the one that is asked,
//! over the others. A relay has no others before it: datagrams go to it themselves, and neither a
//! tunnel nor another SOCKS proxy carries them. Credentials stand in the proxies' URLs, or have been
//! told for requests; the delegate is not asked.
//!
//! # Deadlines
//!
//! Each proxy has [`Timeouts::proxy`](crate::options::Timeouts::proxy) to open the way.
//!
//! [`Proxies::system`]: crate::options::Proxies::system
