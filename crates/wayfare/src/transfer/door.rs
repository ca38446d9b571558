//! A question that is put once, however many wait for the answer.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as Turnstile;
use wayfare_net::clock::now;
use wayfare_proto::syntax::credentials::Credentials;

/// What was said to one place and realm, for all transfers of a manager.
#[derive(Default)]
pub(super) struct Door {
    /// Held while somebody is being asked, so that others wait for what comes of it.
    said: Turnstile<Said>,
    /// A copy for those who only want to look.
    known: Mutex<Option<Credentials>>,
}

#[derive(Clone, Default)]
enum Said {
    Accepted(Credentials),
    #[default]
    Nothing,
    /// Nobody is asked again for a while: a proxy may pass on what an origin made up, and its own
    /// refusal may be a passing one.
    Refused(Instant),
}

impl Door {
    /// What to say, having heard that `heard` was refused; nothing if there is nobody to ask, or
    /// what was said has been refused before.
    pub(super) async fn answer<A>(
        &self,
        heard: Option<&Credentials>,
        ask: impl FnOnce() -> A,
    ) -> Option<Credentials>
    where
        A: Future<Output = Option<Credentials>>,
    {
        let mut said = self.said.lock().await;
        match &*said {
            // Somebody else was asked while this request was on its way.
            Said::Accepted(known) if heard != Some(known) => return Some(known.clone()),
            Said::Refused(since) if now() < *since + REFUSED_FOR => return None,
            Said::Accepted(_) => {
                *said = Said::Refused(now());
                *self.lock() = None;
                return None;
            }
            Said::Nothing | Said::Refused(_) => {}
        }
        let answer = ask().await;
        *said = match &answer {
            Some(credentials) => Said::Accepted(credentials.clone()),
            None => Said::Refused(now()),
        };
        self.lock().clone_from(&answer);
        answer
    }

    /// What was said, if it was not refused.
    pub(super) fn known(&self) -> Option<Credentials> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Credentials>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long what was refused is not asked about again.
const REFUSED_FOR: Duration = Duration::from_secs(60);
