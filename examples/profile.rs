//! A profile: what one manager learns, the next one knows.

use wayfare::{Manager, Profile};
use wayfare_testkit::server::Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().plain().bind("127.0.0.1:0")?;
    let directory = std::env::temp_dir().join(format!("wayfare-example-{}", std::process::id()));

    let first = Manager::builder().profile(Profile::new(&directory)).build();
    first.cookies().store(&server.url("/"), "visits=1; Max-Age=3600").await?;
    drop(first);

    let second = Manager::builder().profile(Profile::new(&directory)).build();
    let sent = second.get(server.url("/cookies")).send().await?.text().await?;
    println!("the second manager sends: {sent}");
    drop(second);
    std::fs::remove_dir_all(directory)?;
    Ok(())
}
