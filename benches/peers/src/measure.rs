//! What a piece of work cost.

use std::time::{Duration, Instant};

/// What one measurement came to.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub cpu: Duration,
    pub wall: Duration,
    pub p50: Duration,
    pub p99: Duration,
    pub peak_kib: u64,
}

/// Collects latencies and, at the end, the cost.
pub struct Meter {
    began: Instant,
    cpu: Duration,
    latencies: Vec<Duration>,
}

impl Meter {
    pub fn start() -> Self {
        Self { began: Instant::now(), cpu: cpu(), latencies: Vec::with_capacity(65_536) }
    }

    pub fn note(&mut self, latency: Duration) {
        self.latencies.push(latency);
    }

    pub fn finish(mut self) -> Measured {
        let wall = self.began.elapsed();
        let cpu = cpu() - self.cpu;
        self.latencies.sort_unstable();
        let at = |share: f64| {
            let place = (self.latencies.len() as f64 * share) as usize;
            self.latencies.get(place).or(self.latencies.last()).copied().unwrap_or_default()
        };
        Measured { cpu, wall, p50: at(0.5), p99: at(0.99), peak_kib: peak_kib() }
    }
}

impl Measured {
    pub fn print(&self) {
        let micros = |duration: Duration| duration.as_nanos() as f64 / 1000.0;
        println!(
            "{} {} {} {} {}",
            micros(self.cpu),
            micros(self.wall),
            micros(self.p50),
            micros(self.p99),
            self.peak_kib
        );
    }

    pub fn read(text: &str) -> Self {
        let mut numbers =
            text.split_whitespace().map(|word| word.parse::<f64>().expect("a number"));
        let mut next = || numbers.next().expect("five numbers");
        let micros = |number: f64| Duration::from_nanos((number * 1000.0) as u64);
        Self {
            cpu: micros(next()),
            wall: micros(next()),
            p50: micros(next()),
            p99: micros(next()),
            peak_kib: next() as u64,
        }
    }
}

/// Processor time of this process so far, from the scheduler's own books.
pub fn cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a value that lives through the call.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Keeps this process on one core.
pub fn pin(core: usize) {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    // Fails on a machine with one core; then everything shares it.
    let _ = rustix::thread::sched_setaffinity(None, &cores);
}
