//! Answers requests for transfers as JSON lines, many at a time, until its input ends.

mod certificates;
mod fetch;
mod help;
mod identity;
mod names;
mod remembered;
mod session;
mod tables;
mod wire;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::proxies::scripts;
use crate::{exit, output};
pub(crate) use help::HELP;
use session::Session;
use wire::Refusal;

/// Reads requests from standard input and writes answers to standard output.
pub(crate) fn run() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            output::complain(&format!("cannot start: {why}"));
            return exit::with(1);
        }
    };
    let is_written = runtime.block_on(serve());
    runtime.shutdown_background();
    exit::with(if is_written { 0 } else { exit::WRITE })
}

/// Lives until the input ends and what was asked before has been answered; false if nobody reads
/// the answers any more.
async fn serve() -> bool {
    let (answers, lines) = mpsc::unbounded_channel();
    let mut writer = tokio::spawn(write(lines));
    tokio::select! {
        () = read(answers) => {}
        written = &mut writer => return written.unwrap_or(false),
    }
    writer.await.unwrap_or(false)
}

async fn write(mut lines: mpsc::UnboundedReceiver<Value>) -> bool {
    let mut out = tokio::io::stdout();
    while let Some(line) = lines.recv().await {
        let text = format!("{line}\n");
        if out.write_all(text.as_bytes()).await.is_err() || out.flush().await.is_err() {
            return false;
        }
    }
    true
}

async fn read(answers: mpsc::UnboundedSender<Value>) {
    let mut input = BufReader::with_capacity(256 * 1024, tokio::io::stdin());
    let mut sessions = Sessions::default();
    let mut under_way = JoinSet::new();
    let mut line = Vec::new();
    while matches!(input.read_until(b'\n', &mut line).await, Ok(1..)) {
        if !line.trim_ascii().is_empty() {
            match serde_json::from_slice::<Value>(&line) {
                Ok(asked) => sessions.handle(asked, &answers, &mut under_way),
                Err(why) => {
                    let refusal = Refusal::adapter(format!("not a JSON object: {why}"));
                    tell(&answers, &Value::Null, Err(refusal));
                }
            }
        }
        line.clear();
        while under_way.try_join_next().is_some() {}
    }
    let rest = async { while under_way.join_next().await.is_some() {} };
    // The end of the input is the end; what is nearly done may still be told.
    let _ = tokio::time::timeout(GRACE, rest).await;
}

/// How long fetches may go on after the input has ended.
const GRACE: Duration = Duration::from_secs(5);

fn tell(answers: &mpsc::UnboundedSender<Value>, id: &Value, answer: Result<Value, Refusal>) {
    let line = match answer {
        Ok(ok) => json!({"id": id, "ok": ok}),
        Err(refusal) => json!({"id": id, "err": {"kind": refusal.kind, "msg": refusal.message}}),
    };
    // A writer that has gone ends the whole program.
    let _ = answers.send(line);
}

/// All sessions by their ids.
#[derive(Default)]
struct Sessions(HashMap<String, Arc<Session>>);

impl Sessions {
    /// Answers at once what changes sessions, in the order of the lines, and fetches beside.
    fn handle(
        &mut self,
        asked: Value,
        answers: &mpsc::UnboundedSender<Value>,
        under_way: &mut JoinSet<()>,
    ) {
        let id = asked["id"].clone();
        let op = asked["op"].as_str().unwrap_or_default();
        let answer = match op {
            "hello" => Ok(hello()),
            "session" => self.open(&asked),
            "drop" => sid(&asked).map(|sid| {
                self.0.remove(sid);
                json!({})
            }),
            "fetch" => match self.of(&asked) {
                Err(refusal) => Err(refusal),
                Ok(session) => {
                    let answers = answers.clone();
                    under_way.spawn(async move {
                        tell(&answers, &id, fetch::fetch(&session, &asked).await);
                    });
                    return;
                }
            },
            op if remembered::SESSION_OPS.contains(&op) => {
                self.of(&asked).and_then(|session| remembered::of_session(op, &session, &asked))
            }
            op if remembered::OPS.contains(&op) => remembered::answer(op, &asked),
            op if identity::OPS.contains(&op) => identity::answer(op, &asked),
            "dns_query" => {
                let answers = answers.clone();
                under_way.spawn(async move {
                    tell(&answers, &id, names::dns_query(&asked).await);
                });
                return;
            }
            op if scripts::OPS.contains(&op) => {
                let answers = answers.clone();
                under_way.spawn_blocking(move || {
                    let answer = scripts::evaluate(&asked);
                    tell(&answers, &id, answer.map_err(|why| Refusal::new("pac", why)));
                });
                return;
            }
            _ => tables::answer(op, &asked),
        };
        tell(answers, &id, answer);
    }

    fn open(&mut self, asked: &Value) -> Result<Value, Refusal> {
        let sid = sid(asked)?;
        let session = Session::new(&asked["cfg"])?;
        self.0.insert(sid.to_owned(), Arc::new(session));
        Ok(json!({}))
    }

    fn of(&self, asked: &Value) -> Result<Arc<Session>, Refusal> {
        let sid = sid(asked)?;
        let none = || Refusal::adapter(format!("there is no session of this sid: {sid}"));
        self.0.get(sid).cloned().ok_or_else(none)
    }
}

fn sid(asked: &Value) -> Result<&str, Refusal> {
    match &asked["sid"] {
        Value::String(sid) => Ok(sid),
        Value::Null => Err(Refusal::adapter("sid is missing")),
        _ => Err(Refusal::adapter("sid must be a string")),
    }
}

fn hello() -> Value {
    let ops: Vec<_> = ["hello", "session", "drop", "fetch", "dns_query"]
        .into_iter()
        .chain(tables::OPS.iter().copied())
        .chain(remembered::OPS.iter().copied())
        .chain(identity::OPS.iter().copied())
        .chain(remembered::SESSION_OPS.iter().copied())
        .chain(scripts::OPS.iter().copied())
        .collect();
    json!({"name": "wayfare", "version": env!("CARGO_PKG_VERSION"), "ops": ops})
}
