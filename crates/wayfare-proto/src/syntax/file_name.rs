//! Makes a file name out of what a peer suggests, one that is safe in any directory of any system.

/// The last part of `suggested`, made harmless; nothing if nothing usable is left.
///
/// What stands before a `/` or a `\` is a directory and is cut off. Control characters, those
/// that turn the direction of writing, and `< > : " | ? *` become `_`, and so does a dot at the
/// start (a hidden file). Dots and spaces at the end go. A name that Windows keeps for devices
/// gets a `_` in front. At most 255 bytes are left, with the extension kept.
///
/// ```
/// use wayfare_proto::syntax::file_name;
/// assert_eq!(file_name::safe("../../etc/passwd").as_deref(), Some("passwd"));
/// assert_eq!(file_name::safe(".."), None);
/// ```
pub fn safe(suggested: &str) -> Option<String> {
    let base = suggested.rsplit(['/', '\\']).next().unwrap_or_default();
    let base = base.trim_start().trim_end_matches(|end: char| end == '.' || end.is_whitespace());
    if base.is_empty() {
        return None;
    }
    let mut name: String =
        base.chars().map(|character| if is_harmful(character) { '_' } else { character }).collect();
    if name.starts_with('.') {
        name.replace_range(..1, "_");
    }
    if is_device(&name) {
        name.insert(0, '_');
    }
    Some(shortened(name))
}

/// Windows drops dots and spaces at the end, so that two names would be one.
fn without_end(name: &str) -> &str {
    name.trim_end_matches(|end: char| end == '.' || end.is_whitespace())
}

fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '<' | '>' | ':' | '"' | '|' | '?' | '*')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether Windows opens a device under this name, whatever its extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$") {
        return true;
    }
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let mut rest = port.unwrap_or_default().chars();
    let digit = matches!(rest.next(), Some('0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'));
    digit && rest.next().is_none()
}

fn shortened(mut name: String) -> String {
    if name.len() <= LONGEST {
        return name;
    }
    let extension = match name.rfind('.') {
        Some(dot) if name.len() - dot <= LONGEST_EXTENSION => name.split_off(dot),
        _ => String::new(),
    };
    let most = LONGEST - extension.len();
    name.truncate(name.floor_char_boundary(most));
    if extension.is_empty() {
        name.truncate(without_end(&name).len());
    }
    name + &extension
}

/// What Linux, macOS and Windows all take.
const LONGEST: usize = 255;
const LONGEST_EXTENSION: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_directory_and_off_the_devices() {
        let cases = [
            ("report.pdf", "report.pdf"),
            ("Grüße 1.txt", "Grüße 1.txt"),
            ("../../x", "x"),
            ("..\\..\\x", "x"),
            ("/etc/passwd", "passwd"),
            ("C:\\dir\\f.txt", "f.txt"),
            ("\\\\host\\share\\f", "f"),
            ("C:x", "C_x"),
            ("a:b", "a_b"),
            ("x\0y", "x_y"),
            ("a\r\nb\x1b", "a__b_"),
            (".bashrc", "_bashrc"),
            ("...x", "_..x"),
            ("name. . ", "name"),
            ("CON", "_CON"),
            ("con.txt", "_con.txt"),
            ("nul .txt", "_nul .txt"),
            ("COM1", "_COM1"),
            ("lpt9.log", "_lpt9.log"),
            ("COM\u{b9}", "_COM\u{b9}"),
            ("COM10", "COM10"),
            ("console", "console"),
            ("gpj.\u{202e}exe", "gpj._exe"),
            ("a?b*c|d<e>\"f\"", "a_b_c_d_e__f_"),
        ];
        for (suggested, name) in cases {
            assert_eq!(safe(suggested).as_deref(), Some(name), "{suggested:?}");
        }
    }

    #[test]
    fn nothing_usable_is_nothing() {
        for suggested in ["", ".", "..", "...", " ", ". .", "a/", "a\\", "../", "/", "x/.."] {
            assert_eq!(safe(suggested), None, "{suggested:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = safe(&("é".repeat(300) + ".tar.gz")).unwrap();
        assert!(name.len() <= 255 && name.ends_with("é.gz"), "{name}");
        assert_eq!(safe(&"x".repeat(255)).unwrap().len(), 255);
        assert_eq!(safe(&"x".repeat(256)).unwrap().len(), 255);
        assert_eq!(safe(&("x.".to_owned() + &"y".repeat(400))).unwrap().len(), 255);
    }
}
