//! Who is logged in on this machine, or has a password of Kerberos: proofs for Negotiate, made by the
//! system's library.
//!
//! The library is looked for when it is first needed, so that nothing depends on it. Its calls may
//! ask a server for tickets, and are made on threads that may wait: a few at a time, as nobody can end
//! one that waits for a server that is silent.

#[cfg(not(all(feature = "negotiate", unix, not(target_vendor = "apple"))))]
mod absent;
#[cfg(all(feature = "negotiate", unix, not(target_vendor = "apple")))]
#[expect(unsafe_code)]
mod library;

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use tokio::sync::Semaphore;
use wayfare_proto::policy::auth::negotiate::{self, Fault, Made, Proof, Step};
use wayfare_proto::policy::deadline::Wait;
use wayfare_proto::syntax::credentials::Credentials;

use crate::clock::now;
use crate::runtime::{Home, Within, within};
#[cfg(not(all(feature = "negotiate", unix, not(target_vendor = "apple"))))]
use absent as platform;
#[cfg(all(feature = "negotiate", unix, not(target_vendor = "apple")))]
use library as platform;

pub use platform::Library;

/// What a proof is for.
#[derive(Clone, Debug)]
pub struct Purpose {
    /// Who it is to be.
    pub credentials: Credentials,
    /// The host whose `HTTP` service it is for.
    pub host: String,
    /// What binds it to a TLS connection: the hash of `tls-server-end-point` (RFC 5929 §4).
    pub binding: Option<Vec<u8>>,
}

/// Makes proofs; tests replace it.
pub trait Tickets: Send + Sync + fmt::Debug {
    /// Begins a proof. May wait for the network.
    ///
    /// # Errors
    /// [`Failure::Absent`] where nobody can make any; [`Failure::Credentials`].
    fn begin(&self, purpose: &Purpose) -> Result<Box<dyn Context>, Failure>;
}

/// Nobody who could make any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Nobody;

impl Tickets for Nobody {
    fn begin(&self, _: &Purpose) -> Result<Box<dyn Context>, Failure> {
        Err(Failure::Absent("this network has nobody who is logged in".to_owned()))
    }
}

/// One proof in the making.
pub trait Context: Send {
    /// Makes the next token, given the one of the peer, which the first has none of. May wait for the
    /// network.
    ///
    /// # Errors
    /// [`Failure::Credentials`] if there is no ticket, or the peer's token proves nothing.
    fn step(&mut self, token: Option<&[u8]>) -> Result<Made, Failure>;
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Nobody can make any here.
    Absent(String),
    /// There is none to be had with these credentials for this service.
    Credentials(String),
    /// The peer broke the protocol.
    Fault(Fault),
    /// Whoever gives tickets did not answer for so long.
    TooLate(Wait),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(why) => write!(f, "Negotiate cannot be used here: {why}"),
            Self::Credentials(why) => write!(f, "there is no proof for Negotiate: {why}"),
            Self::Fault(fault) => fault.fmt(f),
            Self::TooLate(wait) => write!(f, "there was no ticket within {wait}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// One talk in Negotiate: the rules, and who makes the tokens.
pub struct Negotiation {
    home: Home,
    /// How long each token may take to be made.
    wait: Wait,
    /// Not there while it is at work; one that was given up in the middle is of no more use.
    context: Option<Box<dyn Context>>,
    rules: negotiate::Negotiation,
}

impl Negotiation {
    /// Makes the first token; gives the field that says it. `wait` is how long this one, and each that
    /// follows, may take.
    ///
    /// # Errors
    /// See [`Failure`].
    ///
    /// # Cancel safety
    /// Dropping it abandons the talk; a call of the library runs to its end.
    pub async fn begin(
        home: &Home,
        tickets: Arc<dyn Tickets>,
        purpose: Purpose,
        wait: Wait,
    ) -> Result<(Self, HeaderValue), Failure> {
        let work = move || {
            let mut context = tickets.begin(&purpose)?;
            let made = context.step(None)?;
            Ok::<_, Failure>((context, made))
        };
        let (context, made) = call(&BEGINNINGS, home, wait, work).await??;
        let mut rules = negotiate::Negotiation::default();
        let said = rules.handle_made(&made)?.ok_or(Fault::Silent)?;
        Ok((Self { home: home.clone(), wait, context: Some(context), rules }, said))
    }

    /// Answers the token of a challenge (401 or 407); gives the next field, or nothing if the proof was
    /// not accepted.
    ///
    /// # Errors
    /// See [`Failure`].
    ///
    /// # Cancel safety
    /// Dropping it abandons the talk.
    pub async fn handle_challenge(
        &mut self,
        token: Option<&str>,
    ) -> Result<Option<HeaderValue>, Failure> {
        match self.rules.handle_challenge(token)? {
            Step::Refused => Ok(None),
            Step::Take(token) => {
                let made = self.step(token).await?;
                Ok(self.rules.handle_made(&made)?)
            }
        }
    }

    /// Looks at what the peer says that asks no more.
    ///
    /// # Errors
    /// See [`Failure`]; then it is not to be believed.
    ///
    /// # Cancel safety
    /// Dropping it abandons the talk.
    pub async fn handle_acceptance(
        &mut self,
        token: Option<&str>,
        proof: Proof,
    ) -> Result<(), Failure> {
        let Some(token) = self.rules.handle_acceptance(token, proof)? else { return Ok(()) };
        let made = self.step(token).await?;
        Ok(self.rules.handle_last(&made)?)
    }

    /// True once the peer has proven itself.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.rules.is_complete()
    }

    async fn step(&mut self, token: Vec<u8>) -> Result<Made, Failure> {
        let mut context = self.context.take().ok_or(Fault::Silent)?;
        let work = move || {
            let made = context.step(Some(&token));
            (context, made)
        };
        let (context, made) = call(&ANSWERS, &self.home, self.wait, work).await?;
        self.context = Some(context);
        made
    }
}

impl fmt::Debug for Negotiation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Negotiation").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// Has the library do something, and waits so long for its turn and its end.
async fn call<T: Send + 'static>(
    turns: &'static Semaphore,
    home: &Home,
    wait: Wait,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let calling = async {
        // Never closed.
        let turn = turns.acquire().await;
        let work = move || {
            // One that nobody waits for any longer still counts.
            let _turn = turn;
            work()
        };
        // On a thread of its own: a runtime that ends waits for those that it lends.
        Home::Caller.unblock(work).await.map_err(|why| gone(&why))
    };
    match within(home, wait.deadline(now()), calling).await {
        Within::Done(done) => done,
        Within::TooLate => Err(Failure::TooLate(wait)),
    }
}

fn gone(why: &std::io::Error) -> Failure {
    Failure::Absent(format!("no thread could be had for it ({why})"))
}

/// How many calls of the library are under way at once in this process. Those that have a ticket
/// already do not wait for those that may never get one.
const MOST_CALLS: usize = 8;
static ANSWERS: Semaphore = Semaphore::const_new(MOST_CALLS);
static BEGINNINGS: Semaphore = Semaphore::const_new(MOST_CALLS);

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::caller::block_on;

    /// Gives tickets until it is silent.
    #[derive(Debug, Default)]
    struct Center {
        is_silent: Mutex<bool>,
        has_spoken: Condvar,
    }

    impl Center {
        fn become_silent(&self, is_silent: bool) {
            *self.is_silent.lock().unwrap() = is_silent;
            self.has_spoken.notify_all();
        }
    }

    impl Tickets for Center {
        fn begin(&self, _: &Purpose) -> Result<Box<dyn Context>, Failure> {
            let silent = self.is_silent.lock().unwrap();
            drop(self.has_spoken.wait_while(silent, |is_silent| *is_silent).unwrap());
            Ok(Box::new(Simple))
        }
    }

    struct Simple;

    impl Context for Simple {
        fn step(&mut self, token: Option<&[u8]>) -> Result<Made, Failure> {
            Ok(match token {
                None => Made::Incomplete(b"ticket".to_vec()),
                Some(_) => Made::Complete(Vec::new()),
            })
        }
    }

    #[test]
    fn who_has_a_ticket_does_not_wait_for_those_that_get_none() {
        let center = Arc::<Center>::default();
        let begin = |wait: Wait| {
            let (credentials, host) = (Credentials::ambient(), "a.test".to_owned());
            let purpose = Purpose { credentials, host, binding: None };
            block_on(Negotiation::begin(&Home::Caller, center.clone(), purpose, wait))
        };
        let (mut talk, _) = begin(Wait::seconds(20)).unwrap();
        center.become_silent(true);
        let short = Wait::from(Duration::from_millis(10));
        for _ in 0..=MOST_CALLS {
            assert_eq!(begin(short).unwrap_err(), Failure::TooLate(short));
        }
        let proven = block_on(talk.handle_acceptance(Some("cHJvb2Y="), Proof::Demanded));
        assert_eq!(proven, Ok(()));
        assert!(talk.is_complete());
        center.become_silent(false);
        assert!(begin(Wait::seconds(20)).is_ok(), "their turns are over");
    }
}
