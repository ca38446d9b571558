//! The origin of a URL: scheme, host and port (RFC 6454 §4).

use std::fmt;

use url::Url;

/// Scheme, host and port: the border that credentials never cross.
///
/// ```
/// use wayfare_proto::address::origin::Origin;
/// let url = "https://Example.org/path".parse().unwrap();
/// assert_eq!(Origin::of(&url).unwrap().to_string(), "https://example.org");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// The schemes whose URLs have an origin here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Origin {
    /// The origin of an `http` or `https` URL; nothing for other schemes and URLs without a host.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
        Some(Self { scheme, host, port: url.port_or_known_default()? })
    }

    /// True if `url` has an origin that can be connected to, as [`Origin::of`] finds out.
    #[must_use]
    pub fn has(url: &Url) -> bool {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.port_or_known_default().is_some()
    }

    /// True if this is the origin of `url`.
    #[must_use]
    pub fn is_of(&self, url: &Url) -> bool {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        url.scheme() == scheme
            && url.port_or_known_default() == Some(self.port)
            && url.host_str() == Some(&self.host)
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in its normal form; IPv6 literals have brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own if the URL named none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = match self.scheme {
            Scheme::Http => ("http", 80),
            Scheme::Https => ("https", 443),
        };
        if self.port == usual {
            write!(f, "{scheme}://{}", self.host)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Option<String> {
        Origin::of(&url.parse().unwrap()).map(|origin| origin.to_string())
    }

    #[test]
    fn a_default_port_is_the_same_as_none() {
        assert_eq!(origin("http://a.test:80/"), origin("http://a.test/"));
        assert_ne!(origin("http://a.test:81/"), origin("http://a.test/"));
        assert_ne!(origin("https://a.test/"), origin("http://a.test/"));
    }

    #[test]
    fn urls_without_a_server_have_no_origin() {
        assert_eq!(origin("data:,x"), None);
        assert_eq!(origin("file:///etc/hostname"), None);
    }
}
