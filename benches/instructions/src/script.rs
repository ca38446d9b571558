//! What a decision of a proxy script costs, beside a bare call of the same function.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use rquickjs::{Context, Function, Runtime};
use wayfare::proxy::{PacEngine, PacWorld};

/// A world without names.
struct Nowhere;

impl PacWorld for Nowhere {
    fn resolve(&self, _: &str, _: Duration) -> Vec<IpAddr> {
        Vec::new()
    }

    fn own_addresses(&self) -> Vec<IpAddr> {
        Vec::new()
    }

    fn milliseconds(&self) -> f64 {
        0.0
    }
}

/// Makes `count` decisions in this thread.
pub fn decide(count: usize) {
    let world: Rc<dyn PacWorld> = Rc::new(Nowhere);
    let engine = PacEngine::new(SCRIPT, &world).expect("a script");
    for _ in 0..count {
        let answer = engine.find(URL, HOST).expect("an answer");
        assert_eq!(answer, ANSWER);
    }
}

/// Calls the same function as often, with nothing around it.
pub fn bare(count: usize) {
    let runtime = Runtime::new().expect("an engine");
    let context = Context::full(&runtime).expect("an engine");
    context.with(|ctx| {
        ctx.eval::<(), _>(SCRIPT).expect("a script");
        let function: Function<'_> = ctx.globals().get("FindProxyForURL").expect("the function");
        for _ in 0..count {
            let answer: String = function.call((URL, HOST)).expect("an answer");
            assert_eq!(answer, ANSWER);
        }
    });
}

const SCRIPT: &str = "function FindProxyForURL(url, host) {
    if (host.endsWith('.corp.test') || host.indexOf('.') < 0) return 'DIRECT';
    if (url.startsWith('https:')) return 'PROXY gate.test:3128; DIRECT';
    return 'PROXY gate.test:8080; DIRECT';
}";
const URL: &str = "http://www.example.org/some/path?query";
const HOST: &str = "www.example.org";
const ANSWER: &str = "PROXY gate.test:8080; DIRECT";
