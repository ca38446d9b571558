//! The desktop's proxies on the command line.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod command;

use command::{command, finish};

#[test]
fn without_a_desktop_the_environment_decides_and_is_named() {
    let mut asked = command(&["proxy", "--desktop", "http://a.test/"]);
    asked.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    asked.env("http_proxy", "gate.test:3128").env_remove("no_proxy").env_remove("NO_PROXY");
    let told = finish(&mut asked);
    assert_eq!(told.code, 0, "{}", told.err);
    let text = told.text();
    assert!(text.starts_with("http://gate.test:3128\n(the variable http_proxy, as"), "{text}");
    assert!(text.contains("there is no session bus"), "{text}");
}
