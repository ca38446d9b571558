//! Scripts that the network has, or has not.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wayfare_testkit::world::{World, WorldStream};

use super::*;

/// A world in which `wpad.b.test` holds a script, and `wpad.a.test` is a portal.
struct Net {
    world: World,
    places: Arc<Mutex<Vec<Url>>>,
    script: Arc<Mutex<&'static str>>,
    asked: Arc<AtomicUsize>,
    proxies: Proxies,
}

impl Net {
    fn new() -> Self {
        let world = World::new();
        let script =
            Arc::new(Mutex::new("function FindProxyForURL() { return 'PROXY b.test:1'; }"));
        let asked = Arc::new(AtomicUsize::new(0));
        for (name, last) in [("wpad.a.test", 1), ("wpad.b.test", 2), ("slow.test", 3)] {
            world.host(name, [10, 0, 0, last].into());
        }
        let portal = Arc::new(Mutex::new("<html>Welcome!"));
        serve(&world, "wpad.a.test:80", &portal, &asked);
        serve(&world, "wpad.b.test:80", &script, &asked);
        world.black_hole([10, 0, 0, 3].into());
        let places = Arc::new(Mutex::new(Vec::new()));
        let (told, manager) = (places.clone(), Manager::builder().network(Arc::new(world.clone())));
        let tell = move || told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let proxies = Proxies::kept(&manager.build(), Place::Announced(Arc::new(tell)));
        Self { world, places, script, asked, proxies }
    }

    fn announce(&self, hosts: &[&str]) {
        let url = |host: &&str| Url::parse(&format!("http://{host}/wpad.dat"));
        let urls = hosts.iter().map(url).collect::<Result<_, _>>();
        *self.places.lock().unwrap_or_else(PoisonError::into_inner) = urls.unwrap_or_default();
    }

    fn hold(&self, script: &'static str) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    /// The first way that is another one: a search beside requests reads files and scripts on
    /// threads of its own, of which this clock knows nothing.
    async fn soon_not(&self, before: &str) -> String {
        for _ in 0..200 {
            let way = self.way().await;
            if way != before {
                return way;
            }
            std::thread::sleep(Duration::from_millis(5));
            later(20).await;
        }
        before.to_owned()
    }

    async fn way(&self) -> String {
        let url = Url::parse("http://origin.test/").unwrap_or_else(|why| panic!("{why}"));
        match self.proxies.choose(&url).await {
            Ok(ways) => format!("{} ({})", ways.first, ways.rule),
            Err(error) => error.to_string(),
        }
    }
}

fn serve(world: &World, at: &str, body: &Arc<Mutex<&'static str>>, asked: &Arc<AtomicUsize>) {
    let (body, asked) = (body.clone(), asked.clone());
    let answer = move |mut stream: WorldStream| {
        asked.fetch_add(1, Ordering::SeqCst);
        let body = *body.lock().unwrap_or_else(PoisonError::into_inner);
        async move {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    };
    match world.listen(at, answer) {
        // As long as the world.
        Ok(listener) => std::mem::forget(listener),
        Err(why) => panic!("{at}: {why}"),
    }
}

async fn later(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

const FOUND: &str =
    "http://b.test:1 (the script's answer \"PROXY b.test:1\" of http://wpad.b.test/wpad.dat)";
const NONE: &str = "direct (no script was found in the network)";

#[tokio::test(start_paused = true)]
async fn the_first_place_that_has_a_script_holds_and_others_are_passed_over() {
    let net = Net::new();
    net.announce(&["slow.test", "gone.test", "wpad.a.test", "wpad.b.test"]);
    assert_eq!(net.way().await, FOUND);
    // The script answers on a thread of its own, which this clock knows nothing of.
    let times: Vec<_> = net.world.attempts().iter().map(|(time, _)| time.as_secs()).collect();
    assert_eq!(times, [0, 5, 5], "a silent place has five seconds");
    assert_eq!((net.way().await.as_str(), net.asked.load(Ordering::SeqCst)), (FOUND, 2));
    assert!(net.world.lookups().iter().all(|(_, name)| name != "wpad" && name != "wpad.test"));
}

#[tokio::test(start_paused = true)]
async fn a_network_without_a_script_is_gone_through_directly_and_asked_again() {
    let net = Net::new();
    assert_eq!(net.way().await, NONE);
    net.announce(&["wpad.b.test"]);
    later(290).await;
    assert_eq!(net.way().await, NONE);
    later(20).await;
    assert_eq!(net.way().await, NONE, "the search goes on beside it");
    assert_eq!(net.soon_not(NONE).await, FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_script_that_has_gone_holds_in_the_same_network_and_not_in_another() {
    let net = Net::new();
    net.announce(&["wpad.b.test"]);
    assert_eq!(net.way().await, FOUND);
    net.hold("<html>Welcome!");
    for _ in 0..3 {
        later(3600).await;
        assert_eq!(net.way().await, FOUND);
    }
    net.announce(&["wpad.a.test"]);
    later(3600).await;
    assert_eq!(net.soon_not(FOUND).await, NONE);
}

#[tokio::test(start_paused = true)]
async fn silent_places_do_not_hold_up_requests_for_long() {
    let net = Net::new();
    net.announce(&["slow.test", "slow.test:81", "slow.test:82", "slow.test:83", "wpad.b.test"]);
    let began = now();
    assert_eq!(net.way().await, NONE);
    assert!((now() - began).as_secs() <= 11, "{:?}", now() - began);
}
