//! The signals of Unix: interrupt, hangup and terminate.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::INTERRUPT;

/// Listens for the signals from now on; waits for the first and gives the exit code for it.
pub(crate) fn asked() -> impl Future<Output = u8> {
    let ignored = ignored();
    let [mut hangup, mut interrupt, mut terminate] =
        [HANGUP, INTERRUPT, TERMINATE].map(|number| heard(number, ignored));
    async move {
        tokio::select! {
            () = came(&mut hangup) => super::code(HANGUP),
            () = came(&mut interrupt) => super::code(INTERRUPT),
            () = came(&mut terminate) => super::code(TERMINATE),
        }
    }
}

/// Does something that an interrupt must not end in the middle: it says itself that one came.
pub(crate) fn without_interrupt<T>(work: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // Without a runtime an interrupt does what it always did.
    let _heard = runtime.as_ref().ok().map(|runtime| {
        let _inside = runtime.enter();
        heard(INTERRUPT, ignored())
    });
    work()
}

/// Listens for a signal, unless whoever started this wants it ignored, as `nohup` does.
fn heard(number: u8, ignored: u64) -> Option<Signal> {
    if ignored & (1 << (number - 1)) != 0 {
        return None;
    }
    signal(SignalKind::from_raw(number.into())).ok()
}

async fn came(signal: &mut Option<Signal>) {
    let is_heard = match signal {
        Some(signal) => signal.recv().await.is_some(),
        None => false,
    };
    if !is_heard {
        std::future::pending::<()>().await;
    }
}

/// The signals that are ignored, one bit for each; none where the system does not tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    of_status(&status).unwrap_or_default()
}

fn of_status(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

const HANGUP: u8 = 1;
const TERMINATE: u8 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_mask() {
        let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert_eq!(of_status(status), Some(0x1001));
        assert_eq!(of_status("Name:\tx\n"), None);
    }
}
