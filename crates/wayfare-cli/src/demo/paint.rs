//! Colours, where a person watches.

/// Puts colours on text, or does not.
#[derive(Clone, Copy)]
pub(super) struct Paint {
    is_on: bool,
}

/// The colours in use.
#[derive(Clone, Copy)]
pub(super) enum Colour {
    Bad,
    Bold,
    Dim,
    Good,
    High,
    Low,
    Normal,
}

impl Paint {
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on }
    }

    /// The text in this colour.
    pub(super) fn with(self, colour: Colour, text: &str) -> String {
        if !self.is_on || text.is_empty() {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Bad => "1;31",
            Colour::Bold => "1",
            Colour::Dim => "2",
            Colour::Good => "32",
            Colour::High => "35",
            Colour::Low => "34",
            Colour::Normal => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
