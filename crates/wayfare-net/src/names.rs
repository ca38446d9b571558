//! Host names to addresses and back, by the operating system's resolver.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, LazyLock};

use tokio::sync::Semaphore;

use crate::runtime::Home;

/// The addresses of `name` in the order of the system's resolver (`getaddrinfo`: hosts file,
/// nsswitch, RFC 6724 order).
///
/// It runs on a thread of its own, of which there are at most 20 at a time; further lookups wait.
///
/// # Errors
/// The resolver's error, with the name in its text.
///
/// # Cancel safety
/// Dropping the future abandons the answer at once; the system call ends on its own thread.
pub async fn lookup(home: &Home, name: &str) -> io::Result<Vec<IpAddr>> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(vec![address]);
    }
    let asked = name.to_owned();
    let found = on_a_thread(home, move || {
        let found = (asked.as_str(), 0u16).to_socket_addrs()?;
        let mut addresses: Vec<IpAddr> = Vec::new();
        for address in found {
            if !addresses.contains(&address.ip()) {
                addresses.push(address.ip());
            }
        }
        Ok(addresses)
    })
    .await?;
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("{name} has no address")));
    }
    Ok(found)
}

/// The name of `address` by the system's resolver (`getnameinfo`: nsswitch, with the hosts file, DNS
/// and whatever else is there), on a thread as [`lookup`] has them.
///
/// # Errors
/// The resolver's error; that there is no name is one.
///
/// # Cancel safety
/// Dropping the future abandons the answer at once; the system call ends on its own thread.
pub async fn name_of(home: &Home, address: IpAddr) -> io::Result<String> {
    let asked = move || dns_lookup::lookup_addr(&address).map_err(io::Error::from);
    let name = on_a_thread(home, asked).await?;
    // Whoever has the address says what it is called.
    match name.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(name),
        false => Err(io::Error::new(io::ErrorKind::InvalidData, "the name of the address is none")),
    }
}

/// Asks the system's resolver, when there is a thread for it.
async fn on_a_thread<T: Send + 'static>(
    home: &Home,
    ask: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    // Held by the thread: a lookup that nobody waits for any more still has its thread.
    let slot = SLOTS.clone().acquire_owned().await.map_err(io::Error::other)?;
    let asking = home.unblock(move || {
        let _slot = slot;
        ask()
    });
    asking.await?
}

/// As many as Qt has; a resolver whose servers are gone keeps each for half a minute.
const MOST_LOOKUPS: usize = 20;
static SLOTS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MOST_LOOKUPS)));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::block_on;

    #[test]
    fn a_lookup_waits_for_one_of_the_threads_and_gives_up_at_once() {
        let all = block_on(SLOTS.clone().acquire_many_owned(20)).unwrap();
        let mut waiting = Box::pin(lookup(&Home::Caller, "localhost"));
        let polled = block_on(std::future::poll_fn(|cx| {
            std::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending())
        }));
        assert!(polled, "there is no thread to be had");
        drop(waiting);
        drop(all);
        assert!(!block_on(lookup(&Home::Caller, "localhost")).unwrap().is_empty());
        let here = [127, 0, 0, 1].into();
        assert!(block_on(name_of(&Home::Caller, here)).unwrap().starts_with("localhost"));
        assert_eq!(SLOTS.available_permits(), MOST_LOOKUPS);
    }
}
