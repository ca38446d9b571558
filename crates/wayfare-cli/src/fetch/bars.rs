//! Progress bars, one per transfer, where a person watches.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use wayfare::event::{Event, What};

use super::place::Place;
use crate::arguments::transfer::Output;
use crate::output;

/// The bars of a command, if there are any.
pub(super) enum Bars {
    None,
    Shown { all: MultiProgress, width: usize },
}

/// The bar of one transfer, if there is one.
#[derive(Clone)]
pub(super) struct Bar(Option<ProgressBar>);

impl Bars {
    /// Bars for bodies that do not go to the same terminal.
    pub(super) fn new(output: &Output, places: &[Place]) -> Self {
        let is_hidden = output.silent || output.verbose || !output::is_note_terminal();
        let is_in_the_way =
            output::is_out_terminal() && places.iter().any(|place| !place.is_file());
        if is_hidden || is_in_the_way {
            return Self::None;
        }
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12));
        let longest = places.iter().map(|place| place.label().chars().count()).max();
        Self::Shown { all, width: longest.unwrap_or_default().min(28) }
    }

    /// A bar for one transfer.
    pub(super) fn bar(&self, place: &Place) -> Bar {
        let Self::Shown { all, width } = self else { return Bar(None) };
        let bar = all.add(ProgressBar::no_length());
        bar.set_style(style(UNKNOWN));
        bar.set_prefix(fitted(&place.label(), *width));
        bar.enable_steady_tick(Duration::from_millis(120));
        Bar(Some(bar))
    }

    /// Writes a line that bars do not overwrite.
    pub(super) fn complain(&self, line: &str) {
        match self {
            Self::None => output::complain(line),
            Self::Shown { all, .. } => all.suspend(|| output::complain(line)),
        }
    }
}

impl Bar {
    /// True if there is one.
    pub(super) fn is_shown(&self) -> bool {
        self.0.is_some()
    }

    /// Moves with an event of its transfer.
    pub(super) fn follow(&self, event: &Event) {
        let Some(bar) = &self.0 else { return };
        match &event.what {
            What::DownloadProgress { received, total } => show(bar, *received, *total),
            What::UploadProgress { sent, total } => show(bar, *sent, *total),
            What::Started => bar.reset_elapsed(), // waiting is not slowness
            What::Head { .. } => {
                bar.unset_length();
                bar.set_style(style(UNKNOWN));
                bar.set_position(0);
            }
            _ => {}
        }
    }

    /// Stays as a line that says how much came.
    pub(super) fn finish(&self, received: u64) {
        if let Some(bar) = &self.0 {
            bar.set_length(received.max(1));
            bar.set_position(received);
            bar.set_style(style(DONE));
            bar.finish();
        }
    }

    /// Stays as a line that says it failed.
    pub(super) fn fail(&self) {
        if let Some(bar) = &self.0 {
            bar.set_style(style(FAILED));
            bar.abandon();
        }
    }
}

fn show(bar: &ProgressBar, done: u64, total: Option<u64>) {
    match total {
        Some(total) if bar.length() != Some(total) => {
            bar.set_length(total);
            bar.set_style(style(KNOWN));
        }
        _ => {}
    }
    bar.set_position(done);
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─");
    style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ")
}

/// A name cut in its middle, or filled up with spaces, to this many characters.
fn fitted(name: &str, width: usize) -> String {
    let count = name.chars().count();
    if count <= width {
        return format!("{name:width$}");
    }
    let head: String = name.chars().take(width / 2).collect();
    let tail: String = name.chars().skip(count - (width - width / 2 - 1)).collect();
    format!("{head}…{tail}")
}

const KNOWN: &str = "{spinner} {prefix} {bar:20.cyan/dim} {binary_bytes:>10} / {binary_total_bytes:<10} \
                     {binary_bytes_per_sec:>12}  {eta:>3} left";
const UNKNOWN: &str =
    "{spinner} {prefix} {binary_bytes:>10}  {binary_bytes_per_sec:>12}  {elapsed}";
const DONE: &str = "{prefix:.green} {binary_bytes:>10}  {binary_bytes_per_sec:>12}  in {elapsed}";
const FAILED: &str = "{prefix:.red} {binary_bytes:>10}  failed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_in_the_middle() {
        assert_eq!(fitted("a-very-long-name.tar.gz", 11), "a-ver…ar.gz");
        assert_eq!(fitted("short", 7), "short  ");
    }

    #[test]
    fn the_templates_are_sound() {
        for template in [KNOWN, UNKNOWN, DONE, FAILED] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
