//! Where there are no signals there is Ctrl-C.

/// Waits for Ctrl-C and gives the exit code for it.
pub(crate) async fn asked() -> u8 {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    super::code(2)
}
