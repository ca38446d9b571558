//! Faults that only show when a connection is used again.

use super::heads::SHORT;
use super::{GOOD, good, poison};
use crate::script::Step;

pub(super) fn long_length() -> Vec<Step> {
    let surplus = format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{GOOD}{}", poison());
    poisoned(vec![Step::send(surplus)])
}

pub(super) fn second_response() -> Vec<Step> {
    poisoned(vec![good(), Step::send(poison())])
}

pub(super) fn late_poison() -> Vec<Step> {
    poisoned(vec![good(), Step::Wait(SHORT), Step::send(poison())])
}

pub(super) fn body_on_204() -> Vec<Step> {
    poisoned(vec![Step::send(format!("HTTP/1.1 204 No Content\r\n\r\n{}", poison()))])
}

pub(super) fn body_on_304() -> Vec<Step> {
    poisoned(vec![Step::send(format!("HTTP/1.1 304 Not Modified\r\n\r\n{}", poison()))])
}

pub(super) fn body_on_head() -> Vec<Step> {
    let poison = poison();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{poison}", poison.len());
    poisoned(vec![Step::send(head)])
}

pub(super) fn timeout_then_close() -> Vec<Step> {
    let timeout = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 6\r\n\
                   Connection: close\r\n\r\nPOISON";
    vec![Step::head(), good(), Step::Wait(SHORT), Step::send(timeout), Step::Fin]
}

pub(super) fn close_after_one() -> Vec<Step> {
    vec![Step::head(), good(), Step::Wait(SHORT), Step::Fin]
}

pub(super) fn reset_after_one() -> Vec<Step> {
    vec![Step::head(), good(), Step::Wait(SHORT), Step::Rst]
}

pub(super) fn closes_on_second() -> Vec<Step> {
    vec![Step::head(), good(), Step::head(), Step::Fin]
}

pub(super) fn resets_on_second() -> Vec<Step> {
    vec![Step::head(), good(), Step::head(), Step::Rst]
}

pub(super) fn says_close() -> Vec<Step> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{GOOD}",
        GOOD.len()
    );
    poisoned(vec![Step::send(head)])
}

pub(super) fn refused_then_reset() -> Vec<Step> {
    let refusal = "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n\
                   Content-Length: 5\r\n\r\ngood\n";
    vec![Step::head(), Step::send(refusal), Step::Wait(SHORT), Step::Rst]
}

/// After these steps a second request on the connection is answered with poison.
fn poisoned(mut steps: Vec<Step>) -> Vec<Step> {
    steps.insert(0, Step::head());
    steps.extend([Step::head(), Step::send(poison()), Step::Fin]);
    steps
}
