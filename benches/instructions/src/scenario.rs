//! What is counted.

use std::io::{Read, Write};

use wayfare::Manager;
use wayfare::options::{Connections, Proxies, Versions};
use wayfare_testkit::server::Server;

/// One kind of exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    SmallAwaited,
    SmallBlocking,
    SmallProxied,
    SmallHttp2,
    PostJson,
    Gzip,
}

impl Scenario {
    pub const ALL: [Self; 6] = [
        Self::SmallAwaited,
        Self::SmallBlocking,
        Self::SmallProxied,
        Self::SmallHttp2,
        Self::PostJson,
        Self::Gzip,
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::SmallAwaited => "small-awaited",
            Self::SmallBlocking => "small-blocking",
            Self::SmallProxied => "small-proxied",
            Self::SmallHttp2 => "small-http2",
            Self::PostJson => "post-json",
            Self::Gzip => "gzip",
        }
    }

    pub fn what(self) -> &'static str {
        match self {
            Self::SmallAwaited => "GET of 1 KiB, HTTP/1.1, awaited",
            Self::SmallBlocking => "GET of 1 KiB, HTTP/1.1, blocking",
            Self::SmallProxied => "GET of 1 KiB, HTTP/1.1, awaited, through an HTTP proxy",
            Self::SmallHttp2 => "GET of 1 KiB, HTTP/2 without TLS, awaited",
            Self::PostJson => "POST of a small JSON, HTTP/1.1, awaited",
            Self::Gzip => "GET of 16 KiB in gzip, HTTP/1.1, awaited",
        }
    }

    /// Makes `count` exchanges, one after another.
    pub fn run(self, count: usize, base: &str) {
        thread_local! {
            static MANAGER: std::cell::OnceCell<(Manager, tokio::runtime::Runtime)> =
                const { std::cell::OnceCell::new() };
        }
        MANAGER.with(|kept| {
            let (manager, runtime) = kept.get_or_init(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                (self.manager(base), runtime.expect("a runtime"))
            });
            match self {
                Self::SmallBlocking => blocking(manager, count, base),
                _ => runtime.block_on(self.awaited(manager, count, base)),
            }
        });
    }

    fn manager(self, base: &str) -> Manager {
        // The server answers for any host, as a proxy would.
        let proxies = match self {
            Self::SmallProxied => Proxies::through(base).expect("a proxy"),
            _ => Proxies::off(),
        };
        let versions = if self == Self::SmallHttp2 { Versions::Http2 } else { Versions::Http1 };
        let connections = Connections { versions, ..Default::default() };
        Manager::builder().connections(connections).proxies(proxies).build()
    }

    async fn awaited(self, manager: &Manager, count: usize, base: &str) {
        let place = if self == Self::SmallProxied { "http://far.test:8080" } else { base };
        let small = format!("{place}/bytes/1024");
        let gzip = format!("{base}/gzip/16384");
        let upload = format!("{base}/upload");
        for _ in 0..count {
            let request = match self {
                Self::PostJson => manager.post(&upload).json(&[1, 2, 3]),
                Self::Gzip => manager.get(&gzip),
                _ => manager.get(&small),
            };
            let mut reply = request.send().await.expect("a reply");
            while reply.chunk().await.expect("a chunk").is_some() {}
        }
    }
}

fn blocking(manager: &Manager, count: usize, base: &str) {
    let (manager, url) = (manager.blocking(), format!("{base}/bytes/1024"));
    let mut buffer = [0; 4096];
    for _ in 0..count {
        let mut reply = manager.get(&url).send().expect("a reply");
        while reply.read(&mut buffer).expect("bytes") > 0 {}
    }
}

/// Serves until standard input ends.
pub fn serve() {
    let server = Server::builder().plain().bind_on_thread("127.0.0.1:0").expect("a port");
    println!("{}", server.url("").trim_end_matches('/'));
    std::io::stdout().flush().expect("standard output");
    let mut rest = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut rest);
}
