//! The clients, each doing the same work.

mod curl;
mod hyper;
mod reqwest;
mod ureq;
mod wayfare;

use std::future::Future;
use std::time::Instant;

use ::wayfare::options::Bodies;

use crate::measure::{Measured, Meter, pin};
use crate::server::Place;
use crate::work::Work;

/// Does `work` with one peer and prints what it cost.
pub fn run(work: Work, peer: &str, place: &Place) {
    pin(0);
    let measured = match peer {
        "curl" => curl::run(work, place),
        "hyper" => async_run(hyper::run(work, place)),
        "reqwest" => async_run(reqwest::run(work, place)),
        "ureq" => ureq::run(work, place),
        "wayfare" => async_run(wayfare::run(work, place, Bodies::default())),
        "wayfare-ahead" => async_run(wayfare::run(work, place, wayfare::ahead())),
        "wayfare-blocking" => wayfare::run_blocking(work, place),
        _ => panic!("no peer is called {peer}"),
    };
    measured.print();
}

fn async_run(work: impl Future<Output = Measured>) -> Measured {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(work))
}

/// How much of a body hyper and reqwest let a server of HTTP/2 send ahead of the reader, which is
/// their default. Wayfare's is half as much, so it is measured with this, too.
const AHEAD: u32 = 2 << 20;

/// Repeats `exchange` as often and as much at a time as `work` wants, after a warm-up.
async fn repeat<F, Fut>(work: Work, exchange: F) -> Measured
where
    F: Fn(&'static str) -> Fut + Clone + 'static,
    Fut: Future<Output = u64> + 'static,
{
    if work.is_big() {
        exchange(Work::SMALL).await;
    } else if !matches!(work, Work::First | Work::InFlight) {
        batch(work, work.at_a_time() * 20, exchange.clone()).await;
    }
    let mut meter = Meter::start();
    for latency in batch(work, work.count(), exchange).await {
        meter.note(latency);
    }
    meter.finish()
}

async fn batch<F, Fut>(work: Work, count: usize, exchange: F) -> Vec<std::time::Duration>
where
    F: Fn(&'static str) -> Fut + Clone + 'static,
    Fut: Future<Output = u64> + 'static,
{
    let left = std::rc::Rc::new(std::cell::Cell::new(count));
    let mut tasks = Vec::new();
    for _ in 0..work.at_a_time() {
        let (left, exchange) = (left.clone(), exchange.clone());
        tasks.push(tokio::task::spawn_local(async move {
            let mut latencies = Vec::new();
            while left.get() > 0 {
                left.set(left.get() - 1);
                let began = Instant::now();
                let length = exchange(work.path()).await;
                assert_eq!(length, work.length(), "the body's length");
                latencies.push(began.elapsed());
            }
            latencies
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.expect("a task"));
    }
    all
}

/// The same for clients that block.
fn repeat_blocking(work: Work, mut exchange: impl FnMut(&str) -> u64) -> Measured {
    if work.is_big() {
        exchange(Work::SMALL);
    } else if work != Work::First {
        for _ in 0..200 {
            exchange(work.path());
        }
    }
    let mut meter = Meter::start();
    for _ in 0..work.count() {
        let began = Instant::now();
        assert_eq!(exchange(work.path()), work.length(), "the body's length");
        meter.note(began.elapsed());
    }
    meter.finish()
}
