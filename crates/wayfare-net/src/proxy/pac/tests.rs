//! What scripts can call, what they answer, and where they are stopped.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Pac;
use super::engine::{Engine, ScriptFault, World};
use crate::proxy::factory::{ProxyFactory, ProxyQuery};

/// A world with two names, at 2026-03-04 05:06:07 UTC, a Wednesday.
struct Small;

impl World for Small {
    fn resolve(&self, name: &str, _: Duration) -> Vec<IpAddr> {
        let all = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        match name {
            "four.test" => all(&["10.1.2.3"]),
            "both.test" => all(&["2001:db8::7", "192.168.1.9"]),
            _ => Vec::new(),
        }
    }

    fn own_addresses(&self) -> Vec<IpAddr> {
        vec!["192.0.2.7".parse().unwrap(), "2001:db8::1".parse().unwrap()]
    }

    fn milliseconds(&self) -> f64 {
        1_772_600_767_000.0
    }
}

fn asked(script: &str) -> Result<String, ScriptFault> {
    let world: Rc<dyn World> = Rc::new(Small);
    Engine::new(script, &world)?.find("http://a.test/", "a.test")
}

fn value(expression: &str) -> String {
    let script = format!("function FindProxyForURL(url, host) {{ return String({expression}); }}");
    asked(&script).unwrap_or_else(|fault| panic!("{expression}: {fault}"))
}

#[test]
fn every_helper_answers_as_documented() {
    let table = [
        ("isPlainHostName('www')", "true"),
        ("isPlainHostName('www.a.test')", "false"),
        ("isPlainHostName('::1')", "false"),
        ("dnsDomainIs('www.A.test', '.a.test')", "true"),
        ("dnsDomainIs('a.test', '.a.test')", "false"),
        ("localHostOrDomainIs('www.a.test', 'www.a.test')", "true"),
        ("localHostOrDomainIs('www', 'www.a.test')", "true"),
        ("localHostOrDomainIs('www.b.test', 'www.a.test')", "false"),
        ("isResolvable('four.test')", "true"),
        ("isResolvable('none.test')", "false"),
        ("isResolvableEx('both.test')", "true"),
        ("dnsResolve('both.test')", "192.168.1.9"),
        ("dnsResolve('none.test')", "null"),
        ("dnsResolve('10.0.0.1')", "10.0.0.1"),
        ("dnsResolveEx('both.test')", "2001:db8::7;192.168.1.9"),
        ("dnsResolveEx('none.test') === ''", "true"),
        ("isInNet('four.test', '10.1.0.0', '255.255.0.0')", "true"),
        ("isInNet('10.2.0.1', '10.1.0.0', '255.255.0.0')", "false"),
        ("isInNet('none.test', '0.0.0.0', '0.0.0.0')", "false"),
        ("isInNet('10.1.0.1', '10.1.0.0', 'x')", "false"),
        ("isInNetEx('both.test', '2001:db8::/32')", "true"),
        ("isInNetEx('both.test', '192.168.0.0/16')", "true"),
        ("isInNetEx('10.0.0.1', '10.0.0.0/8')", "true"),
        ("isInNetEx('11.0.0.1', '10.0.0.0/8')", "false"),
        ("convert_addr('104.16.41.2')", "1745889538"),
        ("convert_addr('what')", "0"),
        ("myIpAddress()", "192.0.2.7"),
        ("myIpAddressEx()", "192.0.2.7;2001:db8::1"),
        ("sortIpAddressList('10.3.2.1;::2;10.2.2.2;::1')", "::1;::2;10.2.2.2;10.3.2.1"),
        ("sortIpAddressList('10.3.2.1;what')", "false"),
        ("getClientVersion()", "1.0"),
        ("dnsDomainLevels('www')", "0"),
        ("dnsDomainLevels('www.a.test')", "2"),
        ("shExpMatch('http://a.test/x', '*.test/*')", "true"),
        ("shExpMatch('abc', 'a?c')", "true"),
        ("shExpMatch('abc', 'a?')", "false"),
        ("shExpMatch('a.b', 'a+b')", "false"),
        ("shExpMatch('', '*')", "true"),
        ("alert('x')", "undefined"),
        ("weekdayRange('WED', 'GMT')", "true"),
        ("weekdayRange('MON', 'FRI', 'GMT')", "true"),
        ("weekdayRange('SAT', 'TUE', 'GMT')", "false"),
        ("weekdayRange('FRI', 'WED', 'GMT')", "true"),
        ("weekdayRange('NODAY', 'GMT')", "false"),
        ("dateRange(4, 'GMT')", "true"),
        ("dateRange('MAR', 'GMT')", "true"),
        ("dateRange(2026, 'GMT')", "true"),
        ("dateRange(5, 'GMT')", "false"),
        ("dateRange(1, 15, 'GMT')", "true"),
        ("dateRange('NOV', 'MAR', 'GMT')", "true"),
        ("dateRange('APR', 'OCT', 'GMT')", "false"),
        ("dateRange(2020, 2025, 'GMT')", "false"),
        ("dateRange(1, 'JUN', 15, 'AUG', 'GMT')", "false"),
        ("dateRange(1, 'MAR', 5, 'MAR', 'GMT')", "true"),
        ("dateRange('FEB', 2026, 'MAR', 2026, 'GMT')", "true"),
        ("dateRange(5, 'MAR', 2026, 1, 'APR', 2027, 'GMT')", "false"),
        ("dateRange('what', 'GMT')", "false"),
        ("timeRange(5, 'GMT')", "true"),
        ("timeRange(4, 6, 'GMT')", "true"),
        ("timeRange(22, 4, 'GMT')", "false"),
        ("timeRange(22, 6, 'GMT')", "true"),
        ("timeRange(5, 0, 5, 6, 'GMT')", "true"),
        ("timeRange(5, 7, 6, 0, 'GMT')", "false"),
        ("timeRange(5, 6, 7, 5, 6, 7, 'GMT')", "true"),
        ("timeRange(5, 6, 8, 5, 6, 9, 'GMT')", "false"),
        ("timeRange('x')", "false"),
    ];
    for (expression, expected) in table {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[test]
fn a_script_can_reach_nothing_else() {
    for name in ["require", "process", "std", "os", "fetch", "host", "setTimeout", "WebSocket"] {
        let script = format!("function FindProxyForURL() {{ return typeof {name} }}");
        assert_eq!(asked(&script).as_deref(), Ok("undefined"), "{name}");
    }
    // The engine's own constructors stay inside of it.
    assert_eq!(value("this.constructor.constructor('return typeof process')()"), "undefined");
}

#[test]
fn scripts_that_fail_say_why() {
    let of = |body: &str| asked(&format!("function FindProxyForURL(u, h) {{ {body} }}"));
    assert_eq!(of("return null"), Ok(String::new()));
    assert_eq!(of("return 5"), Err(ScriptFault::NoText));
    assert_eq!(asked("var x = 1"), Err(ScriptFault::NoFunction));
    for (body, words) in
        [("throw new Error('no way')", "no way"), ("return nothing.at.all", "nothing")]
    {
        let fault = of(body).unwrap_err().to_string();
        assert!(fault.contains(words), "{fault}");
    }
    assert!(matches!(asked("<html>"), Err(ScriptFault::Threw(_))));
    let sloppy = "function FindProxyForURL() { answer = 'DIRECT'; return answer }";
    assert_eq!(asked(sloppy), Ok("DIRECT".into()));
    assert_eq!(asked(&" ".repeat(1024 * 1024 + 1)), Err(ScriptFault::TooLarge));
    assert_eq!(
        asked("\u{feff}function FindProxyForURL() { return 'DIRECT' }"),
        Ok("DIRECT".into())
    );
    assert_eq!(asked("function FindProxyForURLEx() { return 'DIRECT' }"), Ok("DIRECT".into()));
}

#[test]
fn endless_and_greedy_scripts_are_stopped() {
    let of = |body: &str| asked(&format!("function FindProxyForURL(u, h) {{ {body} }}"));
    let began = Instant::now();
    assert_eq!(of("while (true) {}"), Err(ScriptFault::Slow));
    assert_eq!(asked("for (;;) {}"), Err(ScriptFault::Slow));
    assert_eq!(of("try { while (true) {} } catch (e) { return 'DIRECT' }"), Err(ScriptFault::Slow));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    assert!(of("var a = []; while (true) a.push('x'.repeat(100000) + a.length)").is_err());
    assert!(of("function f() { return f() + 1 } return f()").is_err());
    let began = Instant::now();
    let many = of("for (var i = 0; i < 1e6; i++) dnsResolve('n' + i + '.test'); return 'DIRECT'");
    assert!(matches!(many.as_deref(), Ok("DIRECT") | Err(ScriptFault::Slow)), "{many:?}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_script_is_asked_from_other_threads_and_recovers() {
    let script = "var n = 0; function FindProxyForURL(url, host) {
        if (host === 'loop.test') while (true) {}
        if (host === 'none.test') return 'what';
        return 'PROXY gate.test:' + (++n) + '; DIRECT'; }";
    let pac = Pac::new(script).unwrap();
    let ask = |url: &str| ProxyQuery::for_url(&url.parse().unwrap());
    let first = pac.ways(&ask("http://a.test/")).await.unwrap();
    assert_eq!(first.ways[0].to_string(), "http://gate.test:1");
    assert!(first.ways[1].is_direct());
    assert!(pac.ways(&ask("http://none.test/")).await.is_err());
    assert!(pac.ways(&ask("http://loop.test/")).await.is_err());
    let later = pac.ways(&ask("http://a.test/")).await.unwrap();
    assert_eq!(later.ways[0].to_string(), "http://gate.test:1");
    assert!(Pac::new("no script").is_err());
}

#[test]
fn of_secure_urls_the_script_sees_only_the_origin() {
    let script = "function FindProxyForURL(url, host) { return 'PROXY ' + (url === 'https://a.test/' ? 'yes' : 'no'); }";
    let pac = Pac::new(script).unwrap();
    let query = ProxyQuery::for_url(&"https://u:p@a.test/secret?x=1".parse().unwrap());
    let list = crate::caller::block_on(pac.ways(&query)).unwrap();
    assert_eq!(list.ways[0].to_string(), "http://yes:80");
}

#[tokio::test]
async fn a_script_that_the_engine_cannot_stop_is_given_up() {
    // One of the engine's own functions, at work for years; its thread is left to itself.
    let hang = "Array.prototype.reverse.call({length: 9007199254740991})";
    let script = format!("function FindProxyForURL(url, host) {{ {hang}; return 'DIRECT'; }}");
    let pac = Pac::new(&script).unwrap();
    let query = ProxyQuery::for_url(&"http://a.test/".parse().unwrap());
    let began = Instant::now();
    assert!(pac.ways(&query).await.is_err());
    assert!(began.elapsed() < Duration::from_secs(10));
    let began = Instant::now();
    let why = pac.ways(&query).await.unwrap_err().to_string();
    assert!(why.contains("given up"), "{why}");
    assert!(began.elapsed() < Duration::from_secs(1));
}
