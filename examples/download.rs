//! The simple download: one manager, one request, and a handler for its end.
//!
//! `cargo run --example download -- https://example.org/`; without a URL it asks a server of its own.

use wayfare::Manager;
use wayfare_testkit::server::Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().plain().bind("127.0.0.1:0")?;
    let url = std::env::args().nth(1).unwrap_or_else(|| server.url("/bytes/100000"));

    let manager = Manager::builder()
        .on_finished(|finished| match &finished.error {
            None => println!("{}: {} bytes", finished.url, finished.body.len()),
            Some(error) => println!("failed: {error}"),
        })
        .build();

    // It runs by itself from here on; the handle only waits for its end.
    manager.get(url).start()?.finished().await?;
    Ok(())
}
