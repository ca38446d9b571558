//! Who requests say to be, and how.

use std::path::PathBuf;

pub use wayfare_proto::policy::auth::ambient::{Ambient, NotAPlace, Place};
pub use wayfare_proto::policy::auth::{Scheme, Schemes};

/// Who requests say to be, and how.
///
/// Nothing is said before a server asks (401), so that a password only goes out in the strongest
/// form that the server takes; what it accepted goes along with later requests for the same places.
/// To say something unasked, see [`Request::basic_auth`](crate::Request::basic_auth) and
/// [`Request::bearer_auth`](crate::Request::bearer_auth).
///
/// ```
/// use wayfare::options::{Auth, Scheme};
/// let auth = Auth::default();
/// let proofs_only = Auth { schemes: auth.schemes.without(Scheme::Basic), ..auth };
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Auth {
    /// Which servers and proxies are told by themselves who is logged in on this machine, by
    /// Negotiate; none by default. A host that is named without more is told over `https` on its own
    /// port only: see [`Place`].
    pub ambient: Ambient,
    /// The schemes that may be used, the strongest offered being taken; all by default. Where it is
    /// Negotiate alone, tickets are had for passwords, too.
    pub schemes: Schemes,
    /// Whether what is known goes along by itself.
    pub reuse: AuthenticationReuse,
    /// Whether `.netrc` is looked into for servers that ask.
    pub netrc: Netrc,
}

/// Whether what is known of somebody goes along by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AuthenticationReuse {
    /// What a server accepted goes along with later requests for the same places, and the manager's
    /// credentials and `.netrc` are looked into when it asks.
    #[default]
    Automatic,
    /// Only the request's own credentials and the delegate say who is asking, and only when asked.
    Manual,
}

/// Whether user names and passwords come from a `.netrc` file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Netrc {
    /// From this file, which must be there.
    File(PathBuf),
    /// From `$NETRC`, or else `.netrc` (on Windows `_netrc`) in the home directory, if it is there.
    Home,
    /// They do not.
    #[default]
    Off,
}
