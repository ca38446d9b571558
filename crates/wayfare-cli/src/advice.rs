//! What is said of a failure: one line with what went wrong and what to try next.

use std::path::Path;

use url::Url;
use wayfare::tls::TlsProblem;
use wayfare::{Error, ErrorKind, Phase, ProxyProblem};

use crate::arguments::transfer::ProxyOptions;
use crate::exit;

/// What was given on the command line and bears on a failure.
pub(crate) struct Given<'a> {
    /// The URL as it was asked for, or another word for what failed.
    pub(crate) url: &'a str,
    /// The name and password of -u.
    pub(crate) user: Option<&'a str>,
    /// The file of --cacert.
    pub(crate) authority: Option<&'a Path>,
    /// Who named the way.
    pub(crate) way: NamedBy,
    /// What may help, if that is known already.
    pub(crate) hint: Option<String>,
}

/// Who named the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// The option -x.
    Option,
    /// A setting, which `wayfare proxy` tells.
    Setting,
}

impl From<&ProxyOptions> for NamedBy {
    fn from(options: &ProxyOptions) -> Self {
        if options.proxy.is_some() { Self::Option } else { Self::Setting }
    }
}

impl<'a> Given<'a> {
    /// Nothing but what failed.
    pub(crate) fn of(url: &'a str) -> Self {
        Self { url, user: None, authority: None, way: NamedBy::Setting, hint: None }
    }

    /// What failed, and who named the way.
    pub(crate) fn by(url: &'a str, options: &ProxyOptions) -> Self {
        Self { way: NamedBy::from(options), ..Self::of(url) }
    }
}

/// One line that says what went wrong and, if something comes to mind, what to try.
pub(crate) fn line(error: &Error, given: &Given<'_>) -> String {
    let lacks_scheme = Url::parse(given.url) == Err(url::ParseError::RelativeUrlWithoutBase);
    if error.kind() == ErrorKind::InvalidUrl && lacks_scheme {
        return crate::output::visible(&without_scheme(given.url));
    }
    let mut line = match error.url() {
        _ if error.kind() == ErrorKind::InvalidUrl => without_user_info(error.message()),
        Some(url) => format!("{}: {}", shown(url.as_str()), in_words(error)),
        None => format!("{}: {}", shown(given.url), in_words(error)),
    };
    if !error.way().is_direct() && error.proxy().is_none() {
        line.push_str(&format!(" (through {})", error.way()));
    }
    if let Some(hint) = hint(error, given) {
        line.push_str("; ");
        line.push_str(&hint);
    }
    crate::output::visible(&line)
}

/// A URL without what may be a name and a password in it.
pub(crate) fn shown(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if parsed.has_host() => {
            if parsed.username().is_empty() && parsed.password().is_none() {
                return url.to_owned();
            }
            // Neither can fail where there is a host.
            let _ = parsed.set_username("");
            let _ = parsed.set_password(None);
            parsed.into()
        }
        // `ada:sesame@host`: the name is taken for a scheme.
        Ok(parsed) if parsed.cannot_be_a_base() && parsed.scheme() != "data" => {
            let at = url.rfind('@').unwrap_or_default();
            if at == 0 { url.to_owned() } else { format!("…{}", &url[at..]) }
        }
        _ => without_user_info(url),
    }
}

/// A text with a URL that could not be read, without what may be a name and a password in it.
fn without_user_info(text: &str) -> String {
    match (text.find("//"), text.rfind('@')) {
        (Some(from), Some(to)) if from < to => format!("{}…{}", &text[..from + 2], &text[to..]),
        _ => text.to_owned(),
    }
}

fn without_scheme(asked: &str) -> String {
    let is_path = asked.starts_with(['/', '.']);
    let meant = match std::path::absolute(asked) {
        Ok(path) if is_path => Url::from_file_path(path).ok().map(String::from),
        _ if is_path || asked.is_empty() || asked.contains('@') => None,
        _ => Some(format!("https://{asked}")),
    };
    let meant = meant.map(|url| format!("; did you mean {url}?")).unwrap_or_default();
    format!("\"{}\" is not a URL: it needs a scheme{meant}", shown(asked))
}

/// The error's own words, without those of the TLS library where they say nothing new.
fn in_words(error: &Error) -> String {
    let message = error.message();
    let ErrorKind::Tls(problem) = error.kind() else { return message.to_owned() };
    let is_said = matches!(
        problem,
        TlsProblem::Expired
            | TlsProblem::NotTls
            | TlsProblem::NotYetValid
            | TlsProblem::Revoked
            | TlsProblem::UnknownIssuer
            | TlsProblem::WrongName
    );
    match error.rejection() {
        Some(rejection) if is_said && rejection.problems.len() == 1 => {
            // The first words say it; what follows them would say it again.
            let end = message.find(&format!(": {rejection}")).unwrap_or(message.len());
            match (problem, rejection.names()) {
                (TlsProblem::WrongName, names) if !names.is_empty() => {
                    format!("{}: it is for {}", &message[..end], names.join(", "))
                }
                _ => message[..end].to_owned(),
            }
        }
        Some(_) => message.to_owned(),
        None => {
            let end = message.find(": received corrupt message").filter(|_| is_said);
            message[..end.unwrap_or(message.len())].to_owned()
        }
    }
}

/// What to try.
fn hint(error: &Error, given: &Given<'_>) -> Option<String> {
    let port = error.url().and_then(Url::port_or_known_default).unwrap_or_default();
    Some(match error.kind() {
        ErrorKind::ConnectionRefused => {
            format!("is the server running, and is port {port} right?")
        }
        ErrorKind::Proxy(problem) => of_proxy(problem, given.way)?.to_owned(),
        ErrorKind::Status(status) => return of_status(status.as_u16(), error, given),
        ErrorKind::Tls(_) if exit::is_about_pins(error) => {
            "the server's key is another than --pinnedpubkey says".to_owned()
        }
        ErrorKind::Tls(problem) => return of_handshake(problem, given),
        ErrorKind::UnknownScheme => unknown_scheme(error, given),
        ErrorKind::Protocol if error.message().contains(ALERT) => {
            "is this an https:// server?".to_owned()
        }
        ErrorKind::Binding => "--interface takes what `wayfare interfaces` lists".to_owned(),
        kind => of_kind(kind)?.to_owned(),
    })
}

fn of_kind(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NameNotFound => "check the spelling, and that this machine is online",
        ErrorKind::Unreachable => "check the address and the network",
        ErrorKind::ConnectionLost | ErrorKind::Truncated => "try again",
        ErrorKind::Decode => "--no-compressed delivers the body as it comes",
        ErrorKind::RedirectLimit => "--max-redirs allows more",
        ErrorKind::RedirectUnsafe => {
            "--no-location shows where it leads; ask for that yourself if it is fine"
        }
        ErrorKind::BodyNotReplayable => "give the data as a file",
        ErrorKind::Timeout(Phase::Connect | Phase::Resolve | Phase::Tls) => {
            "--connect-timeout waits longer"
        }
        ErrorKind::Timeout(Phase::Whole) => "-m waits longer",
        ErrorKind::Timeout(_) => "the server or the network is stuck; try again",
        _ => return None,
    })
}

fn unknown_scheme(error: &Error, given: &Given<'_>) -> String {
    match error.url().map(Url::scheme).unwrap_or_default() {
        "htp" | "ttp" | "htttp" | "hhtp" | "http" => "did you mean http?".to_owned(),
        "htps" | "ttps" | "htttps" | "hhtps" | "httpss" => "did you mean https?".to_owned(),
        // `localhost:8080/x`
        _ if follows_a_port(given.url) => format!("did you mean http://{}?", given.url),
        _ => "in front of a host and a port, too, one is needed: http://host:port/".to_owned(),
    }
}

fn follows_a_port(asked: &str) -> bool {
    let Some((_, rest)) = asked.split_once(':') else { return false };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    end > 0 && rest[..end].bytes().all(|byte| byte.is_ascii_digit())
}

fn of_status(status: u16, error: &Error, given: &Given<'_>) -> Option<String> {
    let words = match status {
        401 => return Some(unauthorized(error, given)),
        404 | 410 => "check the path; --no-fail prints what the server says",
        400.. => "--no-fail prints what the server says",
        _ => return None,
    };
    Some(words.to_owned())
}

fn unauthorized(error: &Error, given: &Given<'_>) -> String {
    if let Some(hint) = &given.hint {
        return hint.clone();
    }
    let asked = Url::parse(given.url).ok();
    let is_given =
        given.user.is_some() || asked.as_ref().is_some_and(|url| !url.username().is_empty());
    let origin = asked.map(|url| url.origin());
    match is_given {
        false => "-u USER:PASSWORD may help".to_owned(),
        true if origin == error.url().map(Url::origin) => {
            "the server did not accept the name and password".to_owned()
        }
        true => "the name and password are not sent to where a redirect leads".to_owned(),
    }
}

fn of_handshake(problem: TlsProblem, given: &Given<'_>) -> Option<String> {
    let words = match (problem, given.authority) {
        (TlsProblem::UnknownIssuer, Some(file)) => {
            return Some(format!("{} does not hold its authority", file.display()));
        }
        (TlsProblem::UnknownIssuer, None) => {
            "--cacert FILE names its authority; -k takes any certificate, from anybody"
        }
        (TlsProblem::Expired | TlsProblem::NotYetValid, _) => "check this machine's clock",
        (TlsProblem::WrongName, _) => "check the host name",
        (TlsProblem::NotTls, _) => "is this an http:// server?",
        (TlsProblem::Incompatible, _) => "--http1.1 may help",
        (TlsProblem::Closed, _) => "try again",
        _ => return None,
    };
    Some(words.to_owned())
}

/// Which setting a proxy that failed comes from is for `wayfare proxy` to tell.
fn of_proxy(problem: ProxyProblem, way: NamedBy) -> Option<&'static str> {
    Some(match problem {
        ProxyProblem::Authentication => "-U USER:PASSWORD says who is asking",
        ProxyProblem::Unreachable | ProxyProblem::Timeout if way == NamedBy::Option => {
            "is the proxy of -x running, and is its port right?"
        }
        ProxyProblem::Unreachable | ProxyProblem::Timeout => {
            "`wayfare proxy URL` tells which setting names it; -x \"\" goes without"
        }
        ProxyProblem::Protocol => "does the scheme say what the proxy speaks?",
        ProxyProblem::Tls(_) => "--cacert and -k are for proxies, too",
        _ => return None,
    })
}

/// How a TLS alert begins (RFC 8446 §5.1), as an error shows it.
const ALERT: &str = "not HTTP/1: \"\\x15\\x03";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_cannot_be_read_shows_no_password() {
        let text = without_user_info("\"http://ada:se/same@a b/\" is not a URL");
        assert_eq!(text, "\"http://…@a b/\" is not a URL");
        assert_eq!(without_user_info("\"a.test/@\" is not"), "\"a.test/@\" is not");
        assert_eq!(shown("http://ada:sesame@a.test/@x"), "http://a.test/@x");
        assert_eq!(shown("ada:sesame@a.test"), "…@a.test");
        assert_eq!(shown("http://a.test/"), "http://a.test/");
    }

    #[test]
    fn what_lacks_a_scheme_gets_the_likely_one() {
        assert!(without_scheme("example.org").ends_with("did you mean https://example.org?"));
        assert!(without_scheme("/etc/hostname").ends_with("did you mean file:///etc/hostname?"));
        assert!(!without_scheme("ada@example.org").contains("https"));
        assert!(follows_a_port("localhost:8080/x") && !follows_a_port("mailto:ada"));
    }
}
