//! Which servers may learn who is logged in on this machine.

use std::fmt;
use std::str::FromStr;

use url::Host;

use crate::address::origin::Scheme;

/// Which servers and proxies may be told who is logged in on this machine, without anybody naming a
/// user: none by default.
///
/// That somebody is logged in is known by the tickets that `kinit`, or the login itself, has left in
/// the ticket cache. A ticket tells the server the user's name, so a server that any link can lead to
/// must not be told by itself; and over `http` anybody on the way can be that server.
///
/// ```
/// # use wayfare_proto::policy::auth::ambient::Ambient;
/// # use wayfare_proto::address::origin::Scheme::{Http, Https};
/// # fn main() -> Result<(), wayfare_proto::policy::auth::ambient::NotAPlace> {
/// let ours = Ambient::only(["intra.example", "https://.corp.example:*", "http://proxy.example:3128"])?;
/// assert!(ours.allows(Https, "intra.example", 443) && !ours.allows(Https, "intra.example", 8443));
/// assert!(ours.allows(Https, "wiki.corp.example", 8443) && !ours.allows(Http, "wiki.corp.example", 80));
/// assert!(ours.allows(Http, "proxy.example", 3128));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ambient {
    /// All that ask.
    All,
    /// None.
    #[default]
    Off,
    /// These.
    Only(Vec<Place>),
}

/// Servers and proxies that may be told who is logged in, as a text says it.
///
/// | text | what it stands for |
/// |---|---|
/// | `host` | `https` on its own port, 443 |
/// | `.example.org` | every name below `example.org`, but not itself |
/// | `http://host` | `http` on its own port, 80 |
/// | `https://host:8443` | this port only |
/// | `http://.example.org:*` | every port |
///
/// An IPv6 literal has brackets. A proxy is named as its own URL names it; one whose scheme is
/// `connect` counts as `http`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    scheme: Scheme,
    /// In lower case; with a dot before it, it stands for every name below.
    host: String,
    /// Every port, if there is none.
    port: Option<u16>,
}

/// A text that is no [`Place`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAPlace(String);

impl Ambient {
    /// These servers and proxies; see [`Place`] for how they are written.
    ///
    /// # Errors
    /// The first that is not one.
    pub fn only<P: AsRef<str>>(places: impl IntoIterator<Item = P>) -> Result<Self, NotAPlace> {
        let places: Result<_, _> = places.into_iter().map(|place| place.as_ref().parse()).collect();
        places.map(Self::Only)
    }

    /// True if the server, or the proxy, at this place may be told.
    #[must_use]
    pub fn allows(&self, scheme: Scheme, host: &str, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Off => false,
            Self::Only(places) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                places.iter().any(|place| {
                    place.scheme == scheme
                        && place.port.is_none_or(|allowed| allowed == port)
                        && place.is_of(&host)
                })
            }
        }
    }
}

impl Place {
    fn is_of(&self, host: &str) -> bool {
        match self.host.starts_with('.') {
            true => host.len() > self.host.len() && host.ends_with(&self.host),
            // Those of proxies come without the brackets of a literal.
            false => bare(host) == bare(&self.host),
        }
    }
}

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let text = text.trim();
        let mistaken = || NotAPlace(text.to_owned());
        let (scheme, rest) = match text.split_once("://") {
            None => (Scheme::Https, text),
            Some((name, rest)) if name.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            Some((name, rest)) if name.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            Some(_) => return Err(mistaken()),
        };
        let (host, port) = match rest.rsplit_once(':') {
            // The last colon of a literal stands before its bracket.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let port = match (port, scheme) {
            (None, Scheme::Http) => Some(80),
            (None, Scheme::Https) => Some(443),
            (Some("*"), _) => None,
            (Some(digits), _) => Some(digits.parse().map_err(|_| mistaken())?),
        };
        let (dot, name) = match host.strip_prefix('.') {
            Some(name) => (".", name),
            None => ("", host),
        };
        let host = match (Host::parse(name.trim_end_matches('.')), dot) {
            (Ok(Host::Domain(name)), _) => format!("{dot}{name}"),
            (Ok(literal), "") => literal.to_string(),
            _ => return Err(mistaken()),
        };
        if host.contains('*') {
            return Err(mistaken());
        }
        Ok(Self { scheme, host, port })
    }
}

impl fmt::Display for NotAPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" is neither a host nor one with http:// or https:// before it, a dot for all below \
             it, or a port or :* after it",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for NotAPlace {}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::Scheme::{Http, Https};
    use super::*;

    #[test]
    fn only_those_places_are_told_that_are_named() {
        let table = [
            ("a.test", Https, "A.test.", 443, true),
            ("A.Test.", Https, "a.test", 443, true),
            ("a.test", Http, "a.test", 80, false),
            ("a.test", Http, "a.test", 443, false),
            ("a.test", Https, "a.test", 8443, false),
            ("a.test", Https, "b.a.test", 443, false),
            ("a.test", Https, "a.test.evil", 443, false),
            ("a.test:8443", Https, "a.test", 8443, true),
            ("http://a.test", Http, "a.test", 80, true),
            ("http://a.test", Http, "a.test", 8080, false),
            ("http://a.test", Https, "a.test", 443, false),
            ("HTTPS://a.test:8443", Https, "a.test", 8443, true),
            ("https://a.test:8443", Https, "a.test", 443, false),
            ("http://.a.test:*", Http, "b.a.test", 8080, true),
            ("http://.a.test:*", Https, "b.a.test", 443, false),
            (".a.test", Https, "c.b.a.test", 443, true),
            (".a.test", Https, "a.test", 443, false),
            (".a.test", Https, ".a.test", 443, false),
            (".a.test", Https, "evila.test", 443, false),
            ("\u{e4}.test", Https, "xn--4ca.test", 443, true),
            ("http://[::1]:*", Http, "[::1]", 81, true),
            ("http://[0:0::1]:81", Http, "::1", 81, true),
            ("[::1]", Https, "[::1]", 443, true),
            ("127.0.0.1", Https, "127.0.0.1", 443, true),
        ];
        for (text, scheme, host, port, expected) in table {
            let ambient = Ambient::only([text]).unwrap();
            assert_eq!(ambient.allows(scheme, host, port), expected, "{text} {scheme:?} {host}");
        }
        assert!(Ambient::All.allows(Http, "a.test", 81));
        assert!(!Ambient::Off.allows(Https, "a.test", 443));
        assert!(!Ambient::Only(Vec::new()).allows(Https, "", 443));
    }

    #[test]
    fn what_names_no_place_is_an_error() {
        for text in [
            "",
            " ",
            ".",
            "*",
            "http://",
            "http://*",
            "ftp://a.test",
            "a.test:",
            "a.test:x",
            "a.test:65536",
            "a.test/path",
            "http://a.test/",
            "user@a.test",
            "::1",
            ".127.0.0.1",
            ".[::1]",
            "*.a.test",
        ] {
            let told = Ambient::only([text]);
            assert!(told.is_err(), "{text} {told:?}");
        }
        let why = Ambient::only(["a.test", "b test"]).unwrap_err().to_string();
        assert!(why.starts_with("\"b test\" is neither"), "{why}");
    }
}
