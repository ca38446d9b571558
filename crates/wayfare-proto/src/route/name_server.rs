//! Name servers as people name them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::Url;

use crate::address::ip::Address;

/// A name server and how it is talked to.
///
/// Written as `udp://192.0.2.1`, `tcp://192.0.2.1:5353`, `tls://dns.example`,
/// `https://dns.example/dns-query`; an address alone is asked over UDP.
///
/// ```
/// # use wayfare_proto::route::name_server::{NameServer, Transport};
/// let server: NameServer = "tls://dns.example".parse().unwrap();
/// assert_eq!((server.transport(), server.port()), (Transport::Tls, 853));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameServer {
    transport: Transport,
    host: String,
    port: u16,
    target: String,
}

/// How a name server is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// DNS over HTTPS (RFC 8484).
    Https,
    /// Over TCP (RFC 7766).
    Tcp,
    /// DNS over TLS (RFC 7858); the server must prove its name.
    Tls,
    /// Over UDP; over TCP for answers that do not fit.
    Udp,
}

impl Transport {
    /// The scheme of its URLs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Udp => "udp",
        }
    }
}

/// A text that names no name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAServer(Box<str>);

impl NameServer {
    /// The server at an address, over UDP at port 53; a link-local address keeps its scope.
    #[must_use]
    pub fn at(address: &Address) -> Self {
        let (transport, host) = (Transport::Udp, address.to_string());
        Self { transport, host, port: 53, target: String::new() }
    }

    /// How it is talked to.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Its name or address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path and query that questions are posted to; empty unless it speaks HTTPS.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Host and port as in a URL.
    #[must_use]
    pub fn authority(&self) -> String {
        let (host, port) = (&self.host, self.port);
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl FromStr for NameServer {
    type Err = NotAServer;

    fn from_str(text: &str) -> Result<Self, NotAServer> {
        let no_server = || NotAServer(text.into());
        if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(Self::at(&address.into()));
        }
        let url = match text.contains("://") {
            true => Url::parse(text),
            false => Url::parse(&format!("udp://{text}")),
        };
        let url = url.map_err(|_| no_server())?;
        let (transport, usual) = match url.scheme() {
            "https" => (Transport::Https, 443),
            "tcp" => (Transport::Tcp, 53),
            "tls" => (Transport::Tls, 853),
            "udp" => (Transport::Udp, 53),
            _ => return Err(no_server()),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(no_server)?;
        let has_more = !url.username().is_empty()
            || url.password().is_some()
            || url.fragment().is_some()
            || (transport != Transport::Https && !matches!(url.path(), "" | "/"))
            || (transport != Transport::Https && url.query().is_some());
        if has_more {
            return Err(no_server());
        }
        let target = match transport {
            Transport::Https => {
                url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
            }
            _ => String::new(),
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self { transport, host, port: url.port().unwrap_or(usual), target })
    }
}

impl fmt::Display for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.transport.name(), self.authority(), self.target)
    }
}

impl fmt::Display for NotAServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" is no name server; one is written as 192.0.2.1, udp://host:53, tcp://host, \
             tls://host or https://host/dns-query",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for NotAServer {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_in_every_form() {
        let table = [
            ("192.0.2.1", "udp://192.0.2.1:53"),
            ("192.0.2.1:5353", "udp://192.0.2.1:5353"),
            ("2001:db8::1", "udp://[2001:db8::1]:53"),
            ("[2001:db8::1]:5353", "udp://[2001:db8::1]:5353"),
            ("udp://127.0.0.1:5300", "udp://127.0.0.1:5300"),
            ("tcp://a.test/", "tcp://a.test:53"),
            ("tls://dns.example", "tls://dns.example:853"),
            ("https://dns.example/dns-query", "https://dns.example:443/dns-query"),
            ("https://[::1]:8443/q?a=b", "https://[::1]:8443/q?a=b"),
        ];
        for (text, expected) in table {
            let server: NameServer = text.parse().unwrap();
            assert_eq!(server.to_string(), expected, "{text}");
            assert_eq!(server.to_string().parse(), Ok(server), "{text}");
        }
    }

    #[test]
    fn what_is_no_server_says_how_one_looks() {
        for text in [
            "",
            "http://a.test/",
            "udp://",
            "udp://a.test/x",
            "tls://u:p@a.test",
            "https://a.test/#x",
            "a b",
            "udp://a.test:99999",
        ] {
            assert_eq!(text.parse::<NameServer>(), Err(NotAServer(text.into())), "{text}");
        }
    }
}
