//! The blocking face: the same types, on the calling thread, from many threads at once.

use std::io::Read;

use wayfare::Manager;
use wayfare_testkit::server::Server;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().plain().bind_on_thread("127.0.0.1:0")?;
    let manager = Manager::new().blocking();

    let mut reply = manager.get(server.url("/bytes/10000")).send()?.error_for_status()?;
    let mut first = [0; 16];
    reply.read_exact(&mut first)?;
    println!("{} begins with {first:02x?}", reply.url());

    std::thread::scope(|scope| {
        for number in 0..4 {
            let (manager, url) = (&manager, server.url("/get"));
            scope.spawn(move || match manager.get(url).send() {
                Ok(reply) => println!("thread {number}: {}", reply.status()),
                Err(error) => println!("thread {number}: {error}"),
            });
        }
    });
    Ok(())
}
