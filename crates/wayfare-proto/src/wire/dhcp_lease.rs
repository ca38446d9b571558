//! Where a network says its auto-configuration script is (DHCP option 252), in the files that DHCP
//! clients keep.

use std::str::FromStr;

/// The places in a file of leases of ISC dhclient (dhclient.leases(5)): those of the last lease of
/// each interface, unless it has expired. `now` is in seconds since 1970.
///
/// The option has no name of its own; it is known under those that are usual, and by its number.
///
/// ```
/// use wayfare_proto::wire::dhcp_lease::in_dhclient;
/// let file = "lease { interface \"eth0\"; option wpad \"http://a.test/p\"; expire never; }";
/// assert_eq!(in_dhclient(file, 0), ["http://a.test/p"]);
/// ```
#[must_use]
pub fn in_dhclient(text: &str, now: u64) -> Vec<String> {
    let mut found: Vec<Lease> = Vec::new();
    let mut open: Option<Lease> = None;
    for statement in Statements(text) {
        match statement {
            Statement::Open("lease") => open = Some(Lease::default()),
            Statement::Open(_) => {}
            Statement::Close => {
                let Some(lease) = open.take() else { continue };
                found.retain(|known| known.interface != lease.interface);
                if found.len() < MOST_INTERFACES {
                    found.push(lease);
                }
            }
            Statement::Line(line) => {
                if let Some(lease) = &mut open {
                    lease.take(line);
                }
            }
        }
    }
    let fresh = found.into_iter().filter(|lease| lease.until.is_none_or(|until| now < until));
    fresh.filter_map(|lease| lease.place).collect()
}

/// The place in a state file of a device of NetworkManager (`/run/NetworkManager/devices`).
#[must_use]
pub fn in_network_manager(text: &str) -> Option<String> {
    let mut is_dhcp = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_dhcp = line == "[dhcp4]";
        } else if let Some(value) = line.strip_prefix("wpad=").filter(|_| is_dhcp) {
            return clean(value.as_bytes());
        }
    }
    None
}

/// The place in a lease of systemd-networkd (`/run/systemd/netif/leases`), which keeps the options
/// that it was told to request in hexadecimal digits.
#[must_use]
pub fn in_networkd(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("OPTION_252="))?;
    let digits = value.trim().as_bytes();
    let pairs = digits.chunks(2).map(|pair| byte(pair, 16).filter(|_| pair.len() == 2));
    clean(&pairs.collect::<Option<Vec<_>>>()?)
}

#[derive(Default)]
struct Lease {
    interface: String,
    place: Option<String>,
    /// For ever, if there is none.
    until: Option<u64>,
}

impl Lease {
    fn take(&mut self, line: &str) {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "interface" => rest.trim_matches('"').clone_into(&mut self.interface),
            // One that cannot be read is none to rely on.
            "expire" => self.until = if rest == "never" { None } else { Some(time(rest)) },
            "option" => {
                let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                if NAMES.contains(&name) {
                    self.place = value_of(value.trim());
                }
            }
            _ => {}
        }
    }
}

/// A text in quotes, or bytes in hexadecimal digits parted by colons.
fn value_of(value: &str) -> Option<String> {
    let Some(quoted) = value.strip_prefix('"') else {
        let bytes = value.split(':').map(|pair| byte(pair.as_bytes(), 16));
        return clean(&bytes.collect::<Option<Vec<_>>>()?);
    };
    let mut bytes = Vec::new();
    let mut rest = quoted.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        match (first, after) {
            (b'"', _) => break,
            // Three octal digits, or the character itself.
            (b'\\', [a, b, c, after @ ..]) if byte(&[*a, *b, *c], 8).is_some() => {
                bytes.extend(byte(&[*a, *b, *c], 8));
                rest = after;
            }
            (b'\\', [escaped, after @ ..]) => {
                bytes.push(*escaped);
                rest = after;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    clean(&bytes)
}

fn byte(digits: &[u8], radix: u32) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    // A sign is no digit.
    text.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
    u8::from_str_radix(text, radix).ok()
}

/// Some servers end the text with a NUL or a line break.
fn clean(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    (!text.is_empty() && text.len() <= MOST_TEXT).then(|| text.to_owned())
}

/// `WEEKDAY YEAR/MONTH/DAY HOUR:MINUTE:SECOND` or `epoch SECONDS`, in seconds since 1970; 0 for
/// what is neither.
fn time(text: &str) -> u64 {
    let mut words = text.split_whitespace();
    let read = match (words.next(), words.next(), words.next()) {
        (Some("epoch"), Some(seconds), _) => seconds.parse().ok(),
        (Some(_), Some(date), Some(clock)) => moment(date, clock),
        _ => None,
    };
    read.unwrap_or(0)
}

fn moment(date: &str, clock: &str) -> Option<u64> {
    let [year, month, day] = numbers(date, '/')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let is_date = (1970..=9999).contains(&year) && (1..=12).contains(&month);
    if !is_date || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Years that begin with March, so that the day that leaps is the last one.
    let (years, months) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leaps = years / 4 - years / 100 + years / 400;
    let days = years * 365 + leaps + (months * 153 + 2) / 5 + day - 1;
    days.checked_sub(DAYS_TO_1970).map(|days| ((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let mut parts = text.split(between).map(u64::from_str);
    let read = [parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?];
    parts.next().is_none().then_some(read)
}

/// What such a file is made of.
enum Statement<'a> {
    Close,
    Line(&'a str),
    Open(&'a str),
}

struct Statements<'a>(&'a str);

impl<'a> Iterator for Statements<'a> {
    type Item = Statement<'a>;

    fn next(&mut self) -> Option<Statement<'a>> {
        loop {
            self.0 = self.0.trim_start();
            match self.0.strip_prefix('#') {
                Some(comment) => self.0 = comment.split_once('\n').map_or("", |(_, rest)| rest),
                None => break,
            }
        }
        if let Some(rest) = self.0.strip_prefix('}') {
            self.0 = rest;
            return Some(Statement::Close);
        }
        let end = end_of_statement(self.0)?;
        let (statement, rest) = self.0.split_at(end);
        // What ends a statement is one byte long.
        self.0 = &rest[1..];
        let statement = statement.trim();
        Some(match rest.as_bytes().first() {
            Some(b'{') => Statement::Open(statement),
            _ => Statement::Line(statement),
        })
    }
}

/// Where the `;` or `{` is that is in no quotes.
fn end_of_statement(text: &str) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.bytes().position(|byte| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match byte {
            b'\\' if is_quoted && !was_escaped => is_escaped = true,
            b'"' if !was_escaped => is_quoted = !is_quoted,
            b';' | b'{' => return !is_quoted,
            _ => {}
        }
        false
    })
}

const NAMES: &[&str] = &[
    "auto-proxy-config",
    "local-pac-server",
    "option-252",
    "proxy-auto-config",
    "unknown-252",
    "wpad",
    "wpad-url",
];
const MOST_INTERFACES: usize = 64;
/// An option of DHCP has 255 bytes, and several may be one.
const MOST_TEXT: usize = 2048;
const DAYS_TO_1970: u64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lease_of_each_interface_counts_until_it_expires() {
        let file = r#"
# comment } ; "
lease {
  interface "eth0";
  option wpad "http://old.test/";
  expire never;
}
lease {
  interface "eth0";
  option domain-name "a;b}\"{";
  option unknown-252 "http://new.test/\"p\"\000";
  expire 5 2026/11/20 12:00:00;
}
lease { interface "eth1"; option wpad-url 68:74:74:70:3a:2f:2f:68:65:78:2e:74:65:73:74; }
lease { interface "eth2"; option wpad "http://gone.test/"; expire epoch 1795000000; # late
}
lease { interface "eth3"; option wpad "http://x.test/"; }
lease { interface "eth3"; option routers 10.0.0.1; }
lease { interface "eth4"; option wpad "http://damaged.test/"; expire soon; }
lease { interface "eth5"; option wpad "http://open.test/";"#;
        // `date -ud '2026-11-20 12:00:00' +%s`
        let noon = 1_795_176_000;
        let both = ["http://new.test/\"p\"", "http://hex.test"];
        assert_eq!(in_dhclient(file, noon - 1), both);
        assert_eq!(in_dhclient(file, noon), both[1..]);
    }

    #[test]
    fn values_are_read_in_every_notation_or_not_at_all() {
        let table = [
            (r#""http://a.test/\057\n\\""#, Some("http://a.test//n\\")),
            (r#""a\04""#, Some("a04")),
            (r#""a\777""#, Some("a777")),
            (r#""" "#, None),
            (r#""\000\012""#, None),
            (r#""open"#, Some("open")),
            ("61:62:0a", Some("ab")),
            ("61:+2", None),
            ("ff:fe", None),
            ("", None),
            ("é", None),
        ];
        for (value, expected) in table {
            assert_eq!(value_of(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn the_files_of_the_other_clients_are_read() {
        let file =
            "[device]\nwpad=http://no.test/\n[dhcp4]\nip_address=10.0.0.2\nwpad=http://a.test/\n";
        assert_eq!(in_network_manager(file).as_deref(), Some("http://a.test/"));
        assert_eq!(in_network_manager("[dhcp6]\nwpad=http://a.test/"), None);
        let hex = "# lease\nADDRESS=10.0.0.2\nOPTION_252=687474703a2f2f612e746573742f00\n";
        assert_eq!(in_networkd(hex).as_deref(), Some("http://a.test/"));
        for damaged in
            ["OPTION_252=6", "OPTION_252=zz", "OPTION_252=", "OPTION_25=61", "OPTION_252=é"]
        {
            assert_eq!(in_networkd(damaged), None, "{damaged}");
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        let table = [
            ("4 1970/01/01 00:00:00", 0),
            ("2 2000/02/29 23:59:59", 951_868_799),
            ("3 2000/03/01 00:00:00", 951_868_800),
            ("epoch 17", 17),
            ("1 2026/13/01 00:00:00", 0),
            ("1 2026/1/1", 0),
            ("1 99999999999999999999/1/1 0:0:0", 0),
            ("1 2026/1/1/1 0:0:0", 0),
        ];
        for (text, expected) in table {
            assert_eq!(time(text), expected, "{text}");
        }
    }
}
