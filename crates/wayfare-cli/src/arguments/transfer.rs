//! The options that all requests share.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use wayfare::dns::NameServer;
use wayfare::options::Binding;
use wayfare::proxy::{Bypass, Chain};

use super::identity::Identity;
use super::trust::Trust;
use super::values::{self, Field};

#[derive(Debug, Args)]
pub(crate) struct Transfer {
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) asking: Asking,
    #[command(flatten)]
    pub(crate) identity: Identity,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) trust: Trust,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// Save to this file; once per URL, in their order; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,
    /// Save under the last part of the URL's path (index.html if it has none).
    #[arg(short = 'O', long)]
    pub(crate) remote_name: bool,
    /// With -O or a directory: save under the name that the server suggests, never over a file.
    #[arg(short = 'J', long)]
    pub(crate) remote_header_name: bool,
    /// Print the answer's head before its body.
    #[arg(short, long)]
    pub(crate) include: bool,
    /// A status of 400 or higher is a failure; this is the default.
    #[arg(short, long, overrides_with = "no_fail")]
    pub(crate) fail: bool,
    /// Deliver the body and exit with 0 whatever the status.
    #[arg(long, overrides_with = "fail")]
    pub(crate) no_fail: bool,
    /// Say nothing: no bars, no messages.
    #[arg(short, long)]
    pub(crate) silent: bool,
    /// With -s: say what went wrong all the same.
    #[arg(short = 'S', long)]
    pub(crate) show_error: bool,
    /// Tell what happens: `*` events, `>` what is asked, `<` the answer's head. Secrets are hidden.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Print how long each phase took, in milliseconds, to standard error.
    #[arg(long)]
    pub(crate) timings: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub(crate) struct Asking {
    /// Add a field: "Name: value"; "Name;" is empty, "Name:" leaves a default out; repeatable.
    #[arg(short = 'H', long = "header", value_name = "FIELD", value_parser = values::field)]
    pub(crate) headers: Vec<Field>,
    /// Send these cookies, "a=1; b=2", to this origin only and no others with them; or, without an
    /// `=`, take in those of a file as curl writes it; repeatable.
    #[arg(short = 'b', long, value_name = "DATA|FILE")]
    pub(crate) cookie: Vec<String>,
    /// Write all cookies to this file afterwards, as curl does; `-` is standard output.
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(crate) cookie_jar: Option<PathBuf>,
    /// Keep no cookies and send none but those of -b or -H [default: keep them until the end].
    #[arg(long, conflicts_with = "cookie_jar")]
    pub(crate) no_cookies: bool,
    /// The User-Agent field [default: wayfare and its version].
    #[arg(short = 'A', long, value_name = "NAME", value_parser = values::value)]
    pub(crate) user_agent: Option<http::HeaderValue>,
    /// The Referer field [default: none].
    #[arg(short = 'e', long, value_name = "URL", value_parser = values::value)]
    pub(crate) referer: Option<http::HeaderValue>,
    /// Ask for a part: 0-499, 500-, -500 (the last 500) [bytes; default: all].
    #[arg(short, long, value_name = "RANGE", value_parser = values::range)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) range: Option<http::HeaderValue>,
    /// Ask for compressed bodies and decode them; this is the default.
    #[arg(long, overrides_with = "no_compressed")]
    pub(crate) compressed: bool,
    /// Deliver bodies as they come, asking for no compression.
    #[arg(long, overrides_with = "compressed")]
    pub(crate) no_compressed: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Limits {
    #[command(flatten)]
    pub(crate) patience: Patience,
    /// Follow at most so many redirects.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) max_redirs: usize,
    /// Follow redirects; this is the default.
    #[arg(short = 'L', long, overrides_with = "no_location")]
    pub(crate) location: bool,
    /// Deliver redirects instead of following them.
    #[arg(long, overrides_with = "location")]
    pub(crate) no_location: bool,
    /// Read each body at most so fast: bytes a second, with K, M or G [default: no limit].
    #[arg(long, value_name = "RATE", value_parser = values::rate)]
    pub(crate) limit_rate: Option<u64>,
}

/// How long to wait; `wayfare cert` and `wayfare dns` have these too.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Patience {
    /// Give up after so many seconds, waiting for a turn included [default: never].
    #[arg(short = 'm', long, value_name = "SECONDS", value_parser = values::seconds)]
    pub(crate) max_time: Option<Duration>,
    /// Give up on each of name, address, proxy and TLS after so many seconds [default: 30].
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds)]
    pub(crate) connect_timeout: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Speak HTTP/1.1 only.
    #[arg(long = "http1.1", conflicts_with_all = ["http2", "http2_prior_knowledge"])]
    pub(crate) http1: bool,
    /// Speak HTTP/2 where TLS negotiates it; this is the default.
    #[arg(long)]
    pub(crate) http2: bool,
    /// Speak HTTP/2 only, without TLS too.
    #[arg(long)]
    pub(crate) http2_prior_knowledge: bool,
    /// Look names up at this server instead of by the system: an address, udp://H:P, tcp://H,
    /// tls://H, https://H/dns-query; repeatable.
    #[arg(long = "dns", value_name = "SERVER")]
    pub(crate) dns: Vec<NameServer>,
    /// Leave this machine through an interface or from one of its addresses only; as with curl,
    /// `if!` and `host!` in front say which it is [default: as routing decides].
    #[arg(long, value_name = "NAME|ADDRESS")]
    pub(crate) interface: Option<Binding>,
    /// Remember hosts that want TLS only, and obey them [default: with --profile or --hsts-list].
    #[arg(long, conflicts_with = "no_hsts")]
    pub(crate) with_hsts: bool,
    /// Remember and obey no such hosts.
    #[arg(long, conflicts_with = "hsts_list")]
    pub(crate) no_hsts: bool,
    /// Reach the hosts of this list over TLS only (`wayfare hsts import` makes it) [default: none].
    #[arg(long, value_name = "LIST")]
    pub(crate) hsts_list: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) proxy: ProxyOptions,
    /// Use this address for a host, `*` for every host; HOST:PORT:IP is taken too; repeatable.
    #[arg(long, value_name = "HOST:IP", value_parser = values::pin)]
    pub(crate) resolve: Vec<(String, IpAddr)>,
}

/// Which way to go; `wayfare proxy` has these too.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ProxyOptions {
    /// Go through this proxy: http, https, connect, socks4, socks4a, socks5 or socks5h (the proxy
    /// looks names up); several parted by blanks are a chain; "" or direct is none [default: the
    /// variables http_proxy, https_proxy, all_proxy and no_proxy, in small letters the first].
    #[arg(short = 'x', long, value_name = "URL", value_parser = values::way)]
    pub(crate) proxy: Option<Chain>,
    /// Ask this script for the way (proxy auto-configuration): a file, `-` for standard input, or a
    /// URL, which is fetched without a proxy.
    #[arg(long, value_name = "FILE|URL", conflicts_with = "proxy")]
    pub(crate) pac: Option<String>,
    /// Ask the script that this network names, if it names one: whoever runs the network chooses
    /// the way.
    #[arg(long, conflicts_with_all = ["proxy", "pac"])]
    pub(crate) wpad: bool,
    /// Ask the desktop's settings for the way, and the environment where there is no desktop.
    #[arg(long, conflicts_with_all = ["proxy", "pac", "wpad"])]
    pub(crate) desktop: bool,
    /// Tell the proxy who is asking; ":" is whoever is logged in on this machine.
    #[arg(short = 'U', long, value_name = "USER:PASSWORD")]
    pub(crate) proxy_user: Option<String>,
    /// Reach these directly, and not those of no_proxy: domains, addresses, networks, parted by
    /// commas; * is every host.
    #[arg(long, value_name = "LIST")]
    pub(crate) noproxy: Option<Bypass>,
}
