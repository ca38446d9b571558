//! The table at the end of the day, and what the servers saw of it.

use std::fmt::Write;
use std::time::Duration;

use wayfare::queueing::Priority;

use super::Day;
use super::cast::Lane;
use super::paint::{Colour, Paint};
use super::play::{Digested, Played};
use super::stage::{API_RATE, FILES_RATE, Stage};
use crate::output::size;

/// What is about to happen.
pub(super) fn opening(stage: &Stage, count: usize, paint: Paint) -> String {
    let title = paint.with(Colour::Bold, "A day of an application");
    format!(
        "{title}: {count} transfers through one manager\n\
         \x20 files  {}   HTTP/1.1, {}/s for each connection\n\
         \x20 api    {}  HTTP/2 over TLS 1.3, {}/s\n\n",
        stage.files.url(""),
        size(FILES_RATE),
        stage.api.url(""),
        size(API_RATE),
    )
}

/// One line for each transfer.
pub(super) fn table(played: &[Played], paint: Paint) -> String {
    let heading = format!(
        "  {:<18}{:<7}{:<10}{:<32}{:>10}{:>8}{:>8}  {}",
        "transfer", "to", "priority", "what came of it", "bytes", "queued", "total", "sha"
    );
    let mut table = format!("{}\n", paint.with(Colour::Bold, &heading));
    for played in played {
        let (sign, colour) = match played.is_expected {
            true => ("✓", Colour::Good),
            false => ("✗", Colour::Bad),
        };
        let digest = match played.digest {
            Digested::Equal => paint.with(Colour::Good, "ok"),
            Digested::Differs => paint.with(Colour::Bad, "WRONG"),
            Digested::Nothing => paint.with(Colour::Dim, "-"),
        };
        let bytes = if played.bytes == 0 { "-".to_owned() } else { size(played.bytes) };
        let came = if played.came == "200" { "200 OK".to_owned() } else { played.came.clone() };
        let came = format!("{:<32.32}", as_expected(&came, played));
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            "{} {:<18}{:<7}{}  {came}{bytes:>10}{:>8}{:>8}  {digest}",
            paint.with(colour, sign),
            played.name,
            place(played.lane),
            paint.with(colour_of(played.priority), &format!("{:<8}", word(played.priority))),
            ms(played.queued),
            ms(played.total),
        );
    }
    table
}

fn as_expected(came: &str, played: &Played) -> String {
    let is_failure = played.digest == Digested::Nothing;
    match (played.is_expected, is_failure) {
        (true, true) => format!("{came}: expected"),
        (true, false) => came.to_owned(),
        (false, _) => format!("NOT EXPECTED: {came}"),
    }
}

/// What the servers counted, and the verdict.
pub(super) fn closing(day: &Day, stage: &Stage, paint: Paint) -> (String, bool) {
    let (files, api) = (&stage.files, &stage.api);
    let peaks = [
        ("files", files.peak_concurrent_connections(), LIMIT),
        ("api", api.peak_concurrent_connections(), 1),
    ];
    let mut text = format!("{}\n", paint.with(Colour::Bold, "What the servers counted"));
    for (name, peak, most) in peaks {
        let server = if name == "files" { files } else { api };
        let _ = writeln!(
            text,
            "  {name:<6} at most {peak} connection{} at a time ({most} allowed), {} opened for {} requests",
            if peak == 1 { "" } else { "s" },
            server.connections_opened(),
            server.request_count(),
        );
    }
    let are_peaks_good = peaks[0].1 == LIMIT && peaks[1].1 == 1;
    let wrong = day.played.iter().filter(|played| !played.is_expected).count();
    let failures = day.played.iter().filter(|played| played.digest == Digested::Nothing).count();
    let bytes: u64 = day.played.iter().map(|played| played.bytes).sum();
    let is_good = wrong == 0 && are_peaks_good;
    let verdict = if is_good {
        format!(
            "All {} as expected: {} bodies equal byte for byte, {failures} failures of the right kind; \
             {} in {:.1} s.",
            day.played.len(),
            day.played.len() - failures,
            size(bytes),
            day.took.as_secs_f64(),
        )
    } else if wrong == 0 {
        "The connection limit was not met.".to_owned()
    } else {
        format!("{wrong} of {} did not come out as expected.", day.played.len())
    };
    let colour = if is_good { Colour::Good } else { Colour::Bad };
    let _ = writeln!(text, "\n{}", paint.with(colour, &verdict));
    (text, is_good)
}

pub(super) fn word(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "high",
        Priority::Normal => "normal",
        Priority::Low => "low",
    }
}

pub(super) fn colour_of(priority: Priority) -> Colour {
    match priority {
        Priority::High => Colour::High,
        Priority::Normal => Colour::Normal,
        Priority::Low => Colour::Low,
    }
}

fn place(lane: Lane) -> &'static str {
    match lane {
        Lane::Api => "api",
        Lane::Files => "files",
        Lane::Other => "",
    }
}

fn ms(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

/// HTTP/1.1 connections at a time for one origin.
pub(super) const LIMIT: u64 = 6;
