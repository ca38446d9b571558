//! TLS: both protocols by ALPN, and the certificates that a client must not accept.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod client;

use bytes::Bytes;
use client::{over, tls, try_tls};
use http::Request;
use http_body_util::Full;
use wayfare_testkit::{Authority, Protocols, Server, ServerIdentity};

fn server(identity: &ServerIdentity) -> Server {
    Server::builder().tls(identity).bind("127.0.0.1:0").unwrap()
}

#[tokio::test]
async fn both_protocols_are_chosen_by_alpn() {
    let authority = Authority::new();
    let server = server(&authority.issue(&["localhost"]));
    let stream = tls(server.address(), &authority, "http/1.1").await;
    let request = Request::get("/get").header("host", "localhost");
    let reply = over(stream, request.body(Full::<Bytes>::default()).unwrap()).await;
    assert_eq!(reply.body, "It works.\n");

    let stream = tls(server.address(), &authority, "h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://localhost/get").body(()).unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    assert_eq!(response.await.unwrap().status(), 200);
    assert_eq!(server.requests()[1].target, "/get");
    assert_eq!(server.requests()[1].version, http::Version::HTTP_2);
}

#[tokio::test]
async fn a_server_for_one_protocol_refuses_the_other() {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"]);
    let server = Server::builder().tls(&identity).protocols(Protocols::Http1);
    let server = server.bind("127.0.0.1:0").unwrap();
    assert!(try_tls(server.address(), &authority, "h2").await.is_err());
    assert_eq!(server.failed_handshakes(), 1);
}

#[tokio::test]
async fn bad_certificates_fail_each_in_its_way() {
    let authority = Authority::new();
    let names = ["localhost"];
    let bad = [
        (authority.issue_expired(&names), "Expired"),
        (authority.issue_not_yet_valid(&names), "NotValidYet"),
        (authority.issue_for_wrong_name(), "NotValidForName"),
        (Authority::new().issue(&names), "UnknownIssuer"),
        (ServerIdentity::self_signed(&names), "UnknownIssuer"),
    ];
    for (identity, wanted) in bad {
        let server = server(&identity);
        let error = try_tls(server.address(), &authority, "h2").await.unwrap_err();
        assert!(format!("{error:?}").contains(wanted), "{wanted}: {error:?}");
        assert_eq!(server.request_count(), 0);
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_not_let_in() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"]);
    let server =
        Server::builder().tls_asking_clients(&identity, &authority).bind("127.0.0.1:0").unwrap();
    let mut stream = tls(server.address(), &authority, "http/1.1").await;
    // TLS 1.3 tells only once the handshake is over on the client's side.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(stream.read(&mut [0; 1]).await.is_err());
    assert_eq!(server.request_count(), 0);
}
