//! Writing session secrets for those who debug with a network sniffer (the NSS key log format).

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use super::policy::KeyLog;
use super::private::for_owner_only;

pub(super) fn key_log(wanted: &KeyLog) -> Result<Arc<dyn rustls::KeyLog>, String> {
    match wanted {
        KeyLog::Off => Ok(Arc::new(rustls::NoKeyLog)),
        KeyLog::Environment => Ok(Arc::new(rustls::KeyLogFile::new())),
        KeyLog::File(path) => {
            let mut options = File::options();
            // Whoever reads this can read the traffic.
            let opened = for_owner_only(options.append(true).create(true)).open(path);
            let file = opened
                .map_err(|why| format!("the key log {} cannot be opened: {why}", path.display()))?;
            Ok(Arc::new(Log(Mutex::new(file))))
        }
    }
}

struct Log(Mutex<File>);

impl rustls::KeyLog for Log {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk must not end a connection.
        let _ = file.write_all(line.as_bytes());
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}
