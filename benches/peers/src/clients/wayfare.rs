//! Wayfare, awaited and blocking.

use std::io::Read;

use wayfare::Manager;
use wayfare::options::{Bodies, Connections, Cookies, Proxies, Tls, Versions};

use super::{AHEAD, repeat, repeat_blocking};
use crate::measure::Measured;
use crate::server::Place;
use crate::work::Work;

pub async fn run(work: Work, place: &Place, bodies: Bodies) -> Measured {
    let (manager, urls) = (manager(work, place, bodies), place.urls(work));
    repeat(work, move |path| {
        let (manager, url) = (manager.clone(), urls.of(path).to_owned());
        async move {
            let mut reply = manager.get(&url).send().await.expect("a reply");
            let mut length = 0;
            while let Some(chunk) = reply.chunk().await.expect("a chunk") {
                length += chunk.len() as u64;
            }
            length
        }
    })
    .await
}

pub fn run_blocking(work: Work, place: &Place) -> Measured {
    let manager = manager(work, place, Bodies::default()).blocking();
    let urls = place.urls(work);
    let mut buffer = vec![0; 65_536];
    repeat_blocking(work, |path| {
        let mut reply = manager.get(urls.of(path)).send().expect("a reply");
        let mut length = 0;
        loop {
            match reply.read(&mut buffer).expect("bytes") {
                0 => return length,
                read => length += read as u64,
            }
        }
    })
}

/// With as much read ahead as its peers.
pub fn ahead() -> Bodies {
    Bodies { read_buffer: AHEAD as usize, ..Bodies::default() }
}

fn manager(work: Work, place: &Place, bodies: Bodies) -> Manager {
    let versions = if work.is_http2() { Versions::Http2 } else { Versions::Http1 };
    let connections = Connections { versions, ..Connections::default() };
    // What the peers do not do either.
    let builder = Manager::builder()
        .connections(connections)
        .bodies(bodies)
        .proxies(Proxies::off())
        .cookies(Cookies::off());
    if !work.is_tls() {
        return builder.build();
    }
    let tls = Tls::default().with_only_authority_pem(place.pem()).expect("an authority");
    builder.tls(tls).build()
}
