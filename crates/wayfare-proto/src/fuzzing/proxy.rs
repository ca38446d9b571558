//! Harnesses for what proxies say and how they are named.

use bytes::BytesMut;
use url::Url;

use crate::address::target::Target;
use crate::route::bypass::Bypass;
use crate::route::machine::Machine;
use crate::route::pac;
use crate::route::portal;
use crate::route::proxy::{Chain, Proxy};
use crate::route::wpad;
use crate::syntax::challenge::Challenge;
use crate::syntax::credentials::Credentials;
use crate::wire::dhcp_lease;
use crate::wire::dialogue::{Dialogue, Step};
use crate::wire::socks::version4::{Names, Socks4};
use crate::wire::socks::version5::Socks5;
use crate::wire::socks::{Accepting, Command, Version, datagram};
use crate::wire::tunnel::{Greeting, Tunnel};

/// Holds every SOCKS talk with a proxy that says the bytes.
pub fn socks(data: &[u8]) {
    let (target, ada) = (Target::new("a.test", 80), Credentials::new("ada", "pw"));
    let five = || Socks5::new(Command::Connect, &target, Some(&ada));
    let four = || Socks4::new(Command::Bind, &target, Names::Sent, None);
    if let (Ok(one), Ok(other)) = (five(), five()) {
        same_end(one, other, data);
    }
    if let (Ok(one), Ok(other)) = (four(), four()) {
        same_end(one, other, data);
    }
    same_end(Accepting(Version::Four), Accepting(Version::Four), data);
    if let Ok((_, rest)) = datagram::read(data) {
        assert!(data.ends_with(rest), "the data of a datagram is its end");
    }
}

/// Asks a proxy that says the bytes for a tunnel, and reads them as challenges.
pub fn tunnel(data: &[u8]) {
    let make = || Tunnel::new(&Target::new("a.test", 443), Greeting::default());
    if let (Ok(one), Ok(other)) = (make(), make()) {
        same_end(one, other, data);
    }
    for challenge in Challenge::parse(data) {
        assert!(!challenge.scheme.is_empty());
    }
}

/// Reads the bytes as a proxy, a chain, a list of exceptions and a script's answer.
pub fn proxy_text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(proxy) = text.parse::<Proxy>() {
        let again: Proxy = proxy.to_string().parse().unwrap_or_else(|why| panic!("{why}"));
        assert!(again.is_same_place(&proxy), "{proxy} is read as {again}");
    }
    if let Ok(chain) = text.parse::<Chain>() {
        assert_eq!(
            chain.to_string().parse::<Chain>().map(|chain| chain.to_string()),
            Ok(chain.to_string())
        );
    }
    let told: Vec<_> = text.lines().collect();
    for chain in pac::parse(&text).into_iter().chain(portal::ways(&told)) {
        assert!(chain.proxies().len() <= 1);
    }
    let bypass = Bypass::parse(&text);
    for host in ["a.test", "127.0.0.1", "[::1]", text.as_ref()] {
        let plain = bypass.rule_for(host, 80).is_some();
        assert!(!plain || bypass.clone().with_loopback().rule_for(host, 80).is_some());
    }
}

/// Reads the bytes as what the tools of Windows and macOS print of their settings.
pub fn machine(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let urls = ["http://a.test/", "https://a.test/", "ftp://127.0.0.1/"];
    let Ok(urls) = urls.map(str::parse).into_iter().collect::<Result<Vec<Url>, _>>() else {
        return;
    };
    for machine in [Machine::of_windows(&text), Machine::of_macos(&text)] {
        for url in &urls {
            let choice = machine.choose(url);
            let is_direct = choice.as_ref().is_ok_and(|choice| choice.chain.is_direct());
            assert!(is_direct || !machine.is_empty(), "{choice:?} out of nothing");
        }
    }
}

/// Reads the bytes as a file of a DHCP client, and what it says as places of scripts.
pub fn dhcp_lease(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut found = dhcp_lease::in_dhclient(&text, 0);
    found.extend(dhcp_lease::in_network_manager(&text));
    found.extend(dhcp_lease::in_networkd(&text));
    let search: Vec<String> = text.lines().map(str::to_owned).collect();
    for place in wpad::places(&found, &search) {
        assert!(matches!(place.scheme(), "http" | "https") && place.has_host(), "{place}");
    }
    for place in wpad::places(&[], &search) {
        let host = place.host_str().unwrap_or_default();
        assert!(host.starts_with("wpad.") && host.split('.').count() >= 3, "{place}");
    }
}

/// The end must not depend on how the bytes were cut.
fn same_end<D: Dialogue>(mut whole: D, mut cut: D, data: &[u8])
where
    D::Outcome: std::fmt::Debug,
{
    let (mut input, mut output) = (BytesMut::from(data), BytesMut::new());
    let first = ended(whole.advance(&mut input, &mut output));
    let (mut pieces, mut said) = (BytesMut::new(), BytesMut::new());
    let mut second = ended(cut.advance(&mut pieces, &mut said));
    for byte in data {
        pieces.extend_from_slice(&[*byte]);
        if second.is_none() {
            second = ended(cut.advance(&mut pieces, &mut said));
        }
    }
    assert_eq!(first, second);
    assert!(first.as_ref().is_some_and(Result::is_err) || (input == pieces && output == said));
}

fn ended<T: std::fmt::Debug, E: std::fmt::Debug>(
    step: Result<Step<T>, E>,
) -> Option<Result<String, String>> {
    match step {
        Ok(Step::More) => None,
        Ok(Step::Done(outcome)) => Some(Ok(format!("{outcome:?}"))),
        // How much of it is shown depends on how much was there.
        Err(failure) => {
            let shown = format!("{failure:?}");
            Some(Err(shown.split("Excerpt").next().unwrap_or_default().to_owned()))
        }
    }
}
