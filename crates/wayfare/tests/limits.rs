//! Few descriptors and very many requests: slower, but neither an error nor a heap of memory.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Failing here fails the test; sizes are told.

mod it;

use std::time::{Duration, Instant};

use it::{Ask, Face, eventually, fetch, fetch_awaited, hold, is_at_rest, manager_for, runtime};
use tokio::io::AsyncReadExt;
use wayfare::options::Versions;
use wayfare_testkit::{FaultServer, H2FaultServer, Server};

const CHILD: &str = "WAYFARE_LIMITS_CHILD";

#[test]
fn single_bytes_in_frames_of_their_own_do_not_fill_the_memory_of_a_body_that_is_not_read() {
    let server = H2FaultServer::named("tiny-data-flood").bind_on_thread("127.0.0.1:0").unwrap();
    let manager = manager_for(Versions::Http2);
    let mut held = hold(Face::Awaited, &manager, Ask::get(server.url("/"))).unwrap();
    // A frame costs memory for about 200 bytes, of which its window counts one.
    std::thread::sleep(Duration::from_secs(3));
    let mut received = 0;
    let error = loop {
        match held.chunk() {
            Ok(chunk) => received += chunk.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert!(received < 150_000, "{received} frames were kept");
    assert!(error.to_string().contains("HTTP/2"), "{error}");
}

#[test]
fn with_64_descriptors_a_thousand_requests_to_many_origins_succeed() {
    if let Ok(urls) = std::env::var(CHILD) {
        return ask_all(&urls.split(' ').collect::<Vec<_>>());
    }
    // The child has an authority of its own, so that only plain servers are of use.
    let serve = |_| Server::builder().bind_on_thread("127.0.0.1:0").unwrap();
    let servers: Vec<_> = (0..14).map(serve).collect();
    let urls: Vec<_> = servers.iter().map(|server| server.url("/delay/3")).collect();
    let name = "with_64_descriptors_a_thousand_requests_to_many_origins_succeed";
    let child = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(CHILD, urls.join(" "))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{told}{}", String::from_utf8_lossy(&child.stdout));
    let answered: u64 = servers.iter().map(Server::request_count).sum();
    assert!(answered >= 2_000, "{answered}");
}

fn ask_all(urls: &[&str]) {
    for versions in [Versions::Http1, Versions::Http2] {
        let manager = manager_for(versions);
        runtime().block_on(async {
            let ask = |number: usize| {
                let (manager, url) = (manager.clone(), urls[number % urls.len()].to_owned());
                tokio::spawn(async move { fetch_awaited(&manager, Ask::get(url)).await })
            };
            let tasks: Vec<_> = (0..1_000).map(ask).collect();
            for task in tasks {
                assert_eq!(task.await.unwrap().unwrap().status, 200);
            }
        });
        manager.clear_connections();
        std::thread::scope(|scope| {
            for thread in 0..20 {
                let manager = &manager;
                scope.spawn(move || {
                    for number in 0..25 {
                        let url = urls[(thread + number) % urls.len()];
                        let got = fetch(Face::Waited, manager, Ask::get(url)).unwrap();
                        assert_eq!(got.status, 200);
                    }
                });
            }
        });
        manager.clear_connections();
    }
}

/// How much memory this process has in use, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn a_hundred_thousand_waiting_requests_are_cheap_to_have_and_quick_to_drop() {
    // Memory is counted by process, and other tests have theirs in this one.
    if std::env::var(CHILD).is_ok() {
        return wait_in_thousands();
    }
    let name = "a_hundred_thousand_waiting_requests_are_cheap_to_have_and_quick_to_drop";
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{told}");
    eprint!("{told}");
}

fn wait_in_thousands() {
    const MANY: usize = 100_000;
    let server = FaultServer::named("stall-head").bind_on_thread("127.0.0.1:0").unwrap();
    let manager = manager_for(Versions::Http1);
    let _context = runtime().enter();
    let url = server.url("/");
    let first: Vec<_> = (0..6).map(|_| manager.get(&url).start().unwrap()).collect();
    eventually("six go", || manager.queue().active == 6);
    let before = resident();
    let began = Instant::now();
    let mut handles = Vec::with_capacity(MANY);
    for _ in 0..MANY {
        handles.push(manager.get(&url).start().unwrap());
    }
    eventually("all wait", || manager.queue().waiting == [0, MANY, 0]);
    let each = (resident() - before) / MANY as u64;
    let (started, dropping) = (began.elapsed(), Instant::now());
    drop(handles);
    eventually("none wait", || manager.queue().waiting == [0; 3]);
    let dropped = dropping.elapsed();
    eprintln!("{each} bytes each; started in {started:?}, dropped in {dropped:?}");
    assert_eq!(manager.queue().active, 6);
    drop(first);
    eventually("none goes", || is_at_rest(&manager));
    assert_eq!(server.connections_opened(), 6);
    assert!(each <= MOST_EACH, "{each}");
    assert!(dropped < Duration::from_secs(5), "{dropped:?}");
}

/// With its channel of events, its task and its place in the queue.
const MOST_EACH: u64 = 2_048;

#[test]
fn very_many_requests_to_a_server_that_answers_all_succeed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    runtime().spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                while let Ok(1..) = stream.read(&mut buffer).await {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    if tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let manager = manager_for(Versions::Http1);
    let began = Instant::now();
    runtime().block_on(async {
        let ask = |_| {
            let (manager, url) = (manager.clone(), url.clone());
            tokio::spawn(async move { fetch_awaited(&manager, Ask::get(url)).await })
        };
        let tasks: Vec<_> = (0..20_000).map(ask).collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap().text(), "ok");
        }
    });
    eprintln!("20,000 requests in {:?}", began.elapsed());
    assert!(is_at_rest(&manager));
}
