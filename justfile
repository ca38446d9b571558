# Chores; `just` lists them.

default:
    @just --list

# Everything CI does.
ci:
    .ci/run

test:
    cargo test --workspace

lint:
    cargo fmt --all --check
    cargo xtask layers
    cargo clippy --workspace --all-targets --all-features -- -D warnings

doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Fuzz every target for so many seconds.
fuzz seconds="60":
    fuzz/run.sh {{seconds}}

# The comparison with the peers (needs libcurl's development files).
peers *work:
    cd benches/peers && cargo run --release -- {{work}}

# What continued sessions and kept answers save.
ways:
    cd benches/ways && cargo run --release

# Instruction counts (needs valgrind).
instructions:
    cd benches/instructions && cargo run --release
