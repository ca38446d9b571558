//! The signals of Unix: interrupt, hangup and terminate.

use std::fs::File;

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::INTERRUPT;
use crate::output;

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

/// Asks something on the terminal. A signal that ends the program meanwhile finds `farewell` said, and
/// leaves the terminal as it was: what is typed is seen again.
pub(crate) fn asking<T>(farewell: &str, ask: impl FnOnce() -> T) -> T {
    let terminal = File::open("/dev/tty").ok();
    let before = terminal.as_ref().and_then(|terminal| tcgetattr(terminal).ok());
    let (answered, is_answered) = tokio::sync::oneshot::channel::<()>();
    let (listen, listening) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            // Without a runtime a signal does what it always did.
            let Ok(runtime) = runtime else { return };
            let ended = runtime.block_on(async {
                let asked = asked();
                let _ = listen.send(());
                tokio::select! {
                    code = asked => Some(code),
                    _ = is_answered => None,
                }
            });
            let Some(code) = ended else { return };
            if let (Some(terminal), Some(before)) = (&terminal, &before) {
                let _ = tcsetattr(terminal, OptionalActions::Now, before);
            }
            output::note("");
            output::complain(farewell);
            std::process::exit(code.into());
        });
        // An error means that nobody listens, which is no reason not to ask.
        let _ = listening.recv();
        let answer = ask();
        // Nobody listens if the signal came first, and then the program is about to end.
        let _ = answered.send(());
        answer
    })
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
