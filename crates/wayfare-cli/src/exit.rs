//! What a failure is called: exit codes (curl's numbers where it has one), and what to try next.

use std::process::ExitCode;

use wayfare::tls::TlsProblem;
use wayfare::{Error, ErrorKind, Phase};

/// The exit code for an error.
pub(crate) fn code(error: &Error) -> u8 {
    let is_file = error.url().is_some_and(|url| url.scheme() == "file");
    match of_kind(error.kind()) {
        // A local file that was asked for, as opposed to one that was to be written.
        Some(WRITE) if is_file => 37,
        Some(code) => code,
        None => UNNAMED,
    }
}

/// The exit code for a kind of error; nothing for one that this table does not know.
fn of_kind(kind: ErrorKind) -> Option<u8> {
    Some(match kind {
        ErrorKind::UnknownScheme => 1,
        ErrorKind::InvalidUrl => 3,
        ErrorKind::NameNotFound => 6,
        ErrorKind::ConnectionRefused | ErrorKind::Unreachable => 7,
        ErrorKind::Protocol => 8,
        ErrorKind::Truncated => 18,
        ErrorKind::Status(_) => 22,
        ErrorKind::FileForbidden
        | ErrorKind::FileNotRegular
        | ErrorKind::FileNotFound
        | ErrorKind::FileSystem => WRITE,
        ErrorKind::BodySource => 26,
        ErrorKind::Timeout(_) => 28,
        ErrorKind::Tls(problem) => of_tls(problem),
        ErrorKind::Aborted => 42,
        ErrorKind::InvalidRequest | ErrorKind::UnsupportedMethod => 43,
        ErrorKind::RedirectInvalid | ErrorKind::RedirectLimit | ErrorKind::RedirectUnsafe => 47,
        ErrorKind::ConnectionLost => 56,
        ErrorKind::Decode => 61,
        ErrorKind::TooLarge => 63,
        ErrorKind::BodyNotReplayable => 65,
        _ => return None,
    })
}

fn of_tls(problem: TlsProblem) -> u8 {
    match problem {
        TlsProblem::BadCertificate
        | TlsProblem::Expired
        | TlsProblem::NotYetValid
        | TlsProblem::Revoked
        | TlsProblem::UnknownIssuer
        | TlsProblem::WrongName => 60,
        _ => 35,
    }
}

/// The table of exit codes, for help texts.
pub(crate) const TABLE: &str = "\
Exit codes:
  0  all went well                      35  TLS handshake failed
  1  unknown scheme                     37  a file: URL cannot be read
  2  mistake on the command line        43  the request cannot be sent like that
  3  not a URL                          47  redirect limit, or one that is not safe
  6  no address for the host name       56  connection lost
  7  cannot connect                     60  certificate not trusted
  8  the server broke the protocol      61  the body cannot be decoded
 18  the body was cut off               63  the body is too large
 22  status of 400 or higher            65  the data can be sent only once
 23  cannot write                       77  the file of --cacert cannot be read
 26  cannot read what is to be sent    129  hung up (SIGHUP)
 28  a deadline passed                 130  interrupted (SIGINT, Ctrl-C)
                                       143  terminated (SIGTERM)
Of several transfers, the first failure in the order of the URLs decides.";

/// One line that says what went wrong and, if something comes to mind, what to try.
pub(crate) fn line(error: &Error, asked: &str) -> String {
    let message = error.message();
    let names_itself = error.kind() == ErrorKind::InvalidUrl;
    let mut line = match error.url() {
        _ if names_itself => without_user_info(message),
        Some(url) => format!("{url}: {message}"),
        None => format!("{asked}: {message}"),
    };
    if let Some(hint) = hint(error) {
        line.push_str("; ");
        line.push_str(&hint);
    }
    crate::output::visible(&line)
}

/// A text with a URL that could not be read, without what may be a name and a password in it.
fn without_user_info(text: &str) -> String {
    match (text.find("//"), text.rfind('@')) {
        (Some(from), Some(to)) if from < to => format!("{}…{}", &text[..from + 2], &text[to..]),
        _ => text.to_owned(),
    }
}

/// What to try.
fn hint(error: &Error) -> Option<String> {
    let port = error.url().and_then(url::Url::port_or_known_default).unwrap_or_default();
    Some(match error.kind() {
        ErrorKind::ConnectionRefused => {
            format!("is the server running, and is port {port} right?")
        }
        ErrorKind::NameNotFound => "check the spelling, and that this machine is online".to_owned(),
        ErrorKind::Unreachable => "check the address and the network".to_owned(),
        ErrorKind::ConnectionLost | ErrorKind::Truncated => "try again".to_owned(),
        ErrorKind::Decode => "--no-compressed delivers the body as it comes".to_owned(),
        ErrorKind::RedirectLimit => "--max-redirs allows more".to_owned(),
        ErrorKind::RedirectUnsafe => {
            "--no-location shows where it leads; ask for that yourself if it is fine".to_owned()
        }
        ErrorKind::BodyNotReplayable => "give the data as a file".to_owned(),
        ErrorKind::UnknownScheme => unknown_scheme(error)?,
        ErrorKind::Status(status) => return of_status(status.as_u16()).map(str::to_owned),
        ErrorKind::Timeout(phase) => of_wait(phase).to_owned(),
        ErrorKind::Tls(problem) => of_handshake(problem)?.to_owned(),
        _ => return None,
    })
}

fn unknown_scheme(error: &Error) -> Option<String> {
    match error.url().map(url::Url::scheme).unwrap_or_default() {
        "htp" | "ttp" | "htttp" | "hhtp" | "http" => Some("did you mean http?".to_owned()),
        "htps" | "ttps" | "htttps" | "hhtps" | "httpss" => Some("did you mean https?".to_owned()),
        _ => {
            Some("in front of a host and a port, too, one is needed: http://host:port/".to_owned())
        }
    }
}

fn of_status(status: u16) -> Option<&'static str> {
    match status {
        401 => Some("-u USER:PASSWORD may help"),
        404 | 410 => Some("check the path; --no-fail prints what the server says"),
        400.. => Some("--no-fail prints what the server says"),
        _ => None,
    }
}

fn of_wait(phase: Phase) -> &'static str {
    match phase {
        Phase::Connect | Phase::Resolve | Phase::Tls => "--connect-timeout waits longer",
        Phase::Whole => "-m waits longer",
        _ => "the server or the network is stuck; try again",
    }
}

fn of_handshake(problem: TlsProblem) -> Option<&'static str> {
    match problem {
        TlsProblem::UnknownIssuer => {
            Some("--cacert FILE names its authority; -k takes any certificate, from anybody")
        }
        TlsProblem::Expired | TlsProblem::NotYetValid => Some("check this machine's clock"),
        TlsProblem::WrongName => Some("check the host name"),
        TlsProblem::NotTls => Some("is this an http:// server?"),
        TlsProblem::Incompatible => Some("--http1.1 may help"),
        TlsProblem::Closed => Some("try again"),
        _ => None,
    }
}

/// An exit code for something that cannot be written.
pub(crate) const WRITE: u8 = 23;

/// An exit code for mistakes on the command line, which clap uses too.
pub(crate) const USAGE: u8 = 2;

/// An exit code for something that cannot be read.
pub(crate) const READ: u8 = 26;

/// An exit code for kinds of errors that came after this table.
const UNNAMED: u8 = 99;

/// The code as the process ends with it.
pub(crate) fn with(code: u8) -> ExitCode {
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn every_kind_of_error_has_its_exit_code() {
        let waits = Phase::ALL.into_iter().map(ErrorKind::Timeout);
        let others =
            [ErrorKind::Status(StatusCode::NOT_FOUND), ErrorKind::Tls(TlsProblem::Expired)];
        for kind in ErrorKind::PLAIN.iter().copied().chain(waits).chain(others) {
            let code = of_kind(kind).unwrap_or_else(|| panic!("{kind:?} is not in the table"));
            assert!(code != 0 && code != USAGE, "{kind:?}");
            assert!(code == 42 || TABLE.contains(&format!("{code:>3}  ")), "{kind:?}: {code}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_read_shows_no_password() {
        let shown = without_user_info("\"http://ada:se/same@a b/\" is not a URL");
        assert_eq!(shown, "\"http://…@a b/\" is not a URL");
        assert_eq!(without_user_info("\"a.test/@\" is not"), "\"a.test/@\" is not");
    }

    #[test]
    fn certificates_and_handshakes_have_different_codes() {
        assert_eq!(of_kind(ErrorKind::Tls(TlsProblem::UnknownIssuer)), Some(60));
        assert_eq!(of_kind(ErrorKind::Tls(TlsProblem::NotTls)), Some(35));
    }
}
