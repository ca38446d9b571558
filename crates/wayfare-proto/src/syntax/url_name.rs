//! The file name under which to save what a URL names.

use percent_encoding::percent_decode_str;

use super::file_name;

/// The last segment of a URL's path, decoded and made harmless by [`file_name::safe`].
///
/// Nothing for a path that ends in a slash. An encoded slash is a slash, so it cannot lead out
/// of the directory.
///
/// ```
/// # use wayfare_proto::syntax::url_name as names;
/// assert_eq!(names::of_path("/a/b%20c.txt").as_deref(), Some("b c.txt"));
/// ```
pub fn of_path(path: &str) -> Option<String> {
    let segment = path.rsplit('/').next().unwrap_or_default();
    file_name::safe(&percent_decode_str(segment).decode_utf8_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_segment_names_the_file() {
        let cases = [
            ("/a/b.txt", Some("b.txt")),
            ("/b%C3%A9.txt", Some("bé.txt")),
            ("/%ff.txt", Some("\u{fffd}.txt")),
            ("/100%", Some("100%")),
            ("/..%2f..%2fx", Some("x")),
            ("/..%5c..%5Cx", Some("x")),
            ("/a%00b", Some("a_b")),
            ("/.%62ashrc", Some("_bashrc")),
            ("/%2e%2e", None),
            ("/a/", None),
            ("/", None),
            ("", None),
            ("/a%2f", None),
        ];
        for (path, name) in cases {
            assert_eq!(of_path(path).as_deref(), name, "{path}");
        }
    }
}
