//! What can be wrong with a chain of certificates, in the terms of QSslError and of OpenSSL.

use std::fmt;

/// One thing that is wrong with a server's certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// Which certificate it is about, counted from the server's own (0); an authority that the
    /// server did not send is counted after those it sent.
    pub depth: usize,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $qt:literal, $name:literal, $words:literal;)*) => {
        /// What can be wrong with a certificate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ProblemKind {
            $($(#[$doc])* $kind,)*
        }

        impl ProblemKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The number of QSslError::SslError for it; -1 where Qt knows no such error.
            #[must_use]
            pub fn qt_code(self) -> i32 {
                match self { $(Self::$kind => $qt,)* }
            }

            /// A name in lower case with hyphens, for lists of exceptions and for programs.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            fn words(self) -> &'static str {
                match self { $(Self::$kind => $words,)* }
            }
        }
    };
}

kinds! {
    /// A critical extension that is not understood, so the certificate must not be used.
    CriticalExtension = 18, "critical-extension", "it has a critical extension that is not understood";
    /// Its bytes are not a certificate.
    Damaged = 18, "damaged", "it cannot be read";
    /// Its time is over.
    Expired = 6, "expired", "it has expired";
    /// It is for other names.
    HostNameMismatch = 22, "host-name-mismatch", "it is for another name";
    /// It vouches for another but is no authority.
    InvalidAuthority = 14, "invalid-authority", "it vouches for another certificate but is no authority";
    /// It is not meant for a server.
    InvalidPurpose = 16, "invalid-purpose", "it is not meant for a server";
    /// An authority above it may not vouch for such names (RFC 5280 §4.2.1.10).
    NameConstraint = 18, "name-constraint", "an authority above it may not vouch for this name";
    /// The server gave no certificate.
    NoCertificate = 21, "no-certificate", "the server gave no certificate";
    /// Its time has not begun.
    NotYetValid = 5, "not-yet-valid", "it is not valid yet";
    /// There are more authorities in the chain than the settings or one of them allow.
    PathLengthExceeded = 15, "path-length-exceeded", "the chain is longer than it may be";
    /// None of the pinned keys is in the chain.
    PinMismatch = 18, "pin-mismatch", "no pinned key is in the chain";
    /// The authority took it back.
    Revoked = 13, "revoked", "it was revoked";
    /// A proof that it was not revoked is demanded, and there is none that holds.
    RevocationUnknown = 25, "revocation-unknown", "it is not known whether it was revoked";
    /// It vouches for itself, and nobody else does.
    SelfSigned = 9, "self-signed", "it vouches for itself only";
    /// The chain ends in an authority that vouches for itself and is not trusted.
    SelfSignedInChain = 10, "self-signed-in-chain", "the chain ends in an authority that is not trusted";
    /// The signature on it is wrong.
    SignatureFailed = 4, "signature-failed", "the signature on it is wrong";
    /// The certificate of the authority that vouches for it is not at hand.
    UnknownIssuer = 11, "unknown-issuer", "nobody known vouches for it";
    /// A kind of certificate that is not taken, such as version 1.
    Unsupported = 18, "unsupported", "it is of a kind that is not taken";
    /// Its key or its signature is too weak or of an unknown kind.
    WeakAlgorithm = 18, "weak-algorithm", "its key or its signature is too weak or of an unknown kind";
}

impl ProblemKind {
    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.depth {
            0 => write!(f, "the server's certificate: {}", self.kind),
            depth => write!(f, "certificate {depth} above it: {}", self.kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_own_name() {
        for kind in ProblemKind::ALL {
            assert_eq!(ProblemKind::from_name(kind.name()), Some(*kind));
        }
        assert_eq!(ProblemKind::from_name("no such thing"), None);
    }

    #[test]
    fn the_numbers_are_those_of_qt() {
        assert_eq!(ProblemKind::Expired.qt_code(), 6);
        assert_eq!(ProblemKind::HostNameMismatch.qt_code(), 22);
        assert_eq!(ProblemKind::SelfSigned.qt_code(), 9);
        assert_eq!(ProblemKind::Revoked.qt_code(), 13);
    }
}
