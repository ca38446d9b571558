//! A user name and a password, which no log shows and no freed memory keeps.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use zeroize::{Zeroize, Zeroizing};

/// A user name and a password.
///
/// Neither is shown by `Debug`, and both are overwritten when the value is dropped.
///
/// ```
/// # use wayfare_proto::syntax::credentials::Credentials;
/// let ada = Credentials::new("ada", "secret");
/// assert_eq!(format!("{ada:?}"), "Credentials");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// A user name and a password.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// The user name.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The value of an `Authorization` or `Proxy-Authorization` field (RFC 7617 §2), marked as
    /// sensitive; nothing if the user name has a colon, which Basic has no way to say.
    #[must_use]
    pub fn basic(&self) -> Option<HeaderValue> {
        if self.user.contains(':') {
            return None;
        }
        let plain = Zeroizing::new(format!("{}:{}", self.user, self.password));
        let coded = Zeroizing::new(format!("Basic {}", STANDARD.encode(plain.as_bytes())));
        let mut value = HeaderValue::from_str(&coded).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        self.user.zeroize();
        self.password.zeroize();
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_as_in_the_standard_and_is_not_shown() {
        let value = Credentials::new("Aladdin", "open sesame").basic().unwrap();
        assert_eq!(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{value:?}").contains("QWx"));
        assert!(Credentials::new("a:b", "c").basic().is_none());
    }
}
