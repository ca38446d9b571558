//! Whom the options say to trust.

#[cfg(feature = "pkcs12")]
mod bundle;
#[cfg(not(feature = "pkcs12"))]
#[path = "trust/without_bundle.rs"]
mod bundle;

use std::path::Path;

use wayfare::Error;
use wayfare::options::{EarlyData, Ech, Exceptions, Pins, Revocation, Tls, TlsVersions};

use crate::advice::{self, Given};
use crate::arguments::trust::{CertType, Trust};
use crate::exit;
use crate::fetch::Stop;

/// The settings as the options have them.
pub(crate) fn tls(trust: &Trust) -> Result<Tls, Stop> {
    let mut tls = Tls::default();
    if let Some(path) = &trust.cacert {
        tls = tls.with_only_authority_file(path).map_err(|error| {
            // curl's number for a CA file that cannot be used
            Stop { code: 77, why: advice::line(&error, &Given::of("--cacert")) }
        })?;
    }
    if let Some(path) = &trust.cert {
        tls = shown(tls, trust, path)?;
    }
    if let Some(path) = &trust.crlfile {
        let list = read(path, "--crlfile")?;
        tls = tls.with_revocation_list(list).map_err(|error| refused(&error, "--crlfile", 82))?;
    }
    if let Some(text) = &trust.pinnedpubkey {
        let pins = Pins::without_backup("*", text.split(';'));
        let pins = pins.map_err(|why| wrong(format!("--pinnedpubkey: {why}")))?;
        tls = tls.with_pins(pins);
    }
    if let Some(path) = &trust.exceptions {
        // The library makes the file when there is something to keep; here somebody named it.
        read(path, "--exceptions").map_err(|stop| Stop { code: exit::READ, ..stop })?;
        let exceptions = Exceptions::in_file(path).map_err(|why| Stop {
            code: exit::READ,
            why: format!("--exceptions: {}: {why}", path.display()),
        })?;
        tls = tls.with_exceptions(exceptions);
    }
    if trust.cert_status {
        tls = tls.with_revocation(Revocation::Demanded);
    }
    tls = tls.with_versions(match (trust.only_13, trust.tls_max.as_deref()) {
        (true, _) => TlsVersions::Tls13,
        (false, Some("1.2")) => TlsVersions::Tls12,
        _ => TlsVersions::Any,
    });
    tls = tls.with_ech(match trust.ech.as_deref() {
        Some("false") => Ech::Off,
        Some("grease") => Ech::Grease,
        _ => Ech::WhenOffered,
    });
    if trust.tls_earlydata {
        tls = tls.with_early_data(EarlyData::Safe);
    }
    if let Some(names) = &trust.curves {
        let names: Vec<_> = names.split(':').collect();
        tls = tls.with_groups(&names).map_err(|error| refused(&error, "--curves", 59))?;
    }
    if let Some(names) = &trust.ciphers {
        let names: Vec<_> = names.split(':').collect();
        tls = tls.with_cipher_suites(&names).map_err(|error| refused(&error, "--ciphers", 59))?;
    }
    Ok(if trust.insecure { tls.dangerous().trust_everybody() } else { tls })
}

/// The settings with the client's certificate.
fn shown(tls: Tls, trust: &Trust, path: &Path) -> Result<Tls, Stop> {
    if trust.cert_type == Some(CertType::P12) {
        let passphrase = trust.pass.as_deref().unwrap_or_default();
        return bundle::with(tls, &read(path, "--cert")?, passphrase);
    }
    let key = trust.key.as_deref().unwrap_or(path);
    let (chain, key) = (read(path, "--cert")?, read(key, "--key")?);
    let changed = tls.with_client_certificate(chain, key, trust.pass.as_deref());
    changed.map_err(|error| refused(&error, "--cert", 58))
}

fn read(path: &Path, option: &str) -> Result<Vec<u8>, Stop> {
    std::fs::read(path).map_err(|why| Stop {
        code: 58, // curl's number for a client certificate that cannot be used
        why: format!("{option}: {}: {why}", path.display()),
    })
}

fn refused(error: &Error, option: &str, code: u8) -> Stop {
    Stop { code, why: format!("{option}: {}", error.message()) }
}

fn wrong(why: String) -> Stop {
    Stop { code: exit::USAGE, why }
}
