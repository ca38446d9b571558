//! Harnesses for the shared grammar: what is read can be written, and is then read the same.

use crate::syntax::content_disposition::ContentDisposition;
use crate::syntax::date as dates;
use crate::syntax::file_name;
use crate::syntax::media_type::MediaType;
use crate::syntax::range::{self as ranges, ContentRange, Resolved};
use crate::syntax::url_name;

/// Reads a date as seen from several centuries.
pub fn date(data: &[u8]) {
    for now in [0, 1_790_000_000, 4_000_000_000, i64::MIN, i64::MAX] {
        if let Some(seconds) = dates::parse(data, now) {
            let written = dates::format(seconds);
            let again = dates::parse(written.as_bytes(), now);
            let is_written_as_it_is = (-62_167_219_200..=253_402_300_799).contains(&seconds);
            assert!(again == Some(seconds) || !is_written_as_it_is, "{written}");
        }
    }
}

/// Reads a media type.
pub fn media_type(data: &[u8]) {
    if let Some(read) = MediaType::parse(data) {
        let again = MediaType::parse(read.to_string().as_bytes());
        assert_eq!(again, Some(read));
    }
}

/// Reads a disposition and the bytes as a path; neither may name a file elsewhere.
pub fn content_disposition(data: &[u8]) {
    let named = ContentDisposition::parse(data).and_then(|read| read.file_name());
    let text = String::from_utf8_lossy(data);
    for name in [named, url_name::of_path(&text), file_name::safe(&text)].into_iter().flatten() {
        assert!(!name.is_empty() && name.len() <= 255, "{name:?}");
        assert!(!name.contains(['/', '\\', ':', '\0']) && !name.starts_with('.'), "{name:?}");
        assert!(!name.chars().any(char::is_control), "{name:?}");
        assert_eq!(file_name::safe(&name), Some(name.clone()), "a safe name is not safe");
    }
}

/// Reads the bytes as a range and as a content range.
pub fn range(data: &[u8]) {
    if let Some(specs) = ranges::parse(data) {
        assert_eq!(ranges::parse(ranges::format(&specs).as_bytes()), Some(specs.clone()));
        for length in [0, 1, 10, u64::MAX] {
            let Resolved::Satisfiable(existing) = ranges::resolve(&specs, length) else {
                continue;
            };
            assert!(!existing.is_empty());
            assert!(existing.iter().all(|range| !range.is_empty() && range.end <= length));
        }
    }
    if let Some(read) = ContentRange::parse(data) {
        assert_eq!(ContentRange::parse(read.to_string().as_bytes()), Some(read));
    }
}
