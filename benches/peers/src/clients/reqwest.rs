//! reqwest.

use super::{AHEAD, repeat};
use crate::measure::Measured;
use crate::server::Place;
use crate::work::Work;

pub async fn run(work: Work, place: &Place) -> Measured {
    let mut builder = reqwest::Client::builder().no_proxy();
    if work.is_tls() {
        let authority = reqwest::Certificate::from_pem(place.pem().as_bytes());
        builder = builder.tls_certs_only([authority.expect("an authority")]);
    }
    builder = if work.is_http2() {
        builder
            .http2_initial_stream_window_size(AHEAD)
            .http2_initial_connection_window_size(16 << 20)
    } else {
        builder.http1_only()
    };
    let client = builder.build().expect("a client");
    let urls = place.urls(work);
    repeat(work, move |path| {
        let (client, url) = (client.clone(), urls.of(path).to_owned());
        async move {
            let mut response = client.get(&url).send().await.expect("a response");
            let mut length = 0;
            while let Some(chunk) = response.chunk().await.expect("a chunk") {
                length += chunk.len() as u64;
            }
            length
        }
    })
    .await
}
