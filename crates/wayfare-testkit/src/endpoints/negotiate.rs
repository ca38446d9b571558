//! Negotiate with tickets of the tests' own kind, which are text: who it is, for which service, and
//! what binds it to the connection.

use std::sync::PoisonError;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};

use super::identity::unauthorized;
use super::{Answer, Call, Refusal, set, text_response};
use crate::server::ReplyBody;

/// How far a talk has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Progress {
    /// So many rounds were had.
    Asked(u32),
    /// The user was let in.
    Proven,
    /// Nothing was said.
    #[default]
    Unknown,
}

/// What a token means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// The next round.
    Further,
    /// Whoever sent it is let in.
    LetIn,
    /// It is refused, or there is none.
    Refused,
}

/// What ends a talk well.
pub(crate) const PROOF: &str = "proof";
/// What is asked in each further round.
pub(crate) const MORE: &str = "more";

/// Takes the next token of a talk that has `legs` rounds.
pub(crate) fn judge(progress: &mut Progress, said: Option<&str>, legs: u32) -> Judged {
    let token = said.and_then(|said| said.strip_prefix("Negotiate "));
    let token = token.and_then(|token| STANDARD.decode(token).ok()).unwrap_or_default();
    let had = match *progress {
        Progress::Unknown if token.starts_with(b"ticket ") => 1,
        Progress::Asked(had) if token == MORE.as_bytes() => had + 1,
        // A ticket begins anew.
        _ if token.starts_with(b"ticket ") => 1,
        _ => {
            *progress = Progress::Unknown;
            return Judged::Refused;
        }
    };
    *progress = if had < legs { Progress::Asked(had) } else { Progress::Proven };
    if had < legs { Judged::Further } else { Judged::LetIn }
}

/// A challenge with a token.
pub(crate) fn with(token: &str) -> String {
    format!("Negotiate {}", STANDARD.encode(token))
}

pub(super) fn auth_negotiate(call: &Call) -> Result<Answer, Refusal> {
    let legs = call.asked_number("legs", 1)?;
    let said = call.header(header::AUTHORIZATION);
    let tickets = &call.site.doorkeeper.tickets;
    let mut tickets = tickets.lock().unwrap_or_else(PoisonError::into_inner);
    let progress = tickets.entry(call.connection).or_default();
    if *progress == Progress::Proven && said.is_none() {
        if call.asked("each").is_none() {
            return Ok(Answer::Respond(text_response(StatusCode::OK, "You are in.\n")));
        }
        *progress = Progress::Unknown;
    }
    Ok(Answer::Respond(match judge(progress, said, legs) {
        Judged::Further => unauthorized(&with(MORE)),
        Judged::LetIn => let_in(call),
        Judged::Refused => refused(call),
    }))
}

fn let_in(call: &Call) -> Response<ReplyBody> {
    let mut response = text_response(StatusCode::OK, "You are in.\n");
    let proof = match call.asked("proof") {
        Some("no") => return response,
        Some("noise") => "Negotiate abc".to_owned(),
        Some(other) => with(other),
        None => with(PROOF),
    };
    set(&mut response, header::WWW_AUTHENTICATE, &proof);
    response
}

fn refused(call: &Call) -> Response<ReplyBody> {
    let mut response = unauthorized("Negotiate");
    let others = call.asked("also").and_then(|other| HeaderValue::from_str(other).ok());
    if let Some(other) = others {
        response.headers_mut().append(header::WWW_AUTHENTICATE, other);
    }
    response
}
