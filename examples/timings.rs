//! Why did it take so long? The phases of a transfer, and its events.

use wayfare::Manager;
use wayfare::options::Tls;
use wayfare_testkit::ca::Authority;
use wayfare_testkit::server::Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"]);
    let server = Server::builder().tls(&identity).bind("127.0.0.1:0")?;

    let tls = Tls::default().with_only_authority_pem(authority.pem())?;
    let manager = Manager::builder()
        .tls(tls)
        .on_event(|event| println!("{:>10.3?} {:?}", event.at, event.what))
        .build();

    for _ in 0..2 {
        let mut reply = manager.get(server.url_at("localhost", "/delay/20")).send().await?;
        while reply.chunk().await?.is_some() {}
        println!("{:?}", reply.timings());
    }
    Ok(())
}
