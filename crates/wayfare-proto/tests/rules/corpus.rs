//! Replays every fuzz corpus on the harnesses, so that a fault once found stays found.

use std::fs;
use std::path::Path;

use wayfare_proto::fuzzing::TARGETS;

#[test]
fn every_seed_of_every_fuzz_target_still_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    // A packaged crate comes without the fuzz folder.
    if !corpus.exists() {
        return;
    }
    for (name, harness) in TARGETS {
        let seeds: Vec<_> = fs::read_dir(corpus.join(name)).unwrap().collect();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            let path = seed.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            println!("{}", path.display());
            harness(&bytes);
        }
    }
}
