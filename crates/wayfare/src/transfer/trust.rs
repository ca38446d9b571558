//! Certificates that are not in order: the delegate is asked once for all who wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Mutex as Turnstile;
use url::Url;
use wayfare_net::tls::exceptions::{Exception, Kept};
use wayfare_proto::trace::event::What;

use super::{Again, Transfer};
use crate::delegate::{CertificateQuestion, Trust};
use crate::error::{Error, ErrorKind, Stage};

/// What is being asked about certificates now. An answer is for those who waited for it; who comes
/// later asks again.
#[derive(Default)]
pub(crate) struct Trials {
    open: Mutex<HashMap<Exception, Weak<Trial>>>,
}

/// Held by whoever asks; then it has the answer.
type Trial = Turnstile<Option<Trust>>;

impl Trials {
    fn trial(&self, exception: &Exception) -> Arc<Trial> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trial) = open.get(exception).and_then(Weak::upgrade) {
            return trial;
        }
        open.retain(|_, trial| trial.strong_count() > 0);
        let trial = Arc::new(Trial::default());
        open.insert(exception.clone(), Arc::downgrade(&trial));
        trial
    }
}

impl Transfer {
    /// True if it failed for a certificate that somebody may want to accept.
    pub(super) fn may_trust(&self, error: &Error) -> bool {
        // What is accepted and refused all the same is refused by something else.
        let may_ask = |rejection| !self.forbids_exceptions(rejection);
        error.rejection().is_some_and(may_ask) && self.tries.trusted < MOST_TRIALS
    }

    pub(super) async fn trust(&mut self, error: Error) -> Result<Again, Error> {
        let Some(rejection) = error.rejection() else { return Err(error) };
        let exception = rejection.exception();
        self.tries.trusted += 1;
        if self.options.tls.exceptions().holds(&exception) {
            // Another request's answer has come since this one's handshake.
            return Ok(Again::Resend("its certificate was accepted"));
        }
        let question = CertificateQuestion::new(Url::clone(&self.url), rejection);
        let trial = self.shared.trials.trial(&exception);
        let mut answer = trial.lock().await;
        let is_first = answer.is_none();
        let trust = match *answer {
            Some(trust) => trust,
            None => *answer.insert(self.shared.delegate.certificate(&question).await),
        };
        let kept = match trust {
            Trust::Always => Kept::Always,
            Trust::No => return Err(error),
            Trust::Session => Kept::Session,
        };
        if is_first {
            self.options.tls.exceptions().add(exception, kept).map_err(|why| {
                let message = format!("the exception for {} cannot be kept: {why}", question.host);
                Error::new(ErrorKind::FileSystem, Stage::Store, message).because(why)
            })?;
        }
        self.emit(|| What::CertificateAccepted { host: question.host.clone() });
        Ok(Again::Resend("its certificate was accepted"))
    }
}

/// A server that shows another certificate each time must not keep a request going for ever.
const MOST_TRIALS: u8 = 3;
