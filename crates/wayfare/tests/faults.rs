//! Servers that misbehave, one by one: what is delivered, what is an error, and how soon.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::time::{Duration, Instant};

use it::{Ask, FACES, Face, Got, fetch, for_all, identity, is_at_rest, manager_for};
use wayfare::options::{Timeouts, Versions, Wait};
use wayfare::{Body, Error, ErrorKind, Manager};
use wayfare_testkit::faults::{FAULTS, Fault, GOOD, Outcome, POISON};
use wayfare_testkit::h2_faults::{H2_FAULTS, H2Fault};
use wayfare_testkit::{FaultServer, H2FaultServer, Server};

const ALL: Wait = Wait::AtMost(Duration::from_millis(1_500));
const ONE: Wait = Wait::AtMost(Duration::from_millis(700));
/// For a machine that does other things too, such as to send a dozen floods at once.
const LATE: Duration = Duration::from_millis(3_000);

/// Short waits where only a wait can end it, and long ones where nothing should be waited for.
fn timeouts(outcome: Outcome) -> Timeouts {
    match outcome {
        Outcome::Deadline | Outcome::Choice => Timeouts {
            resolve: ONE,
            connect: ONE,
            proxy: ONE,
            tls: ONE,
            first_byte: ONE,
            between_bytes: ONE,
            whole: ALL,
        },
        _ => Timeouts { whole: Wait::seconds(20), ..Timeouts::default() },
    }
}

struct Case<F: 'static> {
    face: Face,
    secure: bool,
    fault: &'static F,
}

fn cases<F>(faults: &'static [F]) -> Vec<Case<F>> {
    let mut cases = Vec::new();
    for fault in faults {
        for secure in [false, true] {
            cases.extend(FACES.map(|face| Case { face, secure, fault }));
        }
    }
    cases
}

/// Checks one answer to one fault.
fn check(
    outcome: Outcome,
    body: &str,
    took: Duration,
    result: &Result<Got, Error>,
) -> Result<(), String> {
    let is_poison =
        |got: &Got| got.body.windows(POISON.len()).any(|part| part == POISON.as_bytes());
    if result.as_ref().is_ok_and(is_poison) {
        return Err("delivered an answer that nobody asked for".into());
    }
    let delivered = matches!(result, Ok(got) if got.body == body);
    let timed_out = matches!(result, Err(error) if matches!(error.kind(), ErrorKind::Timeout(_)));
    let right = match outcome {
        Outcome::Choice => delivered || result.is_err(),
        Outcome::Deadline => timed_out,
        Outcome::Deliver | Outcome::Retry => delivered,
        Outcome::Error => result.is_err() && !timed_out,
    };
    let shown = result.as_ref().map(|got| (got.status, got.body.escape_ascii().to_string()));
    if !right {
        return Err(format!("{shown:?} after {took:?}"));
    }
    let Wait::AtMost(all) = ALL else { return Ok(()) };
    if matches!(outcome, Outcome::Deadline | Outcome::Choice) && took > all + LATE {
        return Err(format!("right, but only after {took:?}: {shown:?}"));
    }
    Ok(())
}

fn still_works(face: Face, manager: &Manager, healthy: &Server) -> Result<(), String> {
    let got = fetch(face, manager, Ask::get(healthy.url("/get"))).map_err(|why| why.to_string())?;
    if got.status != 200 {
        return Err(format!("the next request got {}", got.status));
    }
    if !is_at_rest(manager) {
        return Err(format!("a turn was kept: {:?}", manager.queue()));
    }
    Ok(())
}

fn timed(face: Face, manager: &Manager, ask: Ask) -> (Duration, Result<Got, Error>) {
    let began = Instant::now();
    let result = fetch(face, manager, ask);
    (began.elapsed(), result)
}

fn meet(case: &Case<Fault>, healthy: &Server) -> Result<(), String> {
    let Case { face, secure, fault } = case;
    let builder = FaultServer::named(fault.name);
    let builder = if *secure { builder.tls(&identity().1) } else { builder };
    let server = builder.bind_on_thread("127.0.0.1:0").unwrap();
    let manager = manager_for(Versions::Http1);
    let ask = || {
        let ask = Ask::new(fault.method, server.url("/")).timeouts(timeouts(fault.outcome));
        if fault.method == "POST" { ask.body(Body::from(vec![7; 100_000])) } else { ask }
    };
    let (took, result) = timed(*face, &manager, ask());
    check(fault.outcome, fault.body, took, &result)?;
    if fault.outcome == Outcome::Retry {
        // Long enough for the server to do to the idle connection what it does.
        std::thread::sleep(Duration::from_millis(120));
        let (took, result) = timed(*face, &manager, ask());
        check(fault.outcome, fault.body, took, &result).map_err(|why| format!("second: {why}"))?;
    }
    still_works(*face, &manager, healthy)
}

#[test]
fn every_http1_fault_ends_as_it_should() {
    let healthy = Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
    let name = |case: &Case<Fault>| {
        format!("{:?}", (case.fault.name, case.fault.outcome, case.face, case.secure))
    };
    for_all(cases(FAULTS), 8, name, move |case| meet(case, &healthy));
}

fn meet_h2(case: &Case<H2Fault>, healthy: &Server) -> Result<(), String> {
    let Case { face, secure, fault } = case;
    let builder = H2FaultServer::named(fault.name);
    let builder = if *secure { builder.tls(&identity().1) } else { builder };
    let server = builder.bind_on_thread("127.0.0.1:0").unwrap();
    let manager = manager_for(Versions::Http2);
    let ask = || {
        let ask = Ask::new(fault.method, server.url("/")).timeouts(timeouts(fault.outcome));
        if fault.method == "POST" { ask.body(Body::from(vec![7; 1_100_000])) } else { ask }
    };
    let (took, result) = timed(*face, &manager, ask());
    check(fault.outcome, GOOD, took, &result)?;
    if matches!(fault.outcome, Outcome::Deliver | Outcome::Retry) {
        let (took, result) = timed(*face, &manager, ask());
        check(fault.outcome, GOOD, took, &result).map_err(|why| format!("second: {why}"))?;
    }
    still_works(*face, &manager, healthy)
}

#[test]
fn every_http2_fault_ends_as_it_should() {
    let healthy = Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
    let name = |case: &Case<H2Fault>| {
        format!("{:?}", (case.fault.name, case.fault.outcome, case.face, case.secure))
    };
    for_all(cases(H2_FAULTS), 6, name, move |case| meet_h2(case, &healthy));
}
