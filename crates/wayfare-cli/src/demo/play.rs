//! Plays one transfer of the day, and judges what came of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use sha2::{Digest, Sha256};
use wayfare::event::{Event, What};
use wayfare::options::Timeouts;
use wayfare::queueing::Priority;
use wayfare::{Body, Error, Manager, Multipart, Reply, Request};
use wayfare_testkit::content::hex;

use super::cast::{Act, Ask, Expect, Lane};

/// A transfer that has been played.
pub(super) struct Played {
    pub(super) name: String,
    pub(super) lane: Lane,
    pub(super) priority: Priority,
    /// When it was handed over, counted from the beginning of the day.
    pub(super) began: Duration,
    pub(super) queued: Duration,
    pub(super) total: Duration,
    pub(super) bytes: u64,
    /// What came of it, in words.
    pub(super) came: String,
    pub(super) is_expected: bool,
    pub(super) digest: Digested,
}

/// What came of the comparison of digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digested {
    Differs,
    Equal,
    /// There was nothing to compare.
    Nothing,
}

/// Plays an act.
pub(super) async fn play(
    manager: &Manager,
    act: Act,
    day_began: Instant,
    watcher: &Arc<Watcher>,
) -> Played {
    tokio::time::sleep(act.at.saturating_sub(day_began.elapsed())).await;
    let bar = Arc::new(watcher.bar(&act));
    let started = Arc::new(Mutex::new(None));
    let request = request(manager, &act);
    let request = match request {
        Ok(request) => request,
        Err(why) => return broken(act, &why.to_string()),
    };
    let (marks, shown) = (started.clone(), bar.clone());
    let request = request.priority(act.priority).on_event(move |event| {
        if matches!(event.what, What::Started) {
            marks.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(event.at);
        }
        shown.follow(event);
    });
    let began = day_began.elapsed();
    let outcome = read(request).await;
    let total = day_began.elapsed() - began;
    watcher.done(&bar);
    let queued = *started.lock().unwrap_or_else(PoisonError::into_inner);
    let (bytes, (is_expected, digest, came)) = match outcome {
        Ok(got) => (got.length, judge(&act.expect, &got)),
        Err(error) => (0, judge_failure(&act.expect, &error)),
    };
    let queued = queued.unwrap_or_default();
    let bytes = match &act.ask {
        Ask::Upload(sent) => sent.len() as u64,
        _ => bytes,
    };
    let Act { name, lane, priority, .. } = act;
    Played { name, lane, priority, began, queued, total, bytes, came, is_expected, digest }
}

fn request(manager: &Manager, act: &Act) -> std::io::Result<Request> {
    Ok(match &act.ask {
        Ask::Get => manager.get(&act.url),
        Ask::Hasty(patience) => manager
            .get(&act.url)
            .timeouts(Timeouts { between_bytes: (*patience).into(), ..Timeouts::default() }),
        Ask::Upload(film) => manager.post(&act.url).body(film.clone()),
        Ask::Form => {
            let form = Multipart::form().text("name", NAME).file_part(
                "picture",
                "cat.txt",
                Body::from(PICTURE),
            );
            manager.post(&act.url).body(form)
        }
    })
}

/// An answer that was read to its end.
struct Got {
    status: u16,
    redirects: usize,
    length: u64,
    sha256: String,
    /// The body, if it is short.
    body: Vec<u8>,
}

async fn read(request: Request) -> Result<Got, Error> {
    let mut reply: Reply = request.send().await?.error_for_status()?;
    let mut digest = Sha256::new();
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk().await? {
        digest.update(&chunk);
        if body.len() + chunk.len() <= SHORT {
            body.extend_from_slice(&chunk);
        }
    }
    Ok(Got {
        status: reply.status().as_u16(),
        redirects: reply.redirects().len(),
        length: reply.received(),
        sha256: hex(&digest.finalize()),
        body,
    })
}

type Verdict = (bool, Digested, String);

fn judge(expect: &Expect, got: &Got) -> Verdict {
    let plain = got.status.to_string();
    match expect {
        Expect::Body(sha256) => compare(sha256, &got.sha256, plain),
        Expect::Redirected(redirects, sha256) => {
            let (is_right, digest, _) = compare(sha256, &got.sha256, String::new());
            let came = format!("{plain} after {} redirects", got.redirects);
            (is_right && got.redirects == *redirects, digest, came)
        }
        Expect::Received(sha256) => {
            let said: Value = serde_json::from_slice(&got.body).unwrap_or_default();
            let said = said["sha256"].as_str().unwrap_or_default();
            compare(sha256, said, format!("{plain}, received whole"))
        }
        Expect::Form => {
            let is_right = is_form(&got.body);
            let digest = if is_right { Digested::Equal } else { Digested::Differs };
            (is_right, digest, format!("{plain}, both parts"))
        }
        Expect::Failure(kind) => (false, Digested::Nothing, format!("{plain} instead of {kind:?}")),
    }
}

fn compare(expected: &str, actual: &str, came: String) -> Verdict {
    match expected == actual {
        true => (true, Digested::Equal, came),
        false => (false, Digested::Differs, came),
    }
}

fn judge_failure(expect: &Expect, error: &Error) -> Verdict {
    let kind = error.kind();
    let came = format!("{kind:?}");
    match expect {
        Expect::Failure(expected) if *expected == kind => (true, Digested::Nothing, came),
        _ => (false, Digested::Nothing, error.message().to_owned()),
    }
}

fn is_form(echo: &[u8]) -> bool {
    let echo: Value = serde_json::from_slice(echo).unwrap_or_default();
    let sent = STANDARD.decode(echo["body"].as_str().unwrap_or_default()).unwrap_or_default();
    let sent = String::from_utf8_lossy(&sent);
    [NAME, PICTURE, "name=\"picture\"; filename=\"cat.txt\""].iter().all(|part| sent.contains(part))
}

fn broken(act: Act, why: &str) -> Played {
    Played {
        name: act.name,
        lane: act.lane,
        priority: act.priority,
        began: act.at,
        queued: Duration::ZERO,
        total: Duration::ZERO,
        bytes: 0,
        came: why.to_owned(),
        is_expected: false,
        digest: Digested::Nothing,
    }
}

/// The bars of the day: one for all of it, and one for each transfer under way.
pub(super) struct Watcher {
    all: Option<MultiProgress>,
    day: ProgressBar,
}

/// The bar of a transfer, shown from its turn to its end.
pub(super) struct Bar(Option<(MultiProgress, ProgressBar)>);

impl Watcher {
    pub(super) fn new(has_bars: bool, count: usize) -> Self {
        if !has_bars {
            return Self { all: None, day: ProgressBar::hidden() };
        }
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(15));
        let day = all.add(ProgressBar::new(count as u64).with_style(style(DAY)));
        Self { all: Some(all), day }
    }

    fn bar(&self, act: &Act) -> Bar {
        let Some(all) = &self.all else { return Bar(None) };
        // Hidden until it is one of all: on its own it would draw over the others.
        let hidden = ProgressDrawTarget::hidden();
        let bar = ProgressBar::with_draw_target(None, hidden).with_style(style(ONE));
        bar.set_prefix(act.name.clone());
        Bar(Some((all.clone(), bar)))
    }

    fn done(&self, bar: &Bar) {
        self.day.inc(1);
        if let Bar(Some((all, bar))) = bar {
            bar.finish_and_clear();
            all.remove(bar);
        }
    }

    pub(super) fn finish(&self) {
        self.day.finish_and_clear();
    }
}

impl Bar {
    fn follow(&self, event: &Event) {
        let Some((all, bar)) = &self.0 else { return };
        match &event.what {
            What::Started => {
                bar.reset_elapsed(); // waiting is not slowness
                drop(all.add(bar.clone()));
            }
            What::DownloadProgress { received: done, total }
            | What::UploadProgress { sent: done, total } => {
                if let Some(total) = total {
                    bar.set_length(*total);
                }
                bar.set_position(*done);
            }
            _ => {}
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

const DAY: &str = "{elapsed_precise} {bar:40.green/dim} {pos} of {len} transfers";
const ONE: &str = "  {prefix:18} {bar:30.cyan/dim} {binary_bytes:>11} {binary_bytes_per_sec:>13}";

const NAME: &str = "Ada Lovelace";
const PICTURE: &str = "a picture of a cat, in words";

/// Bodies up to this length are kept to be looked into.
const SHORT: usize = 64 * 1024;
