//! `resolv.conf`: which name servers to ask, and which names to complete (resolv.conf(5)).

use std::net::IpAddr;
use std::time::Duration;

use crate::address::ip::Address;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvConf {
    /// The servers in the order in which they are asked, at most three; this machine itself if the
    /// file names none.
    pub servers: Vec<Address>,
    /// The domains that complete a name, at most six.
    pub search: Vec<String>,
    /// Names with so many dots are tried as they are first; 1 by default, 15 at most.
    pub ndots: u8,
    /// How long a server has to answer; 5 s by default, 30 s at most.
    pub timeout: Duration,
    /// How often each server is asked; twice by default, five times at most.
    pub attempts: u8,
    /// Servers take turns in being asked first.
    pub rotate: bool,
}

impl ResolvConf {
    /// Reads the file as `libc` does: unknown lines and damaged values are passed over.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut conf = Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            rotate: false,
        };
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let server = words.next().and_then(|word| word.parse().ok());
                    conf.servers.extend(server.filter(|_| conf.servers.len() < MOST_SERVERS));
                }
                // The last one of these holds.
                Some("domain") => conf.search = words.take(1).filter_map(domain).collect(),
                Some("search") => {
                    conf.search = words.filter_map(domain).take(MOST_DOMAINS).collect();
                }
                Some("options") => words.for_each(|word| conf.set(word)),
                _ => {}
            }
        }
        if conf.servers.is_empty() {
            conf.servers.push(IpAddr::from([127, 0, 0, 1]).into());
        }
        conf
    }

    /// The names to ask for, in this order, when somebody says `name`.
    #[must_use]
    pub fn candidates(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return vec![name.to_owned()];
        }
        let completed = self.search.iter().map(|domain| format!("{name}.{domain}"));
        let dots = name.bytes().filter(|byte| *byte == b'.').count();
        let mut names: Vec<_> = completed.collect();
        let place = if dots >= usize::from(self.ndots) { 0 } else { names.len() };
        names.insert(place, name.to_owned());
        names
    }

    fn set(&mut self, option: &str) {
        let number = |text: &str| text.parse::<u8>().ok();
        match option.split_once(':') {
            Some(("ndots", value)) => {
                self.ndots = number(value).map_or(self.ndots, |dots| dots.min(15));
            }
            Some(("timeout", value)) => {
                let seconds = number(value).map(|seconds| u64::from(seconds.clamp(1, 30)));
                self.timeout = seconds.map_or(self.timeout, Duration::from_secs);
            }
            Some(("attempts", value)) => {
                self.attempts = number(value).map_or(self.attempts, |times| times.clamp(1, 5));
            }
            None if option == "rotate" => self.rotate = true,
            _ => {}
        }
    }
}

fn domain(word: &str) -> Option<String> {
    let bare = word.strip_suffix('.').unwrap_or(word);
    (!bare.is_empty() && bare.len() <= 253).then(|| bare.to_owned())
}

const MOST_SERVERS: usize = 3;
const MOST_DOMAINS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_file_is_read() {
        let conf = ResolvConf::parse(
            "# a comment\n; another\nnameserver 192.0.2.1 # behind\nnameserver fe80::1%eth0\n\
             nameserver nonsense\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n\
             domain old.test\nsearch a.test. b.test\noptions ndots:2 timeout:1 attempts:9 edns0 rotate\n",
        );
        let servers: Vec<_> = conf.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1", "fe80::1%eth0", "192.0.2.3"]);
        assert_eq!(conf.search, ["a.test", "b.test"]);
        assert_eq!((conf.ndots, conf.attempts, conf.rotate), (2, 5, true));
        assert_eq!(conf.timeout, Duration::from_secs(1));
    }

    #[test]
    fn an_empty_file_asks_this_machine() {
        let conf = ResolvConf::parse("options ndots:x timeout:0 attempts:0\n");
        assert_eq!(conf.servers, [IpAddr::from([127, 0, 0, 1]).into()]);
        assert_eq!((conf.ndots, conf.attempts), (1, 1));
        assert_eq!(conf.timeout, Duration::from_secs(1));
    }

    #[test]
    fn names_are_completed_in_the_order_their_dots_ask_for() {
        let conf = ResolvConf::parse("search a.test b.test\noptions ndots:1");
        assert_eq!(conf.candidates("host"), ["host.a.test", "host.b.test", "host"]);
        assert_eq!(conf.candidates("x.y"), ["x.y", "x.y.a.test", "x.y.b.test"]);
        assert_eq!(conf.candidates("host."), ["host."]);
    }
}
