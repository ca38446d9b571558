//! Runs the command and reads what it says.

// Each test file uses its own part of this.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use wayfare_testkit::{Authority, Server};

/// How a run of the command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
    pub took: Duration,
}

impl Ended {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wayfare"));
    command.args(arguments);
    command
}

/// Runs the command without input.
pub fn run(arguments: &[&str]) -> Ended {
    finish(command(arguments).stdin(Stdio::null()))
}

/// Runs the command with this input.
pub fn run_with_input(arguments: &[&str], input: &[u8]) -> Ended {
    let began = Instant::now();
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    ended(child.wait_with_output().unwrap(), began)
}

pub fn finish(command: &mut Command) -> Ended {
    let began = Instant::now();
    ended(command.output().unwrap(), began)
}

fn ended(output: std::process::Output, began: Instant) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: output.stdout,
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: began.elapsed(),
    }
}

pub fn server() -> Server {
    Server::builder().bind_on_thread("127.0.0.1:0").unwrap()
}

/// A TLS server, and a file with the authority to trust for it.
pub fn tls_server(scratch: &Scratch) -> (Server, String) {
    let authority = Authority::new();
    let identity = authority.issue(&["localhost", "127.0.0.1"]);
    let server = Server::builder().tls(&identity).bind_on_thread("127.0.0.1:0").unwrap();
    let pem = scratch.path("authority.pem");
    authority.write_pem(&pem).unwrap();
    (server, pem.display().to_string())
}

/// A directory for one test, removed with it.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("wayfare-cli-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn dir(&self) -> &Path {
        &self.0
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// What is in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running `wayfare drive`.
pub struct Driver {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<Value>,
    last: u64,
}

impl Driver {
    pub fn new() -> Self {
        Self::start_in(&[])
    }

    /// Starts it with this in its environment besides.
    pub fn start_in(environment: &[(&'static str, PathBuf)]) -> Self {
        let mut command = command(&["drive"]);
        command.envs(environment.iter().cloned()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tell, answers) = channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                let Ok(line) = line else { break };
                if tell.send(serde_json::from_str(&line).unwrap()).is_err() {
                    break;
                }
            }
        });
        Self { child, input, answers, last: 0 }
    }

    /// Sends a line and gives its id.
    pub fn send(&mut self, mut asked: Value) -> u64 {
        self.last += 1;
        asked["id"] = self.last.into();
        writeln!(self.input.as_mut().unwrap(), "{asked}").unwrap();
        self.last
    }

    /// The next answer, whichever it is.
    pub fn next(&self) -> Value {
        self.answers.recv_timeout(Duration::from_secs(30)).unwrap()
    }

    /// Asks and waits for the answer; only when nothing else is under way.
    pub fn ask(&mut self, asked: Value) -> Value {
        let id = self.send(asked);
        let answer = self.next();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Ends the input and gives the exit code.
    pub fn end(mut self) -> i32 {
        self.input.take();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
