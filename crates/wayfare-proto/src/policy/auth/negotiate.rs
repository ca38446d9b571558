//! Negotiate: tokens that somebody else makes, carried in fields (RFC 4559), and when they have
//! proven whom.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::{Asker, Scheme};
use crate::syntax::challenge::Challenge;

/// What the maker of tokens made of what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// A token that is the last, or nothing; the peer has proven itself.
    Complete(Vec<u8>),
    /// A token that the peer has to answer.
    Incomplete(Vec<u8>),
}

/// Why a talk cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The peer's token is not base64.
    NoToken,
    /// There is nothing to say, although the talk is not over.
    Silent,
    /// A token is longer than any sound one.
    TooLong,
    /// The peer goes on and on.
    TooManyRounds,
    /// The peer took the proof, and did not prove itself.
    Unproven,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoToken => "the Negotiate token is not base64",
            Self::Silent => "the Negotiate talk has stopped before its end",
            Self::TooLong => "the Negotiate token is too long",
            Self::TooManyRounds => "the Negotiate talk does not come to an end",
            Self::Unproven => {
                "the user was let in by Negotiate, but whoever answered did not prove to be the \
                 service that was meant"
            }
        })
    }
}

impl std::error::Error for Fault {}

/// Whether the peer has to prove itself with its last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It has to: it asked, and nothing else proves it.
    Demanded,
    /// It may: a proof is checked, a missing one is none.
    Welcome,
}

/// What is to be done about a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The proof was not accepted.
    Refused,
    /// The maker of tokens takes this one and makes the next.
    Take(Vec<u8>),
}

/// One talk with one peer, over one connection.
///
/// ```
/// # use wayfare_proto::policy::auth::negotiate::{Made, Negotiation, Proof, Step};
/// let mut talk = Negotiation::default();
/// assert_eq!(talk.handle_made(&Made::Incomplete(b"one".to_vec()))?.unwrap(), "Negotiate b25l");
/// assert_eq!(talk.handle_challenge(Some("dHdv"))?, Step::Take(b"two".to_vec()));
/// talk.handle_made(&Made::Incomplete(b"three".to_vec()))?;
/// assert_eq!(talk.handle_acceptance(Some("Zm91cg=="), Proof::Demanded)?, Some(b"four".to_vec()));
/// talk.handle_last(&Made::Complete(Vec::new()))?;
/// # Ok::<(), wayfare_proto::policy::auth::negotiate::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Negotiation {
    rounds: u8,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing was said.
    #[default]
    Begun,
    /// The peer has proven itself.
    Complete,
    /// The last token has to be answered.
    Speaking,
}

impl Negotiation {
    /// Takes in a token for the peer; gives the field that says it, if there is anything to say.
    ///
    /// # Errors
    /// [`Fault::TooLong`], or [`Fault::Silent`] if the peer waits for a token and there is none.
    pub fn handle_made(&mut self, made: &Made) -> Result<Option<HeaderValue>, Fault> {
        let (token, state) = match made {
            Made::Complete(token) => (token, State::Complete),
            Made::Incomplete(token) => (token, State::Speaking),
        };
        if token.is_empty() && (self.state == State::Begun || state == State::Speaking) {
            return Err(Fault::Silent);
        }
        if token.len() > LONGEST_TOKEN {
            return Err(Fault::TooLong);
        }
        self.state = state;
        Ok((!token.is_empty()).then(|| field(token)))
    }

    /// Takes in that the peer asks once more (401 or 407), with its token.
    ///
    /// # Errors
    /// [`Fault::NoToken`], [`Fault::TooLong`], [`Fault::TooManyRounds`].
    pub fn handle_challenge(&mut self, token: Option<&str>) -> Result<Step, Fault> {
        match (self.state, token) {
            // Whoever has had the last token and asks again has not accepted it.
            (State::Begun | State::Complete, _) | (State::Speaking, None | Some("")) => {
                Ok(Step::Refused)
            }
            (State::Speaking, Some(token)) => {
                self.rounds = self.rounds.saturating_add(1);
                if self.rounds > MOST_ROUNDS {
                    return Err(Fault::TooManyRounds);
                }
                read(token).map(Step::Take)
            }
        }
    }

    /// Takes in that the peer does not ask any more; gives the token that still has to be looked at.
    ///
    /// # Errors
    /// [`Fault::Unproven`] if a token is missing that is demanded; [`Fault::NoToken`],
    /// [`Fault::TooLong`].
    pub fn handle_acceptance(
        &mut self,
        token: Option<&str>,
        proof: Proof,
    ) -> Result<Option<Vec<u8>>, Fault> {
        match (self.state, token.filter(|token| !token.is_empty()), proof) {
            (State::Begun | State::Complete, ..) | (State::Speaking, None, Proof::Welcome) => {
                Ok(None)
            }
            (State::Speaking, None, Proof::Demanded) => Err(Fault::Unproven),
            (State::Speaking, Some(token), _) => read(token).map(Some),
        }
    }

    /// Takes in what the last token of the peer has proven: all, or nothing.
    ///
    /// # Errors
    /// [`Fault::Unproven`] unless it ends the talk.
    pub fn handle_last(&mut self, made: &Made) -> Result<(), Fault> {
        match made {
            Made::Complete(left) if left.is_empty() => {
                self.state = State::Complete;
                Ok(())
            }
            // There is nobody any more to say it to.
            Made::Complete(_) | Made::Incomplete(_) => Err(Fault::Unproven),
        }
    }

    /// True once the peer has proven itself.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == State::Complete
    }
}

/// The token of the first Negotiate among challenges that has one; nothing if there is no Negotiate.
#[must_use]
pub fn token(challenges: &[Challenge]) -> Option<&str> {
    let ours =
        |challenge: &&Challenge| Scheme::by_name(&challenge.scheme) == Some(Scheme::Negotiate);
    challenges.iter().filter(ours).find_map(|challenge| challenge.token.as_deref())
}

/// The token with which a peer proves itself at the end. Some proxies say it in
/// `Proxy-Authentication-Info`.
#[must_use]
pub fn last_token(asker: Asker, headers: &HeaderMap) -> Option<String> {
    token_of(&asker.challenges(headers), headers.get(asker.info_field()))
}

/// The same, of fields that were read already.
#[must_use]
pub fn token_of(challenges: &[Challenge], info: Option<&HeaderValue>) -> Option<String> {
    token(challenges).map(str::to_owned).or_else(|| {
        let info = Challenge::parse(info?.as_bytes());
        token(&info).map(str::to_owned)
    })
}

/// The name of a host in the name of a service: without the brackets of an address and the dot of
/// the root.
#[must_use]
pub fn service_host(host: &str) -> &str {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.strip_suffix('.').unwrap_or(bare)
}

/// True if a user's name may be one of Kerberos: `DOMAIN\user` is one of NTLM.
#[must_use]
pub fn is_principal(user: &str) -> bool {
    !user.is_empty() && !user.contains(['\\', '\0'])
}

fn read(token: &str) -> Result<Vec<u8>, Fault> {
    if token.len() / 4 * 3 > LONGEST_TOKEN {
        return Err(Fault::TooLong);
    }
    STANDARD.decode(token).map_err(|_| Fault::NoToken)
}

fn field(token: &[u8]) -> HeaderValue {
    let text = Zeroizing::new(format!("Negotiate {}", STANDARD.encode(token)));
    // Base64 has no character that a field value forbids.
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Negotiate"));
    value.set_sensitive(true);
    value
}

/// Tickets with many groups in them are long, and no server takes fields that are longer.
const LONGEST_TOKEN: usize = 64 * 1024;
/// Kerberos needs one round, and two where the clocks differ.
const MOST_ROUNDS: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const MORE: &str = "bW9yZQ==";

    fn speaking() -> Negotiation {
        let mut talk = Negotiation::default();
        talk.handle_made(&Made::Incomplete(b"one".to_vec())).unwrap();
        talk
    }

    fn told_all() -> Negotiation {
        let mut talk = Negotiation::default();
        talk.handle_made(&Made::Complete(b"one".to_vec())).unwrap();
        talk
    }

    #[test]
    fn what_a_challenge_means_depends_on_what_was_said() {
        let long = "A".repeat(LONGEST_TOKEN / 3 * 4 + 8);
        let more = || Ok(Step::Take(b"more".to_vec()));
        let table = [
            (Negotiation::default(), None, Ok(Step::Refused)),
            (Negotiation::default(), Some(MORE), Ok(Step::Refused)),
            (speaking(), None, Ok(Step::Refused)),
            (speaking(), Some(""), Ok(Step::Refused)),
            (speaking(), Some(MORE), more()),
            (speaking(), Some("bW9yZQ"), Err(Fault::NoToken)),
            (speaking(), Some("b_9yZQ=="), Err(Fault::NoToken)),
            (speaking(), Some("===="), Err(Fault::NoToken)),
            (speaking(), Some(&long), Err(Fault::TooLong)),
            (told_all(), None, Ok(Step::Refused)),
            (told_all(), Some(MORE), Ok(Step::Refused)),
        ];
        for (mut talk, token, expected) in table {
            let told = format!("{talk:?} {:?}", token.map(|token| &token[..token.len().min(9)]));
            assert_eq!(talk.handle_challenge(token), expected, "{told}");
        }
    }

    #[test]
    fn what_an_acceptance_is_worth_depends_on_what_is_demanded() {
        let table = [
            (speaking(), None, Proof::Demanded, Err(Fault::Unproven)),
            (speaking(), Some(""), Proof::Demanded, Err(Fault::Unproven)),
            (speaking(), None, Proof::Welcome, Ok(None)),
            (speaking(), Some(MORE), Proof::Demanded, Ok(Some(b"more".to_vec()))),
            (speaking(), Some(MORE), Proof::Welcome, Ok(Some(b"more".to_vec()))),
            (speaking(), Some("?"), Proof::Welcome, Err(Fault::NoToken)),
            (told_all(), None, Proof::Demanded, Ok(None)),
            (told_all(), Some(MORE), Proof::Demanded, Ok(None)),
            (Negotiation::default(), None, Proof::Demanded, Ok(None)),
        ];
        for (mut talk, token, proof, expected) in table {
            let told = format!("{talk:?} {token:?} {proof:?}");
            assert_eq!(talk.handle_acceptance(token, proof), expected, "{told}");
        }
    }

    #[test]
    fn the_last_token_proves_all_or_nothing() {
        let table = [
            (Made::Complete(Vec::new()), Ok(())),
            (Made::Complete(b"x".to_vec()), Err(Fault::Unproven)),
            (Made::Incomplete(Vec::new()), Err(Fault::Unproven)),
            (Made::Incomplete(b"x".to_vec()), Err(Fault::Unproven)),
        ];
        for (made, expected) in table {
            let mut talk = speaking();
            assert_eq!(talk.handle_last(&made), expected, "{made:?}");
            assert_eq!(talk.is_complete(), expected.is_ok());
        }
    }

    #[test]
    fn what_is_said_is_a_secret_and_is_never_nothing() {
        let mut talk = Negotiation::default();
        assert_eq!(talk.handle_made(&Made::Complete(Vec::new())), Err(Fault::Silent));
        assert_eq!(talk.handle_made(&Made::Incomplete(Vec::new())), Err(Fault::Silent));
        let long = Made::Incomplete(vec![0; LONGEST_TOKEN + 1]);
        assert_eq!(talk.handle_made(&long), Err(Fault::TooLong));
        let said = talk.handle_made(&Made::Incomplete(b"more".to_vec())).unwrap().unwrap();
        assert!(said == "Negotiate bW9yZQ==" && said.is_sensitive());
        assert_eq!(talk.handle_made(&Made::Incomplete(Vec::new())), Err(Fault::Silent));
        assert_eq!(talk.handle_made(&Made::Complete(Vec::new())), Ok(None));
    }

    #[test]
    fn a_server_that_always_asks_for_more_is_not_answered_for_ever() {
        let mut talk = speaking();
        for _ in 0..MOST_ROUNDS {
            assert_eq!(talk.handle_challenge(Some(MORE)), Ok(Step::Take(b"more".to_vec())));
            talk.handle_made(&Made::Incomplete(b"and".to_vec())).unwrap();
        }
        assert_eq!(talk.handle_challenge(Some(MORE)), Err(Fault::TooManyRounds));
    }

    #[test]
    fn the_token_is_found_wherever_it_stands() {
        let table = [
            ("Negotiate bW9yZQ==", Some("bW9yZQ==")),
            ("Basic realm=r, negotiate bW9yZQ==", Some("bW9yZQ==")),
            ("Negotiate, Negotiate bW9yZQ==", Some("bW9yZQ==")),
            ("Negotiate", None),
            ("NTLM bW9yZQ==", None),
        ];
        for (value, expected) in table {
            assert_eq!(token(&Challenge::parse(value.as_bytes())), expected, "{value}");
        }
    }

    #[test]
    fn services_and_users_have_plain_names() {
        assert_eq!(service_host("[::1]"), "::1");
        assert_eq!(service_host("a.test."), "a.test");
        assert!(is_principal("ada") && is_principal("ada@REALM"));
        assert!(!is_principal("HOME\\ada") && !is_principal("") && !is_principal("a\0b"));
    }
}
