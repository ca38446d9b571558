//! Resource records as values.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What is asked for.
///
/// ```
/// # use wayfare_proto::wire::dns::record::RecordType;
/// assert_eq!("mx".parse(), Ok(RecordType::MX));
/// assert_eq!("TYPE64".parse(), Ok(RecordType::SVCB));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType(pub u16);

macro_rules! types {
    ($( $(#[$doc:meta])* $name:ident = $code:literal, )*) => {
        impl RecordType {
            $( $(#[$doc])* pub const $name: Self = Self($code); )*

            fn name(self) -> Option<&'static str> {
                match self.0 {
                    $( $code => Some(stringify!($name)), )*
                    _ => None,
                }
            }

            fn of_name(name: &str) -> Option<Self> {
                $( if name.eq_ignore_ascii_case(stringify!($name)) {
                    return Some(Self::$name);
                } )*
                None
            }
        }
    };
}

types! {
    /// An IPv4 address.
    A = 1,
    /// A name server.
    NS = 2,
    /// The name that this one stands for.
    CNAME = 5,
    /// The start of a zone.
    SOA = 6,
    /// The name of an address.
    PTR = 12,
    /// A mail server.
    MX = 15,
    /// Text.
    TXT = 16,
    /// An IPv6 address.
    AAAA = 28,
    /// A service's host and port (RFC 2782).
    SRV = 33,
    /// A rule that rewrites a name (RFC 3403).
    NAPTR = 35,
    /// A certificate's promise (RFC 6698).
    TLSA = 52,
    /// How to reach a service (RFC 9460).
    SVCB = 64,
    /// How to reach a web site (RFC 9460).
    HTTPS = 65,
    /// Whatever the server likes to tell (RFC 8482).
    ANY = 255,
    /// Who may issue certificates (RFC 8659).
    CAA = 257,
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

/// A text that is no type of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownType(Box<str>);

impl FromStr for RecordType {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, UnknownType> {
        let number = || text.get(..4).filter(|start| start.eq_ignore_ascii_case("TYPE"));
        let by_number = || number().and_then(|_| text[4..].parse().ok()).map(Self);
        Self::of_name(text).or_else(by_number).ok_or_else(|| UnknownType(text.into()))
    }
}

impl fmt::Display for UnknownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.escape_debug();
        write!(f, "\"{text}\" is no type of DNS records; one is called A, AAAA, MX, … or TYPE99")
    }
}

impl std::error::Error for UnknownType {}

/// One resource record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is, without the final dot; what is no letter, digit, hyphen or underscore is
    /// written as `\DDD`.
    pub name: String,
    /// For how many seconds it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// What a record says; names are written as in [`Record::name`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Data {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// Who may issue certificates (RFC 8659).
    Caa {
        /// Who does not know the tag must not issue.
        critical: bool,
        /// `issue`, `issuewild`, `iodef`, …
        tag: String,
        /// What the tag is about.
        value: Vec<u8>,
    },
    /// The name that this one stands for.
    Cname(String),
    /// How to reach a web site.
    Https(Service),
    /// A mail server.
    Mx {
        /// Smaller is better.
        preference: u16,
        /// Its name.
        exchange: String,
    },
    /// A rule that rewrites a name (RFC 3403).
    Naptr {
        /// Rules are tried in this order.
        order: u16,
        /// Smaller is better within an order.
        preference: u16,
        /// What comes next.
        flags: Vec<u8>,
        /// What the rule is for.
        services: Vec<u8>,
        /// The substitution.
        regexp: Vec<u8>,
        /// The next name.
        replacement: String,
    },
    /// A name server.
    Ns(String),
    /// Of a type that has no variant here.
    Other {
        /// The type.
        kind: RecordType,
        /// The record's bytes, names in them uncompressed.
        data: Vec<u8>,
    },
    /// The name of an address.
    Ptr(String),
    /// The start of a zone.
    Soa {
        /// The main name server.
        server: String,
        /// Who is responsible.
        responsible: String,
        /// The version.
        serial: u32,
        /// For how many seconds it may be kept that a name does not exist.
        minimum: u32,
    },
    /// A service's host and port (RFC 2782).
    Srv {
        /// Smaller is better.
        priority: u16,
        /// A greater one is chosen more often.
        weight: u16,
        /// The port.
        port: u16,
        /// The host.
        target: String,
    },
    /// How to reach a service.
    Svcb(Service),
    /// A certificate's promise (RFC 6698).
    Tlsa {
        /// Which kind of promise.
        usage: u8,
        /// The whole certificate (0) or its key (1).
        selector: u8,
        /// As it is (0), SHA-256 (1) or SHA-512 (2).
        matching: u8,
        /// The certificate, the key or their digest.
        data: Vec<u8>,
    },
    /// Text, in the pieces it was given in.
    Txt(Vec<Vec<u8>>),
}

impl Data {
    /// The type of such records.
    #[must_use]
    pub fn kind(&self) -> RecordType {
        match self {
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::AAAA,
            Self::Caa { .. } => RecordType::CAA,
            Self::Cname(_) => RecordType::CNAME,
            Self::Https(_) => RecordType::HTTPS,
            Self::Mx { .. } => RecordType::MX,
            Self::Naptr { .. } => RecordType::NAPTR,
            Self::Ns(_) => RecordType::NS,
            Self::Other { kind, .. } => *kind,
            Self::Ptr(_) => RecordType::PTR,
            Self::Soa { .. } => RecordType::SOA,
            Self::Srv { .. } => RecordType::SRV,
            Self::Svcb(_) => RecordType::SVCB,
            Self::Tlsa { .. } => RecordType::TLSA,
            Self::Txt(_) => RecordType::TXT,
        }
    }
}

/// How to reach a service (RFC 9460 §2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// Smaller is better; 0 says that the name is another one's alias.
    pub priority: u16,
    /// The host, or the record's own name if it is empty.
    pub target: String,
    /// The keys that must be understood.
    pub mandatory: Vec<u16>,
    /// The application protocols, besides the default one.
    pub alpn: Vec<Vec<u8>>,
    /// The default protocol is not spoken.
    pub no_default_alpn: bool,
    /// The port, if it is not the usual one.
    pub port: Option<u16>,
    /// Addresses that save a question.
    pub ipv4_hints: Vec<Ipv4Addr>,
    /// The keys for Encrypted Client Hello, as TLS wants them.
    pub ech: Option<Vec<u8>>,
    /// Addresses that save a question.
    pub ipv6_hints: Vec<Ipv6Addr>,
    /// Keys that are not known here, with their values.
    pub other: Vec<(u16, Vec<u8>)>,
}

impl Service {
    /// True if a client that knows the parameters above may use the record (RFC 9460 §8).
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.priority > 0
            && self.port != Some(0)
            && self.mandatory.iter().all(|key| (1..=6).contains(key))
            && (!self.no_default_alpn || !self.alpn.is_empty())
    }
}

impl fmt::Display for Record {
    /// One line as in a zone file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, ttl, data } = self;
        write!(f, "{name}. {ttl} IN {} {data}", data.kind())
    }
}

impl fmt::Display for Data {
    /// As in a zone file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(ip) => ip.fmt(f),
            Self::Aaaa(ip) => ip.fmt(f),
            Self::Caa { critical, tag, value } => {
                write!(f, "{} {tag} {}", u8::from(*critical) * 128, Quoted(value))
            }
            Self::Cname(name) | Self::Ns(name) | Self::Ptr(name) => write!(f, "{name}."),
            Self::Https(service) | Self::Svcb(service) => service.fmt(f),
            Self::Mx { preference, exchange } => write!(f, "{preference} {exchange}."),
            Self::Naptr { order, preference, flags, services, regexp, replacement } => {
                let (flags, services) = (Quoted(flags), Quoted(services));
                let regexp = Quoted(regexp);
                write!(f, "{order} {preference} {flags} {services} {regexp} {replacement}.")
            }
            Self::Other { data, .. } => write!(f, "\\# {} {}", data.len(), Hex(data)),
            Self::Soa { server, responsible, serial, minimum } => {
                write!(f, "{server}. {responsible}. {serial} … {minimum}")
            }
            Self::Srv { priority, weight, port, target } => {
                write!(f, "{priority} {weight} {port} {target}.")
            }
            Self::Tlsa { usage, selector, matching, data } => {
                write!(f, "{usage} {selector} {matching} {}", Hex(data))
            }
            Self::Txt(pieces) => {
                for (index, piece) in pieces.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { " " }, Quoted(piece))?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.", self.priority, self.target)?;
        if !self.mandatory.is_empty() {
            let keys: Vec<_> = self.mandatory.iter().map(|key| format!("key{key}")).collect();
            write!(f, " mandatory={}", keys.join(","))?;
        }
        if !self.alpn.is_empty() {
            let names: Vec<_> =
                self.alpn.iter().map(|name| name.escape_ascii().to_string()).collect();
            write!(f, " alpn={}", names.join(","))?;
        }
        if self.no_default_alpn {
            f.write_str(" no-default-alpn")?;
        }
        if let Some(port) = self.port {
            write!(f, " port={port}")?;
        }
        if !self.ipv4_hints.is_empty() {
            write!(f, " ipv4hint={}", joined(&self.ipv4_hints))?;
        }
        if let Some(ech) = &self.ech {
            use base64::Engine;
            write!(f, " ech={}", base64::engine::general_purpose::STANDARD.encode(ech))?;
        }
        if !self.ipv6_hints.is_empty() {
            write!(f, " ipv6hint={}", joined(&self.ipv6_hints))?;
        }
        for (key, value) in &self.other {
            write!(f, " key{key}={}", Quoted(value))?;
        }
        Ok(())
    }
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A character string of a zone file (RFC 1035 §5.1).
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for byte in self.0 {
            match byte {
                b'"' | b'\\' => write!(f, "\\{}", char::from(*byte))?,
                b' '..=b'~' => write!(f, "{}", char::from(*byte))?,
                _ => write!(f, "\\{byte:03}")?,
            }
        }
        f.write_str("\"")
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_names_and_numbers() {
        for code in [1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 52, 64, 65, 255, 257, 99] {
            let kind = RecordType(code);
            assert_eq!(kind.to_string().to_lowercase().parse(), Ok(kind));
        }
        for text in ["", "B", "TYPE", "TYPE65536", "TYPEé", "é"] {
            assert!(text.parse::<RecordType>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_service_with_an_unknown_duty_is_not_usable() {
        let usable = Service { priority: 1, mandatory: vec![1, 3, 4], ..Service::default() };
        assert!(usable.is_usable());
        assert!(!Service { mandatory: vec![7], ..usable.clone() }.is_usable());
        assert!(!Service { port: Some(0), ..usable.clone() }.is_usable());
        assert!(!Service { priority: 0, ..usable.clone() }.is_usable());
        assert!(!Service { no_default_alpn: true, ..usable }.is_usable());
    }

    #[test]
    fn records_are_written_as_in_a_zone_file() {
        let txt = Data::Txt(vec![b"a \"b\" \\ \x07".to_vec(), b"c".to_vec()]);
        let record = Record { name: "a.test".into(), ttl: 60, data: txt };
        assert_eq!(record.to_string(), r#"a.test. 60 IN TXT "a \"b\" \\ \007" "c""#);
        let other = Data::Other { kind: RecordType(99), data: vec![1, 0xab] };
        assert_eq!(other.to_string(), "\\# 2 01ab");
    }
}
