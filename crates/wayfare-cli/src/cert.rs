//! `wayfare cert`: a server's certificates, and what is wrong with them.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wayfare::options::{Dns, Tls};
use wayfare::rules::date;
use wayfare::tls::{Certificate, EchOutcome, Exception, Problem, StapleState, TlsFacts};
use wayfare::url::Url;
use wayfare::{Error, Manager};

use crate::advice::{self, Given};
use crate::arguments::Cert;
use crate::fetch::talk::Talk;
use crate::fetch::{Stop, client};
use crate::proxies::{self, Unusable};
use crate::{exit, output, trust};

/// Looks and prints.
pub(crate) fn run(asked: &Cert) -> ExitCode {
    let strict = match trust::tls(&asked.trust) {
        Ok(tls) => tls,
        Err(Stop { code, why }) => {
            output::complain(&why);
            return exit::with(code);
        }
    };
    let found = match look(asked, strict) {
        Ok(found) => found,
        Err(Stop { code, why }) => {
            output::complain(&why);
            return exit::with(code);
        }
    };
    let text = match (asked.json, asked.pem, asked.text) {
        (true, ..) => format!("{}\n", in_json(&found)),
        (_, true, _) => found.chain.iter().map(Certificate::to_pem).collect(),
        (_, _, true) => found.chain.iter().map(Certificate::to_text).collect(),
        _ => in_lines(&found),
    };
    if !output::print(&text) {
        return exit::with(exit::WRITE);
    }
    match found.verdict {
        Verdict::Accepted | Verdict::InOrder => ExitCode::SUCCESS,
        Verdict::Refused => exit::with(60), // curl's number for certificates that are not in order
    }
}

/// What a request with the same options would make of the certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// They are not in order, and taken all the same.
    Accepted,
    InOrder,
    Refused,
}

/// What was found.
struct Found {
    /// What would accept it as it is.
    exception: Option<Exception>,
    facts: TlsFacts,
    chain: Vec<Certificate>,
    verdict: Verdict,
}

/// A handshake that takes everything, but tells what is wrong; nothing is sent on it.
fn look(asked: &Cert, strict: Tls) -> Result<Found, Stop> {
    let url = match asked.server.contains("://") {
        true => asked.server.clone(),
        false => format!("https://{}", asked.server),
    };
    let dns = Dns { pins: asked.resolve.clone(), ..Dns::default() };
    let tls = strict.dangerous().ask_everybody();
    let way = proxies::of(&asked.proxy).map_err(|Unusable { code, why }| Stop { code, why })?;
    let mut builder = crate::memory::of(Manager::builder())
        .dns(dns)
        .tls(tls)
        .timeouts(client::timeouts(&asked.patience))
        .proxies(way)
        .delegate(proxies::ByOption::new(&asked.proxy));
    if asked.verbose {
        let talk = Talk::new(String::new());
        builder = builder.on_event(move |event| talk.tell(event));
    }
    let manager = builder.build();
    let facts = shake(&manager, &url, asked)?;
    let readable = |der: &Vec<u8>| Certificate::from_der(der).ok();
    let chain: Vec<_> = facts.certificates.iter().filter_map(readable).collect();
    let host = Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let leaf = chain.first().filter(|_| !facts.problems.is_empty());
    let exception = host.zip(leaf).map(|(host, leaf)| Exception {
        host: host.trim_matches(['[', ']']).trim_end_matches('.').to_owned(),
        certificate: leaf.sha256(),
        problems: facts.problems.iter().map(|problem| problem.kind).collect(),
    });
    let known = manager.get(&url).options().tls.exceptions().clone();
    let is_known = exception.as_ref().is_some_and(|exception| known.holds(exception));
    let verdict = match facts.problems.is_empty() {
        true => Verdict::InOrder,
        false if asked.trust.insecure || is_known => Verdict::Accepted,
        false => Verdict::Refused,
    };
    Ok(Found { exception, facts, chain, verdict })
}

/// The handshake, within the time there is.
fn shake(manager: &Manager, url: &str, asked: &Cert) -> Result<TlsFacts, Stop> {
    let failed = |error: &Error| Stop {
        code: exit::code(error),
        why: advice::line(error, &Given::by(&asked.server, &asked.proxy)),
    };
    let Some(longest) = asked.patience.max_time else {
        return manager.blocking().handshake(url).map_err(|error| failed(&error));
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Stop { code: 1, why: format!("cannot start: {why}") })?;
    let shaken =
        runtime.block_on(async { tokio::time::timeout(longest, manager.handshake(url)).await });
    // A name that is still looked up is nobody's business any more.
    runtime.shutdown_background();
    match shaken {
        Ok(facts) => facts.map_err(|error| failed(&error)),
        Err(_) => {
            let server = advice::shown(&asked.server);
            let why = format!("{server}: no handshake within {longest:?}; -m waits longer");
            Err(Stop { code: 28, why })
        }
    }
}

fn in_lines(found: &Found) -> String {
    let mut text = String::new();
    for (depth, certificate) in found.chain.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = describe(&mut text, depth, certificate);
        for problem in problems_at(found, depth) {
            let _ = writeln!(text, "   WRONG    {}", problem.kind);
        }
    }
    for problem in found.facts.problems.iter().filter(|one| one.depth >= found.chain.len()) {
        let _ = writeln!(text, "   WRONG    {problem}");
    }
    let facts = &found.facts;
    let _ = writeln!(
        text,
        "{} {} {}{}",
        facts.version,
        facts.cipher_suite,
        facts.key_exchange,
        if facts.is_post_quantum() { " (post-quantum)" } else { "" }
    );
    let _ = writeln!(text, "OCSP: {}", staple_words(&facts.staple));
    if let Some(words) = ech_words(facts.ech) {
        let _ = writeln!(text, "ECH: {words}");
    }
    let verdict = match facts.problems.len() {
        0 => "in order".to_owned(),
        1 => "NOT in order: 1 problem".to_owned(),
        count => format!("NOT in order: {count} problems"),
    };
    let accepted = if found.verdict == Verdict::Accepted { ", and accepted" } else { "" };
    let _ = writeln!(text, "The certificates are {verdict}{accepted}.");
    if let Some(exception) = found.exception.as_ref().filter(|_| accepted.is_empty()) {
        let _ = writeln!(text, "As a line for --exceptions:\n{exception}");
    }
    text
}

fn describe(text: &mut String, depth: usize, certificate: &Certificate) -> std::fmt::Result {
    let key = certificate.public_key();
    writeln!(text, "{depth:>2} {}", certificate.subject())?;
    writeln!(text, "   issuer   {}", certificate.issuer())?;
    let names: Vec<_> = certificate.alternative_names().iter().map(ToString::to_string).collect();
    if !names.is_empty() {
        writeln!(text, "   names    {}", output::visible(&names.join(", ")))?;
    }
    let (from, until) = (moment(certificate.not_before()), moment(certificate.not_after()));
    writeln!(text, "   valid    {from} until {until}{}", left(certificate))?;
    let signed = certificate.signature_algorithm();
    writeln!(text, "   key      {}, {} bit; signed with {signed}", key.algorithm(), key.bits())?;
    writeln!(text, "   serial   {}", certificate.serial())?;
    writeln!(text, "   sha256   {}", hex(&certificate.sha256()))?;
    writeln!(text, "   pin      sha256//{}", STANDARD.encode(key.pin()))
}

fn ech_words(outcome: EchOutcome) -> Option<&'static str> {
    match outcome {
        EchOutcome::Accepted => Some("the server's name was hidden"),
        EchOutcome::Grease => Some("the server's name was in the clear (grease)"),
        EchOutcome::Rejected => Some("the server does not take hidden names any more"),
        _ => None,
    }
}

fn left(certificate: &Certificate) -> String {
    match certificate.not_after().duration_since(SystemTime::now()) {
        Ok(left) => format!(" ({} days left)", left.as_secs() / 86_400),
        Err(_) => " (over)".to_owned(),
    }
}

fn problems_at(found: &Found, depth: usize) -> impl Iterator<Item = &Problem> {
    found.facts.problems.iter().filter(move |problem| problem.depth == depth)
}

fn staple_words(staple: &StapleState) -> String {
    match staple {
        StapleState::Good => "stapled, good".into(),
        StapleState::None => "nothing stapled".into(),
        StapleState::Revoked => "stapled, REVOKED".into(),
        StapleState::Unknown => "stapled, not known to the responder".into(),
        StapleState::Unusable(why) => format!("stapled, but {why}"),
        _ => "stapled".into(),
    }
}

fn in_json(found: &Found) -> Value {
    let chain: Vec<_> = found.chain.iter().map(record).collect();
    let problems: Vec<_> = found
        .facts
        .problems
        .iter()
        .map(|one| json!({"kind": one.kind.name(), "depth": one.depth}))
        .collect();
    json!({
        "chain": chain,
        "problems": problems,
        "version": found.facts.version,
        "cipher_suite": found.facts.cipher_suite,
        "key_exchange": found.facts.key_exchange,
        "post_quantum": found.facts.is_post_quantum(),
        "ocsp": staple_words(&found.facts.staple),
    })
}

fn record(certificate: &Certificate) -> Value {
    let key = certificate.public_key();
    let names: Vec<_> = certificate.alternative_names().iter().map(ToString::to_string).collect();
    json!({
        "subject": certificate.subject().to_string(),
        "issuer": certificate.issuer().to_string(),
        "names": names,
        "not_before": moment(certificate.not_before()),
        "not_after": moment(certificate.not_after()),
        "serial": certificate.serial(),
        "sha256": hex(&certificate.sha256()),
        "key": key.algorithm().to_string(),
        "bits": key.bits(),
        "pin": format!("sha256//{}", STANDARD.encode(key.pin())),
        "pem": certificate.to_pem(),
    })
}

fn moment(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    date::format(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}
