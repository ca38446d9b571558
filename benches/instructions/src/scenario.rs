//! What is counted.

use std::io::{Read, Write};

use wayfare::Manager;
use wayfare::delegate::Credentials;
use wayfare_testkit::server::Server;

use crate::memory::Memory;

/// One kind of exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    pub name: &'static str,
    pub what: &'static str,
    asked: Asked,
    pub memory: Memory,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Awaited,
    Blocking,
    Gzip,
    Http2,
    /// From a server that wants to know who is asking, on this path.
    Identified(&'static str),
    PostJson,
    Proxied,
}

/// Every row of the table.
pub const ALL: &[Scenario] = &[
    row("small-awaited", "GET of 1 KiB, HTTP/1.1, awaited", Asked::Awaited, Memory::Plain),
    row("small-blocking", "GET of 1 KiB, HTTP/1.1, blocking", Asked::Blocking, Memory::Plain),
    row(
        "small-proxied",
        "GET of 1 KiB, HTTP/1.1, awaited, through an HTTP proxy",
        Asked::Proxied,
        Memory::Plain,
    ),
    row("small-http2", "GET of 1 KiB, HTTP/2 without TLS, awaited", Asked::Http2, Memory::Plain),
    row("post-json", "POST of a small JSON, HTTP/1.1, awaited", Asked::PostJson, Memory::Plain),
    row("gzip", "GET of 16 KiB in gzip, HTTP/1.1, awaited", Asked::Gzip, Memory::Plain),
    row(
        "named",
        "the first row's GET from www.far.test, nothing remembered",
        Asked::Awaited,
        Memory::Empty,
    ),
    row(
        "full-jar",
        "… with 3,000 cookies of 500 other sites in the jar",
        Asked::Awaited,
        Memory::Jar,
    ),
    row(
        "full-jar-sent",
        "… with 3,000 cookies of 500 sites, six of which are sent",
        Asked::Awaited,
        Memory::JarSent,
    ),
    row(
        "imported-jar",
        "… with 100,000 imported cookies of other sites",
        Asked::Awaited,
        Memory::LargeJar,
    ),
    row(
        "strict-hosts",
        "… with 100,000 other hosts that want TLS only",
        Asked::Awaited,
        Memory::StrictHosts,
    ),
    row("profile", "… with an empty profile", Asked::Awaited, Memory::Profile),
    row(
        "full-profile",
        "… with a profile of 100,000 cookies and 100,000 strict hosts, none of them its own",
        Asked::Awaited,
        Memory::LargeProfile,
    ),
    row(
        "full-profile-sent",
        "… with a profile of 3,000 cookies of 500 sites, six of which are sent",
        Asked::Awaited,
        Memory::ProfileSent,
    ),
    row(
        "unidentified",
        "GET of a line from a server that lets everybody in",
        Asked::Identified("/bytes/12"),
        Memory::Plain,
    ),
    row(
        "basic",
        "… from one that wants to know who is asking, by Basic",
        Asked::Identified("/auth-basic"),
        Memory::Plain,
    ),
    row(
        "digest",
        "… by Digest with MD5",
        Asked::Identified("/auth-digest?algorithm=MD5"),
        Memory::Plain,
    ),
    row(
        "digest-sha-256",
        "… by Digest with SHA-256",
        Asked::Identified("/auth-digest?algorithm=SHA-256"),
        Memory::Plain,
    ),
    row(
        "ntlm",
        "… by NTLM, on a proven connection",
        Asked::Identified("/auth-ntlm"),
        Memory::Plain,
    ),
];

const fn row(name: &'static str, what: &'static str, asked: Asked, memory: Memory) -> Scenario {
    Scenario { name, what, asked, memory }
}

impl Scenario {
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().copied().find(|scenario| scenario.name == name)
    }

    /// How many exchanges are counted: where much is remembered first, enough that what differs from
    /// one filling of the memory to the next does not show.
    pub fn exchanges(self) -> usize {
        match self.memory {
            Memory::LargeJar | Memory::StrictHosts => 8000,
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
                (self.manager(base), runtime.expect("a runtime"))
            });
            match self.asked {
                Asked::Blocking => blocking(manager, count, base),
                _ => runtime.block_on(self.awaited(manager, count, base)),
            }
        });
    }

    fn manager(self, base: &str) -> Manager {
        use wayfare::options::{Connections, Proxies, Versions};
        // The server answers for any host, as a proxy would.
        let proxies = match self.asked {
            Asked::Proxied => Proxies::through(base).expect("a proxy"),
            _ => Proxies::off(),
        };
        let versions = if self.asked == Asked::Http2 { Versions::Http2 } else { Versions::Http1 };
        let connections = Connections { versions, ..Default::default() };
        let manager =
            self.memory.manager(|builder| builder.connections(connections).proxies(proxies));
        if let Asked::Identified(path) = self.asked {
            let user = Credentials::new("user", "passwd");
            manager.set_credentials(&format!("{base}{path}"), None, Some(user)).expect("a place");
        }
        manager
    }

    async fn awaited(self, manager: &Manager, count: usize, base: &str) {
        // Where something is looked up by it, the server has a name.
        let url = match (self.asked, self.memory) {
            (Asked::Identified(path), _) => format!("{base}{path}"),
            (Asked::Gzip, _) => format!("{base}/gzip/16384"),
            (Asked::PostJson, _) => format!("{base}/upload"),
            (Asked::Proxied, _) => "http://far.test:8080/bytes/1024".to_owned(),
            (_, Memory::Plain) => format!("{base}/bytes/1024"),
            _ => format!("{}/bytes/1024", base.replace("127.0.0.1", "www.far.test")),
        };
        for _ in 0..count {
            let request = match self.asked {
                Asked::PostJson => manager.post(&url).json(&[1, 2, 3]),
                _ => manager.get(&url),
            };
            let mut reply = request.send().await.expect("a reply");
            assert_eq!(reply.status(), 200, "{url}");
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
