//! The proxies that environment variables name.

use std::fmt;

use url::Url;

use super::bypass::Bypass;
use super::proxy::{Chain, Proxy, ProxyMistake};

/// What the environment says about proxies.
///
/// `http_proxy` is for `http` URLs, `https_proxy` for `https`, `ftp_proxy` for `ftp`, and
/// `all_proxy` for those without one of their own; `no_proxy` is a [`Bypass`], to which loopback is
/// added. The lower-case variable comes before the upper-case one, and `HTTP_PROXY` in upper case
/// is never read: in a CGI program it is what a client sent as a field `Proxy`. For the same reason
/// `http_proxy` is not read where `REQUEST_METHOD` is set, as some systems take both for one. An
/// empty variable counts as not set.
///
/// ```
/// # use wayfare_proto::route::settings::Settings;
/// let named = |name: &str| (name == "http_proxy").then(|| "proxy.test:3128".to_owned());
/// let settings = Settings::from_variables(named);
/// let choice = settings.choose(&"http://a.test/".parse().unwrap()).unwrap();
/// assert_eq!(choice.chain.to_string(), "http://proxy.test:3128");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    http: Setting,
    https: Setting,
    ftp: Setting,
    all: Setting,
    bypass: Bypass,
    unheard: Option<Unheard>,
}

/// A variable that is set and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// `HTTP_PROXY`.
    Capitals,
    /// `http_proxy`, beside `REQUEST_METHOD`.
    Cgi,
}

/// A variable that is set, and what it says.
type Setting = Option<(&'static str, Result<Proxy, ProxyMistake>)>;

/// A way that was chosen, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The way.
    pub chain: Chain,
    /// The rule, in words.
    pub rule: String,
}

/// A variable whose value is no proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadVariable {
    /// Its name.
    pub name: &'static str,
    /// What is wrong.
    pub mistake: ProxyMistake,
}

impl Settings {
    /// Takes in the variables that `named` gives the values of.
    #[must_use]
    pub fn from_variables(named: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &str| named(name).filter(|value| !value.trim().is_empty());
        let first = |names: &[&'static str]| -> Setting {
            let found = names.iter().find_map(|name| Some((*name, value(name)?)));
            found.map(|(name, value)| (name, value.parse()))
        };
        let http = match value("REQUEST_METHOD") {
            Some(_) => None,
            None => first(&["http_proxy"]),
        };
        let bypass = value("no_proxy").or_else(|| value("NO_PROXY")).unwrap_or_default();
        Self {
            http,
            https: first(&["https_proxy", "HTTPS_PROXY"]),
            ftp: first(&["ftp_proxy", "FTP_PROXY"]),
            all: first(&["all_proxy", "ALL_PROXY"]),
            unheard: match (value("http_proxy"), value("HTTP_PROXY"), value("REQUEST_METHOD")) {
                (Some(_), _, Some(_)) => Some(Unheard::Cgi),
                (None, Some(_), _) => Some(Unheard::Capitals),
                _ => None,
            },
            bypass: Bypass::parse(&bypass).with_loopback(),
        }
    }

    /// The variable that is set and not read, if there is one.
    #[must_use]
    pub fn unheard(&self) -> Option<Unheard> {
        self.unheard
    }

    /// True if no variable names a proxy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [&self.http, &self.https, &self.ftp, &self.all].into_iter().all(Option::is_none)
    }

    /// The way to `url`.
    ///
    /// # Errors
    /// [`BadVariable`] if the variable in question names no proxy: then there is no telling what
    /// was meant, and going without a proxy might tell the world what was to stay hidden.
    pub fn choose(&self, url: &Url) -> Result<Choice, BadVariable> {
        self.choose_past(&self.bypass, url)
    }

    /// The way to `url` with these exceptions in place of `no_proxy` and loopback.
    ///
    /// # Errors
    /// As [`choose`](Self::choose).
    pub fn choose_past(&self, bypass: &Bypass, url: &Url) -> Result<Choice, BadVariable> {
        let own = of_scheme(url, [&self.http, &self.https, &self.ftp]);
        let direct = |rule: String| Ok(Choice { chain: Chain::DIRECT, rule });
        let Some((name, proxy)) = own.or(self.all.as_ref()) else {
            return direct(match self.unheard {
                Some(unheard) if url.scheme() == "http" => {
                    format!("no variable names a proxy for it: {unheard}")
                }
                _ => "no variable names a proxy for it".to_owned(),
            });
        };
        let (host, port) =
            (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0));
        if let Some(entry) = bypass.rule_for(host, port) {
            return direct(match entry {
                "loopback" => "this machine is reached without a proxy".to_owned(),
                entry => format!("the entry {entry} of no_proxy"),
            });
        }
        match proxy {
            Ok(proxy) => {
                Ok(Choice { chain: proxy.clone().into(), rule: format!("the variable {name}") })
            }
            Err(mistake) => Err(BadVariable { name, mistake: mistake.clone() }),
        }
    }
}

impl fmt::Display for Unheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capitals => "HTTP_PROXY in capitals is not read, http_proxy is",
            Self::Cgi => "http_proxy is not read in a CGI program",
        })
    }
}

impl fmt::Display for BadVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment variable {}: {}", self.name, self.mistake)
    }
}

impl std::error::Error for BadVariable {}

/// What is set for a URL's scheme, of what is set for `http`, `https` and `ftp`.
pub(super) fn of_scheme<'a, T>(url: &Url, [http, https, ftp]: [&'a Option<T>; 3]) -> Option<&'a T> {
    match url.scheme() {
        "http" | "ws" => http.as_ref(),
        "https" | "wss" => https.as_ref(),
        "ftp" | "ftps" => ftp.as_ref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variables: &[(&str, &str)], url: &str) -> String {
        let named = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        match Settings::from_variables(named).choose(&url.parse().unwrap()) {
            Ok(choice) => choice.chain.to_string(),
            Err(bad) => bad.name.to_owned(),
        }
    }

    #[test]
    fn each_scheme_has_its_variable_and_the_lower_case_comes_first() {
        let all = [
            ("http_proxy", "h.test"),
            ("HTTP_PROXY", "never.test"),
            ("HTTPS_PROXY", "upper.test"),
            ("https_proxy", "socks5h://s.test"),
            ("ALL_PROXY", "all.test"),
            ("no_proxy", "direct.test"),
        ];
        let table = [
            ("http://a.test/", "http://h.test:80"),
            ("https://a.test/", "socks5h://s.test:1080"),
            ("ftp://a.test/", "http://all.test:80"),
            ("tcp://a.test:21", "http://all.test:80"),
            ("udp://127.0.0.1:0", "direct"),
            ("http://direct.test/", "direct"),
            ("http://localhost:1/", "direct"),
            ("http://127.1/", "direct"),
        ];
        for (url, expected) in table {
            assert_eq!(chosen(&all, url), expected, "{url}");
        }
    }

    #[test]
    fn the_upper_case_http_proxy_and_all_of_cgi_are_not_believed() {
        assert_eq!(chosen(&[("HTTP_PROXY", "evil.test")], "http://a.test/"), "direct");
        let cgi = [("REQUEST_METHOD", "GET"), ("http_proxy", "evil.test")];
        assert_eq!(chosen(&cgi, "http://a.test/"), "direct");
    }

    #[test]
    fn what_is_set_and_not_read_is_told() {
        let rule = |variables: &'static [(&str, &str)], url: &str| {
            let named = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            Settings::from_variables(named).choose(&url.parse().unwrap()).unwrap().rule
        };
        assert!(rule(&[("HTTP_PROXY", "a.test")], "http://a.test/").contains("in capitals"));
        assert!(!rule(&[("HTTP_PROXY", "a.test")], "https://a.test/").contains("in capitals"));
        let both = &[("HTTP_PROXY", "a.test"), ("http_proxy", "b.test")];
        assert_eq!(rule(both, "http://a.test/"), "the variable http_proxy");
        let cgi = &[("http_proxy", "b.test"), ("REQUEST_METHOD", "GET")];
        assert!(rule(cgi, "http://a.test/").contains("CGI"));
    }

    #[test]
    fn an_empty_variable_is_not_set_and_a_bad_one_does_not_mean_direct() {
        let variables = [("http_proxy", " "), ("all_proxy", "a.test")];
        assert_eq!(chosen(&variables, "http://b.test/"), "http://a.test:80");
        assert_eq!(chosen(&[("http_proxy", "ftp://x")], "http://b.test/"), "http_proxy");
        let bad = [("http_proxy", "ftp://x"), ("no_proxy", "b.test")];
        assert_eq!(chosen(&bad, "http://b.test/"), "direct");
    }
}
