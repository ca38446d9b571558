//! What is counted.

use std::io::{Read, Write};
use std::time::Duration;

use wayfare::Manager;
use wayfare::hsts::Reach;
use wayfare::options::{Connections, CookieLimits, Cookies, Dns, Hsts, Proxies, Versions};
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
    /// A jar of 3,000 cookies over 500 sites, none of them the server's.
    FullJar,
    /// The same, and six of them go with each request.
    FullJarSent,
    /// 100,000 cookies taken in from a file.
    ImportedJar,
    /// 100,000 hosts that want TLS only, none of them the server.
    StrictHosts,
    /// The server is asked for by a name of three labels, for comparison.
    Named,
}

impl Scenario {
    pub const ALL: [Self; 11] = [
        Self::SmallAwaited,
        Self::SmallBlocking,
        Self::SmallProxied,
        Self::SmallHttp2,
        Self::PostJson,
        Self::Gzip,
        Self::Named,
        Self::FullJar,
        Self::FullJarSent,
        Self::ImportedJar,
        Self::StrictHosts,
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
            Self::Named => "named",
            Self::FullJar => "full-jar",
            Self::FullJarSent => "full-jar-sent",
            Self::ImportedJar => "imported-jar",
            Self::StrictHosts => "strict-hosts",
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
            Self::Named => "the first row's GET from www.far.test, nothing remembered",
            Self::FullJar => "… with 3,000 cookies of 500 other sites in the jar",
            Self::FullJarSent => "… with 3,000 cookies of 500 sites, six of which are sent",
            Self::ImportedJar => "… with 100,000 imported cookies of other sites",
            Self::StrictHosts => "… with 100,000 other hosts that want TLS only",
        }
    }

    /// How many exchanges are counted: where much is remembered first, enough that what differs from
    /// one filling of the memory to the next does not show.
    pub fn exchanges(self) -> usize {
        match self {
            Self::ImportedJar | Self::StrictHosts => 8000,
            _ => 1000,
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
                let manager = self.manager(base);
                self.remember(&manager);
                (manager, runtime.expect("a runtime"))
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
        let dns = Dns { pins: vec![("*".to_owned(), [127, 0, 0, 1].into())], ..Dns::default() };
        let limits = CookieLimits { all: 100_000, ..CookieLimits::default() };
        let hsts = if self == Self::StrictHosts { Hsts::On } else { Hsts::Automatic };
        Manager::builder()
            .connections(connections)
            .proxies(proxies)
            .dns(dns)
            .hsts(hsts)
            .cookies(Cookies { limits, ..Cookies::default() })
            .build()
    }

    /// Fills the manager's memory.
    fn remember(self, manager: &Manager) {
        let own = if self == Self::FullJarSent { "far.test" } else { "near.test" };
        let (sites, each) = match self {
            Self::FullJar | Self::FullJarSent => (500, 6),
            Self::ImportedJar => (20_000, 5),
            _ => (0, 0),
        };
        let mut file = String::new();
        for site in 0..sites {
            let site = if site == 7 { own.to_owned() } else { format!("site-{site}.test") };
            for cookie in 0..each {
                file += &format!(
                    ".{site}\tTRUE\t/\tFALSE\t4000000000\tname-{cookie}\tvalue-{cookie}\n"
                );
            }
        }
        let imported = manager.blocking().cookies().import_netscape(file).expect("cookies");
        assert_eq!(imported.kept, sites * each);
        if self == Self::StrictHosts {
            let hosts = manager.blocking().strict_transport_security_hosts();
            for host in 0..100_000 {
                let year = Duration::from_secs(31_536_000);
                hosts
                    .add(&format!("www.site-{host}.test"), year, Reach::Subdomains)
                    .expect("a host");
            }
        }
    }

    /// Where the server is, for those that look something up by its name.
    fn place(self, base: &str) -> String {
        match self {
            Self::SmallProxied => "http://far.test:8080".to_owned(),
            Self::Named
            | Self::FullJar
            | Self::FullJarSent
            | Self::ImportedJar
            | Self::StrictHosts => base.replace("127.0.0.1", "www.far.test"),
            _ => base.to_owned(),
        }
    }

    async fn awaited(self, manager: &Manager, count: usize, base: &str) {
        let place = self.place(base);
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
