//! What a finished handshake agreed on.

use rustls::{ClientConnection, HandshakeKind};
use wayfare_proto::certificate::Certificate;
use wayfare_proto::certificate::problem::Problem;
use wayfare_proto::policy::early_data::EarlyOutcome;

use super::ech::EchOutcome;
use super::examine::StapleState;
use super::exceptions::Exception;
use super::verifier::{Accepted, Verifier};

/// What a finished TLS handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// The protocol version, for example `TLSv1.3`.
    pub version: String,
    /// The cipher suite's standard name, for example `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// The key exchange group, for example `X25519MLKEM768`.
    pub key_exchange: String,
    /// The application protocol chosen by ALPN, if any.
    pub protocol: Option<Vec<u8>>,
    /// How the session came about.
    pub session: Session,
    /// The server's certificates in DER, leaf first.
    pub certificates: Vec<Vec<u8>>,
    /// What is wrong with them, although they were accepted.
    pub problems: Vec<Problem>,
    /// The exception by which they were accepted.
    pub exception: Option<Exception>,
    /// What the stapled OCSP answer said.
    pub staple: StapleState,
    /// What became of hiding the name of the server.
    pub ech: EchOutcome,
    /// What became of sending the first request together with the handshake.
    pub early_data: EarlyOutcome,
}

/// How a TLS session came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// A full handshake.
    Full,
    /// Continued from an earlier connection (RFC 8446 §2.2).
    Resumed,
}

impl TlsFacts {
    /// True if the keys were agreed on in a way that a quantum computer would not undo.
    #[must_use]
    pub fn is_post_quantum(&self) -> bool {
        self.key_exchange.to_ascii_uppercase().contains("MLKEM")
    }

    /// What stands for the server in the proof of a connection: the hash of `tls-server-end-point`
    /// (RFC 5929 §4.1), if its certificate has one.
    #[must_use]
    pub fn end_point_hash(&self) -> Option<Vec<u8>> {
        Certificate::from_der(self.certificates.first()?).ok()?.end_point_hash()
    }

    pub(super) fn of(connection: &ClientConnection, verifier: &Verifier, host: &str) -> Self {
        let certificates = connection.peer_certificates().unwrap_or_default();
        let leaf = certificates.first();
        let Accepted { problems, exception, staple } =
            leaf.map(|leaf| verifier.recall(host, leaf)).unwrap_or_default();
        Self {
            version: named(connection.protocol_version()),
            cipher_suite: named(connection.negotiated_cipher_suite().map(|suite| suite.suite())),
            key_exchange: named(
                connection
                    .negotiated_key_exchange_group()
                    .map(rustls::crypto::SupportedKxGroup::name),
            ),
            protocol: connection.alpn_protocol().map(<[u8]>::to_vec),
            session: match connection.handshake_kind() {
                Some(HandshakeKind::Resumed) => Session::Resumed,
                _ => Session::Full,
            },
            certificates: certificates.iter().map(|der| der.to_vec()).collect(),
            problems,
            exception,
            staple,
            ech: EchOutcome::of(connection),
            early_data: EarlyOutcome::NotSent,
        }
    }
}

fn named<T: std::fmt::Debug>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| format!("{value:?}").replace("TLSv1_", "TLSv1."))
}
