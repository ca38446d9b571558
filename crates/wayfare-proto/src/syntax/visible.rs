//! Text of others made fit to be shown: nothing in it acts on a terminal, a log or a reader.

use std::borrow::Cow;

/// A text with control characters escaped, line breaks among them, and those that turn the direction
/// of what is read; tabs stay.
///
/// ```
/// # use wayfare_proto::syntax::visible::visible;
/// assert_eq!(visible("a\u{1b}[2Jb\r\n"), "a\\u{1b}[2Jb\\r\\n");
/// ```
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_harmless(character) {
            shown.push(character);
        } else {
            shown.extend(character.escape_default());
        }
    }
    Cow::Owned(shown)
}

fn is_harmless(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character == '\t' || !character.is_control() && !turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_escaped_and_all_else_stays() {
        for (text, shown) in [
            ("plain\ttext, ünïcödé 漢字", "plain\ttext, ünïcödé 漢字"),
            ("a\nb\r\0", "a\\nb\\r\\u{0}"),
            ("\u{1b}]0;x\u{7}", "\\u{1b}]0;x\\u{7}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert!(matches!(visible("a"), Cow::Borrowed("a")));
    }
}
