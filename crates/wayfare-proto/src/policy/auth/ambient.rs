//! Which servers may learn who is logged in on this machine.

/// Which servers and proxies may be told who is logged in on this machine, without anybody naming a
/// user: none by default.
///
/// That somebody is logged in is known by the tickets that `kinit`, or the login itself, has left in
/// the ticket cache. A ticket tells the server the user's name, so a server that any link can lead to
/// must not be told by itself.
///
/// ```
/// # use wayfare_proto::policy::auth::ambient::Ambient;
/// let ours = Ambient::hosts(["intra.example", ".corp.example"]);
/// assert!(ours.allows("wiki.corp.example") && ours.allows("INTRA.example"));
/// assert!(!ours.allows("corp.example") && !ours.allows("evil.test"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ambient {
    /// All that ask.
    All,
    /// These hosts, in lower case; a name with a dot before it stands for every name below it.
    Hosts(Vec<String>),
    /// None.
    #[default]
    Off,
}

impl Ambient {
    /// These hosts; `.example.org` stands for every name below `example.org`, but not for itself.
    pub fn hosts<H: AsRef<str>>(hosts: impl IntoIterator<Item = H>) -> Self {
        let plain = |host: H| host.as_ref().trim().trim_end_matches('.').to_ascii_lowercase();
        Self::Hosts(hosts.into_iter().map(plain).filter(|host| !host.is_empty()).collect())
    }

    /// True if this host may be told.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        match self {
            Self::All => true,
            Self::Off => false,
            Self::Hosts(hosts) => {
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                hosts.iter().any(|allowed| match allowed.starts_with('.') {
                    true => host.len() > allowed.len() && host.ends_with(allowed.as_str()),
                    false => host == *allowed,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_hosts_are_told_that_are_named() {
        let table = [
            (Ambient::Off, "a.test", false),
            (Ambient::All, "a.test", true),
            (Ambient::hosts(["a.test"]), "A.test.", true),
            (Ambient::hosts(["A.Test."]), "a.test", true),
            (Ambient::hosts(["a.test"]), "b.a.test", false),
            (Ambient::hosts(["a.test"]), "a.test.evil", false),
            (Ambient::hosts([".a.test"]), "b.a.test", true),
            (Ambient::hosts([".a.test"]), "c.b.a.test", true),
            (Ambient::hosts([".a.test"]), "a.test", false),
            (Ambient::hosts([".a.test"]), ".a.test", false),
            (Ambient::hosts([".a.test"]), "evila.test", false),
            (Ambient::hosts(["", " ", "."]), "", false),
            (Ambient::hosts(Vec::<String>::new()), "a.test", false),
        ];
        for (ambient, host, expected) in table {
            assert_eq!(ambient.allows(host), expected, "{ambient:?} {host}");
        }
    }
}
