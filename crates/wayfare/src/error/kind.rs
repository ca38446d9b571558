//! What happened, where, and whether trying again can help.

use http::StatusCode;
use wayfare_net::tls::TlsProblem;

use super::proxy::ProxyProblem;

macro_rules! kinds {
    ($( $(#[$doc:meta])* $name:ident => $qt:expr, )*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $( $(#[$doc])* $name, )*
            /// A proxy on the way could not be chosen or reached, or did not go on.
            Proxy(ProxyProblem),
            /// The server answered, with a status that [`crate::Reply::error_for_status`] counts
            /// as an error.
            Status(StatusCode),
            /// A wait was over before something happened.
            Timeout(Phase),
            /// The TLS handshake failed.
            Tls(TlsProblem),
        }

        impl ErrorKind {
            /// Every kind that has no further detail.
            pub const PLAIN: &'static [Self] = &[ $( Self::$name, )* ];

            fn plain_qt_code(self) -> Option<i32> {
                match self {
                    $( Self::$name => Some($qt), )*
                    _ => None,
                }
            }
        }
    };
}

// The numbers are QNetworkReply::NetworkError's (Qt 6.11, qnetworkreply.h).
kinds! {
    /// The caller aborted the transfer.
    Aborted => 5,
    /// The interface or the address that connections are to leave this machine by cannot be used.
    Binding => 99,
    /// The request would have to be sent again, but its body can be read only once.
    BodyNotReplayable => 205,
    /// The source of the request's body failed, or gave another length than it announced.
    BodySource => 99,
    /// The connection broke, or was closed before the answer.
    ConnectionLost => 2,
    /// The server refused the connection.
    ConnectionRefused => 1,
    /// The body cannot be decoded: its coding is damaged or cut off.
    Decode => 299,
    /// Access to a file is not permitted.
    FileForbidden => 201,
    /// The path is a directory, or something else that is not a regular file.
    FileNotRegular => 202,
    /// There is no such file.
    FileNotFound => 203,
    /// A local file could not be read or written.
    FileSystem => 99,
    /// The request cannot be sent as it was given.
    InvalidRequest => 302,
    /// The URL cannot be used.
    InvalidUrl => 301,
    /// The host name has no address.
    NameNotFound => 3,
    /// The server broke the protocol.
    Protocol => 399,
    /// A redirect points to something that cannot be followed.
    RedirectInvalid => 301,
    /// There were more redirects than allowed.
    RedirectLimit => 10,
    /// A redirect would have led to less safety, or to another origin than allowed.
    RedirectUnsafe => 11,
    /// A body grew larger than allowed.
    TooLarge => 299,
    /// The body ended before it was complete.
    Truncated => 2,
    /// The URL's scheme is not supported.
    UnknownScheme => 301,
    /// No address of the server could be reached.
    Unreachable => 99,
    /// The scheme does not support the method.
    UnsupportedMethod => 302,
}

/// Where a transfer was when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Reading or decoding the answer's body.
    Body,
    /// Reaching the server, TLS included.
    Connect,
    /// Deciding what to send.
    Plan,
    /// Waiting for its turn.
    Queue,
    /// Waiting for the answer's head.
    Receive,
    /// Looking the name up.
    Resolve,
    /// Writing the request.
    Send,
    /// Reading or writing local files.
    Store,
}

/// Whether sending the request again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Retry {
    /// The same request would fail the same way, or may have had its effect already.
    Never,
    /// It failed only because a kept connection had gone; it was not known to be processed.
    OnReusedConnection,
    /// The request had no effect yet, or repeating it has none beyond the first; it may succeed
    /// another time.
    Safe,
}

/// What was being waited for when the time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The next piece of a body.
    BetweenBytes,
    /// An address to answer.
    Connect,
    /// The first byte of the answer.
    FirstByte,
    /// A proxy to open the way on.
    Proxy,
    /// The host name's addresses.
    Resolve,
    /// The TLS handshake.
    Tls,
    /// The whole transfer.
    Whole,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::BetweenBytes,
        Self::Connect,
        Self::FirstByte,
        Self::Proxy,
        Self::Resolve,
        Self::Tls,
        Self::Whole,
    ];
}

impl ErrorKind {
    /// The number of `QNetworkReply::NetworkError` (Qt 6.11) for this kind.
    ///
    /// ```
    /// use wayfare::ErrorKind;
    /// assert_eq!(ErrorKind::ConnectionRefused.qt_code(), 1);
    /// assert_eq!(ErrorKind::Status(http::StatusCode::NOT_FOUND).qt_code(), 203);
    /// ```
    #[must_use]
    pub fn qt_code(self) -> i32 {
        match self {
            Self::Proxy(problem) => problem.qt_code(),
            Self::Status(status) => qt_code_of_status(status),
            Self::Timeout(_) => 4,
            Self::Tls(_) => 6,
            // Every other kind is in the table above.
            plain => plain.plain_qt_code().unwrap_or(99),
        }
    }
}

/// The table of `QNetworkReplyHttpImpl` from status to `NetworkError` (Qt 6.11).
fn qt_code_of_status(status: StatusCode) -> i32 {
    match status.as_u16() {
        400 | 418 => 302,
        401 => 204,
        403 => 201,
        404 => 203,
        405 => 202,
        407 => 105,
        409 => 206,
        410 => 207,
        500 => 401,
        501 => 402,
        503 => 403,
        code if code >= 500 => 499,
        code if code >= 400 => 299,
        _ => 0,
    }
}
