//! The queue: six connections to an origin, the rest waits in turn, and can be moved up.

use wayfare::Manager;
use wayfare::queueing::Priority;
use wayfare_testkit::server::Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().plain().bind("127.0.0.1:0")?;
    let manager = Manager::new();

    let mut handles = Vec::new();
    for number in 0..12 {
        let url = server.url(&format!("/delay/50?number={number}"));
        let priority = if number % 2 == 0 { Priority::Normal } else { Priority::Low };
        let told = format!("number {number}, {priority:?}");
        let request = manager.get(url).priority(priority);
        handles.push(request.on_finished(move |_| println!("{told}")).start()?);
    }
    if let Some(last) = handles.last() {
        last.set_priority(Priority::High);
    }
    tokio::task::yield_now().await;
    println!("queue: {:?}", manager.queue());
    for handle in handles {
        handle.finished().await?;
    }
    assert!(server.peak_concurrent_connections() <= 6);
    Ok(())
}
