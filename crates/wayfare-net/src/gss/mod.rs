//! Who is logged in on this machine, or has a password of Kerberos: proofs for Negotiate, made by the
//! system's library.
//!
//! The library is looked for when it is first needed, so that nothing depends on it. Its calls may
//! ask a server for tickets, and are made on threads that may wait.

#[cfg(not(all(feature = "negotiate", unix, not(target_vendor = "apple"))))]
mod absent;
#[cfg(all(feature = "negotiate", unix, not(target_vendor = "apple")))]
#[expect(unsafe_code)]
mod library;

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use wayfare_proto::policy::auth::negotiate::{self, Fault, Made, Proof, Step};
use wayfare_proto::syntax::credentials::Credentials;

use crate::runtime::Home;
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
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(why) => write!(f, "Negotiate cannot be used here: {why}"),
            Self::Credentials(why) => write!(f, "there is no proof for Negotiate: {why}"),
            Self::Fault(fault) => fault.fmt(f),
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
    /// Not there while it is at work; one that was given up in the middle is of no more use.
    context: Option<Box<dyn Context>>,
    rules: negotiate::Negotiation,
}

impl Negotiation {
    /// Makes the first token; gives the field that says it.
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
    ) -> Result<(Self, HeaderValue), Failure> {
        let work = move || {
            let mut context = tickets.begin(&purpose)?;
            let made = context.step(None)?;
            Ok::<_, Failure>((context, made))
        };
        let (context, made) = home.unblock(work).await.map_err(|why| gone(&why))??;
        let mut rules = negotiate::Negotiation::default();
        let said = rules.handle_made(&made)?.ok_or(Fault::Silent)?;
        Ok((Self { home: home.clone(), context: Some(context), rules }, said))
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
        let (context, made) = self.home.unblock(work).await.map_err(|why| gone(&why))?;
        self.context = Some(context);
        made
    }
}

impl fmt::Debug for Negotiation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Negotiation").field("rules", &self.rules).finish_non_exhaustive()
    }
}

fn gone(why: &std::io::Error) -> Failure {
    Failure::Absent(format!("no thread could be had for it ({why})"))
}
