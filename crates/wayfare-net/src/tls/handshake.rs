//! The client handshake over any byte pipe, and the encrypted pipe that comes of it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::{AlertDescription, CertificateError, InvalidMessage};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::facts::TlsFacts;
use super::policy::{Offer, TlsPolicy, server_name};
use super::read_ahead::ReadAhead;
use crate::socket::Stream;

/// Makes `under` an encrypted pipe to the server called `host`.
///
/// # Errors
/// [`TlsFailure`] with what went wrong; nothing of a request has been sent then.
///
/// # Cancel safety
/// Dropping the future closes the pipe underneath.
pub async fn connect(
    under: Box<dyn Stream>,
    host: &str,
    policy: &TlsPolicy,
    offer: Offer,
) -> Result<(Box<dyn Stream>, TlsFacts), TlsFailure> {
    let config = policy.config(offer).map_err(TlsFailure::setup)?;
    let name = server_name(host).map_err(TlsFailure::setup)?;
    let under = ReadAhead::new(under);
    let stream = TlsConnector::from(config).connect(name, under).await.map_err(TlsFailure::from)?;
    let facts = TlsFacts::of(stream.get_ref().1);
    Ok((Box::new(Encrypted(stream)), facts))
}

/// Why a handshake failed, and the words for it.
#[derive(Debug)]
pub struct TlsFailure {
    /// The kind of failure.
    pub problem: TlsProblem,
    /// The engine's own error.
    pub source: io::Error,
}

/// The kinds of handshake failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The server refused with an alert.
    Alert,
    /// The certificate is damaged or not fit for a server.
    BadCertificate,
    /// The connection ended in the middle of the handshake.
    Closed,
    /// The certificate's time is over.
    Expired,
    /// No common version, cipher suite or application protocol.
    Incompatible,
    /// The certificate's time has not begun.
    NotYetValid,
    /// What answered does not speak TLS.
    NotTls,
    /// The certificate was revoked.
    Revoked,
    /// The settings on this side are wrong.
    Setup,
    /// The chain does not lead to a trusted authority.
    UnknownIssuer,
    /// The server broke the protocol.
    Violation,
    /// The certificate is for other names.
    WrongName,
}

impl TlsFailure {
    fn setup(source: io::Error) -> Self {
        Self { problem: TlsProblem::Setup, source }
    }
}

impl From<io::Error> for TlsFailure {
    fn from(source: io::Error) -> Self {
        let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let problem = match inner {
            Some(error) => problem_of(error),
            None => TlsProblem::Closed,
        };
        Self { problem, source }
    }
}

fn problem_of(error: &rustls::Error) -> TlsProblem {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(why) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                TlsProblem::Expired
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                TlsProblem::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsProblem::WrongName
            }
            CertificateError::Revoked => TlsProblem::Revoked,
            CertificateError::UnknownIssuer => TlsProblem::UnknownIssuer,
            _ => TlsProblem::BadCertificate,
        },
        E::AlertReceived(
            AlertDescription::ProtocolVersion
            | AlertDescription::NoApplicationProtocol
            | AlertDescription::HandshakeFailure,
        )
        | E::PeerIncompatible(_)
        | E::NoApplicationProtocol => TlsProblem::Incompatible,
        E::AlertReceived(_) => TlsProblem::Alert,
        E::InvalidMessage(InvalidMessage::InvalidContentType) => TlsProblem::NotTls,
        _ => TlsProblem::Violation,
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.problem {
            TlsProblem::Alert => "the server refused the handshake",
            TlsProblem::BadCertificate => "the server's certificate is not acceptable",
            TlsProblem::Closed => "the connection was closed during the TLS handshake",
            TlsProblem::Expired => "the server's certificate has expired (is this clock right?)",
            TlsProblem::Incompatible => "the server and this client have no TLS setting in common",
            TlsProblem::NotYetValid => {
                "the server's certificate is not valid yet (is this clock right?)"
            }
            TlsProblem::NotTls => "the server does not speak TLS on this port",
            TlsProblem::Revoked => "the server's certificate was revoked",
            TlsProblem::Setup => "the TLS settings cannot be used",
            TlsProblem::UnknownIssuer => {
                "the server's certificate is not vouched for by a trusted authority"
            }
            TlsProblem::Violation => "the server broke the TLS protocol",
            TlsProblem::WrongName => "the server's certificate is for another name",
        };
        f.write_str(words)
    }
}

impl std::error::Error for TlsFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A pipe whose bytes are encrypted.
struct Encrypted(TlsStream<ReadAhead>);

impl Stream for Encrypted {
    fn local_address(&self) -> Option<SocketAddr> {
        self.0.get_ref().0.local_address()
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.0.get_ref().0.peer_address()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // A close without close_notify arrives as UnexpectedEof: an attacker may have cut the
        // stream, so only a body that knows its own end may accept it (RFC 8446 §6.1).
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
