//! Which hosts are reached without a proxy: the rules of `NO_PROXY`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::proxy::host_and_port;

/// Hosts that are reached without a proxy.
///
/// Entries are parted by commas, semicolons or white space; letter case and a dot at the end do
/// not matter, and no name is ever looked up. Where programs differ it is written here:
///
/// | entry | what it matches |
/// |---|---|
/// | `example.com`, `.example.com` | the domain and everything below it (as curl; Go's leading dot leaves the domain out) |
/// | `*.example.com` | everything below it, not itself (as browsers) |
/// | `192.168.*`, `dev-*` | any text in place of a star (as Windows) |
/// | `*` | every host |
/// | `10.0.0.0/8`, `fc00::/7` | IP literals of the network (as curl and Go) |
/// | `127.0.0.1`, `[::1]`, `::1` | the address, however the URL wrote it |
/// | `example.com:8080`, `[::1]:80` | the same on this port only |
/// | `<local>` | names without a dot (as Windows) |
/// | `<-loopback>` | takes loopback out of [`Bypass::with_loopback`] (as browsers) |
///
/// ```
/// # use wayfare_proto::route::bypass::Bypass;
/// let bypass = Bypass::parse("example.com, 10.0.0.0/8");
/// assert_eq!(bypass.rule_for("www.example.com", 443), Some("example.com"));
/// assert_eq!(bypass.rule_for("notexample.com", 443), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bypass {
    rules: Vec<Rule>,
    loopback: Loopback,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Rule {
    text: String,
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Hosts {
    Address(IpAddr),
    All,
    Below(String),
    Domain(String),
    Exactly(String),
    Local,
    Network(IpAddr, u8),
    Pattern(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Loopback {
    Direct,
    /// By an explicit entry.
    Never,
    #[default]
    Proxied,
}

impl Bypass {
    /// No host.
    pub const NONE: Self = Self { rules: Vec::new(), loopback: Loopback::Proxied };

    /// Reads a list; an entry that makes no sense matches nothing.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut bypass = Self::default();
        for entry in entries(text) {
            if is_minus_loopback(entry) {
                bypass.loopback = Loopback::Never;
            } else if let Some((hosts, port)) = rule(entry) {
                bypass.rules.push(Rule { text: entry.to_owned(), hosts, port });
            }
        }
        bypass
    }

    /// As [`Bypass::parse`], but a domain is a host and nothing below it, as Windows and macOS have it.
    #[must_use]
    pub fn exactly(text: &str) -> Self {
        let mut bypass = Self::parse(text);
        for rule in &mut bypass.rules {
            if let Hosts::Domain(name) = &mut rule.hosts {
                let name = std::mem::take(name);
                rule.hosts = match rule.text.starts_with('.') {
                    true => Hosts::Below(name),
                    false => Hosts::Exactly(name),
                };
            }
        }
        bypass
    }

    /// Adds `localhost`, the names below it and the loopback addresses, unless the list takes
    /// them out.
    #[must_use]
    pub fn with_loopback(mut self) -> Self {
        if self.loopback == Loopback::Proxied {
            self.loopback = Loopback::Direct;
        }
        self
    }

    /// The entry that `host` is reached directly by, if there is one; `loopback` for those of
    /// [`Bypass::with_loopback`]. An IPv6 literal may have its brackets.
    #[must_use]
    pub fn rule_for(&self, host: &str, port: u16) -> Option<&str> {
        let host = Host::of(host);
        if self.loopback == Loopback::Direct && host.is_loopback() {
            return Some("loopback");
        }
        let fits =
            |rule: &&Rule| rule.port.is_none_or(|own| own == port) && host.is_in(&rule.hosts);
        self.rules.iter().find(fits).map(|rule| rule.text.as_str())
    }
}

/// An entry of a list that is neither a host, an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoEntry(String);

impl fmt::Display for NoEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.escape_debug();
        write!(f, "\"{shown}\" is no host (a.test, *.a.test), address or network (10.0.0.0/8)")
    }
}

impl std::error::Error for NoEntry {}

/// For lists that somebody gives just now: what makes no sense is an error, where [`Bypass::parse`]
/// passes it over.
impl FromStr for Bypass {
    type Err = NoEntry;

    fn from_str(text: &str) -> Result<Self, NoEntry> {
        for entry in entries(text) {
            if !is_minus_loopback(entry) && rule(entry).is_none() {
                return Err(NoEntry(entry.to_owned()));
            }
        }
        Ok(Self::parse(text))
    }
}

impl fmt::Display for Bypass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let without_loopback = (self.loopback == Loopback::Never).then_some("<-loopback>");
        let entries = self.rules.iter().map(|rule| rule.text.as_str()).chain(without_loopback);
        for (index, entry) in entries.enumerate() {
            write!(f, "{}{entry}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// A host in the one form in which rules are compared with it.
enum Host {
    Address(IpAddr),
    Name(String),
}

impl Host {
    fn of(host: &str) -> Self {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let lower = normal(bare);
        match lower.parse::<IpAddr>() {
            Ok(address) => Self::Address(address.to_canonical()),
            Err(_) => Self::Name(lower),
        }
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.is_loopback(),
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }

    fn is_in(&self, hosts: &Hosts) -> bool {
        match (hosts, self) {
            (Hosts::All, _) => true,
            (Hosts::Address(wanted), Self::Address(address)) => wanted == address,
            (Hosts::Network(network, bits), Self::Address(address)) => {
                is_within(*address, *network, *bits)
            }
            (Hosts::Domain(domain), Self::Name(name)) => name == domain || is_below(name, domain),
            (Hosts::Exactly(domain), Self::Name(name)) => name == domain,
            (Hosts::Below(domain), Self::Name(name)) => is_below(name, domain),
            // A zone is not a part of the name (it could be made to look like any).
            (Hosts::Local, Self::Name(name)) => !name.contains(['.', ':', '%']),
            (Hosts::Pattern(pattern), Self::Name(name)) if !name.contains('%') => {
                fits(pattern.as_bytes(), name.as_bytes())
            }
            (Hosts::Pattern(pattern), Self::Address(address)) => {
                fits(pattern.as_bytes(), address.to_string().as_bytes())
            }
            _ => false,
        }
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';']).flat_map(str::split_whitespace)
}

fn is_minus_loopback(entry: &str) -> bool {
    entry.eq_ignore_ascii_case("<-loopback>")
}

fn rule(entry: &str) -> Option<(Hosts, Option<u16>)> {
    if entry == "*" {
        return Some((Hosts::All, None));
    }
    if entry.eq_ignore_ascii_case("<local>") {
        return Some((Hosts::Local, None));
    }
    if let Some((network, bits)) = entry.split_once('/') {
        let network: IpAddr = network.trim_matches(['[', ']']).parse().ok()?;
        let bits = bits.parse().ok().filter(|bits| *bits <= width(network))?;
        return Some((Hosts::Network(network, bits), None));
    }
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Some((Hosts::Address(address.to_canonical()), None));
    }
    if let Some(domain) = entry.strip_prefix("*.").filter(|rest| !rest.contains('*')) {
        let (name, port) = host_and_port(domain).ok()?;
        return Some((Hosts::Below(normal(&name)), port));
    }
    if entry.contains('*') {
        let (pattern, port) = match entry.rsplit_once(':') {
            Some((pattern, port)) => (pattern, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        return Some((Hosts::Pattern(normal(pattern)), port));
    }
    let (name, port) = host_and_port(entry.strip_prefix('.').unwrap_or(entry)).ok()?;
    Some(match name.parse::<IpAddr>() {
        Ok(address) => (Hosts::Address(address.to_canonical()), port),
        Err(_) => (Hosts::Domain(normal(&name)), port),
    })
}

fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

fn is_below(name: &str, domain: &str) -> bool {
    // A zone could end in any name.
    !name.contains('%')
        && name.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    // An IPv4 network written as IPv6 (::ffff:10.0.0.0/104) holds the IPv4 addresses.
    let (network, bits) = match (network, network.to_canonical()) {
        (IpAddr::V6(_), v4 @ IpAddr::V4(_)) if bits >= 96 => (v4, bits - 96),
        (network, _) => (network, bits),
    };
    let differ = match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => u128::from(one.to_bits() ^ other.to_bits()) << 96,
        (IpAddr::V6(one), IpAddr::V6(other)) => one.to_bits() ^ other.to_bits(),
        _ => return false,
    };
    differ.leading_zeros() >= u32::from(bits)
}

/// True if `text` is `pattern` with any text in place of each star; in time linear in both but for
/// their product at worst.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, seen));
            at += 1;
        } else if pattern.get(at) == text.get(seen) {
            at += 1;
            seen += 1;
        } else if let Some((before, from)) = star {
            star = Some((before, from + 1));
            (at, seen) = (before + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+host` is reached directly and `-host` is not.
    fn check(list: &str, hosts: &str) {
        let bypass = Bypass::parse(list);
        for wanted in hosts.split_whitespace() {
            let (sign, place) = wanted.split_at(1);
            let (host, port) = match place.rsplit_once('=') {
                Some((host, port)) => (host, port.parse().unwrap()),
                None => (place, 80),
            };
            let direct = bypass.rule_for(host, port).is_some();
            assert_eq!(direct, sign == "+", "{place} under {list:?}");
        }
    }

    #[test]
    fn each_kind_of_entry_matches_what_the_table_says() {
        check("", "-a.test -localhost -127.0.0.1 -[::1]");
        check("a.test", "+a.test +b.a.test +A.TEST +a.test. -ba.test -a.test.b -test");
        check(".a.test", "+a.test +b.a.test -ba.test");
        check("a.test.", "+a.test +a.test.");
        check("*.a.test", "-a.test +b.a.test +c.b.a.test -ba.test");
        check("*", "+a.test +127.0.0.1 +[::1] +localhost");
        check("a.test b.test;c.test,,\td.test", "+a.test +b.test +c.test +d.test -e.test");
        check("10.0.0.0/8", "+10.1.2.3 -11.0.0.1 -10.test -[::1] +[::ffff:10.0.0.1]");
        check("0.0.0.0/0", "+1.2.3.4 -[::1] -a.test");
        check("fc00::/7 [fe80::]/10", "+[fd00::1] +fe80::1 -[2001:db8::1] -10.0.0.1");
        check("::ffff:10.0.0.0/104", "+10.1.1.1 -11.1.1.1");
        check("10.0.0.0/33 10.0.0.0/x 10/8", "-10.0.0.0 -10.0.0.1");
        check("127.0.0.1", "+127.0.0.1 -127.0.0.2 +[::ffff:127.0.0.1] -localhost");
        check("127.1", "+127.0.0.1");
        check("[::1]", "+[::1] +::1 -127.0.0.1");
        check("::1", "+[0:0::1]");
        check("a.test:81", "-a.test +a.test=81 +b.a.test=81");
        check("[::1]:81 127.0.0.1:82", "-[::1] +[::1]=81 +127.0.0.1=82 -127.0.0.1");
        check("192.168.* dev-*:8080", "+192.168.1.2 -192.169.1.2 +dev-one=8080 -dev-one -my-dev-1");
        check("a*c*e", "+abcde +ace -abcd +accce -ab");
        check("<local>", "+intranet -a.test -[::1] -10.0.0.1 -::1%a");
        check("example.test", "-::1%25.example.test -fe80::1%.example.test");
        check("*.example.test *example.test", "-[::1%25.example.test] -fe80::1%x.example.test");
    }

    #[test]
    fn nonsense_is_an_error_where_somebody_gives_it_just_now() {
        for sound in
            ["", "*", "a.test, 10.0.0.0/8;<local> .b.test", "<-loopback>", "[::1]:80", "a*:1"]
        {
            let read = sound.parse::<Bypass>().unwrap();
            assert_eq!((&read, &Bypass::parse(&read.to_string())), (&Bypass::parse(sound), &read));
        }
        for nonsense in ["10.0.0.0/33", "a.test,http://b.test", "a:b", "a*:x", "10/8", "a.test:0"] {
            let bad = nonsense.parse::<Bypass>().unwrap_err().to_string();
            assert!(bad.contains("is no host"), "{nonsense}: {bad}");
        }
    }

    #[test]
    fn loopback_is_added_and_can_be_taken_out() {
        let with = Bypass::parse("a.test").with_loopback();
        for host in
            ["localhost", "LOCALHOST.", "x.localhost", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]"]
        {
            assert_eq!(with.rule_for(host, 80), Some("loopback"), "{host}");
            assert_eq!(Bypass::parse("<-loopback>").with_loopback().rule_for(host, 80), None);
        }
        assert_eq!(with.rule_for("notlocalhost", 80), None);
        assert_eq!(with.rule_for("a.test", 80), Some("a.test"));
    }
}
