//! A desktop of our own, on a bus of our own.

use std::io::{BufRead, BufReader};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zbus::connection::Builder;
use zbus::export::futures_core::Stream;
use zbus::{Message, MessageStream};

use super::*;
use crate::caller::block_on;

/// A bus that ends with the test.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    /// Nothing where there is no `dbus-daemon`, which is an error where tests are the point.
    fn start() -> Option<Self> {
        let started = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address"])
            .args(["--address", &format!("unix:tmpdir={}", std::env::temp_dir().display())])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut daemon) = started else {
            assert!(std::env::var_os("CI").is_none(), "dbus-daemon is not installed");
            eprintln!("skipped: no dbus-daemon");
            return None;
        };
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Some(Self { daemon, address: address.trim().to_owned() })
    }

    /// Has a desktop answer on the bus; it tells what it was asked.
    fn desktop(&self, answer: Answer) -> mpsc::Receiver<String> {
        let (address, (ready, is_ready)) = (self.address.clone(), mpsc::channel());
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let bus = Builder::address(address.as_str()).build().await.unwrap();
                let mut calls = MessageStream::from(&bus);
                bus.request_name(NAME).await.unwrap();
                ready.send(()).unwrap();
                loop {
                    let next = std::future::poll_fn(|cx| Pin::new(&mut calls).poll_next(cx)).await;
                    let Some(Ok(call)) = next else { return };
                    handle(&bus, &call, &answer, &tell).await;
                }
            });
        });
        is_ready.recv().unwrap();
        told
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// What a desktop says.
enum Answer {
    Failure,
    Number,
    Silence,
    Ways(&'static [&'static str]),
}

async fn handle(bus: &Connection, call: &Message, answer: &Answer, tell: &mpsc::Sender<String>) {
    let head = call.header();
    if head.member().is_none_or(|member| member.as_str() != "Lookup") {
        return;
    }
    let _ = tell.send(call.body().deserialize::<String>().unwrap());
    let said = match answer {
        Answer::Failure => bus.reply_error(&head, "test.Failed", &"the script is broken").await,
        Answer::Number => bus.reply(&head, &7_u32).await,
        Answer::Silence => Ok(()),
        Answer::Ways(ways) => bus.reply(&head, ways).await,
    };
    said.unwrap();
}

fn ask(desktop: &Desktop, url: &str) -> Result<String, String> {
    let query = ProxyQuery::for_url(&url.parse().unwrap());
    let shown = |list: ProxyList| {
        let ways: Vec<_> = list.ways.iter().map(ToString::to_string).collect();
        format!("{} ({})", ways.join(" "), list.rule)
    };
    // The calling thread, and a runtime.
    let waited = block_on(desktop.ways(&query));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let awaited = runtime.block_on(desktop.ways(&query));
    assert_eq!(waited, awaited);
    awaited.map(shown).map_err(|why| why.to_string())
}

#[test]
fn the_desktop_names_the_way_in_both_homes_and_never_sees_what_tls_hides() {
    let Some(bus) = Bus::start() else { return };
    let asked = bus.desktop(Answer::Ways(&["socks://gate.test:1080", "what", "direct://"]));
    let desktop = Desktop::at(&bus.address);
    let way = ask(&desktop, "https://ada:sesame@a.test/secret?x#f");
    assert_eq!(way.unwrap(), "socks5h://gate.test:1080 direct (the desktop)");
    assert_eq!(asked.recv().unwrap(), "https://a.test/");
    assert_eq!(asked.recv().unwrap(), "https://a.test/");
}

#[test]
fn a_desktop_that_fails_is_silent_or_talks_nonsense_does_not_mean_direct() {
    let table = [
        (Answer::Failure, "the script is broken"),
        (Answer::Number, "the desktop gave no answer"),
        (Answer::Silence, "silent for a second"),
        (Answer::Ways(&[]), "names no way"),
        (Answer::Ways(&["ftp://a.test"]), "names no way: \"ftp://a.test\""),
    ];
    for (answer, words) in table {
        let Some(bus) = Bus::start() else { return };
        let _asked = bus.desktop(answer);
        let began = Instant::now();
        let why = ask(&Desktop::at(&bus.address), "http://a.test/").unwrap_err();
        assert!(why.contains(words), "{words}: {why}");
        assert!(began.elapsed() < Duration::from_secs(4), "{words}");
    }
}

#[test]
fn without_a_desktop_the_environment_decides_and_the_rule_says_so() {
    // This machine is reached directly, whatever the variables of this test's process are.
    let url = "http://localhost:1/";
    let way = ask(&Desktop::at("unix:path=/nonexistent/bus"), url).unwrap();
    assert!(way.starts_with("direct (") && way.contains("there is no session bus"), "{way}");
    let Some(bus) = Bus::start() else { return };
    let way = ask(&Desktop::at(&bus.address), url).unwrap();
    assert!(way.starts_with("direct (") && way.contains("no portal for proxies"), "{way}");
}

#[test]
fn a_bus_that_came_back_is_asked_again() {
    let Some(mut bus) = Bus::start() else { return };
    let _asked = bus.desktop(Answer::Ways(&["direct://"]));
    let desktop = Desktop::at(&bus.address);
    assert_eq!(ask(&desktop, "http://a.test/").unwrap(), "direct (the desktop)");
    bus.daemon.kill().unwrap();
    bus.daemon.wait().unwrap();
    let kept = desktop.0.kept().clone().unwrap();
    block_on(kept.closed());
    let way = ask(&desktop, "http://localhost:1/").unwrap();
    assert!(way.contains("there is no session bus"), "{way}");
}
