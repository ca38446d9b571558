//! Pinned keys: for some hosts only chains with one of certain keys will do (RFC 7469 §2.6).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The keys of which one must be in the chain of a host.
///
/// ```
/// # use wayfare_net::tls::pins::Pins;
/// let pins = Pins::new("example.org", [
///     "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
///     "sha256/BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=",
/// ]);
/// assert!(pins.is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    host: String,
    keys: Vec<[u8; 32]>,
}

/// What is wrong with a set of pins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinError {
    /// One key alone: when it is lost or replaced, nobody gets in any more (RFC 7469 §4.3).
    NoBackup,
    /// A text that is not `sha256/` and a digest in base64.
    NotAPin(String),
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBackup => f.write_str(
                "a single pinned key locks everybody out when it is replaced; pin a backup key too",
            ),
            Self::NotAPin(text) => write!(
                f,
                "\"{}\" is not a pin; it looks like sha256/ and 44 characters of base64",
                text.escape_debug()
            ),
        }
    }
}

impl std::error::Error for PinError {}

impl Pins {
    /// Pins for `host`, or with a leading `*.` for all names below it; each is `sha256/` and the
    /// SHA-256 digest of a `SubjectPublicKeyInfo` in base64 (`sha256//` as curl has it does too).
    ///
    /// # Errors
    /// [`PinError`] for a text that is no pin, or for less than two different keys.
    pub fn new<'a>(host: &str, pins: impl IntoIterator<Item = &'a str>) -> Result<Self, PinError> {
        let pins = Self::without_backup(host, pins)?;
        if pins.keys.len() < 2 { Err(PinError::NoBackup) } else { Ok(pins) }
    }

    /// As [`Pins::new`], but content with a single key.
    ///
    /// # Errors
    /// [`PinError`] for a text that is no pin, or for none at all.
    pub fn without_backup<'a>(
        host: &str,
        pins: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, PinError> {
        let mut keys = pins.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Err(PinError::NotAPin(String::new()));
        }
        Ok(Self { host: host.to_ascii_lowercase(), keys })
    }

    pub(super) fn is_for(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match self.host.strip_prefix("*.") {
            Some(above) => host
                .strip_suffix(above)
                .is_some_and(|below| below.len() > 1 && below.ends_with('.')),
            None => self.host == "*" || self.host == host,
        }
    }

    pub(super) fn contains(&self, key: &[u8; 32]) -> bool {
        self.keys.contains(key)
    }
}

fn read(pin: &str) -> Result<[u8; 32], PinError> {
    // A digest may begin with a slash itself, so its length tells whether there is one more.
    let text = pin.trim().strip_prefix("sha256/").filter(|text| text.is_ascii());
    let text = text.map(|text| match text.strip_prefix('/') {
        Some(rest) if text.len() > ENCODED => rest,
        _ => text,
    });
    let bytes = text.and_then(|text| STANDARD.decode(text).ok());
    let key = bytes.and_then(|bytes| bytes.try_into().ok());
    key.ok_or_else(|| PinError::NotAPin(pin.to_owned()))
}

/// A SHA-256 digest in base64.
const ENCODED: usize = 44;

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const TWO: &str = "sha256//BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=";

    #[test]
    fn one_key_needs_a_backup_unless_said_otherwise() {
        assert_eq!(Pins::new("a.test", [ONE]), Err(PinError::NoBackup));
        assert_eq!(Pins::new("a.test", [ONE, ONE]), Err(PinError::NoBackup));
        assert!(Pins::new("a.test", [ONE, TWO]).is_ok());
        assert!(Pins::without_backup("a.test", [ONE]).is_ok());
        assert!(Pins::without_backup("a.test", []).is_err());
    }

    #[test]
    fn a_digest_that_begins_with_a_slash_is_read_in_both_forms() {
        let digest = "/Cevlh5M1t0tr/owxQzqINejMxjIKwXLgbGoqZizwGM=";
        let one = Pins::without_backup("a.test", [format!("sha256/{digest}").as_str()]).unwrap();
        let two = Pins::without_backup("a.test", [format!("sha256//{digest}").as_str()]).unwrap();
        assert_eq!(one, two);
        assert!(Pins::without_backup("a.test", ["sha256/é"]).is_err());
    }

    #[test]
    fn what_is_no_pin_is_refused_with_its_text() {
        let long = &ONE.replace("sha256/", "sha256/A");
        for text in ["", "sha256/short", "md5/AAAA", "AAAA", long] {
            assert_eq!(Pins::new("a.test", [text, ONE]), Err(PinError::NotAPin(text.into())));
        }
    }

    #[test]
    fn a_star_stands_for_names_below_and_not_for_the_name_itself() {
        let pins = |host| Pins::new(host, [ONE, TWO]).unwrap();
        assert!(pins("A.test").is_for("a.test."));
        assert!(!pins("a.test").is_for("b.a.test"));
        assert!(pins("*.a.test").is_for("b.a.test"));
        assert!(!pins("*.a.test").is_for("a.test"));
        assert!(!pins("*.a.test").is_for("xa.test"));
        assert!(pins("*").is_for("a.test"));
    }
}
