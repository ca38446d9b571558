//! Who proxies were told is asking, for all who ask them.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use http::{HeaderMap, HeaderValue};
use wayfare_proto::policy::auth::digest::Line;
use wayfare_proto::policy::auth::telling::{self, Gate, Next, ProxyBook, Telling, Visit};
use wayfare_proto::policy::auth::{Asker, Offer, Scheme, Schemes};
use wayfare_proto::route::proxy::Proxy;
use wayfare_proto::syntax::challenge::Challenge;
use wayfare_proto::syntax::stamp::Stamp;

/// Who proxies were told is asking, and what they took, so that they are told at once the next time.
#[derive(Debug, Default)]
pub struct ProxyAccess(Mutex<ProxyBook>);

/// A request to a proxy.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The proxy, with the credentials of who asks.
    pub proxy: &'a Proxy,
    /// How they may be said.
    pub schemes: Schemes,
    /// The line of the request.
    pub line: Line<'a>,
    /// What binds a proof to the TLS of the proxy, if it is spoken to over TLS.
    pub binding: Option<&'a [u8]>,
}

impl ProxyAccess {
    /// The value of `Proxy-Authorization`, if anything is to be said.
    pub fn say(&self, telling: &mut Telling, asking: &Asking<'_>) -> Option<HeaderValue> {
        asking.proxy.credentials()?;
        let gate = gate(asking.proxy);
        telling.say(&mut self.lock(), &asking.visit(&gate))
    }

    /// Takes in the challenges of a 407.
    pub fn handle_refusal(
        &self,
        telling: &mut Telling,
        asking: &Asking<'_>,
        challenges: &[Challenge],
    ) -> Next {
        let gate = gate(asking.proxy);
        telling.handle_refusal(&mut self.lock(), &asking.visit(&gate), challenges)
    }

    /// Takes in what the fields of an answer say about the next proof.
    pub fn handle_answer(&self, proxy: &Proxy, headers: &HeaderMap) {
        if let Some(credentials) = proxy.credentials()
            && headers.contains_key(Asker::Proxy.info_field())
        {
            telling::handle_answer(&mut self.lock(), &gate(proxy), credentials, headers);
        }
    }

    /// The scheme by which the proxy takes proofs of connections from its credentials, if it is known
    /// to do so.
    #[must_use]
    pub fn bound_scheme(&self, proxy: &Proxy, schemes: Schemes) -> Option<Scheme> {
        let credentials = proxy.credentials()?;
        let mut book = self.lock();
        match book.is_empty() {
            true => None,
            false => telling::bound_scheme(&mut book, &gate(proxy), credentials, schemes),
        }
    }

    /// Notes that the proxy takes Negotiate from its credentials.
    pub fn take_tickets(&self, proxy: &Proxy) {
        if let Some(credentials) = proxy.credentials() {
            telling::take_tickets(&mut self.lock(), gate(proxy), credentials);
        }
    }

    /// Notes that the proxy did not accept the ticket of its credentials.
    pub fn refuse_tickets(&self, proxy: &Proxy) {
        if let Some(credentials) = proxy.credentials() {
            telling::refuse_tickets(&mut self.lock(), &gate(proxy), credentials);
        }
    }

    /// Forgets everything.
    pub fn forget(&self) {
        self.lock().forget(|_| true);
    }

    fn lock(&self) -> MutexGuard<'_, ProxyBook> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Asking<'a> {
    /// The offers that can be answered, the strongest first.
    #[must_use]
    pub fn offers(&self, challenges: &[Challenge]) -> Vec<Offer> {
        telling::offers(challenges, &self.visit(&gate(self.proxy)))
    }

    fn visit(&self, gate: &'a Gate) -> Visit<'a>
    where
        Self: 'a,
    {
        Visit {
            gate,
            credentials: self.proxy.credentials(),
            schemes: self.schemes,
            line: self.line,
            binding: self.binding,
            random: random(),
            now: Stamp::from(SystemTime::now()),
        }
    }
}

fn gate(proxy: &Proxy) -> Gate {
    // Its text has no credentials, but everything else that tells one proxy from another.
    Gate { address: proxy.to_string(), host: proxy.target().host().to_owned() }
}

/// Keyed hashes, whose keys come from the operating system.
fn random() -> [u8; 24] {
    let mut bytes = [0; 24];
    for (place, word) in bytes.chunks_exact_mut(8).enumerate() {
        let hash = RandomState::new().hash_one((std::process::id(), place));
        word.copy_from_slice(&hash.to_ne_bytes());
    }
    bytes
}
