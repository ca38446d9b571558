//! Faults in a response's head: cut, endless, malformed, or never coming.

use std::time::Duration;

use bytes::Bytes;

use super::{GOOD, good};
use crate::script::{Step, Times};

pub(super) fn reset_on_accept() -> Vec<Step> {
    vec![Step::Rst]
}

pub(super) fn reset_before_head() -> Vec<Step> {
    vec![Step::head(), Step::Rst]
}

pub(super) fn close_before_head() -> Vec<Step> {
    vec![Step::head(), Step::Fin]
}

pub(super) fn cut_head() -> Vec<Step> {
    vec![Step::head(), Step::send("HTTP/1.1 200 OK\r\nContent-Le"), Step::Fin]
}

pub(super) fn reset_in_head() -> Vec<Step> {
    vec![Step::head(), Step::send("HTTP/1.1 200 OK\r\nContent-Le"), Step::Wait(SHORT), Step::Rst]
}

pub(super) fn stall_accept() -> Vec<Step> {
    vec![Step::Stall]
}

pub(super) fn stall_head() -> Vec<Step> {
    vec![Step::head(), SILENCE]
}

pub(super) fn stall_in_head() -> Vec<Step> {
    vec![Step::head(), Step::send("HTTP/1.1 200 OK\r\nContent-Le"), SILENCE]
}

pub(super) fn drip_head() -> Vec<Step> {
    let head = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "a".repeat(600));
    vec![
        Step::head(),
        Step::SendSlowly { bytes: head.into(), every: Duration::from_secs(1) },
        Step::Fin,
    ]
}

pub(super) fn endless_status_line() -> Vec<Step> {
    endless("HTTP/1.1 200 ", "O".repeat(4096))
}

pub(super) fn endless_header() -> Vec<Step> {
    endless("HTTP/1.1 200 OK\r\nX-Long: ", "a".repeat(4096))
}

pub(super) fn too_many_fields() -> Vec<Step> {
    endless("HTTP/1.1 200 OK\r\n", "X-Many: field\r\n".repeat(256))
}

pub(super) fn interim_flood() -> Vec<Step> {
    endless("", INTERIM.repeat(64))
}

pub(super) fn interim_drip() -> Vec<Step> {
    vec![Step::head(), forever(INTERIM.into(), SHORT)]
}

pub(super) fn few_interims() -> Vec<Step> {
    vec![Step::head(), Step::send(INTERIM.repeat(3)), good()]
}

pub(super) fn interim_with_length() -> Vec<Step> {
    let interim = "HTTP/1.1 102 Processing\r\nContent-Length: 100\r\n\r\n";
    vec![Step::head(), Step::send(interim), good()]
}

pub(super) fn unasked_101() -> Vec<Step> {
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n";
    vec![Step::head(), Step::send(head), good()]
}

pub(super) fn http09() -> Vec<Step> {
    closing("<html><body>good</body></html>\n")
}

pub(super) fn icy() -> Vec<Step> {
    closing(&format!("ICY 200 OK\r\nContent-Length: 5\r\n\r\n{GOOD}"))
}

pub(super) fn http2_version() -> Vec<Step> {
    closing(&format!("HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\n{GOOD}"))
}

pub(super) fn long_status() -> Vec<Step> {
    closing(&format!("HTTP/1.1 99999 Odd\r\nContent-Length: 5\r\n\r\n{GOOD}"))
}

pub(super) fn ssh_banner() -> Vec<Step> {
    closing("SSH-2.0-OpenSSH_9.6\r\n")
}

pub(super) fn nul_in_header() -> Vec<Step> {
    with_field("X-Odd: a\0b")
}

pub(super) fn cr_in_header() -> Vec<Step> {
    with_field("X-Odd: a\rContent-Length: 1")
}

pub(super) fn space_before_colon() -> Vec<Step> {
    with_field("X-Odd : a")
}

pub(super) fn no_colon() -> Vec<Step> {
    with_field("X-Odd")
}

pub(super) fn empty_field_name() -> Vec<Step> {
    with_field(": a")
}

pub(super) fn space_before_first_field() -> Vec<Step> {
    closing(&format!("HTTP/1.1 200 OK\r\n Content-Length: 1\r\nContent-Length: 5\r\n\r\n{GOOD}"))
}

pub(super) fn obs_fold() -> Vec<Step> {
    with_field("X-Odd: a\r\n b")
}

pub(super) fn lf_only() -> Vec<Step> {
    closing(&format!("HTTP/1.1 200 OK\nContent-Length: 5\n\n{GOOD}"))
}

pub(super) fn no_reason() -> Vec<Step> {
    closing(&format!("HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n{GOOD}"))
}

fn with_field(line: &str) -> Vec<Step> {
    closing(&format!("HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: 5\r\n\r\n{GOOD}"))
}

fn closing(answer: &str) -> Vec<Step> {
    vec![Step::head(), Step::send(answer), Step::Fin]
}

fn endless(begin: &str, again: String) -> Vec<Step> {
    vec![Step::head(), Step::send(begin), forever(again.into(), Duration::ZERO)]
}

pub(super) fn forever(bytes: Bytes, every: Duration) -> Step {
    Step::RepeatSend { bytes, times: Times::Forever, every }
}

/// Says nothing more, and ends when the client gives up.
pub(super) const SILENCE: Step = Step::Drain(Duration::from_secs(24 * 3600));
const INTERIM: &str = "HTTP/1.1 102 Processing\r\n\r\n";
pub(super) const SHORT: Duration = Duration::from_millis(50);
