//! Bodies on their way in: decoded, held back, collected, saved, or refused.

#![allow(clippy::unwrap_used)] // What a helper unwraps fails the test that called it.

mod it;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use it::{
    Ask, Directory, FACES, Face, Held, fetch, hold, identity, is_at_rest, manager, manager_for,
};
use wayfare::options::{Bodies, BombGuard, Decoding, Versions};
use wayfare::{ErrorKind, Stage};
use wayfare_testkit::content::{bytes_of, text_of};
use wayfare_testkit::endpoints::{BOMB_LENGTH, TEXT, text_in};
use wayfare_testkit::{FaultServer, Server};

fn serve() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

const CODECS: [&str; 5] = ["gzip", "deflate", "deflate-raw", "br", "zstd"];

#[test]
fn every_coding_is_undone() {
    let plain = serve();
    let secure = Server::builder().tls(&identity().1).bind_on_thread("127.0.0.1:0").unwrap();
    let manager = manager();
    for face in FACES {
        for server in [&plain, &secure] {
            for codec in CODECS {
                for length in [0, 1, 65_536, 300_001] {
                    let ask = Ask::get(server.url(&format!("/{codec}/{length}")));
                    let got = fetch(face, &manager, ask).unwrap();
                    assert_eq!(got.text(), text_of(length), "{codec} {length}");
                }
            }
        }
    }
    assert!(is_at_rest(&manager));
}

#[test]
fn a_body_that_nobody_asked_to_decode_is_delivered_as_it_is() {
    let server = serve();
    for face in FACES {
        let manager = manager();
        let url = server.url("/gzip/5000");
        let off = Bodies { decoding: Decoding::Off, ..Bodies::default() };
        let got = fetch(face, &manager, Ask::get(&url).bodies(off)).unwrap();
        assert_eq!((got.header("content-encoding"), &got.body[..2]), ("gzip", &[0x1f, 0x8b][..]));
        let got = fetch(face, &manager, Ask::get(&url).header("Accept-Encoding", "gzip")).unwrap();
        assert_eq!(got.body[..2], [0x1f, 0x8b]);
        let asked = |index: usize| server.requests()[index].headers.get("accept-encoding").cloned();
        assert_eq!(
            (asked(0), asked(1).unwrap().to_str().unwrap().to_owned()),
            (None, "gzip".into())
        );
        server.clear_requests();
        fetch(face, &manager, Ask::get(&url)).unwrap();
        assert!(asked(0).unwrap().to_str().unwrap().contains("zstd"));
        server.clear_requests();
        let got = fetch(face, &manager, Ask::new("HEAD", &url)).unwrap();
        assert_eq!((got.status, got.body.len()), (200, 0));
        server.clear_requests();
    }
}

#[test]
fn a_bomb_is_an_error_before_it_fills_the_memory() {
    let server = serve();
    for face in FACES {
        for codec in ["gzip", "deflate", "br", "zstd"] {
            let ask = || Ask::get(server.url(&format!("/bomb/{codec}")));
            let mut held = hold(face, &manager(), ask()).unwrap();
            let mut received = 0;
            let error = loop {
                match held.chunk() {
                    Ok(chunk) => received += chunk.expect("it is never whole").len(),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::TooLarge, "{codec}");
            assert_eq!(error.stage(), Stage::Body);
            assert!(received <= 11 << 20, "{codec} {received}");

            // Who trusts the server gets it all.
            let bodies = Bodies { guard: BombGuard::off(), ..Bodies::default() };
            let mut held = hold(face, &manager(), ask().bodies(bodies)).unwrap();
            let mut received = 0;
            while let Some(chunk) = held.chunk().unwrap() {
                assert!(chunk.len() <= 1 << 20, "{}", chunk.len());
                received += chunk.len() as u64;
            }
            assert_eq!(received, BOMB_LENGTH);
        }
    }
}

#[test]
fn what_is_collected_has_a_limit() {
    let server = serve();
    for face in FACES {
        let bodies = Bodies { most_collected: 1_000, ..Bodies::default() };
        let ask = |path: &str| Ask::get(server.url(path)).bodies(bodies.clone());
        for path in ["/bytes/1001", "/stream/5000/100", "/gzip/2000"] {
            let error = hold(face, &manager(), ask(path)).unwrap().bytes().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooLarge, "{path}");
        }
        for path in ["/bytes/1000", "/stream/1000/100", "/gzip/1000"] {
            assert_eq!(hold(face, &manager(), ask(path)).unwrap().bytes().unwrap().len(), 1_000);
        }
        assert_eq!(fetch(face, &manager(), ask("/bytes/50000")).unwrap().body.len(), 50_000);
    }
}

#[test]
fn a_text_is_read_in_the_charset_it_is_in() {
    let server = serve();
    for face in FACES {
        let text = |path: &str| hold(face, &manager(), Ask::get(server.url(path))).unwrap().text();
        for charset in ["utf-8", "iso-8859-1", "utf-16le"] {
            assert_eq!(text(&format!("/text?charset={charset}")).unwrap(), TEXT, "{charset}");
        }
        assert_eq!(text("/text").unwrap(), TEXT);
        let western = text("/text?charset=windows-1252").unwrap();
        assert!(western.starts_with("€—Grüße"), "{western}");
        assert!(text_in("windows-1252").is_some());
    }
}

#[test]
fn trailers_are_there_after_the_body() {
    let server = serve();
    for face in FACES {
        for versions in [Versions::Http1, Versions::Http2] {
            let manager = manager_for(versions);
            let mut held = hold(face, &manager, Ask::get(server.url("/trailers"))).unwrap();
            let early = held.reply().trailers().is_none();
            while held.chunk().unwrap().is_some() {}
            let trailers = held.reply().trailers().expect("there are some");
            assert_eq!(trailers["x-sha256"].len(), 64, "{versions:?}");
            assert!(early || versions == Versions::Http1);
        }
    }
}

#[test]
fn a_part_is_delivered_as_a_part() {
    let server = serve();
    let whole = bytes_of(1_000, 1);
    for face in FACES {
        let ask = |range: &str| Ask::get(server.url("/bytes/1000")).header("Range", range);
        for (range, wanted) in [("bytes=10-19", &whole[10..20]), ("bytes=-5", &whole[995..])] {
            let got = fetch(face, &manager(), ask(range)).unwrap();
            assert_eq!((got.status, &got.body[..]), (206, wanted));
        }
        let got = fetch(face, &manager(), ask("bytes=5000-")).unwrap();
        assert_eq!(got.status, 416);
        assert!(server.requests().iter().all(|r| !r.headers.contains_key("accept-encoding")));
    }
}

#[test]
fn a_saved_file_is_the_whole_body_or_what_was_there_before() {
    let server = serve();
    let broken = FaultServer::named("short-length").bind_on_thread("127.0.0.1:0").unwrap();
    for face in FACES {
        let directory = Directory::new("save");
        let target = directory.join("file.bin");
        let hold = |url: String| hold(face, &manager(), Ask::get(url)).unwrap();
        let saved = hold(server.url("/bytes/3000000")).save_to(&target).unwrap();
        assert_eq!(saved, 3_000_000);
        assert_eq!(std::fs::read(&target).unwrap(), bytes_of(3_000_000, 1));

        let error = hold(broken.url("/")).save_to(&target).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert_eq!(std::fs::read(&target).unwrap().len(), 3_000_000, "the old file stays");
        hold(server.url("/bytes/5")).save_to(&target).unwrap();
        assert_eq!(std::fs::read(&target).unwrap().len(), 5, "a new one takes its place");
        assert_eq!(directory.names(), ["file.bin"], "no temporary file is left");

        let error = hold(server.url("/get")).save_to(&directory.0).unwrap_err();
        assert_eq!((error.kind(), error.stage()), (ErrorKind::FileNotRegular, Stage::Store));
        let error = hold(server.url("/get")).save_to(&directory.join("no/where")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileNotFound);
        assert!(error.to_string().contains("no/where"), "{error}");
        assert_eq!(directory.names(), ["file.bin"]);
        hold(server.url("/bytes/0")).save_to(&target).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"");
    }
}

/// A writer that takes nothing.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_body_is_copied_to_a_writer_and_its_errors_are_told() {
    let server = serve();
    for face in FACES {
        let mut copy = Vec::new();
        let copied = match hold(face, &manager(), Ask::get(server.url("/bytes/100000"))).unwrap() {
            Held::Alone(reply) => it::block_on(reply.copy_to(&mut copy)),
            Held::Awaited(reply) => it::runtime().block_on(reply.copy_to(&mut copy)),
            Held::Waited(reply) => reply.copy_to(&mut copy),
        };
        assert_eq!((copied.unwrap(), copy), (100_000, bytes_of(100_000, 1).to_vec()));
    }
    let reply = manager().blocking().get(server.url("/get")).send().unwrap();
    assert_eq!(reply.copy_to(&mut Full).unwrap_err().kind(), ErrorKind::FileSystem);

    let mut text = String::new();
    let mut reply = manager().blocking().get(server.url("/gzip/5000")).send().unwrap();
    reply.read_to_string(&mut text).unwrap();
    assert_eq!(text, text_of(5_000));
    let broken = FaultServer::named("short-length").bind_on_thread("127.0.0.1:0").unwrap();
    let mut reply = manager().blocking().get(broken.url("/")).send().unwrap();
    let error = reply.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn json_is_read_and_what_is_none_is_an_error() {
    let server = serve();
    for face in FACES {
        let json = |path: &str| hold(face, &manager(), Ask::get(server.url(path))).unwrap().json();
        assert!(json("/json").unwrap().is_object());
        for path in ["/get", "/bytes/0"] {
            let error = json(path).unwrap_err();
            assert_eq!((error.kind(), error.stage()), (ErrorKind::Decode, Stage::Body));
        }
    }
}

#[test]
fn a_status_is_an_error_only_for_those_who_say_so() {
    let server = serve();
    for face in FACES {
        for (code, qt) in [(400, 302), (401, 204), (404, 203), (500, 401), (503, 403), (599, 499)] {
            let ask = Ask::get(server.url(&format!("/status/{code}")));
            let held = hold(face, &manager(), ask).unwrap();
            assert_eq!(held.reply().status().as_u16(), code);
            let Err(error) = held.error_for_status() else { panic!("{code}") };
            assert_eq!(error.kind(), ErrorKind::Status(code.try_into().unwrap()));
            assert_eq!(error.qt_code(), qt);
        }
        for code in [200, 204, 304] {
            let ask = Ask::get(server.url(&format!("/status/{code}")));
            let held = hold(face, &manager(), ask).unwrap().error_for_status().unwrap();
            held.bytes().unwrap();
        }
    }
}

/// Passes bytes on to `server` and back, and counts those that go to the client.
fn relay(server: &Server) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (target, passed) = (server.address(), Arc::<AtomicU64>::default());
    let count = passed.clone();
    std::thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(target).unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || io::copy(&mut from, &mut to));
        let (mut server, mut client) = (server, client);
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = server.read(&mut buffer) {
            if client.write_all(&buffer[..read]).is_err() {
                return;
            }
            count.fetch_add(read as u64, Ordering::Relaxed);
        }
    });
    (url, passed)
}

#[test]
fn an_unread_body_holds_the_server_back() {
    let server = serve();
    // What the two ends of a loopback connection may buffer beyond what the library asks for.
    for (versions, most) in [(Versions::Http1, 24 << 20), (Versions::Http2, (1 << 20) + 100_000)] {
        for face in FACES {
            let manager = manager_for(versions);
            let (url, passed) = relay(&server);
            let ask = Ask::get(format!("{url}/bytes/100000000"));
            let mut held = hold(face, &manager, ask).unwrap();
            let mut before = u64::MAX;
            while before != passed.load(Ordering::Relaxed) {
                before = passed.load(Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(200));
            }
            assert!(before < most, "{versions:?} {face:?}: {before}");
            if face != Face::Alone {
                let mut received = 0;
                while let Some(chunk) = held.chunk().unwrap() {
                    received += chunk.len();
                }
                assert_eq!(received, 100_000_000);
            }
        }
    }
}
