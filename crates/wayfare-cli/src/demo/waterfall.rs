//! Draws when each transfer waited and when it went, against time.

use std::fmt::Write;
use std::time::Duration;

use super::cast::Lane;
use super::paint::{Colour, Paint};
use super::play::Played;
use super::report::{LIMIT, colour_of, word};

/// Draws those that went over the network to the two origins, by the time of their turn.
pub(super) fn draw(played: &[Played], paint: Paint) -> String {
    let longest = played.iter().map(|played| played.began + played.total).max().unwrap_or_default();
    let scale = Scale::new(longest);
    let files =
        format!("files: HTTP/1.1, {LIMIT} connections at most; the urgent overtake the others");
    let mut drawing = section(&files, Lane::Files, played, &scale, paint);
    drawing.push('\n');
    let api = "api: HTTP/2, all share one connection and none waits for another";
    drawing.push_str(&section(api, Lane::Api, played, &scale, paint));
    drawing
}

fn section(title: &str, lane: Lane, played: &[Played], scale: &Scale, paint: Paint) -> String {
    let mut rows: Vec<&Played> = played.iter().filter(|played| played.lane == lane).collect();
    rows.sort_by_key(|played| played.began + played.queued);
    let legend = paint.with(Colour::Dim, "  . waits   # goes");
    let mut text = format!("{}{legend}\n{}\n", paint.with(Colour::Bold, title), scale.axis(paint));
    for played in rows {
        let turn = played.began + played.queued;
        let (from, turn, to) =
            (scale.at(played.began), scale.at(turn), scale.at(played.began + played.total));
        let goes = (to - turn).max(1);
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "  {:<16}{:<8}{}{}{}",
            played.name,
            word(played.priority),
            " ".repeat(from),
            paint.with(Colour::Dim, &".".repeat(turn - from)),
            paint.with(colour_of(played.priority), &"#".repeat(goes)),
        );
    }
    text
}

/// Time to columns.
struct Scale {
    longest: Duration,
}

impl Scale {
    fn new(longest: Duration) -> Self {
        Self { longest: longest.max(Duration::from_millis(1)) }
    }

    fn at(&self, time: Duration) -> usize {
        let columns = time.as_micros() * WIDTH / self.longest.as_micros().max(1);
        usize::try_from(columns.min(WIDTH)).unwrap_or(0)
    }

    /// A line with a mark every half second.
    fn axis(&self, paint: Paint) -> String {
        let mut line = " ".repeat(BEFORE);
        let mut half_seconds = 0_u32;
        loop {
            let time = Duration::from_millis(500) * half_seconds;
            let label = format!("|{:.1} s", time.as_secs_f64());
            let column = BEFORE + self.at(time);
            if time > self.longest || column + label.len() > BEFORE + WIDTH as usize {
                return paint.with(Colour::Dim, &line);
            }
            if column >= line.len() {
                line.push_str(&" ".repeat(column - line.len()));
                line.push_str(&label);
            }
            half_seconds += 1;
        }
    }
}

/// Columns for time, and before it.
const WIDTH: u128 = 72;
const BEFORE: usize = 26;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_time_fills_the_width() {
        let scale = Scale::new(Duration::from_secs(3));
        assert_eq!(scale.at(Duration::ZERO), 0);
        assert_eq!(scale.at(Duration::from_millis(1500)), 36);
        assert_eq!(scale.at(Duration::from_secs(3)), 72);
        assert!(scale.axis(Paint::new(false)).len() <= 98);
        assert!(Scale::new(Duration::ZERO).axis(Paint::new(false)).starts_with("   "));
    }
}
