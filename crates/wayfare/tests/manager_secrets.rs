//! A manager's own secrets do not follow a redirect to another origin, nor come back there.

use http::{HeaderValue, header};
use wayfare::Manager;
use wayfare_testkit::server::Server;

#[tokio::test]
async fn a_managers_authorization_stays_behind_for_the_rest_of_the_chain() {
    let first = Server::builder().plain().bind("127.0.0.1:0").unwrap();
    let second = Server::builder().plain().bind("127.0.0.1:0").unwrap();
    let manager = Manager::builder()
        .header(header::AUTHORIZATION, HeaderValue::from_static("Bearer secret"))
        .build();

    let on = second.url("/redirect/2");
    let reply = manager.get(first.url(&format!("/redirect-to?url={on}"))).send().await.unwrap();
    assert_eq!(reply.redirects().len(), 3);
    assert!(first.requests().iter().all(|seen| seen.headers.contains_key("authorization")));
    assert_eq!(second.requests().len(), 3);
    for seen in second.requests() {
        assert!(!seen.headers.contains_key("authorization"), "{}", seen.target);
        assert!(seen.headers.contains_key("user-agent"), "only secrets stay behind");
    }

    // Asked directly, the second origin is one like any other.
    manager.get(second.url("/get")).send().await.unwrap();
    assert!(second.requests().last().unwrap().headers.contains_key("authorization"));
}
