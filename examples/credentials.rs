//! Who is asking: a delegate that knows, asked once however many requests wait.

use wayfare::Manager;
use wayfare::delegate::{Credentials, CredentialsQuestion, Delegate, Login};
use wayfare_testkit::server::Server;

struct Person;

impl Delegate for Person {
    fn credentials<'a>(&'a self, asked: &'a CredentialsQuestion) -> Login<'a> {
        println!("{} ({}) wants to know who is asking", asked.url, asked.scheme);
        Box::pin(async { Some(Credentials::new("user", "passwd")) })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().plain().bind("127.0.0.1:0")?;
    let manager = Manager::builder().delegate(Person).build();
    for path in ["/auth-digest?algorithm=SHA-256", "/auth-digest?algorithm=SHA-256", "/auth-ntlm"] {
        let reply = manager.get(server.url(path)).send().await?.error_for_status()?;
        println!("{path}: {}", reply.text().await?.trim());
    }
    Ok(())
}
