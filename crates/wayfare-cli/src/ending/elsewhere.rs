//! Where there are no signals there is Ctrl-C.

/// Waits for Ctrl-C and gives the exit code for it.
pub(crate) async fn asked() -> u8 {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    super::code(2)
}

/// Asks something on the terminal; here an interrupt ends it as it ends everything.
pub(crate) fn asking<T>(_farewell: &str, ask: impl FnOnce() -> T) -> T {
    ask()
}
