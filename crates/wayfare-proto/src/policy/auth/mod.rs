//! Who is asking: schemes of HTTP authentication, and which of those offered is taken (RFC 9110
//! §11).

pub mod ambient;
pub mod digest;
pub mod negotiate;
pub mod ntlm;
pub mod space;
pub mod telling;

use std::fmt;

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName};

use crate::syntax::challenge::Challenge;
use crate::syntax::credentials::Credentials;

/// A scheme of HTTP authentication, the weaker first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// The password as it is (RFC 7617).
    Basic,
    /// A token that whoever has it may use (RFC 6750).
    Bearer,
    /// A proof that one knows the password (RFC 7616).
    Digest,
    /// NTLM version 2, which proves a connection ([MS-NLMP]).
    Ntlm,
    /// Kerberos by SPNEGO (RFC 4559), which proves a connection.
    Negotiate,
}

impl Scheme {
    /// Every scheme, the weaker first.
    pub const ALL: [Self; 5] =
        [Self::Basic, Self::Bearer, Self::Digest, Self::Ntlm, Self::Negotiate];

    /// The scheme of a name, in any case.
    ///
    /// ```
    /// # use wayfare_proto::policy::auth::Scheme;
    /// assert_eq!(Scheme::by_name("NTLM"), Some(Scheme::Ntlm));
    /// ```
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name().eq_ignore_ascii_case(name))
    }

    /// Its name, as fields write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Bearer => "Bearer",
            Self::Digest => "Digest",
            Self::Ntlm => "NTLM",
            Self::Negotiate => "Negotiate",
        }
    }

    /// True for the schemes that prove who uses a connection instead of a request. They need
    /// HTTP/1.1, and a connection that nobody else uses.
    #[must_use]
    pub const fn is_bound(self) -> bool {
        matches!(self, Self::Ntlm | Self::Negotiate)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which schemes may be used; all of them by default.
///
/// ```
/// # use wayfare_proto::policy::auth::{Scheme, Schemes};
/// let proofs = Schemes::all().without(Scheme::Basic).without(Scheme::Bearer);
/// assert!(proofs.has(Scheme::Digest) && !proofs.has(Scheme::Basic));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Schemes(u8);

impl Schemes {
    /// All schemes.
    #[must_use]
    pub const fn all() -> Self {
        Self(0b1_1111)
    }

    /// No scheme.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// One scheme.
    #[must_use]
    pub const fn only(scheme: Scheme) -> Self {
        Self(1 << scheme as u8)
    }

    /// These and `scheme`.
    #[must_use]
    pub const fn with(self, scheme: Scheme) -> Self {
        Self(self.0 | 1 << scheme as u8)
    }

    /// These but `scheme`.
    #[must_use]
    pub const fn without(self, scheme: Scheme) -> Self {
        Self(self.0 & !(1 << scheme as u8))
    }

    /// True if `scheme` is among them.
    #[must_use]
    pub const fn has(self, scheme: Scheme) -> bool {
        self.0 & 1 << scheme as u8 != 0
    }

    /// The only one, if there is only one.
    #[must_use]
    pub fn single(self) -> Option<Scheme> {
        Scheme::ALL.into_iter().find(|scheme| Self::only(*scheme) == self)
    }
}

impl Default for Schemes {
    fn default() -> Self {
        Self::all()
    }
}

impl fmt::Debug for Schemes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Scheme::ALL.into_iter().filter(|scheme| self.has(*scheme)).map(Scheme::name);
        f.debug_set().entries(names).finish()
    }
}

/// Who asks who is asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asker {
    /// The server that the URL names: 401.
    Origin,
    /// A proxy that was given the request: 407.
    Proxy,
}

impl Asker {
    /// True if an answer of this status is its question.
    #[must_use]
    pub fn asks(self, status: StatusCode) -> bool {
        status
            == match self {
                Self::Origin => StatusCode::UNAUTHORIZED,
                Self::Proxy => StatusCode::PROXY_AUTHENTICATION_REQUIRED,
            }
    }

    /// The field with the challenges.
    #[must_use]
    pub const fn challenge_field(self) -> HeaderName {
        match self {
            Self::Origin => header::WWW_AUTHENTICATE,
            Self::Proxy => header::PROXY_AUTHENTICATE,
        }
    }

    /// The field with the answer.
    #[must_use]
    pub const fn answer_field(self) -> HeaderName {
        match self {
            Self::Origin => header::AUTHORIZATION,
            Self::Proxy => header::PROXY_AUTHORIZATION,
        }
    }

    /// The field of the answer that followed, with news for the next request (RFC 7615).
    #[must_use]
    pub const fn info_field(self) -> HeaderName {
        match self {
            Self::Origin => HeaderName::from_static("authentication-info"),
            Self::Proxy => HeaderName::from_static("proxy-authentication-info"),
        }
    }

    /// Every challenge of an answer, in order; past a bound they are passed over.
    #[must_use]
    pub fn challenges(self, headers: &HeaderMap) -> Vec<Challenge> {
        let values = headers.get_all(self.challenge_field()).iter().take(MOST_FIELDS);
        values.flat_map(|value| Challenge::parse(value.as_bytes())).take(MOST).collect()
    }
}

/// True if an answer says that a proxy which passed it on keeps a connection to the server for each of
/// those to itself, so that what is proven on one stays one user's (RFC 4559 §6). Through other proxies
/// connections are not proven to servers.
///
/// ```
/// # use wayfare_proto::policy::auth::keeps_sessions;
/// # use http::{HeaderMap, HeaderName, HeaderValue};
/// let said = HeaderValue::from_static("session-based-authentication");
/// let headers = HeaderMap::from_iter([(HeaderName::from_static("proxy-support"), said)]);
/// assert!(keeps_sessions(&headers));
/// ```
#[must_use]
pub fn keeps_sessions(headers: &HeaderMap) -> bool {
    let values = headers.get_all(PROXY_SUPPORT).iter().take(MOST_FIELDS);
    let mut tokens = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(SESSION_BASED))
}

/// A challenge that can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Basic, with its realm.
    Basic(Option<String>),
    /// A bearer token, with its realm.
    Bearer(Option<String>),
    /// Digest.
    Digest(Box<digest::Challenge>),
    /// NTLM; the message of the server, if it is in the middle of a talk.
    Ntlm(Option<String>),
    /// Negotiate; the token of the server, if it is in the middle of a talk.
    Negotiate(Option<String>),
}

impl Offer {
    /// The offers among `challenges` that may be taken, the strongest first.
    #[must_use]
    pub fn of(challenges: &[Challenge], allowed: Schemes) -> Vec<Self> {
        let mut offers: Vec<_> = challenges.iter().filter_map(Self::read).collect();
        offers.retain(|offer| allowed.has(offer.scheme()));
        // Among equals the order of the server stands.
        offers.sort_by_key(|offer| std::cmp::Reverse(offer.strength()));
        offers
    }

    fn read(challenge: &Challenge) -> Option<Self> {
        let realm = challenge.realm().map(str::to_owned);
        Some(match Scheme::by_name(&challenge.scheme)? {
            Scheme::Basic => Self::Basic(realm),
            Scheme::Bearer => Self::Bearer(realm),
            Scheme::Digest => Self::Digest(Box::new(digest::Challenge::read(challenge)?)),
            Scheme::Ntlm => Self::Ntlm(challenge.token.clone()),
            Scheme::Negotiate => Self::Negotiate(challenge.token.clone()),
        })
    }

    /// Its scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Basic(_) => Scheme::Basic,
            Self::Bearer(_) => Scheme::Bearer,
            Self::Digest(_) => Scheme::Digest,
            Self::Ntlm(_) => Scheme::Ntlm,
            Self::Negotiate(_) => Scheme::Negotiate,
        }
    }

    /// True for Negotiate, whose tokens are made elsewhere.
    #[must_use]
    pub fn is_negotiate(&self) -> bool {
        matches!(self, Self::Negotiate(_))
    }

    /// True if these credentials can answer it, for all that is known here.
    #[must_use]
    pub fn takes(&self, credentials: &Credentials) -> bool {
        match self {
            Self::Negotiate(_) => {
                credentials.is_ambient() || negotiate::is_principal(credentials.user())
            }
            Self::Basic(_) => credentials.basic().is_some(),
            // A token is nothing that can be made of a password.
            Self::Bearer(_) => false,
            Self::Digest(_) | Self::Ntlm(_) => !credentials.is_ambient(),
        }
    }

    /// True if these credentials are to answer it, where the `allowed` schemes may be used.
    ///
    /// A password is told to whoever issues tickets only where nothing but Negotiate is allowed: a
    /// server that asks must not bring about that it is tried there, where each try counts.
    #[must_use]
    pub fn is_for(&self, credentials: &Credentials, allowed: Schemes) -> bool {
        let may_have_ticket =
            credentials.is_ambient() || allowed.single() == Some(Scheme::Negotiate);
        self.takes(credentials) && (may_have_ticket || !self.is_negotiate())
    }

    /// What the server calls the things that it guards; the connection-bound schemes have no such
    /// word.
    #[must_use]
    pub fn realm(&self) -> Option<&str> {
        match self {
            Self::Basic(realm) | Self::Bearer(realm) => realm.as_deref(),
            Self::Digest(challenge) => Some(challenge.realm()),
            Self::Ntlm(_) | Self::Negotiate(_) => None,
        }
    }

    fn strength(&self) -> (Scheme, digest::Algorithm) {
        let algorithm = match self {
            Self::Digest(challenge) => challenge.algorithm(),
            _ => digest::Algorithm::Md5,
        };
        (self.scheme(), algorithm)
    }
}

const PROXY_SUPPORT: HeaderName = HeaderName::from_static("proxy-support");
const SESSION_BASED: &[u8] = b"session-based-authentication";
/// The most fields of one name that are read, and the most challenges.
const MOST_FIELDS: usize = 16;
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(value: &str, allowed: Schemes) -> Vec<String> {
        let read = Challenge::parse(value.as_bytes());
        let shown = |offer: &Offer| match offer {
            Offer::Digest(challenge) => format!("{:?}", challenge.algorithm()),
            other => other.scheme().to_string(),
        };
        Offer::of(&read, allowed).iter().map(shown).collect()
    }

    #[test]
    fn the_strongest_that_is_offered_and_allowed_comes_first() {
        let many = "Basic realm=a, Digest realm=a, nonce=b, qop=auth, \
                    Digest realm=a, nonce=b, qop=auth, algorithm=SHA-256, NTLM, Negotiate, Foo x=y";
        let all = ["Negotiate", "NTLM", "Sha256", "Md5", "Basic"];
        assert_eq!(offers(many, Schemes::all()), all);
        let some = Schemes::none().with(Scheme::Basic).with(Scheme::Digest);
        assert_eq!(offers(many, some), ["Sha256", "Md5", "Basic"]);
        assert!(offers(many, Schemes::none()).is_empty());
    }

    #[test]
    fn whoever_is_logged_in_is_told_by_negotiate_alone() {
        let all = "Basic realm=a, Bearer, Digest realm=a, nonce=b, qop=auth, NTLM, Negotiate";
        let takers = |who: &Credentials| -> Vec<Scheme> {
            let offers = Offer::of(&Challenge::parse(all.as_bytes()), Schemes::all());
            offers.iter().filter(|offer| offer.takes(who)).map(Offer::scheme).collect()
        };
        let named = [Scheme::Negotiate, Scheme::Ntlm, Scheme::Digest, Scheme::Basic];
        assert_eq!(takers(&Credentials::ambient()), [Scheme::Negotiate]);
        assert_eq!(takers(&Credentials::new("ada", "secret")), named);
        assert_eq!(takers(&Credentials::new("HOME\\ada", "secret")), named[1..]);
        assert_eq!(takers(&Credentials::new("", "")), named[1..]);
    }

    #[test]
    fn a_password_is_for_tickets_only_where_nothing_else_is_allowed() {
        let (me, ada) = (Credentials::ambient(), Credentials::new("ada", "secret"));
        let both = Schemes::only(Scheme::Negotiate).with(Scheme::Basic);
        for (allowed, is_single) in
            [(Schemes::only(Scheme::Negotiate), true), (both, false), (Schemes::all(), false)]
        {
            let offer = Offer::Negotiate(None);
            assert!(offer.is_for(&me, allowed));
            assert_eq!(offer.is_for(&ada, allowed), is_single, "{allowed:?}");
            assert!(Offer::Basic(None).is_for(&ada, allowed));
        }
    }

    #[test]
    fn a_digest_challenge_that_cannot_be_answered_is_no_offer() {
        for bad in ["Digest nonce=b", "Digest realm=a", "Digest", "Digest realm=a, nonce=b, qop=x"]
        {
            assert_eq!(
                offers(&format!("{bad}, Basic realm=a"), Schemes::all()),
                ["Basic"],
                "{bad}"
            );
        }
    }

    #[test]
    fn a_proxy_keeps_sessions_if_it_says_so_among_whatever_else() {
        for (said, expected) in [
            (&["Session-Based-Authentication"][..], true),
            (&["other, SESSION-based-authentication "], true),
            (&["other", "Session-Based-Authentication"], true),
            (&["Session-Based-Authentication-2"], false),
            (&["Session-Based"], false),
            (&[""], false),
            (&[], false),
        ] {
            let value = |said: &&str| (PROXY_SUPPORT, header::HeaderValue::from_str(said).unwrap());
            let headers = HeaderMap::from_iter(said.iter().map(value));
            assert_eq!(keeps_sessions(&headers), expected, "{said:?}");
        }
    }

    #[test]
    fn sets_of_schemes_know_what_is_in_them() {
        assert_eq!(Schemes::only(Scheme::Ntlm).single(), Some(Scheme::Ntlm));
        assert_eq!(Schemes::all().single(), None);
        for scheme in Scheme::ALL {
            assert!(Schemes::all().has(scheme) && !Schemes::none().has(scheme));
            assert!(!Schemes::all().without(scheme).has(scheme));
        }
    }
}
