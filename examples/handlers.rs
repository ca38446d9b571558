//! A request with a User-Agent, and handlers for data as it arrives, for errors, for TLS errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wayfare::Manager;
use wayfare_testkit::ca::Authority;
use wayfare_testkit::server::Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().plain().bind("127.0.0.1:0")?;
    let stranger = Authority::new().issue(&["localhost"]);
    let untrusted = Server::builder().tls(&stranger).bind("127.0.0.1:0")?;
    let manager = Manager::new();

    let received = Arc::new(AtomicUsize::new(0));
    let counter = received.clone();
    manager
        .get(server.url("/stream/200000/10000"))
        .header("User-Agent", "MyOwnBrowser 1.0")
        .on_data(move |bytes| {
            counter.fetch_add(bytes.len(), Ordering::Relaxed);
        })
        .on_error(|error| println!("error {}: {error}", error.qt_code()))
        .start()?
        .finished()
        .await?;
    println!("{} bytes arrived", received.load(Ordering::Relaxed));

    let refused = manager
        .get(untrusted.url_at("localhost", "/get"))
        .on_tls_error(|error| println!("TLS: {}", error.message()))
        .on_error(|error| println!("error {}", error.qt_code()))
        .start()?
        .finished()
        .await;
    assert!(refused.is_err(), "an unknown authority must not be trusted");
    Ok(())
}
