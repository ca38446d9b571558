//! Counts instructions (with valgrind) and allocations per exchange in several scenarios, and of the
//! first exchange of a process, and prints the table that stands in `TABLE.md`; only the rows that
//! are named, if any are.
//!
//! Each scenario runs twice with different numbers of exchanges; the difference is what one
//! exchange costs in a warm process, without start-up.

mod allocations;
mod memory;
mod scenario;
mod script;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use memory::PLACE;
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
        ["--first", name, base] => Scenario::named(name).expect("a scenario").run(1, base),
        ["--fill", name] => Scenario::named(name).expect("a scenario").memory.fill_profile(),
        names => table(names),
    }
}

fn table(names: &[&str]) {
    let place = std::env::temp_dir().join(format!("instructions-{}", std::process::id()));
    // SAFETY: nothing else runs in this process yet.
    unsafe { std::env::set_var(PLACE, &place) };
    let (mut server, base) = start_server();
    println!("| exchange | instructions | allocations |");
    println!("|---|---|---|");
    let is_asked = |name: &str| names.is_empty() || names.contains(&name);
    for scenario in scenario::ALL.iter().filter(|scenario| is_asked(scenario.name)) {
        if scenario.memory.profile().is_some() {
            run(&["--fill", scenario.name]);
        }
        let few = counted(&["--client", scenario.name, "500", &base]);
        let more = scenario.exchanges();
        let many = counted(&["--client", scenario.name, &(500 + more).to_string(), &base]);
        let allocations = plain(&["--client", scenario.name, "1000", &base]);
        let instructions = (many - few) / more as u64;
        println!("| {} | {instructions} | {:.1} |", scenario.what, allocations as f64 / 1000.0);
    }
    for (word, what) in [("--script", SCRIPT), ("--bare-script", BARE)] {
        if is_asked(word) {
            let instructions = (counted(&[word, "11000"]) - counted(&[word, "1000"])) / 10_000;
            println!("| {what} | {instructions} | |");
        }
    }
    if is_asked("--first") {
        first_exchanges(&base);
    }
    let _ = server.kill();
    let _ = server.wait();
    let _ = std::fs::remove_dir_all(&place);
}

/// What a process costs that makes one exchange: how large a profile is must hardly show in it.
fn first_exchanges(base: &str) {
    for (name, what) in FIRST {
        let scenario = Scenario::named(name).expect("a scenario");
        if scenario.memory.profile().is_some_and(|profile| !profile.exists()) {
            run(&["--fill", name]);
        }
        // The first process to have a profile makes its tables, which is not what is asked.
        run(&["--first", name, base]);
        let instructions = counted(&["--first", name, base]);
        let mut took: Vec<_> = (0..31)
            .map(|_| {
                let began = Instant::now();
                run(&["--first", name, base]);
                began.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        took.sort_by(f64::total_cmp);
        println!("| {what} ({:.1} ms) | {instructions} | |", took[took.len() / 2]);
    }
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
    run(words).trim().parse().expect("a number")
}

/// Runs this program and reads what it prints.
fn run(words: &[&str]) -> String {
    let output = Command::new(own()).args(words).output().expect("a client process");
    assert!(output.status.success(), "{words:?} failed");
    String::from_utf8_lossy(&output.stdout).into_owned()
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
/// The scenarios whose first exchange is counted.
const FIRST: [(&str, &str); 4] = [
    ("small-awaited", "the first GET of a fresh process, start and exit included"),
    ("profile", "… with an empty profile"),
    ("full-profile", "… with a profile of 100,000 cookies and 100,000 strict hosts"),
    ("full-profile-sent", "… with a profile of 3,000 cookies, six of which are sent"),
];
