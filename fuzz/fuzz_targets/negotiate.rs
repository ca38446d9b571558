//! Fuzzes the `negotiate` harness.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wayfare_proto::fuzzing::auth::negotiate(data));
