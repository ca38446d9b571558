//! The proxies that the settings of Windows and macOS name, as their own tools print them.

use url::Url;

use super::bypass::Bypass;
use super::proxy::{Chain, Proxy, ProxyKind, ProxyMistake};
use super::settings::{Choice, of_scheme};

/// What an operating system's settings say about proxies.
///
/// Each scheme has its proxy, or else the SOCKS proxy is taken; hosts of the list of exceptions, names
/// without a dot where that is set, and this machine itself are reached directly. An exception
/// without a star is a host and nothing below it, as both systems have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    http: Setting,
    https: Setting,
    ftp: Setting,
    socks: Setting,
    bypass: Bypass,
    script: Option<String>,
}

/// A proxy that is set, or what is wrong with it.
type Setting = Option<Result<Proxy, ProxyMistake>>;

impl Machine {
    /// Nothing is set.
    pub const NONE: Self = Self {
        http: None,
        https: None,
        ftp: None,
        socks: None,
        bypass: Bypass::NONE,
        script: None,
    };

    /// Reads what `reg query` prints of the key `Internet Settings` of Windows: `ProxyEnable`,
    /// `ProxyServer` (one for all, or `http=…;https=…;ftp=…;socks=…`), `ProxyOverride` and
    /// `AutoConfigURL`. The keys below it are not read.
    ///
    /// ```
    /// # use wayfare_proto::route::machine::Machine;
    /// let machine = Machine::of_windows(
    ///     "HKEY_CURRENT_USER\\…\\Internet Settings\r\n\
    ///     \x20   ProxyEnable    REG_DWORD    0x1\r\n\
    ///     \x20   ProxyServer    REG_SZ    proxy.test:3128\r\n",
    /// );
    /// let choice = machine.choose(&"https://a.test/".parse().unwrap()).unwrap();
    /// assert_eq!(choice.chain.to_string(), "http://proxy.test:3128");
    /// ```
    #[must_use]
    pub fn of_windows(told: &str) -> Self {
        let mut machine = Self::default();
        let values: Vec<_> = registry_values(told).collect();
        let value = |wanted: &str| {
            let found = values.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| *value).filter(|value| !value.is_empty())
        };
        machine.script = value("AutoConfigURL").map(str::to_owned);
        if value("ProxyEnable").and_then(number) != Some(1) {
            return machine;
        }
        machine.bypass =
            Bypass::exactly(value("ProxyOverride").unwrap_or_default()).with_loopback();
        let servers = value("ProxyServer").unwrap_or_default();
        for entry in servers.split([';', ' ']).map(str::trim).filter(|entry| !entry.is_empty()) {
            match entry.split_once('=') {
                None => {
                    for place in [&mut machine.http, &mut machine.https, &mut machine.ftp] {
                        place.get_or_insert_with(|| entry.parse());
                    }
                }
                Some((scheme, place)) => machine.put(scheme, place),
            }
        }
        machine
    }

    /// Reads what `scutil --proxy` prints on macOS; what holds for one interface only is passed over.
    ///
    /// ```
    /// # use wayfare_proto::route::machine::Machine;
    /// let machine = Machine::of_macos(
    ///     "<dictionary> {\n HTTPEnable : 1\n HTTPPort : 3128\n HTTPProxy : proxy.test\n}",
    /// );
    /// let choice = machine.choose(&"http://a.test/".parse().unwrap()).unwrap();
    /// assert_eq!(choice.chain.to_string(), "http://proxy.test:3128");
    /// ```
    #[must_use]
    pub fn of_macos(told: &str) -> Self {
        let dictionary = Dictionary::read(told);
        let value = |name: &str| dictionary.value(name);
        let is_on = |name: &str| value(name).and_then(number) == Some(1);
        let proxy = |name: &str, kind: ProxyKind| {
            let host =
                value(&format!("{name}Proxy")).filter(|_| is_on(&format!("{name}Enable")))?;
            let port =
                value(&format!("{name}Port")).map_or(String::new(), |port| format!(":{port}"));
            let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            Some(format!("{}://{host}{port}", kind.scheme()).parse())
        };
        let mut exceptions = dictionary.exceptions.join(" ");
        if is_on("ExcludeSimpleHostnames") {
            exceptions += " <local>";
        }
        let script = value("ProxyAutoConfigURLString").filter(|_| is_on("ProxyAutoConfigEnable"));
        Self {
            http: proxy("HTTP", ProxyKind::Http),
            https: proxy("HTTPS", ProxyKind::Http),
            ftp: proxy("FTP", ProxyKind::Http),
            socks: proxy("SOCKS", ProxyKind::Socks5h),
            bypass: Bypass::exactly(&exceptions).with_loopback(),
            script: script.map(str::to_owned),
        }
    }

    /// True if no proxy is set; there may be a script.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [&self.http, &self.https, &self.ftp, &self.socks].into_iter().all(Option::is_none)
    }

    /// Where the auto-configuration script is, if one is set; it is not heard by
    /// [`choose`](Self::choose).
    #[must_use]
    pub fn script(&self) -> Option<&str> {
        self.script.as_deref()
    }

    /// The way to `url`.
    ///
    /// # Errors
    /// [`ProxyMistake`] if what is set for it is no proxy: then there is no telling what was meant.
    pub fn choose(&self, url: &Url) -> Result<Choice, ProxyMistake> {
        self.choose_past(&self.bypass, url)
    }

    /// The way to `url` with these exceptions in place of those that are set.
    ///
    /// # Errors
    /// As [`choose`](Self::choose).
    pub fn choose_past(&self, bypass: &Bypass, url: &Url) -> Result<Choice, ProxyMistake> {
        let own = of_scheme(url, [&self.http, &self.https, &self.ftp]);
        let direct = |rule: String| Ok(Choice { chain: Chain::DIRECT, rule });
        let Some(proxy) = own.or(self.socks.as_ref()) else {
            return direct("the machine's settings name no proxy for it".to_owned());
        };
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(0);
        match bypass.rule_for(host, port) {
            Some("loopback") => {
                return direct("this machine is reached without a proxy".to_owned());
            }
            Some(entry) => {
                return direct(format!("the exception {entry} of the machine's settings"));
            }
            None => {}
        }
        let chain = proxy.clone()?.into();
        Ok(Choice { chain, rule: "the machine's settings".to_owned() })
    }

    /// Takes in what Windows has for one scheme; its SOCKS is version 4.
    fn put(&mut self, scheme: &str, place: &str) {
        let (slot, proxy) = match scheme.trim().to_ascii_lowercase().as_str() {
            "http" => (&mut self.http, place.parse()),
            "https" => (&mut self.https, place.parse()),
            "ftp" => (&mut self.ftp, place.parse()),
            "socks" if place.contains("://") => (&mut self.socks, place.parse()),
            "socks" => (&mut self.socks, format!("socks4://{place}").parse()),
            _ => return,
        };
        slot.get_or_insert(proxy);
    }
}

/// Names and values of the first key that `reg query` prints.
fn registry_values(told: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_value = |line: &&str| line.starts_with([' ', '\t']);
    let lines = told.lines().skip_while(move |line| !is_value(line)).take_while(is_value);
    lines.filter_map(|line| {
        let (name, rest) = part(line)?;
        let (kind, value) = part(rest).unwrap_or((rest.trim(), ""));
        kind.starts_with("REG_").then_some((name, value.trim()))
    })
}

/// A column and the rest: they are parted by four blanks, or by a tab in old versions.
fn part(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let end = [line.find("    "), line.find('\t')].into_iter().flatten().min()?;
    let (column, rest) = line.split_at(end);
    Some((column, rest.trim_start()))
}

/// A number as either system writes it.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The outermost dictionary of what `scutil` prints.
#[derive(Default)]
struct Dictionary<'a> {
    values: Vec<(&'a str, &'a str)>,
    exceptions: Vec<String>,
}

impl<'a> Dictionary<'a> {
    fn read(told: &'a str) -> Self {
        let mut dictionary = Self::default();
        // The names of what is open around a line, the outermost without one.
        let mut open: Vec<&str> = Vec::new();
        for line in told.lines().map(str::trim) {
            let (name, value) = match line.split_once(" : ") {
                Some((name, value)) => (name.trim(), value.trim()),
                None => ("", line),
            };
            match (value.ends_with('{'), value, open.as_slice()) {
                (true, ..) if open.len() < DEEPEST => open.push(name),
                // Nothing that means anything is so deep.
                (true, ..) => break,
                (_, "}", _) => drop(open.pop()),
                (_, value, [_]) if !name.is_empty() => dictionary.values.push((name, value)),
                (_, value, [_, "ExceptionsList"]) => {
                    dictionary.exceptions.push(whole_network(value));
                }
                _ => {}
            }
        }
        dictionary
    }

    fn value(&self, wanted: &str) -> Option<&'a str> {
        let found = self.values.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| *value).filter(|value| !value.is_empty())
    }
}

/// `169.254/16` means `169.254.0.0/16`.
fn whole_network(entry: &str) -> String {
    let Some((network, bits)) = entry.split_once('/') else { return entry.to_owned() };
    let is_short = !network.is_empty() && network.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let missing = 3_usize.saturating_sub(network.matches('.').count());
    match is_short {
        true => format!("{network}{}/{bits}", ".0".repeat(missing)),
        false => entry.to_owned(),
    }
}

const DEEPEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(machine: &Machine, url: &str) -> String {
        match machine.choose(&url.parse().unwrap()) {
            Ok(choice) => choice.chain.to_string(),
            Err(mistake) => format!("! {mistake}"),
        }
    }

    /// `Internet Settings` with these values, as `reg query` prints it.
    fn windows(values: &[(&str, &str, &str)]) -> Machine {
        let mut told = String::from("\r\nHKEY_CURRENT_USER\\Software\\Internet Settings\r\n");
        told += "    User Agent    REG_SZ    Mozilla/4.0 (compatible; MSIE 8.0)\r\n";
        told += "    ZonesSecurityUpgrade    REG_BINARY    BE1A4ED6\r\n";
        for (name, kind, value) in values {
            told += &format!("    {name}    {kind}    {value}\r\n");
        }
        told += "\r\nHKEY_CURRENT_USER\\Software\\Internet Settings\\5.0\r\n";
        told += "    ProxyServer    REG_SZ    below.test:1\r\n";
        Machine::of_windows(&told)
    }

    const ON: (&str, &str, &str) = ("ProxyEnable", "REG_DWORD", "0x1");

    #[test]
    fn windows_names_one_proxy_for_all_or_one_for_each() {
        let server = |text: &'static str| windows(&[ON, ("ProxyServer", "REG_SZ", text)]);
        let table: [(&str, [&str; 3]); 8] = [
            ("p.test:8080", ["http://p.test:8080"; 3]),
            ("http://p.test:8080", ["http://p.test:8080"; 3]),
            ("p.test", ["http://p.test:80"; 3]),
            (
                "http=h.test:1;https=s.test:2;ftp=f.test:3",
                ["http://h.test:1", "http://s.test:2", "http://f.test:3"],
            ),
            ("HTTP=h.test:1; https=s.test:2", ["http://h.test:1", "http://s.test:2", "direct"]),
            (
                "http=h.test:1;socks=k.test:4",
                ["http://h.test:1", "socks4://k.test:4", "socks4://k.test:4"],
            ),
            ("socks=socks5://k.test", ["socks5://k.test:1080"; 3]),
            ("gopher=g.test:1;", ["direct"; 3]),
        ];
        for (text, expected) in table {
            let machine = server(text);
            let found =
                ["http", "https", "ftp"].map(|one| chosen(&machine, &format!("{one}://a.test/")));
            assert_eq!(found, expected, "{text}");
        }
        let off = ("ProxyEnable", "REG_DWORD", "0x0");
        let set = ("ProxyServer", "REG_SZ", "p.test:1");
        for values in [&[off, set][..], &[set], &[ON], &[]] {
            assert!(windows(values).is_empty(), "{values:?}");
        }
        // What is no proxy does not mean the direct way.
        assert!(chosen(&server("http=a.test:x"), "http://a.test/").starts_with('!'));
        assert_eq!(Machine::of_windows(""), Machine::default());
        let old = "KEY\n\tProxyEnable\tREG_DWORD\t0x1\n\tProxyServer\tREG_SZ\tp.test:1\n";
        assert_eq!(chosen(&Machine::of_windows(old), "http://a.test/"), "http://p.test:1");
    }

    #[test]
    fn windows_exceptions_are_exact_and_local_names_are_an_entry() {
        let list = "corp.test;*.below.test;192.168.*;<local>;10.0.0.1";
        let machine = windows(&[
            ON,
            ("ProxyServer", "REG_SZ", "p.test:1"),
            ("ProxyOverride", "REG_SZ", list),
            ("AutoConfigURL", "REG_SZ", "http://script.test/proxy.pac"),
        ]);
        assert_eq!(machine.script(), Some("http://script.test/proxy.pac"));
        for host in
            ["corp.test", "CORP.test", "a.below.test", "192.168.1.1", "intranet", "10.0.0.1"]
        {
            assert_eq!(chosen(&machine, &format!("http://{host}/")), "direct", "{host}");
        }
        for host in ["www.corp.test", "below.test", "notcorp.test", "192.169.0.1", "10.0.0.2"] {
            assert_eq!(chosen(&machine, &format!("http://{host}/")), "http://p.test:1", "{host}");
        }
        // This machine is reached directly unless the list says otherwise.
        assert_eq!(chosen(&machine, "http://127.0.0.1/"), "direct");
        let all = ("ProxyOverride", "REG_SZ", "<-loopback>");
        let machine = windows(&[ON, ("ProxyServer", "REG_SZ", "p.test:1"), all]);
        assert_eq!(chosen(&machine, "http://127.0.0.1/"), "http://p.test:1");
        let only = windows(&[("AutoConfigURL", "REG_SZ", "http://s.test/")]);
        assert!(only.is_empty() && only.script().is_some());
    }

    const MACOS: &str = "<dictionary> {
  ExceptionsList : <array> {
    0 : *.local
    1 : 169.254/16
    2 : corp.test
  }
  ExcludeSimpleHostnames : 1
  FTPPassive : 1
  HTTPEnable : 1
  HTTPPort : 8080
  HTTPProxy : h.test
  HTTPSEnable : 1
  HTTPSPort : 8443
  HTTPSProxy : 2001:db8::1
  ProxyAutoConfigEnable : 1
  ProxyAutoConfigURLString : http://script.test/proxy.pac
  SOCKSEnable : 1
  SOCKSPort : 1081
  SOCKSProxy : k.test
  __SCOPED__ : <dictionary> {
    en0 : <dictionary> {
      HTTPEnable : 1
      HTTPProxy : scoped.test
    }
  }
}
";

    #[test]
    fn macos_names_a_proxy_for_each_and_socks_for_the_rest() {
        let machine = Machine::of_macos(MACOS);
        let table = [
            ("http://a.test/", "http://h.test:8080"),
            ("https://a.test/", "http://[2001:db8::1]:8443"),
            ("ftp://a.test/", "socks5h://k.test:1081"),
            ("http://printer.local/", "direct"),
            ("http://169.254.3.4/", "direct"),
            ("http://corp.test/", "direct"),
            ("http://www.corp.test/", "http://h.test:8080"),
            ("http://intranet/", "direct"),
            ("http://localhost/", "direct"),
        ];
        for (url, expected) in table {
            assert_eq!(chosen(&machine, url), expected, "{url}");
        }
        assert_eq!(machine.script(), Some("http://script.test/proxy.pac"));
    }

    #[test]
    fn macos_settings_that_are_off_are_not_heard() {
        let machine = Machine::of_macos(&MACOS.replace("Enable : 1", "Enable : 0"));
        assert!(machine.is_empty());
        assert_eq!(machine.script(), None);
        let simple = MACOS.replace("ExcludeSimpleHostnames : 1", "ExcludeSimpleHostnames : 0");
        assert_eq!(chosen(&Machine::of_macos(&simple), "http://intranet/"), "http://h.test:8080");
        let bare = "<dictionary> {\n  HTTPEnable : 1\n  HTTPProxy : h.test\n}\n";
        assert_eq!(chosen(&Machine::of_macos(bare), "http://a.test/"), "http://h.test:80");
        assert_eq!(Machine::of_macos("").script(), None);
        assert!(Machine::of_macos(&"a : {\n".repeat(1_000)).is_empty());
    }
}
