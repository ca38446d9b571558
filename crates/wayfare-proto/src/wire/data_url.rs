//! `data:` URLs, which carry their content in themselves (RFC 2397, WHATWG Fetch §6).

use std::error::Error;
use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::syntax::media_type::MediaType;

/// The content of a `data:` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataUrl {
    /// The media type, with its parameters.
    pub media_type: String,
    /// The content.
    pub body: Bytes,
}

/// A `data:` URL without content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadDataUrl {
    /// The content is no base64.
    Base64,
    /// There is no comma.
    NoComma,
    /// The scheme is another one.
    Scheme,
}

impl DataUrl {
    /// Reads the text of a parsed URL; a fragment is left out.
    ///
    /// A media type that is none counts as `text/plain;charset=US-ASCII`.
    ///
    /// # Errors
    ///
    /// [`BadDataUrl`], where browsers fail as well.
    ///
    /// ```
    /// use wayfare_proto::wire::data_url::DataUrl;
    /// let read = DataUrl::parse("data:text/html;base64,aGVsbG8")?;
    /// assert_eq!((&read.media_type[..], &read.body[..]), ("text/html", &b"hello"[..]));
    /// # Ok::<(), wayfare_proto::wire::data_url::BadDataUrl>(())
    /// ```
    pub fn parse(url: &str) -> Result<DataUrl, BadDataUrl> {
        let scheme = url.get(..SCHEME.len()).ok_or(BadDataUrl::Scheme)?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(BadDataUrl::Scheme);
        }
        let rest = &url[SCHEME.len()..];
        let rest = rest.split_once('#').map_or(rest, |(before, _fragment)| before);
        let (head, content) = rest.split_once(',').ok_or(BadDataUrl::NoComma)?;
        let head = head.trim_matches(is_white);
        let decoded: Vec<u8> = percent_decode_str(content).collect();
        match without_base64(head) {
            Some(head) => {
                let body = forgiving_base64(decoded).ok_or(BadDataUrl::Base64)?;
                Ok(DataUrl { media_type: media_type_of(head), body: body.into() })
            }
            None => Ok(DataUrl { media_type: media_type_of(head), body: decoded.into() }),
        }
    }
}

impl fmt::Display for BadDataUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadDataUrl::Base64 => "the data: URL is not valid base64",
            BadDataUrl::NoComma => "the data: URL has no comma",
            BadDataUrl::Scheme => "the URL is no data: URL",
        })
    }
}

impl Error for BadDataUrl {}

/// Cuts `;base64` off, with spaces before the word, if the text ends so.
fn without_base64(head: &str) -> Option<&str> {
    let at = head.len().checked_sub(BASE64.len())?;
    let word = head.get(at..)?;
    if !word.eq_ignore_ascii_case(BASE64) {
        return None;
    }
    head[..at].trim_end_matches(' ').strip_suffix(';')
}

fn media_type_of(head: &str) -> String {
    let full = if head.starts_with(';') { format!("text/plain{head}") } else { head.to_owned() };
    MediaType::parse(full.as_bytes())
        .map_or_else(|| DEFAULT.to_owned(), |media_type| media_type.to_string())
}

/// Decodes as the WHATWG Infra standard's "forgiving-base64 decode" does.
fn forgiving_base64(mut text: Vec<u8>) -> Option<Vec<u8>> {
    text.retain(|&byte| !is_white(byte.into()));
    if text.len().is_multiple_of(4) {
        let padding = text.iter().rev().take(2).take_while(|&&byte| byte == b'=').count();
        text.truncate(text.len() - padding);
    }
    ENGINE.decode(text).ok()
}

fn is_white(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\x0c' | '\r' | ' ')
}

const SCHEME: &str = "data:";
const BASE64: &str = "base64";
const DEFAULT: &str = "text/plain;charset=US-ASCII";
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;

    /// From the platform tests of the Fetch standard (`data-urls.json`, `base64.json`).
    #[test]
    fn urls_are_read_as_browsers_read_them() {
        let cases: &[(&str, &str, &[u8])] = &[
            ("data:,X", DEFAULT, b"X"),
            ("data:", "", b""),
            ("data:,", DEFAULT, b""),
            ("DATA:,X#fragment,Y", DEFAULT, b"X"),
            ("data:,X%20Y%ff", DEFAULT, b"X Y\xff"),
            ("data:text/plain,X", "text/plain", b"X"),
            ("data:;charset=utf-8,X", "text/plain;charset=utf-8", b"X"),
            ("data:;x=x;charset=x,X", "text/plain;x=x;charset=x", b"X"),
            ("data:unknown,X", DEFAULT, b"X"),
            ("data:text / html,X", DEFAULT, b"X"),
            ("data: image/gif ,X", "image/gif", b"X"),
            ("data:IMAGE/gif,C%93", "image/gif", b"C\x93"),
            ("data:text/html;charset=\"a;b\",X", "text/html;charset=\"a;b\"", b"X"),
            ("data:,a,b", DEFAULT, b"a,b"),
            ("data:;base64,WA", DEFAULT, b"X"),
            ("data:;base64,WA==", DEFAULT, b"X"),
            ("data:;base64,W A", DEFAULT, b"X"),
            ("data:;base64,%57A", DEFAULT, b"X"),
            ("data:;base64;,WA", "text/plain", b"WA"),
            ("data:;base64;sdfsdf,WA", "text/plain", b"WA"),
            ("data:; base64,WA", DEFAULT, b"X"),
            ("data:;  BASE64,WA", DEFAULT, b"X"),
            ("data:base64,WA", DEFAULT, b"WA"),
            ("data: ;charset=x;  base64,WA", "text/plain;charset=x", b"X"),
            ("data:image/png;base64,iVBORw0K", "image/png", b"\x89PNG\r\n"),
            ("data:;base64,", DEFAULT, b""),
            ("data:;base64,WB", DEFAULT, b"X"),
        ];
        for (url, media_type, body) in cases {
            let expected = if media_type.is_empty() {
                Err(BadDataUrl::NoComma)
            } else {
                let body = Bytes::copy_from_slice(body);
                Ok(DataUrl { media_type: (*media_type).to_owned(), body })
            };
            assert_eq!(DataUrl::parse(url), expected, "{url}");
        }
    }

    #[test]
    fn what_has_no_content_is_refused() {
        for (url, fault) in [
            ("data:text/plain", BadDataUrl::NoComma),
            ("data:#,", BadDataUrl::NoComma),
            ("http://x/,", BadDataUrl::Scheme),
            ("dat", BadDataUrl::Scheme),
            ("datß:,", BadDataUrl::Scheme),
            ("data:;base64,W", BadDataUrl::Base64),
            ("data:;base64,WA=", BadDataUrl::Base64),
            ("data:;base64,WA===", BadDataUrl::Base64),
            ("data:;base64,W-_A", BadDataUrl::Base64),
            ("data:;base64,=", BadDataUrl::Base64),
            ("data:;base64,W=A=", BadDataUrl::Base64),
            ("data:;base64,WA\u{a0}", BadDataUrl::Base64),
        ] {
            assert_eq!(DataUrl::parse(url), Err(fault), "{url}");
        }
    }
}
