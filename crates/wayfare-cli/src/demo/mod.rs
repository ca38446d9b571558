//! A day of an application in a few seconds: through one manager, checked to the last byte.

mod cast;
mod paint;
mod play;
mod report;
mod stage;
mod waterfall;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use wayfare::Manager;
use wayfare::options::Tls;

use crate::arguments::Demo;
use crate::{ending, exit, output};
use paint::Paint;
use play::{Played, Watcher};
use stage::Stage;

/// Plays the day and says whether everything came out as it should.
pub(crate) fn run(asked: &Demo) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            output::complain(&format!("cannot start: {why}"));
            return exit::with(1);
        }
    };
    let paint = Paint::new(!asked.plain && output::is_out_terminal());
    let has_bars = !asked.plain && output::is_note_terminal();
    let lived = runtime.block_on(async {
        tokio::select! {
            lived = day(has_bars, paint) => lived.map(|is_good| if is_good { 0 } else { 1 }),
            code = ending::asked() => Ok(code),
        }
    });
    match lived {
        Ok(code) => exit::with(code),
        Err(why) => {
            output::complain(&why);
            exit::with(1)
        }
    }
}

/// A day that has passed.
struct Day {
    played: Vec<Played>,
    took: Duration,
}

async fn day(has_bars: bool, paint: Paint) -> Result<bool, String> {
    let stage = Stage::build().map_err(|why| format!("the servers cannot start: {why}"))?;
    let manager = manager(&stage)?;
    let acts = cast::acts(&stage);
    output::print(&report::opening(&stage, acts.len(), paint));

    let began = Instant::now();
    let watcher = Arc::new(Watcher::new(has_bars, acts.len()));
    let mut tasks = JoinSet::new();
    for (index, act) in acts.into_iter().enumerate() {
        let (manager, watcher) = (manager.clone(), watcher.clone());
        tasks.spawn(async move { (index, play::play(&manager, act, began, &watcher).await) });
    }
    let mut played = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        played.push(ended.map_err(|why| format!("a transfer broke down: {why}"))?);
    }
    watcher.finish();
    played.sort_by_key(|(index, _)| *index);
    let played = played.into_iter().map(|(_, played)| played).collect();
    let day = Day { played, took: began.elapsed() };

    let (closing, is_good) = report::closing(&day, &stage, paint);
    let text = format!(
        "{}\n{}\n{closing}",
        report::table(&day.played, paint),
        waterfall::draw(&day.played, paint),
    );
    Ok(output::print(&text) && is_good)
}

fn manager(stage: &Stage) -> Result<Manager, String> {
    let tls = Tls::default()
        .with_only_authority_pem(stage.authority.pem())
        .map_err(|error| error.to_string())?;
    Ok(Manager::builder().tls(tls).build())
}
