//! The command through dante, which asks who is asking.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod command;
#[path = "../../wayfare/tests/dante/mod.rs"]
mod dante;

use command::{Scratch, run, server, tls_server};
use dante::Dante;

#[test]
fn dante_lets_those_pass_who_say_who_they_are_and_nobody_else() {
    let Some(dante) = Dante::with_users() else { return };
    let (scratch, plain) = (Scratch::new(), server());
    let (secure, authority) = tls_server(&scratch);
    for scheme in ["socks5", "socks5h"] {
        let place = format!("127.0.0.1:{}", dante.port);
        let (bare, told) =
            (format!("{scheme}://{place}"), format!("{scheme}://ada:secret@{place}"));
        for url in [plain.url("/get"), secure.url("/get")] {
            let get = |way: &[&str]| {
                let line = [&["get", "-sS", "--cacert", &authority], way, &[&url]].concat();
                run(&line)
            };
            for good in [&["-x", &told][..], &["-x", &bare, "-U", "ada:secret"]] {
                let ended = get(good);
                assert_eq!(ended.code, 0, "{good:?}: {}", ended.err);
                assert!(ended.text() == "It works.\n");
            }
            let before = plain.request_count() + secure.request_count();
            for bad in [&["-x", &bare][..], &["-x", &bare, "-U", "ada:wrong"]] {
                let ended = get(bad);
                assert_eq!(ended.code, 97, "{bad:?}: {}", ended.err);
                assert!(
                    !ended.err.contains("wrong") && ended.err.contains(&place),
                    "{}",
                    ended.err
                );
            }
            assert_eq!(plain.request_count() + secure.request_count(), before);
        }
    }
}
