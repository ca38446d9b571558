//! Texts of proxies and chains, and what they can do.

use super::*;

#[test]
fn urls_of_proxies_are_read_as_curl_reads_them() {
    let table = [
        ("proxy.test:3128", "http://proxy.test:3128", None),
        ("http://Proxy.TEST", "http://proxy.test:80", None),
        ("http://p.test:80/", "http://p.test:80", None),
        ("https://p.test", "https://p.test:443", None),
        ("connect://p.test:8080", "connect://p.test:8080", None),
        ("SOCKS5H://[::1]", "socks5h://[::1]:1080", None),
        ("socks4a://127.1:9050", "socks4a://127.0.0.1:9050", None),
        ("socks://p.test", "socks4://p.test:1080", None),
        ("http://ada:s%40c%3Aret@p.test:1", "http://p.test:1", Some(("ada", "s@c:ret"))),
        ("http://ada:p@ss@p.test:1", "http://p.test:1", Some(("ada", "p@ss"))),
        ("ada@p.test", "http://p.test:80", Some(("ada", ""))),
        ("http://@p.test", "http://p.test:80", None),
        ("  http://p.test:1 ", "http://p.test:1", None),
    ];
    for (text, shown, credentials) in table {
        let proxy: Proxy = text.parse().unwrap();
        assert_eq!(proxy.to_string(), shown, "{text}");
        assert_eq!(format!("{proxy:?}"), shown, "{text}");
        let read = proxy.credentials().map(|known| (known.user(), known.password()));
        assert_eq!(read, credentials, "{text}");
    }
}

#[test]
fn mistakes_are_named_without_the_password() {
    let table = [
        ("", ProxyMistake::Host),
        ("http://", ProxyMistake::Host),
        ("http://:3128", ProxyMistake::Host),
        ("http://a b:1", ProxyMistake::Host),
        ("http://p.test:0", ProxyMistake::Port),
        ("http://p.test:65536", ProxyMistake::Port),
        ("http://p.test:http", ProxyMistake::Port),
        ("http://p.test/pac", ProxyMistake::Path),
        ("http://ada:sec/ret", ProxyMistake::Path),
        ("ftp://p.test", ProxyMistake::Scheme("ftp".into())),
        ("ada:secret+secret://p.test", ProxyMistake::Scheme("…".into())),
    ];
    for (text, mistake) in table {
        let made = text.parse::<Proxy>().unwrap_err();
        assert_eq!(made, mistake, "{text}");
        assert!(!made.to_string().contains("secret"), "{made}");
    }
}

#[test]
fn capabilities_are_those_that_qt_gives_each_kind() {
    // QNetworkProxy: Tunneling 1, Listening 2, UdpTunneling 4, Caching 8, HostNameLookup 16;
    // Socks5Proxy 23, HttpProxy 25 with the caching of HttpCachingProxy.
    let bits = |kind: ProxyKind| {
        let can = kind.capabilities();
        let all = [can.tunneling, can.listening, can.udp, can.caching, can.host_lookup];
        all.iter().rev().fold(0, |bits, can| bits * 2 + u8::from(*can))
    };
    assert_eq!(bits(ProxyKind::Socks5h), 23);
    assert_eq!(bits(ProxyKind::Http), 25);
    assert_eq!(bits(ProxyKind::Connect), 17);
    assert_eq!(bits(ProxyKind::Socks4), 3);
}

#[test]
fn the_direct_way_is_no_link_of_a_chain() {
    for text in ["http://a.test:1 direct", "direct http://a.test:1", "a.test DIRECT://"] {
        assert_eq!(text.parse::<Chain>(), Err(ProxyMistake::Direct), "{text}");
    }
    assert_eq!(" Direct ".parse::<Chain>(), Ok(Chain::DIRECT));
}

#[test]
fn a_chain_carries_only_what_each_of_its_proxies_can() {
    let proxy = |caching, tunneling| {
        let kind = ProxyKind::Http;
        let can = Capabilities { caching, tunneling, ..kind.capabilities() };
        Proxy::new(kind, "p.test", 1).with_capabilities(can)
    };
    let can = |proxies: Vec<Proxy>| {
        let chain = Chain::through(proxies);
        (chain.can_carry(Load::PlainHttp), chain.can_carry(Load::Tunneled))
    };
    assert_eq!(can(vec![]), (true, true));
    assert_eq!(can(vec![proxy(true, false)]), (true, false));
    assert_eq!(can(vec![proxy(false, true)]), (true, true));
    assert_eq!(can(vec![proxy(true, false), proxy(true, true)]), (false, false));
}

#[test]
fn only_what_a_last_proxy_can_do_is_asked_of_it_and_no_datagram_passes_another() {
    let can = |chain: &str| {
        let chain: Chain = chain.parse().unwrap();
        (chain.can_carry(Load::Listening), chain.can_carry(Load::Datagrams))
    };
    assert_eq!(can("direct"), (false, false));
    assert_eq!(can("http://p.test"), (false, false));
    assert_eq!(can("socks4://p.test"), (true, false));
    assert_eq!(can("socks5://p.test"), (true, true));
    assert_eq!(can("http://p.test socks5://q.test"), (true, false));
    assert_eq!(can("socks5://q.test http://p.test"), (false, false));
}
