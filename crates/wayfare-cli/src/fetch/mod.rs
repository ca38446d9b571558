//! Does what `get`, `post` and their kin ask for: all URLs through one manager, in parallel.

mod bars;
pub(crate) mod client;
mod content;
mod cookies;
mod identity;
mod place;
mod reading;
pub(crate) mod talk;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tokio::task::JoinSet;
use wayfare::Manager;

use crate::arguments::transfer::Transfer;
use crate::arguments::{Get, Head, Send};
use crate::{ending, exit, memory, output};
use bars::Bars;
use content::Content;
use identity::Who;
use place::Place;

/// What is to be done.
pub(crate) struct Job {
    method: Method,
    urls: Vec<String>,
    dir: Option<PathBuf>,
    content: Result<Content, Stop>,
    transfer: Transfer,
}

/// Why nothing is done, and the exit code that says so.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) code: u8,
    pub(crate) why: String,
}

impl Stop {
    pub(crate) fn usage(why: impl Into<String>) -> Self {
        Self { code: exit::USAGE, why: why.into() }
    }
}

impl From<Get> for Job {
    fn from(get: Get) -> Self {
        let method = if get.head { Method::HEAD } else { Method::GET };
        let content = content::in_query(&get.data_urlencode);
        Self { method, urls: get.urls, dir: get.dir, content, transfer: get.transfer }
    }
}

impl From<Head> for Job {
    fn from(head: Head) -> Self {
        let content = Ok(Content::Nothing);
        Self { method: Method::HEAD, urls: head.urls, dir: None, content, transfer: head.transfer }
    }
}

impl Job {
    /// A job that sends something.
    pub(crate) fn sending(method: Method, send: Send) -> Self {
        let content = content::of(&send);
        let method = if send.query { Method::GET } else { method };
        Self { method, urls: send.urls, dir: send.dir, content, transfer: send.transfer }
    }
}

/// What the transfers of a job share.
struct Shared {
    manager: Manager,
    method: Method,
    content: Content,
    transfer: Transfer,
    who: Who,
    bars: Bars,
    is_one_of_many: bool,
}

/// Does a job and says how it went.
pub(crate) fn run(job: Job) -> ExitCode {
    let says = !job.transfer.output.silent || job.transfer.output.show_error;
    match prepare(job) {
        Ok((shared, places)) => {
            let shared = Arc::new(shared);
            let code = live(&shared, places);
            exit::with(keep_cookies(&shared, code, says))
        }
        Err(stop) => {
            if says {
                output::complain(&output::visible(&stop.why));
            }
            exit::with(stop.code)
        }
    }
}

/// Finds every mistake that can be found before anything is sent.
fn prepare(job: Job) -> Result<(Shared, Vec<Place>), Stop> {
    let content = job.content?;
    if job.urls.len() > 1 && content.is_once() {
        return Err(Stop::usage("standard input can be sent to one URL only"));
    }
    let output = &job.transfer.output;
    let places = place::assign(&job.urls, job.dir.as_deref(), output, &job.method)?;
    let who = Who::of(&job.transfer.identity)?;
    let bars = Bars::new(output, &places);
    let manager = client::manager(&job.transfer)?;
    let shared = Shared {
        manager,
        method: job.method,
        content,
        transfer: job.transfer,
        who,
        bars,
        is_one_of_many: places.len() > 1,
    };
    Ok((shared, places))
}

/// Writes the cookies where they are wanted; a transfer's failure goes before one of this.
fn keep_cookies(shared: &Shared, code: u8, says: bool) -> u8 {
    let written = cookies::write(&shared.transfer.asking, &shared.manager);
    let Err(why) = written.and(memory::save(&shared.manager)) else { return code };
    if says {
        output::complain(&output::visible(&why));
    }
    if code == 0 { exit::WRITE } else { code }
}

fn live(shared: &Arc<Shared>, places: Vec<Place>) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            output::complain(&format!("cannot start: {why}"));
            return 1;
        }
    };
    let (code, grace) = runtime.block_on(async {
        // Without files there is nothing to tidy up, and the signal may end the process itself.
        if places.iter().all(|place| !place.is_file()) {
            return (all(shared, places).await, Duration::ZERO);
        }
        tokio::select! {
            code = all(shared, places) => (code, Duration::ZERO),
            code = ending::asked() => (code, GRACE),
        }
    });
    // An unfinished file is removed on the thread that writes it; a read of standard input may
    // never end.
    runtime.shutdown_timeout(grace);
    code
}

/// Does all transfers; the first failure, in the order of the URLs, is the exit code.
async fn all(shared: &Arc<Shared>, mut places: Vec<Place>) -> u8 {
    if places.len() == 1 {
        return reading::one(shared, &places.remove(0)).await;
    }
    let mut codes = vec![0; places.len()];
    let mut tasks = JoinSet::new();
    for (index, place) in places.into_iter().enumerate() {
        let shared = shared.clone();
        tasks.spawn(async move { (index, reading::one(&shared, &place).await) });
    }
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok((index, code)) => codes[index] = code,
            Err(why) => output::complain(&format!("a transfer broke down: {why}")),
        }
    }
    codes.into_iter().find(|code| *code != 0).unwrap_or(0)
}

/// How long the removal of unfinished files may take after a signal.
const GRACE: Duration = Duration::from_secs(2);
