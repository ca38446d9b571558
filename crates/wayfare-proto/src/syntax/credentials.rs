//! A user name and a password, which no log shows and no freed memory keeps.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use zeroize::{Zeroize, Zeroizing};

/// A user name and a password, or whoever is logged in on this machine.
///
/// Nothing of it is shown by `Debug`, and all is overwritten when the value is dropped.
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
    whose: Whose,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Whose {
    /// Whoever is logged in.
    Ambient,
    /// The user's who is named.
    Named,
}

impl Credentials {
    /// A user name and a password.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into(), whose: Whose::Named }
    }

    /// Whoever is logged in on this machine, which its Kerberos tickets prove; there is no password to
    /// be told, so nothing but Negotiate can say who it is.
    ///
    /// ```
    /// # use wayfare_proto::syntax::credentials::Credentials;
    /// assert!(Credentials::ambient().is_ambient() && !Credentials::new("", "").is_ambient());
    /// ```
    #[must_use]
    pub const fn ambient() -> Self {
        Self { user: String::new(), password: String::new(), whose: Whose::Ambient }
    }

    /// True for whoever is logged in on this machine.
    #[must_use]
    pub const fn is_ambient(&self) -> bool {
        matches!(self.whose, Whose::Ambient)
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
    /// sensitive; nothing if the user name has a colon, which Basic has no way to say, or if there is
    /// no password.
    #[must_use]
    pub fn basic(&self) -> Option<HeaderValue> {
        if self.user.contains(':') || self.is_ambient() {
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
        assert!(Credentials::ambient().basic().is_none());
    }
}
