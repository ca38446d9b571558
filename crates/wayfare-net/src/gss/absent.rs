//! The library of proofs where there is none, or it is not wanted.

use super::{Context, Failure, Purpose, Tickets};

/// The system's library of proofs: here there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Library;

impl Tickets for Library {
    fn begin(&self, _: &Purpose) -> Result<Box<dyn Context>, Failure> {
        let why = "it was built without the feature \"negotiate\", or for a system whose library it \
                   does not know";
        Err(Failure::Absent(why.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use wayfare_proto::syntax::credentials::Credentials;

    use super::*;

    #[test]
    fn whoever_asks_for_a_ticket_is_told_why_there_is_none() {
        let (credentials, host) = (Credentials::ambient(), "a.test".to_owned());
        let begun = Library.begin(&Purpose { credentials, host, binding: None });
        let why = begun.err().map(|failure| failure.to_string()).unwrap_or_default();
        assert!(why.contains("feature \"negotiate\""), "{why}");
    }
}
