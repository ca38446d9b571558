//! Asking an authority whether it took a server's certificate back (RFC 6960, RFC 5019).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use wayfare_proto::certificate::ocsp::Status;

use super::{Dialer, race};
use crate::clock::now;
use crate::post::{Afterwards, Post, post};
use crate::runtime::{Within, within};
use crate::tls::facts::TlsFacts;
use crate::tls::policy::{Revocation, TlsPolicy};
use crate::tls::{Inquiry, StapleState, TlsFailure};

/// Finds out about the certificate of a finished handshake, if the settings ask for it and nothing
/// was stapled. What cannot be found out is an error, because it was asked for.
pub(super) async fn check(
    name: &str,
    facts: &mut TlsFacts,
    policy: &TlsPolicy,
    dialer: &Dialer<'_>,
) -> Result<(), TlsFailure> {
    if policy.settings().revocation != Revocation::Fetched
        || facts.staple == StapleState::Good
        || facts.exception.is_some()
    {
        return Ok(());
    }
    let inquiry = policy.inquire(name, &facts.certificates).map_err(TlsFailure::from)?;
    let Some(inquiry) = inquiry else { return Ok(()) };
    let asking = ask_any(&inquiry, policy, dialer);
    let deadline = dialer.waits.tls.deadline(now());
    let told = match within(dialer.home, deadline, asking).await {
        Within::Done(told) => told,
        Within::TooLate => Err("its authority did not answer in time".to_owned()),
    };
    let failure = match told {
        Ok(Status::Good { .. }) => {
            facts.staple = StapleState::Good;
            return Ok(());
        }
        Ok(Status::Revoked { .. }) => inquiry.revoked(),
        Ok(_) => inquiry.unknown("its authority does not know it"),
        Err(why) => inquiry.unknown(&why.escape_debug().to_string()),
    };
    let Some(rejection) = &failure.rejection else { return Err(failure) };
    let exception = rejection.exception();
    if !policy.settings().exceptions.holds(&exception) {
        return Err(failure);
    }
    facts.problems.clone_from(&rejection.problems);
    facts.exception = Some(exception);
    Ok(())
}

async fn ask_any(
    inquiry: &Inquiry,
    policy: &TlsPolicy,
    dialer: &Dialer<'_>,
) -> Result<Status, String> {
    let mut why = "its certificate names no place to ask".to_owned();
    for responder in &inquiry.responders {
        let answer = match ask(responder, &inquiry.request, dialer).await {
            Ok(answer) => answer,
            Err(failed) => {
                why = format!("{responder}: {failed}");
                continue;
            }
        };
        match policy.hear(inquiry, &answer, wall_clock()) {
            Ok(status) => return Ok(status),
            Err(failed) => why = format!("{responder}: {failed}"),
        }
    }
    Err(why)
}

/// Posts a request over a connection of its own: plain HTTP, as the answer is signed.
async fn ask(responder: &str, request: &[u8], dialer: &Dialer<'_>) -> Result<Vec<u8>, String> {
    let uri: Uri = responder.parse().map_err(|why| format!("{why}"))?;
    let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("not an http: URL".to_owned());
    };
    let port = authority.port_u16().unwrap_or(80);
    // Its steps are not those of the transfer.
    let reached =
        race::reach((authority.host(), port), race::Late::Left, dialer, &mut |_| {}).await;
    let (mut stream, _) = reached.map_err(|why| why.to_string())?;
    let mut fields = HeaderMap::new();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/ocsp-request"));
    fields.insert(header::ACCEPT, HeaderValue::from_static("application/ocsp-response"));
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let asked = Post {
        host: authority.as_str(),
        target,
        fields,
        body: request,
        most: MOST_BYTES,
        afterwards: Afterwards::Close,
    };
    let answered = post(&mut stream, asked, |status, _| match status {
        StatusCode::OK => Ok(()),
        status => Err(format!("it answered with the HTTP status {status}")),
    });
    Ok(answered.await.map_err(|why| why.to_string())?.body)
}

/// Certificates go by the clock on the wall.
fn wall_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Answers have some hundred bytes, with a responder's certificate some thousand.
const MOST_BYTES: usize = 64 * 1024;
