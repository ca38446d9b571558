//! Encrypted client hello (RFC 9849): the name of the server is for the server alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::{EchConfig, EchGreaseConfig, EchMode, EchStatus};
use rustls::crypto::aws_lc_rs::hpke::{ALL_SUPPORTED_SUITES, DH_KEM_X25519_HKDF_SHA256_AES_128};
use rustls::internal::msgs::codec::Codec as _;
use rustls::{ClientConfig, ClientConnection, Error, PeerIncompatible};
use wayfare_proto::policy::ech::Refusal;

use super::policy::Offer;
use super::verifier::Verifier;

/// Whether the name of the server is hidden from whoever is on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ech {
    /// As [`WhenOffered`](Self::WhenOffered), and everywhere else something is sent that looks
    /// like it (RFC 9849 §6.2), so that those who hide something do not stand out. Only TLS 1.3 is
    /// spoken then, because the engine has it so.
    Grease,
    /// It is told in the clear.
    Off,
    /// It is hidden from a server whose HTTPS record says how, which only an own resolver asks
    /// for, and only on the direct way. Such a server is spoken to in TLS 1.3 only.
    #[default]
    WhenOffered,
}

/// What became of hiding the name of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EchOutcome {
    /// The server took the hidden name.
    Accepted,
    /// Something that looks like a hidden name was sent; the real one was in the clear.
    Grease,
    /// There was nothing to hide it with, or it was not to be hidden.
    #[default]
    NotOffered,
    /// The server proved its public name and said that it does not take hidden ones, so it was told
    /// in the clear on a second connection (RFC 9849 §6.1.6).
    Rejected,
}

impl EchOutcome {
    pub(super) fn of(connection: &ClientConnection) -> Self {
        match connection.ech_status() {
            EchStatus::Accepted => Self::Accepted,
            EchStatus::Grease => Self::Grease,
            EchStatus::NotOffered => Self::NotOffered,
            // An engine that was refused ends the handshake.
            EchStatus::Offered | EchStatus::Rejected => Self::Rejected,
        }
    }
}

/// Configurations by what they hide the name with: the engine wants one for each list.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    made: Mutex<HashMap<Key, Option<Arc<ClientConfig>>>>,
}

/// What is offered, and a list.
type Key = (Offer, Vec<u8>);

impl Hidden {
    /// `plain` with its name hidden by a list of configurations; nothing if none of them can be
    /// used, so that the list is as good as none.
    pub(super) fn config(
        &self,
        (plain, verifier): (&ClientConfig, &Arc<Verifier>),
        offer: Offer,
        list: &[u8],
    ) -> Option<Arc<ClientConfig>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (offer, list.to_vec());
        if let Some(config) = made.get(&key) {
            return config.clone();
        }
        if made.len() >= MOST_LISTS {
            made.clear();
        }
        let config = sealed(plain, verifier, list).map(Arc::new);
        made.insert(key, config.clone());
        config
    }
}

fn sealed(plain: &ClientConfig, verifier: &Arc<Verifier>, list: &[u8]) -> Option<ClientConfig> {
    let chosen = EchConfig::new(list.into(), ALL_SUPPORTED_SUITES).ok()?;
    let mut config = ClientConfig::builder_with_provider(plain.crypto_provider().clone())
        .with_ech(EchMode::Enable(chosen))
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
    // The very same as of `plain`, or the engine would not continue sessions of one with the other.
    config.client_auth_cert_resolver = plain.client_auth_cert_resolver.clone();
    config.resumption = plain.resumption.clone();
    config.key_log = plain.key_log.clone();
    config.alpn_protocols.clone_from(&plain.alpn_protocols);
    Some(config)
}

/// What looks like a hidden name: as most browsers do it.
pub(super) fn grease() -> Result<EchMode, Error> {
    let suite = DH_KEM_X25519_HKDF_SHA256_AES_128;
    let (public, _) = rustls::crypto::hpke::Hpke::generate_key_pair(suite)?;
    Ok(EchMode::Grease(EchGreaseConfig::new(suite, public)))
}

/// What a server said that did not take a hidden name and has proven its public one.
pub(super) fn refusal_in(error: &Error) -> Option<Refusal> {
    match error {
        Error::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(told)) => {
            Some(match told {
                Some(list) if !list.is_empty() => Refusal::Told(list.get_encoding()),
                _ => Refusal::Disabled,
            })
        }
        _ => None,
    }
}

/// Few names of a program have lists, and they change within hours.
const MOST_LISTS: usize = 64;

#[cfg(test)]
mod tests {
    use rustls::internal::msgs::codec::Reader;
    use rustls::internal::msgs::handshake::EchConfigPayload;

    use super::*;
    use crate::tls::policy::{TlsPolicy, TlsSettings};

    /// One configuration (RFC 9849 §4): X25519, HKDF-SHA256, AES-128-GCM.
    fn list() -> Vec<u8> {
        let mut contents = vec![7, 0x00, 0x20, 0x00, 0x20];
        contents.extend([0x2a; 32]);
        contents.extend([0x00, 0x04, 0x00, 0x01, 0x00, 0x01, 64, 1, b'a', 0, 0]);
        let length = u8::try_from(contents.len()).unwrap();
        let mut list = vec![0, length + 4, 0xfe, 0x0d, 0, length];
        list.extend(contents);
        list
    }

    fn rejected(told: Option<Vec<EchConfigPayload>>) -> Option<Refusal> {
        refusal_in(&PeerIncompatible::ServerRejectedEncryptedClientHello(told).into())
    }

    #[test]
    fn what_a_server_tells_comes_back_as_it_was() {
        let told = Vec::<EchConfigPayload>::read(&mut Reader::init(&list())).unwrap();
        assert_eq!(rejected(Some(told)), Some(Refusal::Told(list())));
        assert_eq!(rejected(Some(Vec::new())), Some(Refusal::Disabled));
        assert_eq!(rejected(None), Some(Refusal::Disabled));
        assert_eq!(refusal_in(&Error::DecryptError), None);
    }

    #[test]
    fn lists_are_kept_with_a_bound_and_useless_ones_are_none() {
        let policy = TlsPolicy::new(TlsSettings::default());
        let first = policy.hiding(Offer::Http2, &list()).unwrap().unwrap();
        let again = policy.hiding(Offer::Http2, &list()).unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        let other = policy.hiding(Offer::Http1, &list()).unwrap().unwrap();
        assert_eq!(other.alpn_protocols, [b"http/1.1"]);
        for number in 0..100 {
            assert!(policy.hiding(Offer::Http2, &[0, 1, number]).unwrap().is_none());
        }
        let later = policy.hiding(Offer::Http2, &list()).unwrap().unwrap();
        assert!(!Arc::ptr_eq(&first, &later), "it made room");
    }
}
