//! The options that say whom to trust, and how TLS is spoken.

use std::path::PathBuf;

use clap::Args;

/// What the file of --cert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertType {
    P12,
    Pem,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct Trust {
    /// Trust the authorities of this PEM file and nobody else [default: the system's].
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Take any certificate from anybody. Whoever sits on the path can read and change all.
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// Show this certificate (PEM, with those that vouch for it) to servers that ask.
    #[arg(short = 'E', long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// What --cert is: PEM, or P12 for a PKCS#12 bundle, whose passphrase is --pass [default: PEM].
    #[arg(long, value_name = "TYPE", value_parser = cert_type, requires = "cert")]
    pub(crate) cert_type: Option<CertType>,
    /// The private key of --cert, in PEM [default: the file of --cert].
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The passphrase of the key.
    #[arg(long, value_name = "PHRASE", requires = "cert")]
    pub(crate) pass: Option<String>,
    /// Demand one of these keys in the chain: sha256//BASE64, with ; between them.
    #[arg(long, value_name = "PINS")]
    pub(crate) pinnedpubkey: Option<String>,
    /// Refuse what these certificate revocation lists name (PEM).
    #[arg(long, value_name = "FILE")]
    pub(crate) crlfile: Option<PathBuf>,
    /// Demand a stapled proof that the certificate was not revoked.
    #[arg(long)]
    pub(crate) cert_status: bool,
    /// Accept the certificates that this file makes exceptions of; a line of it is a host, the
    /// certificate's sha256 in hexadecimal, and what is wrong (`wayfare cert` prints such a line).
    #[arg(long, value_name = "FILE")]
    pub(crate) exceptions: Option<PathBuf>,
    /// Speak TLS 1.3 only.
    #[arg(long = "tlsv1.3")]
    pub(crate) only_13: bool,
    /// Speak nothing newer than this: 1.2 or 1.3 [default: 1.3].
    #[arg(long, value_name = "VERSION", value_parser = ["1.2", "1.3"], conflicts_with = "only_13")]
    pub(crate) tls_max: Option<String>,
    /// Hide the server's name where its HTTPS record says how (true), never (false), or also pretend
    /// to where none does (grease). Needs name servers of your own [default: true].
    #[arg(long, value_name = "MODE", value_parser = ["true", "false", "grease"])]
    pub(crate) ech: Option<String>,
    /// Send GET, HEAD and OPTIONS without a body as early data where a session can be continued:
    /// whoever records that can send it again.
    #[arg(long)]
    pub(crate) tls_earlydata: bool,
    /// Offer only these cipher suites, in this order, with : between them.
    #[arg(long, value_name = "NAMES")]
    pub(crate) ciphers: Option<String>,
    /// Offer only these key exchange groups, in this order, with : between them.
    #[arg(long, value_name = "NAMES")]
    pub(crate) curves: Option<String>,
}

/// Either in any case, as curl takes them.
fn cert_type(text: &str) -> Result<CertType, String> {
    match text.to_ascii_uppercase().as_str() {
        "P12" => Ok(CertType::P12),
        "PEM" => Ok(CertType::Pem),
        _ => Err("PEM or P12".to_owned()),
    }
}
