//! Options that say who is asking.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use wayfare::options::{Ambient, Schemes};

use super::values;

#[derive(Args)]
#[command(next_help_heading = "Who is asking")]
pub(crate) struct Identity {
    /// Say a name and password when this origin asks, in the strongest way it takes; without the
    /// password it is asked for. With --basic they are sent unasked. ":" is whoever is logged in on
    /// this machine (see kinit), where a server takes Negotiate.
    #[arg(short, long, value_name = "USER[:PASSWORD]")]
    pub(crate) user: Option<String>,
    /// Use these schemes only, parted by commas: basic, digest, negotiate, ntlm [default:
    /// all].
    #[arg(long, value_name = "LIST", value_parser = values::schemes)]
    pub(crate) auth: Option<Schemes>,
    /// Use Basic only, and send -u unasked.
    #[arg(long, conflicts_with_all = ["auth", "digest", "negotiate", "ntlm", "anyauth"])]
    pub(crate) basic: bool,
    /// Use Digest only.
    #[arg(long, conflicts_with_all = ["auth", "negotiate", "ntlm", "anyauth"])]
    pub(crate) digest: bool,
    /// Use Negotiate (Kerberos) only: with -u : as whoever is logged in, else with a ticket for the
    /// password of -u or -U, which is asked for only where nothing but Negotiate may be used.
    #[arg(long, conflicts_with_all = ["auth", "ntlm", "anyauth"])]
    pub(crate) negotiate: bool,
    /// Use NTLM only.
    #[arg(long, conflicts_with_all = ["auth", "anyauth"])]
    pub(crate) ntlm: bool,
    /// Use any scheme; this is the default.
    #[arg(long, conflicts_with = "auth")]
    pub(crate) anyauth: bool,
    /// Tell these servers and proxies by themselves who is logged in on this machine, where they take
    /// Negotiate; parted by commas, HOST for https on its own port, http://HOST, https://HOST:PORT,
    /// .HOST for all below it, :* for all ports, * for all.
    #[arg(long, value_name = "PLACES", value_parser = values::ambient)]
    pub(crate) ambient: Option<Ambient>,
    /// Look into $NETRC or ~/.netrc when a server asks.
    #[arg(short = 'n', long, alias = "netrc-optional")]
    pub(crate) netrc: bool,
    /// Look into this file when a server asks.
    #[arg(long, value_name = "FILE", conflicts_with = "netrc")]
    pub(crate) netrc_file: Option<PathBuf>,
    /// Send this token (RFC 6750) to the origin of each URL, unasked.
    #[arg(long, value_name = "TOKEN", conflicts_with = "user")]
    pub(crate) oauth2_bearer: Option<String>,
}

impl fmt::Debug for Identity {
    /// Neither the password nor the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("auth", &self.auth)
            .field("basic", &self.basic)
            .field("digest", &self.digest)
            .field("negotiate", &self.negotiate)
            .field("ntlm", &self.ntlm)
            .field("ambient", &self.ambient)
            .field("netrc", &self.netrc)
            .field("netrc_file", &self.netrc_file)
            .finish_non_exhaustive()
    }
}
