//! The client handshake over any byte pipe, and the encrypted pipe that comes of it.

use std::fmt;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustls::{
    AlertDescription, CertificateError, ClientConnection, InvalidMessage, PeerIncompatible,
    PeerMisbehaved,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use wayfare_proto::certificate::problem::ProblemKind;
use wayfare_proto::policy::early_data::EarlyOutcome;
use wayfare_proto::policy::ech::Refusal;

use super::ech::refusal_in;
use super::facts::TlsFacts;
use super::policy::{Offer, TlsPolicy, server_name};
use super::read_ahead::ReadAhead;
use super::verifier::{Rejection, host_of};
use crate::socket::Stream;

/// What a client begins a handshake with.
#[derive(Clone, Copy)]
pub struct Hello<'a> {
    /// What is trusted.
    pub policy: &'a TlsPolicy,
    /// The application protocols.
    pub offer: Offer,
    /// A list of configurations to hide the server's name with (RFC 9849 §4), where the policy has
    /// it so and one of them can be used.
    pub hiding: Option<&'a [u8]>,
    /// What is sent together with the handshake if there is a session to be continued that allows
    /// it, all at once or not at all; [`TlsFacts::early_data`] says what became of it.
    pub early: Option<Early<'a>>,
}

/// The beginning of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Early<'a> {
    /// What is spoken on it, and then is all that is offered: a server that takes the bytes cannot
    /// take them for anything else.
    pub offer: Offer,
    /// Its first bytes.
    pub bytes: &'a [u8],
}

/// Makes `under` an encrypted pipe to the server called `host`.
///
/// # Errors
/// [`TlsFailure`] with what went wrong; nothing of a request has been sent then, or only as early
/// data. With a [`refusal`](TlsFailure::refusal) it may be tried once more.
///
/// # Cancel safety
/// Dropping the future closes the pipe underneath.
pub async fn connect(
    under: Box<dyn Stream>,
    host: &str,
    hello: Hello<'_>,
) -> Result<(Box<dyn Stream>, TlsFacts), TlsFailure> {
    let Hello { policy, offer, hiding, early } = hello;
    let (plain, verifier) = policy.config(offer).map_err(TlsFailure::setup)?;
    let host = policy.settings().peer_name.as_deref().unwrap_or(host);
    let name = server_name(host).map_err(TlsFailure::setup)?;
    let known_as = host_of(&name);
    let config = match (hiding, early) {
        (Some(list), _) => policy.hiding(offer, list).map_err(TlsFailure::setup)?,
        (None, Some(early)) => policy.early(&known_as, early.offer).map_err(TlsFailure::setup)?,
        (None, None) => None,
    };
    let under = ReadAhead::new(under);
    let connector = TlsConnector::from(config.unwrap_or(plain));
    let mut sent = false;
    let begin = |connection: &mut ClientConnection| {
        sent = early.is_some_and(|early| write_early(connection, early.bytes));
    };
    let connected = connector.connect_with(name, under, begin).await;
    let early_data = if sent { EarlyOutcome::Unknown } else { EarlyOutcome::NotSent };
    let failed = |why| TlsFailure { early_data, ..TlsFailure::from(why).about(&known_as) };
    let stream = connected.map_err(failed)?;
    let connection = stream.get_ref().1;
    let mut facts = TlsFacts::of(connection, &verifier, &known_as);
    facts.early_data = match (sent, connection.is_early_data_accepted()) {
        (false, _) => EarlyOutcome::NotSent,
        (true, true) => EarlyOutcome::Accepted,
        (true, false) => EarlyOutcome::Rejected,
    };
    Ok((Box::new(Encrypted(stream)), facts))
}

/// Sends all of `early` behind the first message, if the session to be continued allows so much.
fn write_early(connection: &mut ClientConnection, early: &[u8]) -> bool {
    let Some(mut writer) = connection.early_data() else { return false };
    if early.len() > writer.bytes_left().min(MOST_EARLY) {
        return false;
    }
    // Within these limits the engine takes all at once.
    matches!(writer.write(early), Ok(written) if written == early.len())
}

/// Why a handshake failed, and the words for it.
#[derive(Debug)]
pub struct TlsFailure {
    /// The kind of failure.
    pub problem: TlsProblem,
    /// The engine's own error.
    pub source: io::Error,
    /// Everything that is wrong with the server's certificates, if it is that.
    pub rejection: Option<Rejection>,
    /// What the server said instead of taking the hidden name, if it is that; its public name is
    /// proven.
    pub refusal: Option<Refusal>,
    /// What became of early data: it was not sent, or that is not known.
    pub early_data: EarlyOutcome,
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
    /// The server did not take the hidden name, nor what it told instead.
    NameNotHidden,
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
    /// What was found out after the handshake; `why` is said behind it.
    pub(super) fn rejected(rejection: Rejection, why: &str) -> Self {
        let comma = if why.is_empty() { "" } else { ": " };
        let words = format!("{rejection}{comma}{why}");
        Self {
            problem: main_problem(&rejection),
            source: io::Error::new(io::ErrorKind::InvalidData, words),
            rejection: Some(rejection),
            refusal: None,
            early_data: EarlyOutcome::NotSent,
        }
    }

    /// What is wrong with the certificate of a public name is nothing to make an exception of: the
    /// connection would not be to the host that was asked for (RFC 9849 §6.1.7).
    fn about(mut self, known_as: &str) -> Self {
        if let Some(rejection) = self.rejection.take_if(|rejection| rejection.host != known_as) {
            let words = format!(
                "the name was hidden, the server did not take that, and it did not prove its \
                 public name {}: {rejection}",
                rejection.host
            );
            self.source = io::Error::new(io::ErrorKind::InvalidData, words);
        }
        self
    }

    /// True if the server seems to have gone back to a protocol without early data, or to another
    /// application protocol: then the handshake may be made once more without (RFC 8446 §4.2.10, §D.3).
    ///
    /// A server that says so has read none. But nobody has proven to be the server yet: whoever is on
    /// the way can say it after the server has taken all, so that what is sent once more is read twice.
    /// That is no more than they can do by sending the bytes again themselves, which is why nothing but
    /// safe requests leaves early.
    #[must_use]
    pub fn is_for_early_data(&self) -> bool {
        let inner = self.source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let old = PeerMisbehaved::OfferedEarlyDataWithOldProtocolVersion;
        let other = AlertDescription::NoApplicationProtocol;
        inner == Some(&rustls::Error::PeerMisbehaved(old))
            || inner == Some(&rustls::Error::AlertReceived(other))
    }

    fn setup(source: io::Error) -> Self {
        let (problem, early_data) = (TlsProblem::Setup, EarlyOutcome::NotSent);
        Self { problem, source, rejection: None, refusal: None, early_data }
    }
}

impl From<io::Error> for TlsFailure {
    fn from(source: io::Error) -> Self {
        let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let rejection = inner.and_then(rejection_in).cloned();
        let refusal = inner.and_then(refusal_in);
        let problem = match (inner, &rejection) {
            (_, Some(rejection)) => main_problem(rejection),
            (Some(error), None) => problem_of(error),
            (None, None) => TlsProblem::Closed,
        };
        let source = match &rejection {
            // The engine wraps it in words of its own.
            Some(rejection) => io::Error::new(io::ErrorKind::InvalidData, rejection.clone()),
            None => source,
        };
        Self { problem, source, rejection, refusal, early_data: EarlyOutcome::NotSent }
    }
}

fn rejection_in(error: &rustls::Error) -> Option<&Rejection> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => other.0.downcast_ref(),
        _ => None,
    }
}

/// Of several things that are wrong, the one that matters most.
fn main_problem(rejection: &Rejection) -> TlsProblem {
    let known = |wanted: &[ProblemKind]| {
        rejection.problems.iter().any(|problem| wanted.contains(&problem.kind))
    };
    use ProblemKind as K;
    if known(&[K::Revoked]) {
        TlsProblem::Revoked
    } else if known(&[K::UnknownIssuer, K::SelfSigned, K::SelfSignedInChain]) {
        TlsProblem::UnknownIssuer
    } else if known(&[K::HostNameMismatch]) {
        TlsProblem::WrongName
    } else if known(&[K::Expired]) {
        TlsProblem::Expired
    } else if known(&[K::NotYetValid]) {
        TlsProblem::NotYetValid
    } else {
        TlsProblem::BadCertificate
    }
}

fn problem_of(error: &rustls::Error) -> TlsProblem {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(_) => TlsProblem::BadCertificate,
        E::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(_)) => {
            TlsProblem::NameNotHidden
        }
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
            TlsProblem::NameNotHidden => {
                "the server did not take the encrypted client hello that it asked for"
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

/// A head of more is sent after the handshake.
const MOST_EARLY: usize = 16 * 1024;
