//! Auto-configuration scripts out of the network: how they come, how long they stay.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod it;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use it::{Ask, FACES, fetch, fetch_awaited, manager, runtime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wayfare::options::Proxies;
use wayfare::{ErrorKind, Manager, ProxyProblem};
use wayfare_testkit::proxy::Proxy;
use wayfare_testkit::world::World;
use wayfare_testkit::{Protocols, Server};

/// A server of one answer.
struct Holder {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Holder {
    fn new(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let mut head = [0; 4096];
                let _ = stream.read(&mut head);
                // Long enough for all who want the same to be there.
                std::thread::sleep(Duration::from_millis(50));
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, asked }
    }

    fn url(&self) -> String {
        format!("http://{}/proxy.pac", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

fn script(way: &str) -> String {
    answer("200 OK", &format!("function FindProxyForURL(url, host) {{ return '{way}'; }}"))
}

fn by(holder: &Holder) -> Manager {
    Manager::builder().proxies(Proxies::pac_url(&holder.url()).unwrap()).build()
}

fn origin() -> Server {
    Server::builder().protocols(Protocols::Http1).bind_on_thread("127.0.0.1:0").unwrap()
}

#[test]
fn a_script_is_fetched_once_and_directly_in_every_face() {
    for face in FACES {
        let gate = Proxy::builder().bind_on_thread("127.0.0.1:0").unwrap();
        let holder = Holder::new(script(&format!("PROXY {}", gate.address())));
        let (server, manager) = (origin(), by(&holder));
        assert_eq!(holder.asked(), 0, "nobody needed it yet");
        for _ in 0..3 {
            let got = fetch(face, &manager, Ask::get(server.url("/get"))).unwrap();
            assert_eq!(got.status, 200, "{face:?}");
        }
        assert_eq!((holder.asked(), server.request_count()), (1, 3), "{face:?}");
        assert!(!gate.requests().is_empty(), "{face:?}: the script was heard");
    }
}

#[test]
fn all_who_wait_wait_for_the_same_script() {
    let holder = Holder::new(script("DIRECT"));
    let (server, manager) = (origin(), by(&holder));
    let all: Vec<_> = (0..10)
        .map(|index| {
            let (manager, url) = (manager.clone(), server.url("/get"));
            std::thread::spawn(move || fetch(FACES[index % 3], &manager, Ask::get(url)).unwrap())
        })
        .collect();
    for one in all {
        assert_eq!(one.join().unwrap().status, 200);
    }
    assert_eq!(holder.asked(), 1);
}

#[test]
fn whoever_gives_up_while_fetching_leaves_it_to_the_next() {
    let holder = Holder::new(script("DIRECT"));
    let (server, manager) = (origin(), by(&holder));
    runtime().block_on(async {
        let impatient = fetch_awaited(&manager, Ask::get(server.url("/get")));
        let patience = Duration::from_millis(10);
        assert!(tokio::time::timeout(patience, impatient).await.is_err());
        let got = fetch_awaited(&manager, Ask::get(server.url("/get"))).await.unwrap();
        assert_eq!(got.status, 200);
    });
}

#[test]
fn without_the_script_nothing_goes_directly_and_the_error_names_its_url() {
    let long = "/".repeat(1024 * 1024 + 1);
    let moved = "HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n\
                 Connection: close\r\n\r\n";
    let table = [
        (answer("404 Not Found", ""), "404"),
        (answer("200 OK", &long), "1048576"),
        (answer("200 OK", "<html>"), "the script failed"),
        (moved.to_owned(), "the scheme \"file\""),
        (String::new(), "connection"),
    ];
    for (answer, words) in table {
        let holder = Holder::new(answer);
        let (server, manager) = (origin(), by(&holder));
        for face in FACES {
            let error = fetch(face, &manager, Ask::get(server.url("/get"))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Proxy(ProxyProblem::Settings), "{error}");
            let said = error.to_string();
            assert!(said.contains(&holder.url()) && said.contains(words), "{words}: {said}");
        }
        assert_eq!(server.request_count(), 0, "{words}");
        // An empty answer is tried again on a fresh connection, as any is.
        assert!(holder.asked() <= 2, "{words}: the failure was kept: {}", holder.asked());
    }
}

#[test]
fn only_web_addresses_are_places_of_scripts_and_no_secret_is_shown() {
    let table = [
        ("file:///proxy.pac", "only http and https"),
        ("ftp://ada:sesame@a.test/", "only http and https"),
        ("proxy.pac", "relative URL"),
    ];
    for (url, words) in table {
        let error = Proxies::pac_url(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Proxy(ProxyProblem::Settings));
        let said = error.to_string();
        assert!(said.contains(words) && !said.contains("sesame"), "{said}");
    }
    let proxies = Proxies::pac_url("http://ada:sesame@127.0.0.1:1/p").unwrap();
    let manager = Manager::builder().proxies(proxies).build();
    let said = manager.blocking().get("http://a.test/").send().unwrap_err().to_string();
    assert!(said.contains("http://127.0.0.1:1/p") && !said.contains("sesame"), "{said}");
}

#[test]
fn a_manager_may_fetch_the_script_that_it_goes_by_with_its_names() {
    let holder = Holder::new(script("DIRECT"));
    let (server, fetcher) = (origin(), manager());
    // Its own proxies are not asked: they would ask themselves.
    let proxies = Proxies::pac_url_by(&fetcher, &holder.url()).unwrap();
    fetcher.set_proxies(proxies);
    let got = fetcher.blocking().get(server.url("/get")).send().unwrap();
    assert_eq!((got.status().as_u16(), holder.asked()), (200, 1));
}

/// A place of a script in the world, which tells how often it was asked.
fn held(world: &World, told: &Arc<Mutex<String>>) -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, told) = (asked.clone(), told.clone());
    let serve = move |mut stream: wayfare_testkit::world::WorldStream| {
        count.fetch_add(1, Ordering::SeqCst);
        let told = told.lock().unwrap().clone();
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(told.as_bytes()).await;
        }
    };
    world.host("pac.test", [10, 0, 0, 1].into());
    let listener = world.listen("pac.test:80", serve).unwrap();
    // As long as the world.
    std::mem::forget(listener);
    asked
}

#[tokio::test(start_paused = true)]
async fn a_script_is_fetched_again_after_an_hour_and_kept_if_that_fails() {
    let world = World::new();
    world.host("a.test", [10, 0, 0, 2].into());
    let _server = Server::builder().bind_in(&world, "a.test:80").unwrap();
    let told = Arc::new(Mutex::new(script("DIRECT")));
    let asked = held(&world, &told);
    let fetcher = Manager::builder().network(Arc::new(world.clone())).build();
    let proxies = Proxies::pac_url_by(&fetcher, "http://pac.test/proxy.pac").unwrap();
    let manager = Manager::builder().network(Arc::new(world.clone())).proxies(proxies).build();
    let get = || async { fetch_awaited(&manager, Ask::get("http://a.test/get")).await };
    assert_eq!(get().await.unwrap().status, 200);
    tokio::time::sleep(Duration::from_secs(3590)).await;
    assert_eq!(get().await.unwrap().status, 200);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // It cannot be fetched: the one that is there stays.
    *told.lock().unwrap() = answer("500 Oops", "");
    tokio::time::sleep(Duration::from_secs(20)).await;
    for _ in 0..3 {
        assert_eq!(get().await.unwrap().status, 200);
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    // It can: the new one holds for the requests after the one that asked.
    *told.lock().unwrap() = script("PROXY gone.test:1");
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(get().await.unwrap().status, 200);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let error = get().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Proxy(ProxyProblem::Unreachable), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}
