//! `--tls-earlydata`: a redirect to a server that closes its connections is followed in its first
//! flight.

#![allow(clippy::unwrap_used)]

mod command;

use command::{Scratch, run};
use wayfare_testkit::script::{Expected, Script, Step};
use wayfare_testkit::{Authority, FaultServer};

#[test]
fn early_data_is_sent_where_it_is_asked_for_and_told() {
    let (authority, scratch) = (Authority::new(), Scratch::new());
    let pem = scratch.path("authority.pem");
    authority.write_pem(&pem).unwrap();
    let cacert = pem.display().to_string();
    let mut config = authority.issue(&["127.0.0.1"]).server_config(&["http/1.1"]);
    config.max_early_data_size = 16 * 1024;
    let says = |head: &str| {
        let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        vec![Step::Expect(Expected::AnyHead), Step::send(head), Step::Fin]
    };
    for (option, is_early) in [(Some("--tls-earlydata"), true), (None, false)] {
        let script = Script::once(vec![says("302 Found\r\nLocation: /there"), says("200 OK")]);
        let server = FaultServer::script(script).tls_config(config.clone());
        let server = server.bind_on_thread("127.0.0.1:0").unwrap();
        let url = server.url("/");
        let line = ["get", "-v", "--cacert", &cacert, &url];
        let ended = run(&line.iter().copied().chain(option).collect::<Vec<_>>());
        assert_eq!(ended.code, 0, "{}", ended.err);
        let told = ended.err.contains("sent as early data, which the server took");
        assert_eq!(told, is_early, "{}", ended.err);
        assert_eq!(server.connections_opened(), 2);
    }
}
