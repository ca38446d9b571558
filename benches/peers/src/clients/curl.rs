//! libcurl: the easy interface one at a time, the multi interface for more.

use std::time::{Duration, Instant};

use curl::easy::{Easy2, Handler, HttpVersion, WriteError};
use curl::multi::{Easy2Handle, Multi};

use super::repeat_blocking;
use crate::measure::{Measured, Meter};
use crate::server::Place;
use crate::work::Work;

/// Counts what arrives.
struct Count(u64);

impl Handler for Count {
    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.0 += data.len() as u64;
        Ok(data.len())
    }
}

pub fn run(work: Work, place: &Place) -> Measured {
    if work.at_a_time() > 1 {
        return many(work, place);
    }
    let urls = place.urls(work);
    let mut easy = easy(work, place);
    repeat_blocking(work, |path| {
        easy.get_mut().0 = 0;
        easy.url(urls.of(path)).expect("a URL");
        easy.perform().expect("a transfer");
        easy.get_ref().0
    })
}

fn easy(work: Work, place: &Place) -> Easy2<Count> {
    let mut easy = Easy2::new(Count(0));
    easy.url(&place.url(work.is_tls(), work.path())).expect("a URL");
    easy.buffer_size(256 * 1024).expect("an option");
    if work.is_http2() {
        easy.http_version(HttpVersion::V2TLS).expect("an option");
        easy.pipewait(true).expect("an option");
    } else {
        easy.http_version(HttpVersion::V11).expect("an option");
    }
    if work.is_tls() {
        easy.cainfo(&place.authority).expect("an option");
    }
    easy
}

fn many(work: Work, place: &Place) -> Measured {
    let mut multi = Multi::new();
    multi.pipelining(false, true).expect("an option");
    batch(&multi, work, place, work.at_a_time() * 20, &mut |_| {});
    let mut meter = Meter::start();
    batch(&multi, work, place, work.count(), &mut |latency| meter.note(latency));
    meter.finish()
}

fn batch(multi: &Multi, work: Work, place: &Place, count: usize, note: &mut dyn FnMut(Duration)) {
    let mut started = 0;
    let mut running: Vec<Option<(Easy2Handle<Count>, Instant)>> = Vec::new();
    for slot in 0..work.at_a_time() {
        let mut handle = multi.add2(easy(work, place)).expect("a handle");
        handle.set_token(slot).expect("a token");
        running.push(Some((handle, Instant::now())));
        started += 1;
    }
    let mut ended = 0;
    while ended < count {
        multi.perform().expect("progress");
        let mut done = Vec::new();
        multi.messages(|message| done.push(message.token().expect("a token")));
        for slot in done {
            let (handle, began) = running[slot].take().expect("a running transfer");
            let mut easy = multi.remove2(handle).expect("a handle");
            assert_eq!(easy.get_ref().0, work.length(), "the body's length");
            note(began.elapsed());
            ended += 1;
            if started < count {
                started += 1;
                easy.get_mut().0 = 0;
                let mut handle = multi.add2(easy).expect("a handle");
                handle.set_token(slot).expect("a token");
                running[slot] = Some((handle, Instant::now()));
            }
        }
        if ended < count {
            multi.wait(&mut [], Duration::from_millis(1000)).expect("a wait");
        }
    }
}
