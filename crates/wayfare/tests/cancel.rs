//! Transfers dropped at every place where they can be: the next request is right, nothing is kept.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use it::{Ask, Filler, Got, fetch_awaited, identity, is_at_rest, trust};
use wayfare::options::{Connections, Versions};
use wayfare::{Body, Error, Manager, Multipart};
use wayfare_testkit::content::bytes_of;
use wayfare_testkit::world::World;
use wayfare_testkit::{FaultServer, H2FaultServer, Server};

const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

/// A transfer that is dropped instead of being polled for the `left`th time.
struct DropAt<F: ?Sized> {
    work: Option<Pin<Box<F>>>,
    left: usize,
}

impl<F: Future + ?Sized> Future for DropAt<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            self.work = None;
            return Poll::Ready(None);
        }
        self.left -= 1;
        let work = self.work.as_mut().expect("not polled after its end");
        work.as_mut().poll(cx).map(Some)
    }
}

/// Everything that a scenario happens in.
struct Place {
    world: World,
    manager: Manager,
    plain: Server,
    _secure: Server,
    _faults: Vec<FaultServer>,
    _h2_faults: Vec<H2FaultServer>,
}

const FAULTS: [&str; 4] = ["no-length", "closes-on-second", "few-interims", "cut-chunk-data"];
const H2_FAULTS: [&str; 4] = ["max-streams-1", "goaway-below", "refused-stream", "window-lowered"];

impl Place {
    fn new(connections: Connections) -> Self {
        let world = World::new();
        world.host("a.test", HOST);
        world.link(HOST).latency_ms(5).bandwidth(2_000_000);
        let plain = Server::builder().bind_in(&world, "a.test:80").unwrap();
        let secure = Server::builder().tls(&identity().1).bind_in(&world, "a.test:443").unwrap();
        let faults = FAULTS.iter().zip(1000..).map(|(name, port)| {
            FaultServer::named(name).bind_in(&world, &format!("a.test:{port}")).unwrap()
        });
        let h2_faults = H2_FAULTS.iter().zip(2000..).map(|(name, port)| {
            H2FaultServer::named(name).bind_in(&world, &format!("a.test:{port}")).unwrap()
        });
        let (faults, h2_faults) = (faults.collect(), h2_faults.collect());
        let manager = Manager::builder()
            .network(Arc::new(world.clone()))
            .connections(connections)
            .tls(trust())
            .build();
        Self { world, manager, plain, _secure: secure, _faults: faults, _h2_faults: h2_faults }
    }
}

type Attempt<'a> = Pin<Box<dyn Future<Output = Result<Got, Error>> + 'a>>;

struct Scenario {
    name: &'static str,
    versions: Versions,
    per_origin: usize,
    run: for<'a> fn(&'a Place) -> Attempt<'a>,
}

fn send(place: &Place, ask: Ask) -> Attempt<'_> {
    Box::pin(fetch_awaited(&place.manager, ask))
}

fn upload() -> Body {
    Body::from(vec![b'u'; 200_000])
}

const HTTP: &str = "http://a.test";
const HTTPS: &str = "https://a.test";

#[rustfmt::skip] // A table reads by its columns.
fn scenarios() -> Vec<Scenario> {
    use Versions::{Any, Http1, Http2};
    let scenario = |name, versions, per_origin, run| Scenario { name, versions, per_origin, run };
    vec![
        scenario("a small answer", Any, 6, |p| send(p, Ask::get(format!("{HTTP}/get")))),
        scenario("a large answer", Any, 6, |p| send(p, Ask::get(format!("{HTTP}/bytes/300000")))),
        scenario("a small answer over TLS", Http1, 6, |p| send(p, Ask::get(format!("{HTTPS}/get")))),
        scenario("a large answer over TLS", Http1, 6, |p| send(p, Ask::get(format!("{HTTPS}/bytes/300000")))),
        scenario("HTTP/2 over TLS", Any, 6, |p| send(p, Ask::get(format!("{HTTPS}/bytes/300000")))),
        scenario("HTTP/2 with prior knowledge", Http2, 6, |p| send(p, Ask::get(format!("{HTTP}/bytes/300000")))),
        scenario("chunks", Any, 6, |p| send(p, Ask::get(format!("{HTTP}/stream/50000/1000")))),
        scenario("a coded body", Any, 6, |p| send(p, Ask::get(format!("{HTTP}/gzip/100000")))),
        scenario("trailers", Http2, 6, |p| send(p, Ask::get(format!("{HTTP}/trailers")))),
        scenario("an upload", Any, 6, |p| send(p, Ask::post(format!("{HTTP}/upload"), upload()))),
        scenario("an upload over HTTP/2", Http2, 6, |p| send(p, Ask::post(format!("{HTTP}/upload"), upload()))),
        scenario("an upload from a reader", Any, 6, |p| {
            let body = Body::blocking_reader(Filler { fill: b'r', left: 150_000 }, None);
            send(p, Ask::post(format!("{HTTPS}/upload"), body))
        }),
        scenario("a form", Http1, 6, |p| {
            let form = Multipart::form().text("a", "b").file_part("f", "f.txt", upload());
            send(p, Ask::post(format!("{HTTP}/upload"), form))
        }),
        scenario("100 Continue", Any, 6, |p| {
            send(p, Ask::post(format!("{HTTP}/continue"), upload()).header("Expect", "100-continue"))
        }),
        scenario("an upload refused early", Any, 6, |p| {
            send(p, Ask::post(format!("{HTTP}/upload-refused"), vec![0; 2_000_000]))
        }),
        scenario("redirects", Any, 6, |p| send(p, Ask::get(format!("{HTTP}/redirect/3")))),
        scenario("a redirect to another origin", Any, 6, |p| {
            send(p, Ask::get(format!("{HTTP}/redirect-to?url=https://a.test/bytes/50000")))
        }),
        scenario("a slow answer", Any, 6, |p| send(p, Ask::get(format!("{HTTP}/drip/20/10")))),
        scenario("a wait for a turn", Any, 1, |p| Box::pin(async move {
            let other = tokio::spawn({
                let manager = p.manager.clone();
                async move { fetch_awaited(&manager, Ask::get(format!("{HTTP}/delay/50"))).await }
            });
            tokio::task::yield_now().await;
            let got = fetch_awaited(&p.manager, Ask::get(format!("{HTTP}/get"))).await;
            other.await.unwrap()?;
            got
        })),
        scenario("several at once on one connection", Http2, 1, |p| Box::pin(async move {
            let ask = |seed| fetch_awaited(&p.manager, Ask::get(format!("{HTTPS}/bytes/40000?seed={seed}")));
            let (a, b, c) = tokio::join!(ask(1), ask(2), ask(3));
            assert_eq!(b?.body, bytes_of(40_000, 2));
            a.and(c)
        })),
        scenario("a body without a length", Any, 6, |p| send(p, Ask::get(format!("{HTTP}:1000/")))),
        scenario("a second request on a dying connection", Any, 6, |p| Box::pin(async move {
            fetch_awaited(&p.manager, Ask::get(format!("{HTTP}:1001/"))).await?;
            fetch_awaited(&p.manager, Ask::get(format!("{HTTP}:1001/"))).await
        })),
        scenario("interim answers", Any, 6, |p| send(p, Ask::get(format!("{HTTP}:1002/")))),
        scenario("a body that is cut", Any, 6, |p| send(p, Ask::get(format!("{HTTP}:1003/")))),
        scenario("one stream at a time", Http2, 1, |p| Box::pin(async move {
            let ask = || fetch_awaited(&p.manager, Ask::get(format!("{HTTP}:2000/")));
            let (a, b, c) = tokio::join!(ask(), ask(), ask());
            a.and(b).and(c)
        })),
        scenario("GOAWAY", Http2, 6, |p| send(p, Ask::get(format!("{HTTP}:2001/")))),
        scenario("REFUSED_STREAM", Http2, 6, |p| send(p, Ask::get(format!("{HTTP}:2002/")))),
        scenario("a window that shrinks", Http2, 6, |p| {
            send(p, Ask::post(format!("{HTTP}:2003/"), vec![1; 1_100_000]))
        }),
        scenario("a preconnect", Any, 6, |p| Box::pin(async move {
            p.manager.preconnect(HTTPS).await?;
            fetch_awaited(&p.manager, Ask::get(format!("{HTTPS}/get"))).await
        })),
    ]
}

/// What must hold after a transfer was dropped.
async fn check_afterwards(place: &Place, place_name: &str) {
    for (seed, url) in [(7, HTTP), (8, HTTPS)] {
        let ask = Ask::get(format!("{url}/bytes/20000?seed={seed}"));
        let patience = Duration::from_secs(60);
        let got = tokio::time::timeout(patience, fetch_awaited(&place.manager, ask)).await;
        let got = got.unwrap_or_else(|_| panic!("{place_name}: {url} hangs: {:?}", place.manager));
        let got = got.unwrap_or_else(|why| panic!("{place_name}: {why:?}"));
        assert_eq!(got.body, bytes_of(20_000, seed), "{place_name}");
    }
    // What the dropped transfer had begun on its own must end by itself.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(is_at_rest(&place.manager), "{place_name}: {:?}", place.manager.queue());
    // Idle connections may stay: the two just used, and those that the scenario left in order.
    assert!(place.plain.connections_open() <= 7, "{place_name}");
}

#[tokio::test(start_paused = true)]
async fn a_transfer_dropped_at_any_poll_spoils_nothing() {
    for scenario in scenarios() {
        let connections = Connections {
            versions: scenario.versions,
            per_origin: scenario.per_origin,
            ..Connections::default()
        };
        // A transfer is tried on fresh connections and, from the second time on, on kept ones.
        for kept in [false, true] {
            let mut place = Place::new(connections.clone());
            let mut polls = 0;
            loop {
                polls += 1;
                assert!(polls < 5_000, "{} never ends", scenario.name);
                if !kept {
                    place = Place::new(connections.clone());
                }
                let name = format!("{} (kept {kept}), dropped at poll {polls}", scenario.name);
                let dropping = DropAt { work: Some((scenario.run)(&place)), left: polls };
                let ended = dropping.await.is_some();
                // Checking is most of the work: later polls of long bodies are all alike.
                if polls < 40 || polls % 16 == 0 || ended {
                    check_afterwards(&place, &name).await;
                }
                if ended {
                    break;
                }
            }
            let _ = &place.world;
        }
    }
}
