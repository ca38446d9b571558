//! A scheme of one's own, answered like any other: events, bodies, replies.

use http::{HeaderValue, StatusCode, header};
use wayfare::protocol::{Answer, Answering, Around, Outgoing, Protocol};
use wayfare::{Body, Manager};

/// Answers `greet:name`.
struct Greet;

impl Protocol for Greet {
    fn schemes(&self) -> &[&str] {
        &["greet"]
    }

    fn attempt<'a>(&'a self, outgoing: Outgoing, _around: &'a Around) -> Answering<'a> {
        Box::pin(async move {
            let text = format!("Hello, {}!", outgoing.url.path());
            let media_type = HeaderValue::from_static("text/plain");
            Ok(Answer::new(StatusCode::OK)
                .with_header(header::CONTENT_TYPE, media_type)
                .with_body(Body::from(text)))
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), wayfare::Error> {
    let manager = Manager::builder().protocol(Greet).build();
    println!("{:?}", manager.supported_schemes());
    println!("{}", manager.get("greet:Ada").send().await?.text().await?);
    Ok(())
}
