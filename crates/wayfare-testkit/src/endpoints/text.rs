//! `/text`: one text in several charsets.

use http::{StatusCode, header};

use super::{Answer, Call, Refusal, full, response, set};

/// The text of `/text`; every letter of it exists in windows-1252.
pub const TEXT: &str = "Grüße, naïve café: ½ Ærø, ¿qué?\n";

pub(super) fn text(call: &Call) -> Result<Answer, Refusal> {
    let charset = call.asked("charset");
    let bytes = text_in(charset.unwrap_or("utf-8"))
        .ok_or_else(|| Refusal("the charsets are utf-8, iso-8859-1, …".to_owned()))?;
    let mut response = response(StatusCode::OK, "text/plain", full(bytes));
    if let Some(charset) = charset {
        set(&mut response, header::CONTENT_TYPE, &format!("text/plain; charset={charset}"));
    }
    Ok(Answer::Respond(response))
}

/// The text of `/text?charset=…` as bytes; windows-1252 begins with a `€` and a dash, which
/// ISO 8859-1 does not have.
#[must_use]
pub fn text_in(charset: &str) -> Option<Vec<u8>> {
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => Some(TEXT.as_bytes().to_vec()),
        "iso-8859-1" => Some(latin1(TEXT)),
        // 0x80 is the euro sign there, 0x97 the em dash.
        "windows-1252" => Some([&[0x80, 0x97], latin1(TEXT).as_slice()].concat()),
        "utf-16le" => Some(TEXT.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        _ => None,
    }
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect()
}
