//! Printing what was measured.

use std::time::Duration;

use crate::measure::Measured;
use crate::work::Work;

pub fn print(work: Work, rows: &[(&str, Vec<Measured>)]) {
    println!("\n## {}: {}\n", work.name(), work.what());
    println!(
        "| client | CPU per exchange | exchanges/s | p50 | p99 | peak memory | CPU of wayfare is |"
    );
    println!("|---|---|---|---|---|---|---|");
    let best = |row: &[Measured]| row.iter().map(|one| one.cpu).min().unwrap_or_default();
    let own = rows.iter().find(|(name, _)| name.starts_with("wayfare")).map(|(_, row)| best(row));
    for (name, row) in rows {
        let Some(one) = row.iter().min_by_key(|one| one.cpu) else { continue };
        let count = work.count() as f64;
        let rate = count / one.wall.as_secs_f64();
        let ratio = own.map_or(0.0, |own| own.as_secs_f64() / one.cpu.as_secs_f64());
        println!(
            "| {name} | {} | {rate:.0} | {} | {} | {:.1} MiB | {ratio:.2} of it |",
            shown(one.cpu.div_f64(count)),
            shown(one.p50),
            shown(one.p99),
            one.peak_kib as f64 / 1024.0,
        );
    }
}

fn shown(duration: Duration) -> String {
    let micros = duration.as_nanos() as f64 / 1000.0;
    if micros < 1000.0 {
        format!("{micros:.1} µs")
    } else if micros < 1_000_000.0 {
        format!("{:.1} ms", micros / 1000.0)
    } else {
        format!("{:.2} s", micros / 1_000_000.0)
    }
}
