//! Transfers that run by themselves: events, callbacks, aborts, and managers that go away.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use it::{eventually, is_at_rest, manager, runtime};
use wayfare::event::What;
use wayfare::options::Connections;
use wayfare::queueing::Priority;
use wayfare::{ErrorKind, Finished, Handle, Manager};
use wayfare_testkit::content::bytes_of;
use wayfare_testkit::{Authority, FaultServer, Server};

fn serve() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

/// The names of all events of a transfer, and whether the last is an end.
async fn names(handle: &mut Handle) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(event) = handle.event().await {
        let text = format!("{:?}", event.what);
        names.push(text.split([' ', '{', '(']).next().unwrap().to_owned());
    }
    names
}

fn ends(names: &[String]) -> usize {
    names.iter().filter(|name| matches!(name.as_str(), "Finished" | "Failed")).count()
}

#[test]
fn every_transfer_has_exactly_one_last_event() {
    let server = serve();
    let broken = FaultServer::named("short-length").bind_on_thread("127.0.0.1:0").unwrap();
    let silent = FaultServer::named("stall-head").bind_on_thread("127.0.0.1:0").unwrap();
    let manager = manager();
    runtime().block_on(async {
        let urls = [
            server.url("/get"),
            server.url("/bytes/3000000"),
            server.url("/gzip/100000"),
            server.url("/redirect/3"),
            server.url("/redirect/30"),
            server.url("/status/204"),
            broken.url("/"),
            "http://127.0.0.1:1/".to_owned(),
            "data:,hello".to_owned(),
            "file:///no/such/file".to_owned(),
            "nobody:knows".to_owned(),
        ];
        for url in &urls {
            let read = |_: &Finished| {};
            let mut handle = manager.get(url).on_finished(read).start().unwrap();
            let names = names(&mut handle).await;
            assert_eq!(ends(&names), 1, "{url}: {names:?}");
            assert!(
                matches!(names.last().unwrap().as_str(), "Finished" | "Failed"),
                "{url}: {names:?}"
            );
        }
        // Aborted before, during and after.
        for wait in [0, 30] {
            let mut handle = manager.get(silent.url("/")).start().unwrap();
            tokio::time::sleep(Duration::from_millis(wait)).await;
            handle.abort();
            let names = names(&mut handle).await;
            assert_eq!((ends(&names), names.last().unwrap().as_str()), (1, "Failed"), "{names:?}");
            let error = handle.await.unwrap_err();
            assert_eq!((error.kind(), error.qt_code()), (ErrorKind::Aborted, 5));
        }
        let mut handle = manager.get(server.url("/get")).on_finished(|_| {}).start().unwrap();
        let names = names(&mut handle).await;
        handle.abort();
        assert_eq!(names.last().unwrap(), "Finished");
        handle.finished().await.unwrap();
    });
    eventually("at rest", || is_at_rest(&manager));
}

#[test]
fn callbacks_hear_of_data_errors_and_the_end_once_each_and_in_this_order() {
    let server = serve();
    let manager = manager();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = |heard: &Arc<Mutex<Vec<String>>>| {
        let heard = heard.clone();
        move |text: String| heard.lock().unwrap().push(text)
    };
    runtime().block_on(async {
        let total = Arc::new(AtomicUsize::new(0));
        let (sum, end) = (total.clone(), note(&heard));
        let handle = manager
            .get(server.url("/bytes/500000"))
            .on_data(move |data| {
                sum.fetch_add(data.len(), Ordering::Relaxed);
            })
            .on_finished(move |finished| {
                end(format!("{:?} {}", finished.status, finished.body.len()));
            })
            .start()
            .unwrap();
        handle.finished().await.unwrap();
        assert_eq!(total.load(Ordering::Relaxed), 500_000);
        assert_eq!(std::mem::take(&mut *heard.lock().unwrap()), ["Some(200) 0"]);

        let end = note(&heard);
        let whole = manager
            .get(server.url("/bytes/70000"))
            .on_finished(move |finished| end(format!("{}", finished.body == bytes_of(70_000, 1))))
            .start()
            .unwrap();
        let again = whole.await.unwrap().bytes().await.unwrap();
        assert_eq!(again, bytes_of(70_000, 1), "the reply gives again what the handler has read");
        assert_eq!(std::mem::take(&mut *heard.lock().unwrap()), ["true"]);
    });
    let secure = Server::builder().tls(&Authority::new().issue(&["127.0.0.1"]));
    let secure = secure.bind_on_thread("127.0.0.1:0").unwrap();
    runtime().block_on(async {
        let (tls, error, end) = (note(&heard), note(&heard), note(&heard));
        let handle = manager
            .get(secure.url("/"))
            .on_error(move |why| error(format!("error {:?}", why.kind())))
            .on_tls_error(move |_| tls("tls".into()))
            .on_finished(move |finished| end(format!("end {}", finished.error.is_some())))
            .start()
            .unwrap();
        assert!(handle.finished().await.is_err());
        let heard = std::mem::take(&mut *heard.lock().unwrap());
        assert_eq!(heard, ["tls", "error Tls(UnknownIssuer)", "end true"]);
    });
}

#[test]
fn a_callback_may_use_the_manager_and_abort_others() {
    let server = serve();
    let silent = FaultServer::named("stall-head").bind_on_thread("127.0.0.1:0").unwrap();
    let manager = manager();
    runtime().block_on(async {
        let victim = manager.get(silent.url("/")).start().unwrap();
        let victim = Mutex::new(Some(victim));
        let again = manager.clone();
        let url = server.url("/get");
        let (tell, told) = tokio::sync::oneshot::channel();
        let tell = Mutex::new(Some(tell));
        let handle = manager
            .get(server.url("/get"))
            .on_finished(move |_| {
                drop(victim.lock().unwrap().take());
                let second = again.get(&url).start().unwrap();
                let _ = tell.lock().unwrap().take().unwrap().send(second);
            })
            .start()
            .unwrap();
        handle.finished().await.unwrap();
        let reply = told.await.unwrap().await.unwrap();
        assert_eq!(reply.status(), 200);
    });
    eventually("at rest", || is_at_rest(&manager));
}

#[test]
fn a_change_of_priority_moves_one_that_waits() {
    let server = serve();
    let connections = Connections { per_origin: 1, ..Connections::default() };
    let manager = Manager::builder().connections(connections).build();
    runtime().block_on(async {
        let first = manager.get(server.url("/delay/200")).on_finished(|_| {}).start().unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let start = |path: &str| manager.get(server.url(path)).on_finished(|_| {}).start().unwrap();
        let (a, b) = (start("/get?a"), start("/get?b"));
        tokio::time::sleep(Duration::from_millis(50)).await;
        b.set_priority(Priority::High);
        assert_eq!(manager.queue().waiting, [1, 1, 0]);
        for handle in [first, a, b] {
            handle.finished().await.unwrap();
        }
    });
    let order: Vec<_> = server.requests().into_iter().map(|record| record.target).collect();
    assert_eq!(order, ["/delay/200", "/get?b", "/get?a"]);
}

#[test]
fn a_manager_that_is_dropped_lets_its_transfers_end() {
    let server = serve();
    let ended = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = runtime().block_on(async {
        let manager = manager();
        (0..300)
            .map(|number| {
                let ended = ended.clone();
                let end = move |finished: &Finished| {
                    assert!(finished.error.is_none(), "{:?}", finished.error);
                    ended.fetch_add(1, Ordering::Relaxed);
                };
                let url = server.url(&format!("/bytes/{}", number * 10));
                manager.get(url).on_finished(end).start().unwrap()
            })
            .collect()
    });
    eventually("all have ended", || ended.load(Ordering::Relaxed) == 300);
    drop(handles);
    eventually("its connections are closed", || server.connections_open() == 0);
}

#[test]
fn ten_thousand_transfers_are_aborted_at_once() {
    let silent = FaultServer::named("stall-head").bind_on_thread("127.0.0.1:0").unwrap();
    let ended = Arc::new(AtomicUsize::new(0));
    let manager = manager();
    let handles: Vec<_> = runtime().block_on(async {
        let start = |_| {
            let ended = ended.clone();
            let count = move |event: &wayfare::event::Event| {
                if matches!(event.what, What::Failed { .. } | What::Finished { .. }) {
                    ended.fetch_add(1, Ordering::Relaxed);
                }
            };
            manager.get(silent.url("/")).on_event(count).start().unwrap()
        };
        (0..10_000).map(start).collect()
    });
    let began = Instant::now();
    drop(handles);
    eventually("all have ended", || ended.load(Ordering::Relaxed) == 10_000);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(is_at_rest(&manager));
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(ended.load(Ordering::Relaxed), 10_000, "each exactly once");
}
