#!/bin/sh
# Replays the corpus of every fuzz target, then fuzzes each for some seconds; works on stable Rust.
#
# Usage: fuzz/run.sh SECONDS [TARGET...]     (0 seconds: replay only)
#
# Exits with 1 if any target crashed; the input is then in fuzz/artifacts/TARGET/. Put it into
# fuzz/corpus/TARGET/ with the fix, so that `cargo test` replays it from then on.
set -eu

seconds=${1:?usage: fuzz/run.sh SECONDS [TARGET...]}
shift
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- $(ls fuzz_targets | sed 's/\.rs$//')

host=$(rustc -vV | sed -n 's/^host: //p')
# Naming the target keeps build scripts and macros free of the instrumentation.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares \
--cfg fuzzing -Cdebug-assertions -Ccodegen-units=1" \
CARGO_TARGET_DIR=target cargo build --quiet --release --target "$host"

failed=0
for target in "$@"; do
    found=target/found/$target
    log=target/$target.log
    mkdir -p "$found" "artifacts/$target"
    # Without a bound on the runs the time is the bound; with none of either, only the seeds run.
    if [ "$seconds" -eq 0 ]; then bound=-runs=0; else bound=-max_total_time=$seconds; fi
    if "target/$host/release/$target" "$bound" -timeout=10 -rss_limit_mb=1024 -max_len=16384 \
        -print_final_stats=1 -artifact_prefix="artifacts/$target/" \
        "$found" "corpus/$target" >"$log" 2>&1
    then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "ok    $target: ${runs:-0} runs, $(ls "corpus/$target" | wc -l) seeds"
    else
        failed=1
        echo "FAIL  $target: see fuzz/$log and fuzz/artifacts/$target/"
    fi
done
exit $failed
