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
