//! What a finished handshake agreed on.

use rustls::{ClientConnection, HandshakeKind};

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
    pub(super) fn of(connection: &ClientConnection) -> Self {
        let certificates = connection.peer_certificates().unwrap_or_default();
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
        }
    }
}

fn named<T: std::fmt::Debug>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| format!("{value:?}").replace("TLSv1_", "TLSv1."))
}
