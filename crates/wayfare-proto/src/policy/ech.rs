//! With what the name of a server is hidden, and what to do when it does not go along (RFC 9849
//! §6.1.6).

/// With what a handshake hides the name of its server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Hiding {
    /// With what the HTTPS records of the name say, if they say anything.
    #[default]
    AsPublished,
    /// With the configurations that the server itself told.
    AsTold(Vec<u8>),
    /// Not at all: the server has proven its public name, and that it does not take part.
    Disabled,
}

/// What a server says that does not go along, and has proven its public name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has no configurations at all.
    Disabled,
    /// It has these others.
    Told(Vec<u8>),
}

impl Hiding {
    /// How to try once more, over a new connection; nothing if it has to be an error.
    ///
    /// What a server told is tried once: one that refuses its own words would keep the client going
    /// for ever.
    #[must_use]
    pub fn after(&self, refusal: &Refusal) -> Option<Self> {
        match (self, refusal) {
            (Self::AsPublished, Refusal::Told(list)) => Some(Self::AsTold(list.clone())),
            (Self::AsPublished | Self::AsTold(_), Refusal::Disabled) => Some(Self::Disabled),
            (Self::AsTold(_), Refusal::Told(_)) | (Self::Disabled, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_followed_by_what_the_server_told_and_then_by_none() {
        let told = |byte| Refusal::Told(vec![byte]);
        let published = Hiding::default();
        let again = published.after(&told(1)).unwrap();
        assert_eq!(again, Hiding::AsTold(vec![1]));
        assert_eq!(again.after(&told(2)), None, "its own words are refused");
        for hiding in [published, again] {
            assert_eq!(hiding.after(&Refusal::Disabled), Some(Hiding::Disabled));
        }
        assert_eq!(Hiding::Disabled.after(&Refusal::Disabled), None);
        assert_eq!(Hiding::Disabled.after(&told(1)), None);
    }
}
