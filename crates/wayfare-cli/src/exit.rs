//! What a failure is called: exit codes, curl's numbers where it has one.

use std::process::ExitCode;

use wayfare::tls::{ProblemKind, TlsProblem};
use wayfare::{Error, ErrorKind, ProxyProblem};

/// The exit code for an error.
pub(crate) fn code(error: &Error) -> u8 {
    if is_about_pins(error) {
        return 90;
    }
    let is_file = error.url().is_some_and(|url| url.scheme() == "file");
    match of_kind(error.kind()) {
        // A local file that was asked for, as opposed to one that was to be written.
        Some(WRITE) if is_file => 37,
        Some(code) => code,
        None => UNNAMED,
    }
}

/// True if none of the keys that were demanded is in the chain.
pub(crate) fn is_about_pins(error: &Error) -> bool {
    error.rejection().is_some_and(|one| {
        one.problems.iter().any(|problem| problem.kind == ProblemKind::PinMismatch)
    })
}

/// The exit code for a kind of error; nothing for one that this table does not know.
fn of_kind(kind: ErrorKind) -> Option<u8> {
    Some(match kind {
        ErrorKind::UnknownScheme => 1,
        ErrorKind::InvalidUrl => 3,
        ErrorKind::NameNotFound => 6,
        ErrorKind::ConnectionRefused | ErrorKind::Unreachable => 7,
        ErrorKind::Proxy(problem) => of_proxy(problem),
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
        ErrorKind::Binding => 45,
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

fn of_proxy(problem: ProxyProblem) -> u8 {
    match problem {
        ProxyProblem::Unreachable => 7,
        ProxyProblem::Timeout => 28,
        ProxyProblem::Tls(problem) => of_tls(problem),
        _ => 97,
    }
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
  0  all went well                      37  a file: URL cannot be read
  1  unknown scheme; serve, demo fail   43  the request cannot be sent like that
  2  mistake on the command line        45  --interface cannot be used
  3  not a URL                          47  redirect limit, or an unsafe one
  6  no address for the host name       56  connection lost
  7  cannot connect                     58  --cert, --key or --crlfile unusable
  8  the server broke the protocol      59  --ciphers or --curves unusable
 18  the body was cut off               60  certificate not trusted
 22  status of 400 or higher            61  the body cannot be decoded
 23  cannot write                       63  the body is too large
 26  cannot read what is to be sent     65  the data can be sent only once
 28  a deadline passed                  77  the file of --cacert is unusable
 35  TLS handshake failed               82  --crlfile holds no revocation list
129  hung up (SIGHUP)                   90  another key than --pinnedpubkey says
130  interrupted (SIGINT, Ctrl-C)       97  a proxy did not do as asked
143  terminated (SIGTERM)
Of several transfers, the first failure in the order of the URLs decides.";

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
    use wayfare::Phase;

    use super::*;

    #[test]
    fn every_kind_of_error_has_its_exit_code() {
        let waits = Phase::ALL.into_iter().map(ErrorKind::Timeout);
        let others = [
            ErrorKind::Status(StatusCode::NOT_FOUND),
            ErrorKind::Tls(TlsProblem::Expired),
            ErrorKind::Proxy(ProxyProblem::Authentication),
        ];
        for kind in ErrorKind::PLAIN.iter().copied().chain(waits).chain(others) {
            let code = of_kind(kind).unwrap_or_else(|| panic!("{kind:?} is not in the table"));
            assert!(code != 0 && code != USAGE, "{kind:?}");
            assert!(code == 42 || TABLE.contains(&format!("{code:>3}  ")), "{kind:?}: {code}");
        }
    }

    #[test]
    fn certificates_and_handshakes_have_different_codes() {
        assert_eq!(of_kind(ErrorKind::Tls(TlsProblem::UnknownIssuer)), Some(60));
        assert_eq!(of_kind(ErrorKind::Tls(TlsProblem::NotTls)), Some(35));
    }
}
