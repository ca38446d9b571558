//! Counts instructions (with valgrind) and allocations per exchange in five scenarios, and of the
//! first exchange of a process, and prints the table that stands in `TABLE.md`.
//!
//! Each scenario runs twice with different numbers of exchanges; the difference is what one
//! exchange costs in a warm process, without start-up.

mod allocations;
mod scenario;
mod script;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use scenario::Scenario;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--server"] => scenario::serve(),
        ["--client", name, count, base] => {
            let scenario = Scenario::named(name).expect("a scenario");
            let count: usize = count.parse().expect("a number");
            scenario.run(WARM_UP, base);
            let before = allocations::count();
            scenario.run(count, base);
            println!("{}", allocations::count() - before);
        }
        ["--script", count] => script::decide(count.parse().expect("a number")),
        ["--bare-script", count] => script::bare(count.parse().expect("a number")),
        ["--first", base] => Scenario::SmallAwaited.run(1, base),
        _ => table(),
    }
}

fn table() {
    let (mut server, base) = start_server();
    println!("| exchange | instructions | allocations |");
    println!("|---|---|---|");
    for scenario in Scenario::ALL {
        let few = counted(&["--client", scenario.name(), "500", &base]);
        let more = scenario.exchanges();
        let many = counted(&["--client", scenario.name(), &(500 + more).to_string(), &base]);
        let allocations = plain(&["--client", scenario.name(), "1000", &base]);
        let instructions = (many - few) / more as u64;
        println!("| {} | {instructions} | {:.1} |", scenario.what(), allocations as f64 / 1000.0);
    }
    for (word, what) in [("--script", SCRIPT), ("--bare-script", BARE)] {
        let instructions = (counted(&[word, "11000"]) - counted(&[word, "1000"])) / 10_000;
        println!("| {what} | {instructions} | |");
    }
    let first = counted(&["--first", &base]);
    println!("| the first GET of a fresh process, start and exit included | {first} | |");
    let _ = server.kill();
    let _ = server.wait();
}

fn start_server() -> (Child, String) {
    let mut server = Command::new(own())
        .arg("--server")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a server process");
    let mut line = String::new();
    let output = server.stdout.take().expect("the server's output");
    BufReader::new(output).read_line(&mut line).expect("the server's address");
    (server, line.trim().to_owned())
}

/// Runs this program and reads the number it prints.
fn plain(words: &[&str]) -> u64 {
    let output = Command::new(own()).args(words).output().expect("a client process");
    assert!(output.status.success(), "{words:?} failed");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// Runs this program under callgrind and reads how many instructions it took.
fn counted(words: &[&str]) -> u64 {
    let mut child = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(own())
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("valgrind, which counts the instructions");
    let mut said = String::new();
    child.stderr.take().expect("its output").read_to_string(&mut said).expect("its output");
    assert!(child.wait().expect("its end").success(), "{words:?} failed: {said}");
    let line = said.lines().find(|line| line.contains("refs:")).expect("a count");
    let digits: String = line.rsplit(':').next().unwrap_or_default().replace(',', "");
    digits.trim().parse().expect("a count")
}

fn own() -> std::path::PathBuf {
    std::env::current_exe().expect("this program's path")
}

const WARM_UP: usize = 100;
const SCRIPT: &str = "the decision of a proxy script";
const BARE: &str = "the bare call of its function in the same engine";
