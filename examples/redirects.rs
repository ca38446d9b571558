//! Redirects put to a delegate, and the chain in the reply.

use wayfare::Manager;
use wayfare::delegate::{Consent, Delegate, RedirectQuestion};
use wayfare::options::{RedirectPolicy, Redirects};
use wayfare_testkit::server::Server;

/// Follows a redirect only within the host.
struct SameHost;

impl Delegate for SameHost {
    fn redirect<'a>(&'a self, asked: &'a RedirectQuestion) -> Consent<'a> {
        println!("{} wants to send us to {}", asked.from, asked.to);
        Box::pin(async { asked.from.host_str() == asked.to.host_str() })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().plain().bind("127.0.0.1:0")?;
    let redirects = Redirects { policy: RedirectPolicy::Ask, ..Redirects::default() };
    let manager = Manager::builder().redirects(redirects).delegate(SameHost).build();

    let reply = manager.get(server.url("/redirect/3")).send().await?;
    println!("{} after {} redirects", reply.status(), reply.redirects().len());
    for redirect in reply.redirects() {
        println!("  {} {}", redirect.status, redirect.url);
    }

    let away = server.url("/redirect-to?url=http://other.invalid/");
    println!("{}", manager.get(away).send().await?.status());
    Ok(())
}
